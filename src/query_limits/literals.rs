//! Values written in a document, where the engine is too lenient or says too little: whole numbers that are no
//! `Int`, strings for enums, and what Cubby's own scalars refuse.
//!
//! The engine takes any whole number for an `Int` until the field is run, and then what was asked for before it
//! has been done.

use async_graphql::{
    Name, Number, Pos,
    parser::types::{BaseType, ExecutableDocument, Selection, SelectionSet, Type},
};
use async_graphql_value::Value;

use super::{
    rejection::Rejection,
    types::{Input, Types},
};

/// Whether it is one of 32 bits.
pub(super) fn is_int(number: &Number) -> bool {
    let value = number.as_i64();
    value.is_some_and(|value| i32::try_from(value).is_ok())
}

/// Refuses the first that is wrong. The document has been measured, so that it is not too deep.
pub(super) fn check(types: &Types, document: &ExecutableDocument) -> Result<(), Rejection> {
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        for variable in &operation.variable_definitions {
            let variable = &variable.node;
            if let Some(value) = &variable.default_value {
                let written = value.node.clone().into_value();
                refuse(types, &variable.var_type.node, &written, value.pos)?;
            }
        }
        let root = Types::root(operation.ty);
        check_set(types, &root, &operation.selection_set.node)?;
    }
    for fragment in document.fragments.values() {
        let fragment = &fragment.node;
        let on = &fragment.type_condition.node.on.node;
        check_set(types, on, &fragment.selection_set.node)?;
    }
    Ok(())
}

fn check_set(types: &Types, parent: &Name, set: &SelectionSet) -> Result<(), Rejection> {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let field = &field.node;
                // What the schema does not have is for the engine to refuse.
                let Some(known) = types.field(parent, &field.name.node) else {
                    continue;
                };
                for (name, value) in &field.arguments {
                    if let Some(argument) = known.argument(&name.node) {
                        refuse(types, &argument.ty, &value.node, value.pos)?;
                    }
                }
                check_set(types, &known.type_name, &field.selection_set.node)?;
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let parent = condition.map_or(parent, |condition| &condition.node.on.node);
                check_set(types, parent, &fragment.node.selection_set.node)?;
            }
            // Each fragment is looked at once, by itself.
            Selection::FragmentSpread(_) => {}
        }
    }
    Ok(())
}

fn refuse(types: &Types, ty: &Type, value: &Value, at: Pos) -> Result<(), Rejection> {
    match fault(types, ty, value) {
        Some(message) => Err(Rejection::invalid(message, at)),
        None => Ok(()),
    }
}

/// What is wrong with the value, if anything is that the engine does not say.
fn fault(types: &Types, ty: &Type, value: &Value) -> Option<String> {
    let name = match (&ty.base, value) {
        (BaseType::List(of_each), Value::List(values)) => {
            return values.iter().find_map(|value| fault(types, of_each, value));
        }
        // One value stands for a list of it.
        (BaseType::List(of_each), one) => return fault(types, of_each, one),
        (BaseType::Named(_), Value::Null | Value::Variable(_)) => return None,
        (BaseType::Named(name), _) => name,
    };
    match (types.input(name), value) {
        (Some(Input::Object { fields, .. }), Value::Object(given)) => fields
            .iter()
            .find_map(|field| fault(types, &field.ty, given.get(&field.name)?)),
        (Some(Input::Enum(names)), Value::String(text)) => Some(enum_fault(name, names, text)),
        (Some(Input::Scalar(fault)), value) => {
            let problem = fault(&value.clone().into_const()?)?;
            Some(format!("{value} is no {name}: {problem}."))
        }
        (None, Value::Number(number)) if name == "Int" && !is_int(number) => Some(format!(
            "{number} is no Int: write a whole number of at most 32 bits."
        )),
        _ => None,
    }
}

fn enum_fault(name: &Name, names: &[Name], text: &str) -> String {
    let wanted = match names.iter().find(|name| **name == text) {
        Some(name) => name.to_string(),
        None => format!("one of {}", names.join(", ")),
    };
    format!("{text:?} is a string, and {name} is an enum: write {wanted}, without quotes.")
}
