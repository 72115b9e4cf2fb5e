//! The documents that may run: a cache of those that clients sent, and the trusted ones.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Variables,
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
    graphql::{MAX_NESTING, ScalarFault, root_fields::Input},
};

/// The maximum memory of the cache, in bytes, as estimated by the constants below.
const MAX_CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// The memory of a document, in bytes: for itself, and for each byte of its text.
const BYTES_PER_DOCUMENT: u64 = 2 * 1024;
const BYTES_PER_BYTE: u64 = 16;

/// The maximum memory of the values of variables, in bytes, counted for each use: the engine copies them for each.
const MAX_VARIABLES_BYTES: u64 = 4 * 1024 * 1024;

/// The expected number of documents in the cache.
const EXPECTED_DOCUMENTS: usize = 1_000;

/// The documents that clients sent before, and the trusted ones.
pub(crate) struct Documents {
    pub(super) types: Types,
    limits: DocumentLimits,
    cache: Cache<Hash, Arc<Document>, Length>,
    pub(super) trusted: Trusted,
}

/// The documents of the manifests.
#[derive(Default)]
pub(super) struct Trusted {
    pub(super) by_id: HashMap<String, Hash>,
    pub(super) by_hash: HashMap<Hash, Arc<Document>>,
    /// True if no other document runs.
    pub(super) are_all: bool,
}

#[derive(Clone)]
struct Length;

impl Weighter<Hash, Arc<Document>> for Length {
    fn weight(&self, _: &Hash, document: &Arc<Document>) -> u64 {
        BYTES_PER_DOCUMENT + BYTES_PER_BYTE * document.length as u64
    }
}

/// The kind and the cost of an operation that passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OperationPlan {
    pub(crate) kind: OperationType,
    /// The cost, in points.
    pub(crate) cost: u64,
}

impl Documents {
    /// Empty, for a schema in the schema definition language.
    ///
    /// # Errors
    /// Fails if the schema cannot be parsed.
    pub(crate) fn new(
        sdl: &str,
        scalars: &[(&str, ScalarFault)],
        limits: DocumentLimits,
    ) -> Result<Self, SchemaError> {
        Ok(Self {
            types: Types::read(sdl, scalars)?,
            limits,
            cache: Cache::with_weighter(EXPECTED_DOCUMENTS, MAX_CACHE_BYTES, Length),
            trusted: Trusted::default(),
        })
    }

    /// Returns the document, parsed and measured, from the cache if it was sent before.
    pub(crate) fn read(&self, text: &str) -> Result<Arc<Document>, Rejection> {
        self.fits(text)?;
        let hash = hash(text);
        if let Some(document) = self.recall(&hash) {
            return Ok(document);
        }
        if self.trusted.are_all {
            return Err(Rejection::one(
                "PERSISTED_QUERY_NOT_IN_LIST",
                "Only documents that are trusted run here, and this is none of them.",
            ));
        }
        let document = Arc::new(self.parse(text)?);
        self.cache.insert(hash, Arc::clone(&document));
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

    /// Parses and measures a document, and calculates the cost of its operations without variables.
    pub(super) fn parse(&self, text: &str) -> Result<Document, Rejection> {
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
                let calculator = CostCalculator::new(&self.types, &parsed, definition, &none);
                operation.price = Some(calculator.total());
            }
        }
        Ok(Document {
            parsed,
            measured,
            length: text.len(),
        })
    }

    /// Returns the document with this hash, if it is trusted or in the cache.
    pub(crate) fn recall(&self, hash: &Hash) -> Option<Arc<Document>> {
        let trusted = self.trusted.by_hash.get(hash).cloned();
        trusted.or_else(|| self.cache.get(hash))
    }

    /// Checks the operation with these variables.
    pub(crate) fn admit(
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
        Self::permit(operation)?;
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

    /// Checks what does not depend on the variables.
    pub(super) fn permit(operation: &Operation) -> Result<(), Rejection> {
        if operation.kind == OperationType::Subscription && operation.root_fields.len() != 1 {
            // GraphQL section 5.2.4.1.
            return Err(Rejection::one(
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

    pub(super) fn max_cost(&self) -> u64 {
        self.limits.max_cost.into()
    }
}
