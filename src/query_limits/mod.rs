//! Documents: parsed once, measured before the engine sees them, and kept.
//!
//! The engine's own limits walk what fragments unfold to, so that a kilobyte of them keeps it busy
//! for seconds, and nothing can interrupt it. Nothing reaches it but through here.

mod cost;
mod literals;
mod measure;
mod strings;
mod syntax;
mod tokens;
mod trusted;
mod types;
mod variable_positions;
mod variables;

use std::sync::Arc;

use async_graphql::{
    Pos, ServerError, Variables,
    parser::{
        self, parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType},
    },
};
use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::{Weighter, sync::Cache};

pub(crate) use measure::Operation;
pub use trusted::ManifestError;
pub(crate) use trusted::read_hash;
pub use types::SchemaError;

use crate::{
    config::DocumentLimits,
    error::code,
    graphql::{MAX_NESTING, ScalarFault, root_fields::Input},
};
use cost::{Bill, Reckoner};
use measure::Measured;
use trusted::Trusted;
use types::Types;

/// How much memory the documents that are kept take, in bytes, as far as can be told.
const KEPT_BYTES: u64 = 64 * 1024 * 1024;

/// What a document takes in memory beside its text, and for each byte of it.
const OVERHEAD: u64 = 2 * 1024;
const PER_BYTE: u64 = 16;

/// How much the values of variables may take together, in bytes, wherever they are used: the engine
/// makes a copy for each use.
const MAX_VARIABLES: u64 = 4 * 1024 * 1024;

/// How many documents are expected to be kept.
const KEPT_DOCUMENTS: usize = 1_000;

/// The SHA-256 of a document's text.
pub(crate) type Hash = [u8; 32];

/// A document that may be handed to the engine.
pub(crate) struct Document {
    parsed: ExecutableDocument,
    measured: Measured,
    length: usize,
}

/// The documents that were sent before.
pub(crate) struct Documents {
    types: Types,
    limits: DocumentLimits,
    kept: Cache<Hash, Arc<Document>, Length>,
    trusted: Trusted,
}

#[derive(Clone)]
struct Length;

impl Weighter<Hash, Arc<Document>> for Length {
    fn weight(&self, _: &Hash, document: &Arc<Document>) -> u64 {
        OVERHEAD + PER_BYTE * document.length as u64
    }
}

/// What may be too much of a document.
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

/// Too much of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    limit: Limit,
    found: u64,
    most: u64,
}

/// What is known of an operation that may run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admission {
    pub(crate) kind: OperationType,
    /// In points.
    pub(crate) cost: u64,
}

/// Why a document is not handed to the engine.
#[derive(Debug)]
pub(crate) struct Refusal(Vec<ServerError>);

impl Documents {
    /// For a schema in the schema definition language.
    ///
    /// # Errors
    /// When the schema cannot be read.
    pub(crate) fn new(
        sdl: &str,
        scalars: &[(&str, ScalarFault)],
        limits: DocumentLimits,
    ) -> Result<Self, SchemaError> {
        Ok(Self {
            types: Types::read(sdl, scalars)?,
            limits,
            kept: Cache::with_weighter(KEPT_DOCUMENTS, KEPT_BYTES, Length),
            trusted: Trusted::default(),
        })
    }

    /// The document, parsed and measured, whether it was sent before or not.
    pub(crate) fn read(&self, text: &str) -> Result<Arc<Document>, Refusal> {
        self.fits(text)?;
        let hash = hash(text);
        if let Some(document) = self.recall(&hash) {
            return Ok(document);
        }
        if self.trusted.are_all() {
            return Err(Refusal::one(
                "PERSISTED_QUERY_NOT_IN_LIST",
                "Only documents that are trusted run here, and this is none of them.",
            ));
        }
        let document = Arc::new(self.parse(text)?);
        self.kept.insert(hash, Arc::clone(&document));
        Ok(document)
    }

