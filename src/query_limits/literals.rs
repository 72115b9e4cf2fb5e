//! Checks literal values in a document, where the engine is too lenient or its errors are unclear:
//! `Int` range, strings in place of enums, and custom scalars.
//!
//! The engine accepts any whole number as an `Int` until it runs the field, when earlier fields may
//! already have changed data.

use async_graphql::{
    Name, Number, Pos,
    parser::types::{BaseType, ExecutableDocument, Selection, SelectionSet, Type},
};
use async_graphql_value::Value;

use super::{
    rejection::Rejection,
    types::{Input, Types},
};

/// True if the number is a whole number of 32 bits.
pub(super) fn is_int(number: &Number) -> bool {
    let value = number.as_i64();
    value.is_some_and(|value| i32::try_from(value).is_ok())
}

/// Rejects the first invalid literal. The document has been measured, so recursion is bounded.
pub(super) fn check(types: &Types, document: &ExecutableDocument) -> Result<(), Rejection> {
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        for variable in &operation.variable_definitions {
            let variable = &variable.node;
            if let Some(value) = &variable.default_value {
                let written = value.node.clone().into_value();
                reject_invalid(types, &variable.var_type.node, &written, value.pos)?;
            }
        }
        let root = Types::root(operation.ty);
        check_selections(types, &root, &operation.selection_set.node)?;
    }
    for fragment in document.fragments.values() {
        let fragment = &fragment.node;
        let on = &fragment.type_condition.node.on.node;
        check_selections(types, on, &fragment.selection_set.node)?;
    }
    Ok(())
}

fn check_selections(types: &Types, parent: &Name, set: &SelectionSet) -> Result<(), Rejection> {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let field = &field.node;
                // The engine rejects unknown fields.
                let Some(known) = types.field(parent, &field.name.node) else {
                    continue;
                };
                for (name, value) in &field.arguments {
                    if let Some(argument) = known.argument(&name.node) {
                        reject_invalid(types, &argument.ty, &value.node, value.pos)?;
                    }
                }
                check_selections(types, &known.type_name, &field.selection_set.node)?;
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let parent = condition.map_or(parent, |condition| &condition.node.on.node);
                check_selections(types, parent, &fragment.node.selection_set.node)?;
            }
            // Each fragment is checked once, by itself.
            Selection::FragmentSpread(_) => {}
        }
    }
    Ok(())
}

fn reject_invalid(types: &Types, ty: &Type, value: &Value, at: Pos) -> Result<(), Rejection> {
    match literal_error(types, ty, value) {
        Some(message) => Err(Rejection::invalid(message, at)),
        None => Ok(()),
    }
}

/// Returns the error in a value; `None` if it is valid, or if the engine explains it.
fn literal_error(types: &Types, ty: &Type, value: &Value) -> Option<String> {
    let name = match (&ty.base, value) {
        (BaseType::List(of_each), Value::List(values)) => {
            return values
                .iter()
                .find_map(|value| literal_error(types, of_each, value));
        }
        // A single value is coerced to a list of one.
        (BaseType::List(of_each), one) => return literal_error(types, of_each, one),
        (BaseType::Named(_), Value::Null | Value::Variable(_)) => return None,
        (BaseType::Named(name), _) => name,
    };
    match (types.input(name), value) {
        (Some(Input::Object { fields, .. }), Value::Object(given)) => fields
            .iter()
            .find_map(|field| literal_error(types, &field.ty, given.get(&field.name)?)),
        (Some(Input::Enum(names)), Value::String(text)) => Some(enum_error(name, names, text)),
        (Some(Input::Scalar(check)), value) => {
            let problem = check(&value.clone().into_const()?)?;
            Some(format!("{value} is not a valid {name}: {problem}."))
        }
        (None, Value::Number(number)) if name == "Int" && !is_int(number) => Some(format!(
            "{number} is not a valid Int: write a whole number of at most 32 bits."
        )),
        _ => None,
    }
}

fn enum_error(name: &Name, names: &[Name], text: &str) -> String {
    let wanted = match names.iter().find(|name| **name == text) {
        Some(name) => name.to_string(),
        None => format!("one of {}", names.join(", ")),
    };
    format!("{text:?} is a string, and {name} is an enum: write {wanted}, without quotes.")
}
