//! The type `Service`: the version, settings and limits of the server, readable without
//! credentials.

use std::sync::Arc;

use async_graphql::{Context, SimpleObject};

use super::node::MAX_NODES;
use crate::{
    config::{AccountLimits, DocumentLimits},
    identity::Accounts,
    pagination::page,
    tasks,
};

/// Version, settings and limits of the server.
#[derive(SimpleObject)]
pub(crate) struct Service {
    /// Version of the server by Semantic Versioning, such as `0.1.0`.
    version: &'static str,
    /// True if `signUp` creates accounts. If false, it returns `SIGN_UP_DISABLED`, and only the
    /// operator creates accounts (`CUBBY_SIGN_UP=closed`).
    sign_up_enabled: bool,
    /// True if the server sends mail. If false, `requestPasswordReset` returns `MAIL_DISABLED`
    /// (`CUBBY_SMTP_URL`).
    mail_enabled: bool,
    /// Required length of new passwords.
    password_policy: PasswordPolicy,
    /// Maximum sizes of requests, documents and values.
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
            mail_enabled: accounts.sends_mail(),
            password_policy: PasswordPolicy {
                min_length,
                max_length,
            },
            limits: ServiceLimits {
                document: DocumentLimitFields::of(ctx.data_unchecked()),
                default_page_size: page::DEFAULT_PAGE_SIZE,
                max_page_size: page::MAX_PAGE_SIZE,
                max_nodes: MAX_NODES,
                max_title_length: tasks::MAX_TITLE_CHARS,
                max_description_length: tasks::MAX_DESCRIPTION_CHARS,
                max_tasks: account_limits.max_tasks,
            },
        }
    }
}

/// Required length of new passwords. Weak passwords of this length are rejected too: see
/// `WeakPasswordReason`.
#[derive(SimpleObject)]
pub(crate) struct PasswordPolicy {
    /// Minimum length in Unicode code points after NFC normalization: 8 by default, 15 with
    /// `CUBBY_PASSWORD_POLICY=nist`.
    min_length: usize,
    /// Maximum length in Unicode code points after NFC normalization: 128 by default, 256 with
    /// `CUBBY_PASSWORD_POLICY=nist`.
    max_length: usize,
}

/// Maximum sizes of requests, documents and values. The operator can configure those that name a
/// `CUBBY_` setting.
#[derive(SimpleObject)]
pub(crate) struct ServiceLimits {
    /// Number of edges on a page if neither `first` nor `last` is given: 50.
    default_page_size: i32,
    /// Maximum of `first` and `last`: 100. A higher number fails with `BAD_USER_INPUT`.
    max_page_size: i32,
    /// Maximum number of ids in `nodes`: 100. More fail with `BAD_USER_INPUT`.
    max_nodes: usize,
    /// Maximum length of a task's title, in Unicode code points: 500.
    max_title_length: usize,
    /// Maximum length of a task's description, in Unicode code points: 16,384.
    max_description_length: usize,
    /// Maximum number of tasks of one user (`CUBBY_MAX_TASKS`, 200,000 by default). At the maximum,
    /// `createTask` returns `LIMIT_REACHED`.
    max_tasks: u32,
    #[graphql(flatten)]
    document: DocumentLimitFields,
}

/// The limits of a document. A document that exceeds one is rejected with the code of that limit.
#[derive(SimpleObject)]
struct DocumentLimitFields {
    /// Maximum size of a document's text, in bytes of UTF-8 (`CUBBY_MAX_DOCUMENT_BYTES`, 32,768 by
    /// default). A larger document fails with `DOCUMENT_TOO_LARGE`.
    max_document_bytes: u32,
    /// Maximum number of tokens in a document (`CUBBY_MAX_TOKENS`, 5,000 by default). More fail
    /// with `TOKEN_LIMIT_EXCEEDED`.
    max_tokens: u32,
    /// Maximum depth of nested fields (`CUBBY_MAX_DEPTH`, 16 by default). A deeper document fails
    /// with `DEPTH_LIMIT_EXCEEDED`.
    max_depth: u32,
    /// Maximum number of fields in a document (`CUBBY_MAX_FIELDS`, 1,000 by default). The fields of
    /// a fragment count once for each spread. More fail with `FIELD_LIMIT_EXCEEDED`.
    max_fields: u32,
    /// Maximum number of aliases in a document, counted like fields (`CUBBY_MAX_ALIASES`, 30 by
    /// default). More fail with `ALIAS_LIMIT_EXCEEDED`.
    max_aliases: u32,
    /// Maximum number of directives in a document, counted like fields (`CUBBY_MAX_DIRECTIVES`, 50
    /// by default). More fail with `DIRECTIVE_LIMIT_EXCEEDED`.
    max_directives: u32,
    /// Maximum number of operations in a document, of fragments in a document, and of variables in
    /// an operation (`CUBBY_MAX_DEFINITIONS`, 50 by default). More fail with
    /// `DEFINITION_LIMIT_EXCEEDED`.
    max_definitions: u32,
    /// Maximum number of root fields in an operation (`CUBBY_MAX_ROOT_FIELDS`, 20 by default). More
    /// fail with `ROOT_FIELD_LIMIT_EXCEEDED`.
    max_root_fields: u32,
    /// Maximum depth of nested lists below `__schema` and `__type`, such as `fields`
    /// (`CUBBY_MAX_INTROSPECTION_LISTS`, 2 by default). A deeper document fails with
    /// `INTROSPECTION_LIMIT_EXCEEDED`.
    max_introspection_lists: u32,
    /// Maximum cost of an operation, in points (`CUBBY_MAX_COST`, 1,000 by default). An object
    /// costs 1 point, a page 1 and the cost of its edges, a mutation 10, and a mutation with a
    /// password 50. A higher cost fails with `COST_LIMIT_EXCEEDED`; the message names the most
    /// expensive field.
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