    fn fits(&self, text: &str) -> Result<(), Exceeded> {
        let most = u64::from(self.limits.max_document_bytes);
        let length = text.len() as u64;
        if length > most {
            return Err(Exceeded::new(Limit::Bytes, length, most));
        }
        Ok(())
    }

    /// Parses and measures a document, and prices what of it costs the same whatever its variables are.
    fn parse(&self, text: &str) -> Result<Document, Refusal> {
        self.fits(text)?;
        tokens::scan(text, &self.limits)?;
        let resolved = strings::resolve_escapes(text)?;
        let parsed = parse_query(&resolved).map_err(|error| match error {
            // The parser's own bound, of selections within each other.
            parser::Error::RecursionLimitExceeded => {
                let most = MAX_NESTING as u64;
                Exceeded::new(Limit::Depth, most + 1, most).into()
            }
            error => syntax::explain(&resolved, &error),
        })?;
        let mut measured = measure::measure(&parsed, &self.limits)?;
        literals::check(&self.types, &parsed)?;
        variable_positions::check(&self.types, &parsed)?;
        for (name, definition) in parsed.operations.iter() {
            let definition = &definition.node;
            if definition.variable_definitions.is_empty()
                && let Some(operation) = measured.operations.get_mut(&name.cloned())
            {
                let none = Variables::default();
                let reckoner = Reckoner::new(&self.types, &parsed, definition, &none);
                operation.price = Some(reckoner.total());
            }
        }
        Ok(Document {
            parsed,
            measured,
            length: text.len(),
        })
    }

    /// The document with this hash, if it is trusted or was sent lately.
    pub(crate) fn recall(&self, hash: &Hash) -> Option<Arc<Document>> {
        let trusted = self.trusted.of_hash(hash);
        trusted.or_else(|| self.kept.get(hash))
    }

    /// Says whether the operation may run with these variables, and of what kind it is.
    pub(crate) fn admit(
        &self,
        document: &Document,
        name: Option<&str>,
        variables: &Variables,
    ) -> Result<Admission, Refusal> {
        let Some((definition, operation)) = document.select(name) else {
            return Err(Refusal::one(
                "OPERATION_RESOLUTION_FAILURE",
                match name {
                    Some(name) => format!("The document has no operation named {name}."),
                    None => "Name one of the document's operations in operationName.".to_owned(),
                },
            ));
        };
        Self::permit(operation)?;
        let size = variables::size(definition, variables);
        let size = size.saturating_mul(document.measured.uses.into());
        if size > MAX_VARIABLES {
            return Err(Exceeded::new(Limit::Variables, size, MAX_VARIABLES).into());
        }
        let wrong = variables::check(&self.types, definition, variables);
        if !wrong.is_empty() {
            let wrong = wrong.into_iter();
            return Err(Refusal(
                wrong.map(|it| error(code::BAD_USER_INPUT, it)).collect(),
            ));
        }
        let reckoner = || Reckoner::new(&self.types, &document.parsed, definition, variables);
        let cost = operation.price.unwrap_or_else(|| reckoner().total());
        let most = self.most_cost();
        if cost > most {
            return Err(Refusal::too_dear(&reckoner().bill(most), most));
        }
        Ok(Admission {
            kind: operation.kind,
            cost,
        })
    }

    /// Says whether an operation may run, with any variables.
    fn permit(operation: &Operation) -> Result<(), Refusal> {
        if operation.kind == OperationType::Subscription && operation.root_fields.len() != 1 {
            // GraphQL section 5.2.4.1.
            return Err(Refusal::one(
                code::GRAPHQL_VALIDATION_FAILED,
                "A subscription has one field at its root.",
            ));
        }
        if operation.kind == OperationType::Mutation {
            let known = operation.known_root_fields().flatten();
            let credentials = known.filter(|it| it.input == Input::Credentials).count();
            if credentials > 1 {
                let found = credentials as u64;
                return Err(Exceeded::new(Limit::CredentialMutations, found, 1).into());
            }
        }
        Ok(())
    }

