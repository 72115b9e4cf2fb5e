//! `Service`: the version, the settings and the limits of the server, as anybody may read them.

use std::sync::Arc;

use async_graphql::{Context, SimpleObject};

use super::node::MAX_NODES;
use crate::{
    config::{AccountLimits, DocumentLimits},
    identity::Accounts,
    pagination::page,
    tasks,
};

/// This server.
#[derive(SimpleObject)]
pub(crate) struct Service {
    /// The server's version, as Semantic Versioning writes it.
    version: &'static str,
    /// True when `signUp` makes accounts; false when it answers `SIGN_UP_DISABLED` (`CUBBY_SIGN_UP=closed`).
    sign_up_enabled: bool,
    password_policy: PasswordPolicy,
    limits: ServiceLimits,
}

impl Service {
    pub(super) fn new(ctx: &Context<'_>) -> Self {
        let accounts: &Arc<Accounts> = ctx.data_unchecked();
        let account_limits: &AccountLimits = ctx.data_unchecked();
        let (min_length, max_length) = accounts.password_policy().lengths();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            sign_up_enabled: accounts.is_sign_up_open(),
            password_policy: PasswordPolicy {
                min_length,
                max_length,
            },
            limits: ServiceLimits {
                document: DocumentLimitFields::of(ctx.data_unchecked()),
                default_page_size: page::DEFAULT_SIZE,
                max_page_size: page::MAX_SIZE,
                max_nodes: MAX_NODES,
                max_title_length: tasks::MAX_TITLE_CHARS,
                max_description_length: tasks::MAX_DESCRIPTION_CHARS,
                max_tasks: account_limits.max_tasks,
            },
        }
    }
}

/// What a password must be.
#[derive(SimpleObject)]
pub(crate) struct PasswordPolicy {
    /// In code points, after NFC.
    min_length: usize,
    /// In code points, after NFC.
    max_length: usize,
}

/// What bounds requests and values.
#[derive(SimpleObject)]
pub(crate) struct ServiceLimits {
    /// How many are on a page when neither `first` nor `last` is given.
    default_page_size: i32,
    /// The most that `first` and `last` take.
    max_page_size: i32,
    /// The most ids that `nodes` takes.
    max_nodes: usize,
    /// In code points.
    max_title_length: usize,
    /// In code points.
    max_description_length: usize,
    /// The maximum number of tasks of one person; creating more is `LIMIT_REACHED`.
    max_tasks: u32,
    #[graphql(flatten)]
    document: DocumentLimitFields,
}

/// What a document may be and ask for; beyond each is an error with a code of its own.
#[derive(SimpleObject)]
struct DocumentLimitFields {
    /// In bytes; beyond is `DOCUMENT_TOO_LARGE`.
    max_document_bytes: u32,
    /// Beyond is `TOKEN_LIMIT_EXCEEDED`.
    max_tokens: u32,
    /// Of fields within each other; beyond is `DEPTH_LIMIT_EXCEEDED`.
    max_depth: u32,
    /// Those of a fragment counted wherever it is spread; beyond is `FIELD_LIMIT_EXCEEDED`.
    max_fields: u32,
    /// Beyond is `ALIAS_LIMIT_EXCEEDED`.
    max_aliases: u32,
    /// Beyond is `DIRECTIVE_LIMIT_EXCEEDED`.
    max_directives: u32,
    /// Of operations, of fragments, and of an operation's variables; beyond is
    /// `DEFINITION_LIMIT_EXCEEDED`.
    max_definitions: u32,
    /// Beyond is `ROOT_FIELD_LIMIT_EXCEEDED`.
    max_root_fields: u32,
    /// Of lists within each other; beyond is `INTROSPECTION_LIMIT_EXCEEDED`.
    max_introspection_lists: u32,
    /// An object costs 1, a page 1 and what its edges cost for each that is asked for, a mutation
    /// 10, one that takes a password 50. Beyond is `COST_LIMIT_EXCEEDED`, which names the dearest
    /// field.
    max_cost: u32,
}

impl DocumentLimitFields {
    fn of(limits: &DocumentLimits) -> Self {
        Self {
            max_document_bytes: limits.max_document_bytes,
            max_tokens: limits.max_tokens,
            max_depth: limits.max_depth,
            max_fields: limits.max_fields,
            max_aliases: limits.max_aliases,
            max_directives: limits.max_directives,
            max_definitions: limits.max_definitions,
            max_root_fields: limits.max_root_fields,
            max_introspection_lists: limits.max_introspection_lists,
            max_cost: limits.max_cost,
        }
    }
}
