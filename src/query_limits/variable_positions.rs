//! Checks that the type of each variable is allowed at each position where it is used (GraphQL
//! section 5.8.5).
//!
//! The engine compares only the names of the types. It finds a null at a non-null position only
//! when it runs the field, when earlier fields have already run.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Pos, Positioned, Value as ConstValue,
    parser::types::{
        BaseType, Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
        Type, VariableDefinition,
    },
};
use async_graphql_value::Value;

use super::{
    rejection::Rejection,
    types::{Argument, Input, Types},
};

/// Rejects the first variable whose type is not allowed at a position. The document has been
/// measured, so recursion is bounded.
pub(super) fn check(types: &Types, document: &ExecutableDocument) -> Result<(), Rejection> {
    for (_, operation) in document.operations.iter() {
        Uses::of(types, document, &operation.node).check(&operation.node)?;
    }
    Ok(())
}

/// The uses of one operation's variables.
struct Uses<'a> {
    types: &'a Types,
    document: &'a ExecutableDocument,
    variables: HashMap<&'a Name, &'a VariableDefinition>,
    /// The fragments that were checked for this operation.
    fragments: HashSet<&'a Name>,
}

/// The expected type at a position.
#[derive(Clone, Copy)]
struct VariableUse<'a> {
    ty: &'a Type,
    /// True if the position has a default value for an omitted value.
    has_default: bool,
}

impl<'a> Uses<'a> {
    fn of(
        types: &'a Types,
        document: &'a ExecutableDocument,
        operation: &'a OperationDefinition,
    ) -> Self {
        let definitions = operation.variable_definitions.iter();
        let variables = definitions.map(|it| (&it.node.name.node, &it.node));
        Self {
            types,
            document,
            variables: variables.collect(),
            fragments: HashSet::new(),
        }
    }

    fn check(&mut self, operation: &'a OperationDefinition) -> Result<(), Rejection> {
        let root = Types::root(operation.ty);
        self.directives(&operation.directives)?;
        self.selections(&root, &operation.selection_set.node)
    }

