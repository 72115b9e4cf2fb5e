//! Checks the values of variables against the types in the operation.
//!
//! GraphQL section 6.1.2: a request whose variables cannot be coerced is rejected before anything
//! of it runs.

use async_graphql::{
    Name, Value, Variables,
    parser::types::{BaseType, OperationDefinition, Type},
};

use super::{
    literals::is_int,
    types::{Input, Types},
};

/// The estimated memory of a value without its text, in bytes.
const BYTES_PER_VALUE: u64 = 16;

/// Returns the estimated memory of the operation's variables, in bytes.
pub(super) fn size(operation: &OperationDefinition, variables: &Variables) -> u64 {
    let definitions = operation.variable_definitions.iter();
    definitions
        .filter_map(|definition| {
            let default = definition.node.default_value.as_ref();
            let given = variables.get(&definition.node.name.node);
            given.or(default.map(|value| &value.node))
        })
        .map(size_of)
        .fold(0, u64::saturating_add)
}

fn size_of(value: &Value) -> u64 {
    let within = match value {
        Value::String(text) => text.len() as u64,
        Value::List(values) => values.iter().map(size_of).sum(),
        Value::Object(fields) => {
            let fields = fields.iter();
            fields
                .map(|(name, value)| name.len() as u64 + size_of(value))
                .sum()
        }
        _ => 0,
    };
    BYTES_PER_VALUE + within
}

/// Returns the first error of each variable.
pub(super) fn check(
    types: &Types,
    operation: &OperationDefinition,
    variables: &Variables,
) -> Vec<String> {
    let definitions = operation.variable_definitions.iter();
    definitions
        .filter_map(|definition| {
            let definition = &definition.node;
            let name = &definition.name.node;
            let ty = &definition.var_type.node;
            let fault = match variables.get(name) {
                Some(value) => value_error(types, ty, value)?,
                None if !ty.nullable && definition.default_value.is_none() => VariableError {
                    path: String::new(),
                    message: format!("it is required: give a {ty}"),
                },
                None => return None,
            };
            Some(format!(
                "The variable ${name}{} is wrong: {}.",
                fault.path, fault.message
            ))
        })
        .collect()
}

/// An error and its path in the variable: `.input.title`.
struct VariableError {
    path: String,
    message: String,
}

impl VariableError {
    fn new(message: impl Into<String>) -> Option<Self> {
        Some(Self {
            path: String::new(),
            message: message.into(),
        })
    }

    fn within(mut self, step: &str) -> Self {
        self.path.insert_str(0, step);
        self
    }
}

fn value_error(types: &Types, ty: &Type, value: &Value) -> Option<VariableError> {
    if *value == Value::Null {
        return if ty.nullable {
            None
        } else {
            VariableError::new(format!("it cannot be null: give a {ty}"))
        };
    }
    match &ty.base {
        BaseType::List(of_each) => match value {
            Value::List(values) => values.iter().enumerate().find_map(|(index, value)| {
                Some(value_error(types, of_each, value)?.within(&format!(".{index}")))
            }),
            // A single value is coerced to a list of one.
            one => value_error(types, of_each, one),
        },
        BaseType::Named(name) => match types.input(name) {
            Some(Input::Object { fields, is_one_of }) => {
                object_error(types, name, fields, *is_one_of, value)
            }
            Some(Input::Enum(names)) => {
                let is_one = match value {
                    Value::String(text) => names.iter().any(|name| name == text.as_str()),
                    Value::Enum(text) => names.contains(text),
                    _ => false,
                };
                let names = names.join(", ");
                (!is_one).then(|| VariableError::new(format!("it must be one of {names}")))?
            }
            Some(Input::Scalar(check)) => check(value).and_then(VariableError::new),
            None => built_in_error(name, value),
        },
    }
}

fn object_error(
    types: &Types,
    name: &Name,
    fields: &[super::types::InputField],
    is_one_of: bool,
    value: &Value,
) -> Option<VariableError> {
    let Value::Object(given) = value else {
        return VariableError::new(format!("it must be an object: {name}"));
    };
    if is_one_of && (given.len() != 1 || given.values().any(|value| *value == Value::Null)) {
        return VariableError::new(format!("{name} takes exactly one field, and not null"));
    }
    if let Some(unknown) = given
        .keys()
        .find(|key| !fields.iter().any(|field| field.name == **key))
    {
        return VariableError::new(format!("{name} has no field {unknown}"));
    }
    fields.iter().find_map(|field| {
        let fault = match given.get(&field.name) {
            Some(value) => value_error(types, &field.ty, value),
            None if !field.ty.nullable && !field.has_default => {
                VariableError::new(format!("it is required: give a {}", field.ty))
            }
            None => None,
        };
        Some(fault?.within(&format!(".{}", field.name)))
    })
}

/// Checks a value of a built-in scalar.
fn built_in_error(name: &Name, value: &Value) -> Option<VariableError> {
    let is_right = match (name.as_str(), value) {
        ("Int", Value::Number(number)) => is_int(number),
        ("Float", Value::Number(_))
        | ("String" | "ID", Value::String(_))
        | ("Boolean", Value::Boolean(_)) => true,
        ("ID", Value::Number(number)) => number.is_i64() || number.is_u64(),
        _ => false,
    };
    let wanted = match name.as_str() {
        "Int" => "a whole number of at most 32 bits",
        "Float" => "a number",
        "String" => "a string",
        "Boolean" => "true or false",
        "ID" => "a string",
        other => other,
    };
    (!is_right).then(|| VariableError::new(format!("it must be {wanted}")))?
}