    fn most_cost(&self) -> u64 {
        self.limits.max_cost.into()
    }
}

/// The name under which a document is kept, and by which a client may ask for it.
pub(crate) fn hash(text: &str) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

impl Document {
    /// What is known of the operation that a request with this `operationName` runs.
    pub(crate) fn operation(&self, name: Option<&str>) -> Option<&Operation> {
        self.select(name).map(|(_, operation)| operation)
    }

    /// What the engine takes.
    pub(crate) fn parsed(&self) -> ExecutableDocument {
        self.parsed.clone()
    }

    fn select(&self, name: Option<&str>) -> Option<(&OperationDefinition, &Operation)> {
        let (name, definition) = match (&self.parsed.operations, name) {
            (DocumentOperations::Single(operation), None) => (None, operation),
            (DocumentOperations::Single(_), Some(_)) => return None,
            (DocumentOperations::Multiple(operations), Some(name)) => {
                let (name, operation) = operations.get_key_value(name)?;
                (Some(name.clone()), operation)
            }
            (DocumentOperations::Multiple(operations), None) => {
                let mut operations = operations.iter();
                let (name, operation) = operations.next()?;
                if operations.next().is_some() {
                    return None;
                }
                (Some(name.clone()), operation)
            }
        };
        Some((&definition.node, self.measured.operations.get(&name)?))
    }
}

impl Exceeded {
    fn new(limit: Limit, found: u64, most: u64) -> Self {
        Self { limit, found, most }
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

    /// What there is too much of, after a number.
    fn what(self) -> &'static str {
        match self {
            Self::Bytes => "bytes of document",
            Self::Tokens => "tokens",
            Self::Depth => "levels of nesting",
            Self::Fields => "fields (those of a fragment counted wherever it is spread)",
            Self::Aliases => "aliases",
            Self::Directives => "directives",
            Self::Definitions => "operations, fragments or variables",
            Self::RootFields => "fields at the root",
            Self::Introspection => "lists of introspection within each other",
            Self::CredentialMutations => "mutation that takes a password",
            Self::Variables => "bytes of variables, counted wherever they are used,",
        }
    }
}

impl Refusal {
    /// The errors of the answer.
    pub(crate) fn into_errors(self) -> Vec<ServerError> {
        self.0
    }

    fn one(code: &str, message: impl Into<String>) -> Self {
        Self(vec![error(code, message)])
    }

    fn invalid(message: String, at: Pos) -> Self {
        let mut invalid = error(code::GRAPHQL_VALIDATION_FAILED, message);
        invalid.locations.push(at);
        Self(vec![invalid])
    }

    fn too_dear(bill: &Bill, most: u64) -> Self {
        let mut message = format!(
            "The operation costs {}, and at most {most} are allowed.",
            bill.total
        );
        if !bill.dearest.is_empty() {
            message += &format!(" Most of it is at {}", bill.dearest.join("."));
            message += &match bill.first_that_fits {
                Some(first) => format!(": first: {first} would fit there."),
                None => ".".to_owned(),
            };
        }
        Self::one("COST_LIMIT_EXCEEDED", message)
    }
}

impl From<Exceeded> for Refusal {
    fn from(exceeded: Exceeded) -> Self {
        let Exceeded { limit, found, most } = exceeded;
        let message = match limit {
            Limit::Bytes => format!("The document has {found} bytes; at most {most} are allowed."),
            // Counting stops at the first one too many.
            Limit::CredentialMutations => {
                "Send one mutation that takes a password at a time.".to_owned()
            }
            _ => format!("At most {most} {} are allowed in a document.", limit.what()),
        };
        Self::one(limit.code(), message)
    }
}

fn error(code: &str, message: impl Into<String>) -> ServerError {
    let mut error = ServerError::new(message, None);
    set_code(&mut error, code);
    error
}

fn set_code(error: &mut ServerError, code: &str) {
    error.extensions.get_or_insert_default().set("code", code);
}
