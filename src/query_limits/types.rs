//! The types of the schema, parsed from its own SDL, so that they always match it.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name,
    parser::{
        parse_schema,
        types::{
            BaseType, FieldDefinition, InputValueDefinition, OperationType, Type, TypeKind,
            TypeSystemDefinition,
        },
    },
};

use crate::graphql::ScalarError;

/// The types of the schema, by name.
pub(super) struct Types {
    composites: HashMap<Name, HashMap<Name, Field>>,
    inputs: HashMap<Name, Input>,
}

/// A field of an object or an interface.
pub(super) struct Field {
    pub(super) type_name: Name,
    pub(super) is_list: bool,
    /// The maximum number of objects in the list, if it has neither pages nor a list of ids as an
    /// argument.
    pub(super) max_objects: u64,
    arguments: Vec<Argument>,
}

pub(super) struct Argument {
    name: Name,
    pub(super) ty: Type,
    pub(super) has_default: bool,
}

impl Field {
    pub(super) fn argument(&self, name: &Name) -> Option<&Argument> {
        self.arguments
            .iter()
            .find(|argument| argument.name == *name)
    }

    /// Returns the names of the arguments that are lists, such as `ids`.
    pub(super) fn list_arguments(&self) -> impl Iterator<Item = &Name> {
        let lists = self.arguments.iter().filter(|it| unwrap_lists(&it.ty).1);
        lists.map(|argument| &argument.name)
    }
}

/// The schema of this build cannot be parsed, which is a bug.
#[derive(Debug, thiserror::Error)]
#[error(
    "the GraphQL schema of this build cannot be read: {0}. This is a bug in this version of Cubby: report it, and use \
     another version"
)]
pub struct SchemaError(String);

/// A type of input values.
pub(super) enum Input {
    /// A custom scalar.
    Scalar(ScalarError),
    Enum(Vec<Name>),
    Object {
        fields: Vec<InputField>,
        is_one_of: bool,
    },
}

pub(super) struct InputField {
    pub(super) name: Name,
    pub(super) ty: Type,
    pub(super) has_default: bool,
}

impl Types {
    /// Parses the schema's SDL. `scalars` has the checks of the custom scalars, which the SDL only
    /// names.
    ///
    /// # Errors
    /// Fails if the SDL cannot be parsed, or has a scalar without a check.
    pub(super) fn read(sdl: &str, scalars: &[(&str, ScalarError)]) -> Result<Self, SchemaError> {
        let mut types = Self {
            composites: HashMap::new(),
            inputs: HashMap::new(),
        };
        let schema = parse_schema(sdl).map_err(|error| SchemaError(error.to_string()))?;
        for definition in schema.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let (name, kind) = (definition.node.name.node, definition.node.kind);
            let directives = definition.node.directives;
            match kind {
                TypeKind::Object(object) => {
                    let fields = object.fields.into_iter().map(|field| field.node);
                    types.composites.insert(name, composite(fields));
                }
                TypeKind::Interface(interface) => {
                    let fields = interface.fields.into_iter().map(|field| field.node);
                    types.composites.insert(name, composite(fields));
                }
                TypeKind::Union(_) => {
                    types.composites.insert(name, HashMap::new());
                }
                TypeKind::Scalar => {
                    let known = scalars.iter().find(|(known, _)| name == *known);
                    let (_, fault) = known
                        .ok_or_else(|| SchemaError(format!("the scalar {name} has no check")))?;
                    types.inputs.insert(name, Input::Scalar(*fault));
                }
                TypeKind::Enum(values) => {
                    let values = values.values.into_iter().map(|value| value.node.value.node);
                    types.inputs.insert(name, Input::Enum(values.collect()));
                }
                TypeKind::InputObject(object) => {
                    let fields = object.fields.into_iter().map(|field| InputField {
                        name: field.node.name.node,
                        ty: field.node.ty.node,
                        has_default: field.node.default_value.is_some(),
                    });
                    let input = Input::Object {
                        fields: fields.collect(),
                        is_one_of: directives.iter().any(|it| it.node.name.node == "oneOf"),
                    };
                    types.inputs.insert(name, input);
                }
            }
        }
        types.bound_lists()?;
        Ok(types)
    }

    /// Determines the maximum number of objects in each list. A list of a mutation's payload, such
    /// as `userErrors`, has at most one for each field of the mutation's input. Pages and lists of
    /// ids are limited by their arguments.
    ///
    /// # Errors
    /// Fails if there is any other list of objects: its cost would be unknown.
    fn bound_lists(&mut self) -> Result<(), SchemaError> {
        let mut payloads: HashMap<Name, u64> = HashMap::new();
        let mutations = self.composites.get(&Self::root(OperationType::Mutation));
        for mutation in mutations.into_iter().flat_map(HashMap::values) {
            let inputs = mutation.arguments.iter().map(|it| unwrap_lists(&it.ty).0);
            let fields = inputs.map(|input| match self.inputs.get(input) {
                Some(Input::Object { fields, .. }) => fields.len() as u64,
                _ => 1,
            });
            let fields = fields.sum::<u64>().max(1);
            let known = payloads.entry(mutation.type_name.clone()).or_default();
            *known = fields.max(*known);
        }
        let names: HashSet<Name> = self.composites.keys().cloned().collect();
        for (parent, fields) in &mut self.composites {
            for (name, field) in fields {
                let is_list_of_objects = field.is_list && names.contains(&field.type_name);
                if !is_list_of_objects
                    || is_connection(parent)
                    || field.list_arguments().next().is_some()
                {
                    continue;
                }
                field.max_objects = *payloads.get(parent).ok_or_else(|| {
                    SchemaError(format!("the list {parent}.{name} has no known maximum"))
                })?;
            }
        }
        Ok(())
    }

    pub(super) fn root(operation: OperationType) -> Name {
        Name::new(match operation {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        })
    }

    pub(super) fn field(&self, parent: &Name, name: &Name) -> Option<&Field> {
        self.composites.get(parent)?.get(name)
    }

    pub(super) fn is_composite(&self, name: &Name) -> bool {
        self.composites.contains_key(name)
    }

    pub(super) fn input(&self, name: &Name) -> Option<&Input> {
        self.inputs.get(name)
    }
}

