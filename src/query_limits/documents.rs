//! The documents that may run: a cache of those from clients, and the trusted documents.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use async_graphql::{
    ServerError, Variables,
    parser::{self, parse_query, types::OperationType},
};
use quick_cache::{Weighter, sync::Cache};

use super::{
    cost::CostCalculator,
    document::{Document, Hash, hash},
    literals,
    measure::{self, Operation},
    rejection::{Exceeded, Limit, Rejection, error},
    strings, syntax, tokens,
    types::{SchemaError, Types},
    variable_positions, variables,
};
use crate::{
    config::DocumentLimits,
    error::code,
    graphql::{MAX_SELECTION_DEPTH, ScalarError, Validator, root_fields::Input},
};

/// The maximum memory of the cache, in bytes, as estimated with the following constants.
const MAX_CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// The estimated memory of a document, in bytes: fixed, and for each byte of its text.
const BYTES_PER_DOCUMENT: u64 = 2 * 1024;
const BYTES_PER_TEXT_BYTE: u64 = 16;

/// The maximum size of all variables, in bytes. A variable that a document uses three times counts
/// three times, because the engine copies its value for each use.
const MAX_VARIABLES_BYTES: u64 = 4 * 1024 * 1024;

/// The expected number of documents in the cache.
const EXPECTED_DOCUMENTS: usize = 1_000;

/// The cached documents of clients, and the trusted documents.
pub(crate) struct Documents {
    pub(super) types: Types,
    limits: DocumentLimits,
    validator: Validator,
    cache: Cache<Hash, Arc<Document>, DocumentWeight>,
    pub(super) trusted: Trusted,
}

/// The trusted documents, from manifests.
#[derive(Default)]
pub(super) struct Trusted {
    pub(super) by_id: HashMap<String, Hash>,
    pub(super) by_hash: HashMap<Hash, Arc<Document>>,
    /// True if only trusted documents run.
    pub(super) are_all: bool,
}

#[derive(Clone)]
struct DocumentWeight;

impl Weighter<Hash, Arc<Document>> for DocumentWeight {
    fn weight(&self, _: &Hash, document: &Arc<Document>) -> u64 {
        BYTES_PER_DOCUMENT + BYTES_PER_TEXT_BYTE * document.length as u64
    }
}

/// The kind and the cost of an operation that passed all checks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OperationPlan {
    pub(crate) kind: OperationType,
    /// The cost, in points.
    pub(crate) cost: u64,
}

impl Documents {
    /// Creates an empty cache for a schema in the schema definition language.
    ///
    /// # Errors
    /// Fails if the schema cannot be parsed.
    pub(crate) fn new(
        sdl: &str,
        scalars: &[(&str, ScalarError)],
        limits: DocumentLimits,
        validator: Validator,
    ) -> Result<Self, SchemaError> {
        Ok(Self {
            types: Types::read(sdl, scalars)?,
            limits,
            validator,
            cache: Cache::with_weighter(EXPECTED_DOCUMENTS, MAX_CACHE_BYTES, DocumentWeight),
            trusted: Trusted::default(),
        })
    }

    /// Returns the parsed and measured document, from the cache if it is there.
    pub(crate) fn get_or_parse(&self, text: &str) -> Result<Arc<Document>, Rejection> {
        self.check_size(text)?;
        let hash = hash(text);
        if let Some(document) = self.find_by_hash(&hash) {
            return Ok(document);
        }
        if self.trusted.are_all {
            return Err(Rejection::one(
                "PERSISTED_QUERY_NOT_IN_LIST",
                "This server runs only trusted documents, and this document is not trusted.",
            ));
        }
        let document = Arc::new(self.parse(text)?);
        self.cache.insert(hash, Arc::clone(&document));
        Ok(document)
    }

