//! The root fields: one table with a row for each, which the transport and the query limits go by.

use async_graphql::parser::types::OperationType;

use Access::{Private, Public};
use Input::{Credentials, Data};
use OperationType::{Mutation, Query, Subscription};
use Output::{Plain, Tokens};

/// A root field and what is known of it before an operation runs.
pub(crate) struct RootField {
    pub(crate) operation: OperationType,
    pub(crate) name: &'static str,
    pub(crate) access: Access,
    pub(crate) output: Output,
    pub(crate) input: Input,
    /// In points, without what the operation selects of the result.
    pub(crate) cost: u64,
}

/// Says whether the field may run without valid credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// An operation of such fields alone runs as anonymous if its credentials are invalid.
    Public,
    /// Invalid credentials reject the operation.
    Private,
}

/// Says whether the result holds secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Plain,
    /// An access token, a refresh token or a personal access token.
    Tokens,
}

/// Says whether the input is checked against a stored password, or becomes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Data,
    /// A password, which costs a hash; an operation has at most one such field.
    Credentials,
}

/// Every root field, and the fields of introspection, which the SDL does not list.
const ROOT_FIELDS: [RootField; 25] = [
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

/// Finds the row of a field; nothing for a field that the schema does not have, which the engine refuses.
pub(crate) fn find(operation: OperationType, name: &str) -> Option<&'static RootField> {
    ROOT_FIELDS
        .iter()
        .find(|field| field.operation == operation && field.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use async_graphql::parser::{
        parse_schema,
        types::{TypeKind, TypeSystemDefinition},
    };

    use super::*;
    use crate::graphql::sdl;

    #[test]
    fn every_root_field_has_one_row_and_every_row_a_root_field() {
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
    fn every_field_that_takes_a_password_or_returns_tokens_says_so() {
        let sdl = sdl();
        let definition = |kind: &str, name: &str| {
            let start = sdl.find(&format!("\n{kind} {name} {{\n")).unwrap();
            let text = &sdl[start..];
            text[..text.find("\n}").unwrap()].to_owned()
        };
        let mutations = ROOT_FIELDS.iter().filter(|row| row.operation == Mutation);
        for row in mutations.filter(|row| !row.name.starts_with("__")) {
            let field = definition("type", "Mutation");
            let field = field.lines().find(|line| {
                let line = line.trim_start();
                line.starts_with(&format!("{}(", row.name))
                    || line.starts_with(&format!("{}:", row.name))
            });
            let field = field.unwrap();
            let takes_password = field.split_once("(input: ").is_some_and(|(_, rest)| {
                let input = rest.split([')', '!']).next().unwrap();
                definition("input", input)
                    .to_lowercase()
                    .contains("password: ")
            });
            assert_eq!(row.input == Credentials, takes_password, "{}", row.name);
            let payload = field.rsplit(": ").next().unwrap().trim_end_matches('!');
            let payload = definition("type", payload);
            let returns_tokens = payload
                .lines()
                .any(|line| line.trim_start().to_lowercase().starts_with("token"));
            assert_eq!(row.output == Tokens, returns_tokens, "{}", row.name);
        }
    }
}
