//! The values of variables, checked against what the operation says that they are.
//!
//! GraphQL section 6.1.2: a request whose variables cannot be coerced is refused before anything
//! of it runs.

use async_graphql::{
    Name, Value, Variables,
    parser::types::{BaseType, OperationDefinition, Type},
};

use super::{
    literals::is_int,
    types::{Input, Types},
};

/// What a value takes beside its text, in bytes.
const OF_VALUE: u64 = 16;

/// What the operation's variables take in memory, in bytes, as far as can be told.
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
    OF_VALUE + within
}

/// Says what is wrong with the variables of the operation, the first thing for each.
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
                Some(value) => fault(types, ty, value)?,
                None if !ty.nullable && definition.default_value.is_none() => Fault {
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

/// What is wrong, and where in the variable: `.input.title`.
struct Fault {
    path: String,
    message: String,
}

impl Fault {
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

fn fault(types: &Types, ty: &Type, value: &Value) -> Option<Fault> {
    if *value == Value::Null {
        return if ty.nullable {
            None
        } else {
            Fault::new(format!("it cannot be null: give a {ty}"))
        };
    }
    match &ty.base {
        BaseType::List(of_each) => match value {
            Value::List(values) => values.iter().enumerate().find_map(|(index, value)| {
                Some(fault(types, of_each, value)?.within(&format!(".{index}")))
            }),
            // One value stands for a list of it.
            one => fault(types, of_each, one),
        },
        BaseType::Named(name) => match types.input(name) {
            Some(Input::Object { fields, is_one_of }) => {
                object_fault(types, name, fields, *is_one_of, value)
            }
            Some(Input::Enum(names)) => {
                let is_one = match value {
                    Value::String(text) => names.iter().any(|name| name == text.as_str()),
                    Value::Enum(text) => names.contains(text),
                    _ => false,
                };
                let names = names.join(", ");
                (!is_one).then(|| Fault::new(format!("it must be one of {names}")))?
            }
            Some(Input::Scalar(fault)) => fault(value).and_then(Fault::new),
            None => built_in_fault(name, value),
        },
    }
}

fn object_fault(
    types: &Types,
    name: &Name,
    fields: &[super::types::InputField],
    is_one_of: bool,
    value: &Value,
) -> Option<Fault> {
    let Value::Object(given) = value else {
        return Fault::new(format!("it must be an object: {name}"));
    };
    if is_one_of && (given.len() != 1 || given.values().any(|value| *value == Value::Null)) {
        return Fault::new(format!("{name} takes exactly one field, and not null"));
    }
    if let Some(unknown) = given
        .keys()
        .find(|key| !fields.iter().any(|field| field.name == **key))
    {
        return Fault::new(format!("{name} has no field {unknown}"));
    }
    fields.iter().find_map(|field| {
        let fault = match given.get(&field.name) {
            Some(value) => fault(types, &field.ty, value),
            None if !field.ty.nullable && !field.has_default => {
                Fault::new(format!("it is required: give a {}", field.ty))
            }
            None => None,
        };
        Some(fault?.within(&format!(".{}", field.name)))
    })
}

/// The scalars of the specification.
fn built_in_fault(name: &Name, value: &Value) -> Option<Fault> {
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
    (!is_right).then(|| Fault::new(format!("it must be {wanted}")))?
}