    fn check_size(&self, text: &str) -> Result<(), Exceeded> {
        let most = u64::from(self.limits.max_document_bytes);
        let length = text.len() as u64;
        if length > most {
            return Err(Exceeded::new(Limit::Bytes, length, most));
        }
        Ok(())
    }

    /// Parses and measures a document, and calculates the cost of its operations without variables.
    pub(super) fn parse(&self, text: &str) -> Result<Document, Rejection> {
        self.check_size(text)?;
        tokens::scan(text, &self.limits)?;
        let resolved = strings::resolve_escapes(text)?;
        let parsed = parse_query(&resolved).map_err(|error| match error {
            // The parser's own limit on nested selections.
            parser::Error::RecursionLimitExceeded => {
                let most = MAX_SELECTION_DEPTH as u64;
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
                let calculator = CostCalculator::new(&self.types, &parsed, definition, &none);
                operation.price = Some(calculator.total());
            }
        }
        Ok(Document {
            parsed,
            measured,
            length: text.len(),
            errors: OnceLock::new(),
        })
    }

    /// Returns the document with this hash, if it is trusted or in the cache.
    pub(crate) fn find_by_hash(&self, hash: &Hash) -> Option<Arc<Document>> {
        let trusted = self.trusted.by_hash.get(hash).cloned();
        trusted.or_else(|| self.cache.get(hash))
    }

    /// Returns the errors of a document that is invalid for the schema. Validates it once.
    pub(crate) fn errors<'a>(&self, document: &'a Document) -> &'a [ServerError] {
        document
            .errors
            .get_or_init(|| (self.validator)(&document.parsed))
    }

    /// Checks the operation with these variables, and returns its cost.
    pub(crate) fn plan(
        &self,
        document: &Document,
        name: Option<&str>,
        variables: &Variables,
    ) -> Result<OperationPlan, Rejection> {
        let Some((definition, operation)) = document.select(name) else {
            return Err(Rejection::one(
                "OPERATION_RESOLUTION_FAILURE",
                match name {
                    Some(name) => format!("The document has no operation named {name}."),
                    None => "Name one of the document's operations in operationName.".to_owned(),
                },
            ));
        };
        Self::check_operation(operation)?;
        let size = variables::size(definition, variables);
        let size = size.saturating_mul(document.measured.uses.into());
        if size > MAX_VARIABLES_BYTES {
            return Err(Exceeded::new(Limit::Variables, size, MAX_VARIABLES_BYTES).into());
        }
        let wrong = variables::check(&self.types, definition, variables);
        if !wrong.is_empty() {
            let wrong = wrong.into_iter();
            return Err(Rejection(
                wrong.map(|it| error(code::BAD_USER_INPUT, it)).collect(),
            ));
        }
        let calculator =
            || CostCalculator::new(&self.types, &document.parsed, definition, variables);
        let cost = operation.price.unwrap_or_else(|| calculator().total());
        let max = self.max_cost();
        if cost > max {
            return Err(Rejection::too_expensive(&calculator().report(max), max));
        }
        Ok(OperationPlan {
            kind: operation.kind,
            cost,
        })
    }

    /// Checks the limits that do not depend on the variables.
    pub(super) fn check_operation(operation: &Operation) -> Result<(), Rejection> {
        if operation.kind == OperationType::Subscription && operation.root_fields.len() != 1 {
            // GraphQL section 5.2.4.1.
            return Err(Rejection::one(
                code::GRAPHQL_VALIDATION_FAILED,
                "A subscription must have exactly one root field.",
            ));
        }
        if operation.kind == OperationType::Mutation {
            let known = operation.root_field_rows().flatten();
            let credentials = known.filter(|it| it.input == Input::Credentials).count();
            if credentials > 1 {
                let found = credentials as u64;
                return Err(Exceeded::new(Limit::CredentialMutations, found, 1).into());
            }
        }
        Ok(())
    }

    pub(super) fn max_cost(&self) -> u64 {
        self.limits.max_cost.into()
    }
}