    fn selections(&mut self, parent: &Name, set: &'a SelectionSet) -> Result<(), Rejection> {
        for selection in &set.items {
            self.directives(selection.node.directives())?;
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let types = self.types;
                    // The engine rejects unknown fields.
                    let Some(known) = types.field(parent, &field.name.node) else {
                        continue;
                    };
                    for (name, value) in &field.arguments {
                        if let Some(argument) = known.argument(&name.node) {
                            self.value(VariableUse::from(argument), &value.node, value.pos)?;
                        }
                    }
                    self.selections(&known.type_name, &field.selection_set.node)?;
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| &condition.node.on.node);
                    self.selections(parent, &fragment.node.selection_set.node)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let document = self.document;
                    if let Some(fragment) = document.fragments.get(name)
                        && self.fragments.insert(name)
                    {
                        let fragment = &fragment.node;
                        self.directives(&fragment.directives)?;
                        let parent = &fragment.type_condition.node.on.node;
                        self.selections(parent, &fragment.selection_set.node)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Checks the condition of `@skip` and `@include`, the only directives of documents.
    fn directives(&self, directives: &[Positioned<Directive>]) -> Result<(), Rejection> {
        let condition = Type {
            base: BaseType::Named(Name::new("Boolean")),
            nullable: false,
        };
        let place = VariableUse {
            ty: &condition,
            has_default: false,
        };
        for directive in directives {
            if let Some(value) = directive.node.get_argument("if") {
                self.value(place, &value.node, value.pos)?;
            }
        }
        Ok(())
    }

    fn value(&self, place: VariableUse<'_>, value: &Value, at: Pos) -> Result<(), Rejection> {
        match (value, &place.ty.base) {
            (Value::Variable(name), _) => self.variable(place, name, at),
            (Value::List(values), BaseType::List(ty)) => {
                let place = VariableUse {
                    ty,
                    has_default: false,
                };
                values
                    .iter()
                    .try_for_each(|value| self.value(place, value, at))
            }
            // A single value is coerced to a list of one.
            (Value::Object(_), BaseType::List(ty)) => {
                let place = VariableUse {
                    ty,
                    has_default: false,
                };
                self.value(place, value, at)
            }
            (Value::Object(given), BaseType::Named(name)) => {
                let Some(Input::Object { fields, is_one_of }) = self.types.input(name) else {
                    return Ok(());
                };
                if *is_one_of && given.len() != 1 {
                    let message = format!("{name} takes exactly one field.");
                    return Err(Rejection::invalid(message, at));
                }
                for field in fields {
                    let Some(value) = given.get(&field.name) else {
                        continue;
                    };
                    // The only field of a `@oneOf` input must not be null.
                    let one = Type {
                        base: field.ty.base.clone(),
                        nullable: false,
                    };
                    let place = VariableUse {
                        ty: if *is_one_of { &one } else { &field.ty },
                        has_default: field.has_default,
                    };
                    self.value(place, value, at)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn variable(&self, place: VariableUse<'_>, name: &Name, at: Pos) -> Result<(), Rejection> {
        // The engine rejects undefined variables.
        let Some(variable) = self.variables.get(name) else {
            return Ok(());
        };
        let ty = &variable.var_type.node;
        let default = variable.default_value.as_ref();
        let has_default =
            place.has_default || default.is_some_and(|it| it.node != ConstValue::Null);
        if is_allowed(place.ty, ty, has_default) {
            return Ok(());
        }
        let message = format!(
            "The variable ${name} has the type {ty}, but {} is required where it is used.",
            place.ty
        );
        Err(Rejection::invalid(message, at))
    }
}

impl<'a> From<&'a Argument> for VariableUse<'a> {
    fn from(argument: &'a Argument) -> Self {
        Self {
            ty: &argument.ty,
            has_default: argument.has_default,
        }
    }
}

/// True if a variable of this type is allowed at the position. A nullable variable is allowed at a
/// non-null position only if one of them has a default.
fn is_allowed(place: &Type, variable: &Type, has_default: bool) -> bool {
    if variable.nullable && !place.nullable && !has_default {
        return false;
    }
    match (&place.base, &variable.base) {
        (BaseType::List(place), BaseType::List(variable)) => is_allowed(place, variable, false),
        (BaseType::Named(place), BaseType::Named(variable)) => place == variable,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    const SDL: &str =
        "type Query { f(i: Int, n: Int!, d: Int! = 1, l: [Int!], o: O, one: One, id: ID): Query }
        input O { s: String! d: String! = \"a\" } input One @oneOf { a: ID b: ID }";

    fn refused(query: &str) -> Option<String> {
        let types = Types::read(SDL, &[]).unwrap();
        let document = parse_query(query).unwrap();
        let refusal = check(&types, &document).err()?;
        Some(refusal.into_errors()[0].message.clone())
    }

    #[test]
    fn variables_of_compatible_types_are_accepted() {
        for query in [
            "query ($v: Int) { f(i: $v) { f(d: $v) } }",
            "query ($v: Int!) { f(i: $v, n: $v, d: $v) }",
            "query ($v: Int = 1) { f(n: $v) }",
            "query ($v: Int!) { f(l: [$v]) }",
            "query ($v: [Int!]) { f(l: $v) }",
            "query ($v: String!) { f(o: { s: $v, d: $v }) }",
            "query ($v: String) { f(o: { s: \"a\", d: $v }) }",
            "query ($v: ID!) { f(one: { a: $v }) }",
            "query ($v: Boolean!) { f @include(if: $v) { f } }",
            "query A($v: Int!) { ...F } query B($v: ID) { f(id: $v) } fragment F on Query { f(n: $v) }",
        ] {
            assert_eq!(refused(query), None, "{query}");
        }
    }

    #[test]
    fn variables_of_incompatible_types_are_rejected() {
        for (query, needed) in [
            ("query ($v: Int) { f(n: $v) }", "Int!"),
            ("query ($v: Int = null) { f(n: $v) }", "Int!"),
            ("query ($v: Int) { f(l: [$v]) }", "Int!"),
            ("query ($v: Int!) { f(l: $v) }", "[Int!]"),
            ("query ($v: [Int]) { f(l: $v) }", "[Int!]"),
            ("query ($v: Int) { f(id: $v) }", "ID"),
            ("query ($v: String) { f(o: { s: $v }) }", "String!"),
            ("query ($v: ID) { f(one: { a: $v }) }", "ID!"),
            ("query ($v: Boolean) { f @skip(if: $v) { f } }", "Boolean!"),
            (
                "query ($v: Int) { ...F } fragment F on Query { f { f(n: $v) } }",
                "Int!",
            ),
        ] {
            let message = refused(query).unwrap_or_default();
            assert!(
                message.contains(&format!("but {needed} is required")),
                "{query}: {message}"
            );
        }
        let message = refused("query ($v: ID!) { f(one: { a: $v, b: 1 }) }");
        assert_eq!(message.unwrap(), "One takes exactly one field.");
    }
}