fn composite(fields: impl Iterator<Item = FieldDefinition>) -> HashMap<Name, Field> {
    fields
        .map(|field| {
            let (type_name, is_list) = unwrap_lists(&field.ty.node);
            let arguments = field.arguments.iter().map(|argument| {
                let InputValueDefinition {
                    name,
                    ty,
                    default_value,
                    ..
                } = &argument.node;
                Argument {
                    name: name.node.clone(),
                    ty: ty.node.clone(),
                    has_default: default_value.is_some(),
                }
            });
            let value = Field {
                type_name: type_name.clone(),
                is_list,
                max_objects: 1,
                arguments: arguments.collect(),
            };
            (field.name.node, value)
        })
        .collect()
}

/// True if the type is a connection, whose pages have their own cost.
pub(super) fn is_connection(type_name: &Name) -> bool {
    type_name.ends_with("Connection")
}

/// Returns the name of the type without its lists, and true if it is a list.
fn unwrap_lists(ty: &Type) -> (&Name, bool) {
    match &ty.base {
        BaseType::Named(name) => (name, false),
        BaseType::List(inner) => (unwrap_lists(inner).0, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_list_has_one_object_per_input_field() {
        let sdl = "type Query { a: Int } type Error { a: Int } input In { a: Int b: Int c: Int }
            type P { errors: [Error!]! names: [String!]! } type Q { errors: [Error!]! }
            type Mutation { p(input: In!): P q: Q }";
        let types = Types::read(sdl, &[]).unwrap();
        let max_objects = |parent, name| {
            let field = types.field(&Name::new(parent), &Name::new(name));
            field.unwrap().max_objects
        };
        assert_eq!(max_objects("P", "errors"), 3);
        assert_eq!(max_objects("Q", "errors"), 1);
    }

    #[test]
    fn unreadable_schema_is_rejected() {
        let scalars: [(&str, ScalarError); 1] = [("DateTime", |_| None)];
        let read = |sdl| Types::read(sdl, &scalars).map(drop);
        assert!(read("scalar DateTime type Query { now: DateTime }").is_ok());
        for (sdl, says) in [
            ("type Query {", "cannot be read"),
            ("nonsense", "cannot be read"),
            ("", "cannot be read"),
            ("scalar Moment type Query { now: Moment }", "scalar Moment"),
            (
                "type A { a: Int } type Query { all: [A!]! }",
                "list Query.all",
            ),
        ] {
            let said = read(sdl).unwrap_err().to_string();
            assert!(said.contains(says), "{sdl}: {said}");
        }
    }
}
