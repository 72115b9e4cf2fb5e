//! The errors of a document that is rejected, each with a code and a message.

use async_graphql::{Pos, ServerError};

use super::cost::CostReport;
use crate::error::code;

/// A limit on documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Bytes,
    Tokens,
    Depth,
    Fields,
    Aliases,
    Directives,
    Definitions,
    RootFields,
    Introspection,
    CredentialMutations,
    Variables,
}

/// A limit that a document exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(super) limit: Limit,
    found: u64,
    max: u64,
}

/// The errors of the response for a rejected document.
#[derive(Debug)]
pub(crate) struct Rejection(pub(super) Vec<ServerError>);

impl Exceeded {
    pub(super) fn new(limit: Limit, found: u64, max: u64) -> Self {
        Self { limit, found, max }
    }
}

impl Limit {
    fn code(self) -> &'static str {
        match self {
            Self::Bytes => "DOCUMENT_TOO_LARGE",
            Self::Tokens => "TOKEN_LIMIT_EXCEEDED",
            Self::Depth => "DEPTH_LIMIT_EXCEEDED",
            Self::Fields => "FIELD_LIMIT_EXCEEDED",
            Self::Aliases => "ALIAS_LIMIT_EXCEEDED",
            Self::Directives => "DIRECTIVE_LIMIT_EXCEEDED",
            Self::Definitions => "DEFINITION_LIMIT_EXCEEDED",
            Self::RootFields => "ROOT_FIELD_LIMIT_EXCEEDED",
            Self::Introspection => "INTROSPECTION_LIMIT_EXCEEDED",
            Self::CredentialMutations => "TOO_MANY_CREDENTIAL_MUTATIONS",
            Self::Variables => "VARIABLE_LIMIT_EXCEEDED",
        }
    }

    /// Returns the noun after the number in the message.
    fn noun(self) -> &'static str {
        match self {
            Self::Bytes => "bytes of document",
            Self::Tokens => "tokens",
            Self::Depth => "levels of nesting",
            Self::Fields => "fields (those of a fragment count for each spread)",
            Self::Aliases => "aliases",
            Self::Directives => "directives",
            Self::Definitions => "operations, fragments or variables",
            Self::RootFields => "root fields",
            Self::Introspection => "nested introspection lists",
            Self::CredentialMutations => "mutation that takes a password",
            Self::Variables => "bytes of variables (counted for each use)",
        }
    }
}

impl Rejection {
    /// Returns the errors of the response.
    pub(crate) fn into_errors(self) -> Vec<ServerError> {
        self.0
    }

    pub(super) fn one(code: &str, message: impl Into<String>) -> Self {
        Self(vec![error(code, message)])
    }

    pub(super) fn invalid(message: String, at: Pos) -> Self {
        let mut invalid = error(code::GRAPHQL_VALIDATION_FAILED, message);
        invalid.locations.push(at);
        Self(vec![invalid])
    }

    pub(super) fn too_expensive(report: &CostReport, max: u64) -> Self {
        let mut message = format!(
            "The operation costs {} points; at most {max} are allowed.",
            report.total
        );
        if !report.most_expensive.is_empty() {
            message += &format!(
                " The most expensive field is {}",
                report.most_expensive.join(".")
            );
            message += &match report.first_that_fits {
                Some(first) => format!(": first: {first} would be allowed."),
                None => ".".to_owned(),
            };
        }
        Self::one("COST_LIMIT_EXCEEDED", message)
    }
}

impl From<Exceeded> for Rejection {
    fn from(exceeded: Exceeded) -> Self {
        let Exceeded { limit, found, max } = exceeded;
        let message = match limit {
            Limit::Bytes => format!("The document has {found} bytes; at most {max} are allowed."),
            // The other messages omit the number found: counting stops when a limit is exceeded.
            Limit::CredentialMutations => {
                "Send one mutation that takes a password at a time.".to_owned()
            }
            _ => format!("At most {max} {} are allowed in a document.", limit.noun()),
        };
        Self::one(limit.code(), message)
    }
}

pub(super) fn error(code: &str, message: impl Into<String>) -> ServerError {
    let mut error = ServerError::new(message, None);
    set_code(&mut error, code);
    error
}

fn set_code(error: &mut ServerError, code: &str) {
    error.extensions.get_or_insert_default().set("code", code);
}
