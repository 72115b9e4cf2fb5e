//! The properties of each root field, in one table that the transport and the query limits read.

use async_graphql::parser::types::OperationType;

use Access::{Private, Public};
use Input::{Credentials, Data};
use OperationType::{Mutation, Query, Subscription};
use Output::{Plain, Tokens};

/// A root field and its properties.
pub(crate) struct RootField {
    pub(crate) operation: OperationType,
    pub(crate) name: &'static str,
    pub(crate) access: Access,
    pub(crate) output: Output,
    pub(crate) input: Input,
    /// The cost in points, without the selection of its result.
    pub(crate) cost: u64,
}

/// The authentication that a root field requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// If an operation has only public fields, it runs as anonymous when its credentials are
    /// invalid.
    Public,
    /// Invalid credentials reject the operation.
    Private,
}

/// The kind of a root field's result: without or with secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Plain,
    /// An access token, a refresh token or a personal access token.
    Tokens,
}

/// The kind of a root field's input: without or with a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Data,
    /// A password to verify or to set, which costs one password hash. An operation may have only
    /// one such field.
    Credentials,
}

/// Every root field, and the introspection fields, which the SDL does not list.
const ROOT_FIELDS: [RootField; 27] = [
    row(Query, "__schema", Private, Plain, Data, 0),
    row(Query, "__type", Private, Plain, Data, 0),
    row(Query, "__typename", Public, Plain, Data, 0),
    row(Query, "node", Private, Plain, Data, 0),
    row(Query, "nodes", Private, Plain, Data, 0),
    row(Query, "service", Public, Plain, Data, 0),
    row(Query, "viewer", Private, Plain, Data, 0),
    row(Mutation, "__typename", Public, Plain, Data, 0),
    row(Mutation, "changePassword", Private, Plain, Credentials, 50),
    row(Mutation, "createAccessToken", Private, Tokens, Data, 10),
    row(Mutation, "createTask", Private, Plain, Data, 10),
    row(Mutation, "deleteAccount", Private, Plain, Credentials, 50),
    row(Mutation, "deleteTask", Private, Plain, Data, 10),
    row(Mutation, "moveTask", Private, Plain, Data, 10),
    row(Mutation, "refreshSession", Public, Tokens, Data, 10),
    row(Mutation, "requestPasswordReset", Public, Plain, Data, 10),
    row(Mutation, "resetPassword", Public, Plain, Credentials, 50),
    row(Mutation, "revokeAccessToken", Private, Plain, Data, 10),
    row(Mutation, "revokeOtherSessions", Private, Plain, Data, 10),
    row(Mutation, "revokeSession", Private, Plain, Data, 10),
    row(Mutation, "setTaskCompleted", Private, Plain, Data, 10),
    row(Mutation, "signIn", Public, Tokens, Credentials, 50),
    row(Mutation, "signOut", Public, Plain, Data, 10),
    row(Mutation, "signUp", Public, Tokens, Credentials, 50),
    row(Mutation, "updateProfile", Private, Plain, Data, 10),
    row(Mutation, "updateTask", Private, Plain, Data, 10),
    row(Subscription, "taskChanges", Private, Plain, Data, 0),
];

const fn row(
    operation: OperationType,
    name: &'static str,
    access: Access,
    output: Output,
    input: Input,
    cost: u64,
) -> RootField {
    RootField {
        operation,
        name,
        access,
        output,
        input,
        cost,
    }
}

/// Returns the row of a field; `None` if the schema does not have the field, which the engine then
/// rejects.
pub(crate) fn find(operation: OperationType, name: &str) -> Option<&'static RootField> {
    ROOT_FIELDS
        .iter()
        .find(|field| field.operation == operation && field.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use async_graphql::parser::{
        parse_schema,
        types::{Type, TypeKind, TypeSystemDefinition},
    };

    use super::*;
    use crate::graphql::sdl;

    #[test]
    fn table_has_one_row_for_each_root_field() {
        let mut fields = BTreeSet::new();
        for definition in parse_schema(sdl()).unwrap().definitions {
            let TypeSystemDefinition::Type(ty) = definition else {
                continue;
            };
            let TypeKind::Object(object) = ty.node.kind else {
                continue;
            };
            let name = ty.node.name.node;
            if ["Query", "Mutation", "Subscription"].contains(&name.as_str()) {
                let names = object.fields.iter().map(|it| it.node.name.node.to_string());
                fields.extend(names.map(|field| format!("{name}.{field}")));
            }
        }
        let rows = ROOT_FIELDS
            .iter()
            .filter(|row| !row.name.starts_with("__"))
            .map(|row| format!("{:?}.{}", row.operation, row.name));
        let rows: Vec<String> = rows.collect();
        assert_eq!(rows.iter().cloned().collect::<BTreeSet<_>>(), fields);
        assert_eq!(rows.len(), fields.len(), "a root field has two rows");
    }

    #[test]
    fn rows_state_password_inputs_and_token_outputs() {
        let mut types = HashMap::new();
        for definition in parse_schema(sdl()).unwrap().definitions {
            if let TypeSystemDefinition::Type(ty) = definition {
                types.insert(ty.node.name.node.to_string(), ty.node.kind);
            }
        }
        let has_field = |ty: &Type, is_match: fn(&str) -> bool| {
            let name = ty.to_string();
            match types.get(name.trim_end_matches('!')) {
                Some(TypeKind::Object(object)) => {
                    object.fields.iter().any(|it| is_match(&it.node.name.node))
                }
                Some(TypeKind::InputObject(input)) => {
                    input.fields.iter().any(|it| is_match(&it.node.name.node))
                }
                _ => false,
            }
        };
        let Some(TypeKind::Object(mutations)) = types.get("Mutation") else {
            panic!("the schema has no mutations");
        };
        for field in mutations.fields.iter().map(|field| &field.node) {
            let row = find(Mutation, &field.name.node).unwrap();
            let takes_password = field.arguments.iter().any(|argument| {
                has_field(&argument.node.ty.node, |name| {
                    name.to_lowercase().ends_with("password")
                })
            });
            assert_eq!(row.input == Credentials, takes_password, "{}", row.name);
            let returns_tokens = has_field(&field.ty.node, |name| {
                name.to_lowercase().starts_with("token")
            });
            assert_eq!(row.output == Tokens, returns_tokens, "{}", row.name);
        }
    }
}
