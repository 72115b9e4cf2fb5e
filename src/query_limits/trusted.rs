//! Trusted documents, read from the manifests of a front end's build tools. A request names one by
//! its id; other documents can be rejected.

use std::{fmt, io::Read, path::PathBuf, sync::Arc};

use async_graphql::{
    Name, Value, Variables,
    parser::types::{BaseType, OperationDefinition},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use super::{
    cost::CostCalculator,
    document::{Document, hash, read_hash},
    documents::{Documents, Trusted},
    rejection::Rejection,
    strings,
};

/// The format and version in Apollo's manifests.
const APOLLO_FORMAT: (&str, u32) = ("apollo-persisted-query-manifest", 1);

/// The prefix of an id that is the SHA-256 of the document (GraphQL over HTTP).
const HASH_PREFIX: &str = "sha256:";

/// The maximum size of a manifest, in bytes.
const MAX_MANIFEST_BYTES: u64 = 64 * 1024 * 1024;

/// The reason why a manifest cannot be used; the message says what to do.
#[derive(Debug, thiserror::Error)]
#[error("CUBBY_TRUSTED_DOCUMENTS: {0}")]
pub struct ManifestError(String);

/// A document of a manifest.
struct ManifestEntry {
    id: String,
    /// The name of the operation, if the manifest states it.
    name: Option<String>,
    text: String,
}

/// A manifest of Apollo's `generate-persisted-query-manifest`, or an object of ids and texts, as
/// graphql-codegen's client preset and the Relay compiler write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Manifest {
    Apollo {
        format: String,
        version: u32,
        operations: Vec<Operation>,
    },
    ById(TextsById),
}

/// The ids and texts in order, duplicate ids included, which a map would hide.
struct TextsById(Vec<(String, String)>);

impl<'de> Deserialize<'de> for TextsById {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = TextsById;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of ids and texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TextsById, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = map.next_entry()? {
            texts.push(text);
        }
        Ok(TextsById(texts))
    }
}

#[derive(Deserialize)]
struct Operation {
    id: String,
    name: String,
    body: String,
}

impl Documents {
    /// Adds the documents of these manifests. If `are_all`, no other document runs.
    ///
    /// # Errors
    /// Fails if a file cannot be read, or if a document is invalid or exceeds a limit with any
    /// variables.
    pub(crate) fn with_trusted(
        mut self,
        files: &[PathBuf],
        are_all: bool,
    ) -> Result<Self, ManifestError> {
        if files.is_empty() {
            return Ok(self);
        }
        let mut trusted = Trusted {
            are_all,
            ..Trusted::default()
        };
        for file in files {
            let wrong = |what: String| ManifestError(format!("{}: {what}", file.display()));
            for listed in read(file).map_err(wrong)? {
                let wrong = |what: &str| wrong(format!("{} {what}", listed.reference()));
                let document = self
                    .check(&listed.text)
                    .map_err(|what| wrong(&format!("could never run. {what}")))?;
                let hash = hash(&listed.text);
                let said = listed.id.strip_prefix(HASH_PREFIX);
                if listed.id.is_empty() || said.is_some_and(|said| read_hash(said) != Some(hash)) {
                    return Err(wrong(
                        "has an empty id, or a sha256 id that does not match its text",
                    ));
                }
                trusted.by_hash.insert(hash, document);
                let before = trusted.by_id.insert(listed.id.clone(), hash);
                if before.is_some_and(|before| before != hash) {
                    return Err(wrong("has the id of another document"));
                }
            }
        }
        tracing::info!(
            documents = trusted.by_hash.len(),
            "loaded trusted documents"
        );
        self.trusted = trusted;
        Ok(self)
    }

    /// Returns the trusted document with this id; if the id is a SHA-256, also a cached one.
    pub(crate) fn find_by_id(&self, id: &str) -> Option<Arc<Document>> {
        let hash = match self.trusted.by_id.get(id) {
            Some(hash) => *hash,
            None => read_hash(id.strip_prefix(HASH_PREFIX)?)?,
        };
        self.find_by_hash(&hash)
    }

    /// Parses and measures a document, and checks that each of its operations is valid and, with
    /// its cheapest variables, within the maximum cost.
    fn check(&self, text: &str) -> Result<Arc<Document>, String> {
        let said = |refusal: Rejection| {
            let errors = refusal.into_errors().into_iter();
            errors
                .map(|error| error.message)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let document = self.parse(text).map_err(said)?;
        if let Some(error) = self.errors(&document).first() {
            return Err(error.message.clone());
        }
        for (name, operation) in document.parsed.operations.iter() {
            let selected = document.operation(name.map(Name::as_str));
            let selected = selected.ok_or("It has operations with and without a name.")?;
            Self::check_operation(selected).map_err(said)?;
            let (least, most) = (self.least_cost(&document, &operation.node), self.max_cost());
            if least > most {
                return Err(format!(
                    "It costs at least {least} points; at most {most} are allowed."
                ));
            }
        }
        Ok(Arc::new(document))
    }

    /// Returns the cost of an operation with its cheapest variables.
    fn least_cost(&self, document: &Document, operation: &OperationDefinition) -> u64 {
        let costs = [false, true].map(|truth| {
            let variables = cheapest_variables(operation, truth);
            CostCalculator::new(&self.types, &document.parsed, operation, &variables).total()
        });
        costs[0].min(costs[1])
    }
}

impl ManifestEntry {
    /// Describes the document for an error message.
    fn reference(&self) -> String {
        match self.name.clone().or_else(|| name_in(&self.text)) {
            Some(name) => format!("the operation {name} ({})", self.id),
            None => format!("the document {}", self.id),
        }
    }
}

fn read(file: &PathBuf) -> Result<Vec<ManifestEntry>, String> {
    let unreadable = |error: std::io::Error| format!("it cannot be read: {error}");
    let opened = std::fs::File::open(file).map_err(unreadable)?;
    let mut text = String::new();
    let mut bounded = opened.take(MAX_MANIFEST_BYTES + 1);
    bounded.read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(format!("it has more than {MAX_MANIFEST_BYTES} bytes"));
    }
    let manifest = serde_json::from_str(&text).map_err(|_| {
        "it is not a manifest of Apollo's generate-persisted-query-manifest, graphql-codegen's client preset or \
         the Relay compiler"
            .to_owned()
    })?;
    match manifest {
        Manifest::Apollo {
            format,
            version,
            operations,
        } if (format.as_str(), version) == APOLLO_FORMAT => Ok(operations
            .into_iter()
            .map(|operation| ManifestEntry {
                id: operation.id,
                name: Some(operation.name),
                text: operation.body,
            })
            .collect()),
        Manifest::Apollo {
            format, version, ..
        } => Err(format!("its format, {format} {version}, is not supported")),
        Manifest::ById(TextsById(texts)) => {
            let mut listed: Vec<_> = texts
                .into_iter()
                .map(|(id, text)| ManifestEntry {
                    id,
                    name: None,
                    text,
                })
                .collect();
            // Sorted, so that the first error is always the same one.
            listed.sort_unstable_by(|one, other| one.id.cmp(&other.id));
            Ok(listed)
        }
    }
}

/// Returns the name of the document's only operation.
fn name_in(text: &str) -> Option<String> {
    let text = strings::resolve_escapes(text).ok()?;
    let parsed = async_graphql::parser::parse_query(&text).ok()?;
    let mut names = parsed.operations.iter().map(|(name, _)| name);
    match (names.next(), names.next()) {
        (Some(name), None) => name.map(ToString::to_string),
        _ => None,
    }
}

/// Returns the variables with the lowest cost: pages of one, empty lists, and otherwise null.
fn cheapest_variables(operation: &OperationDefinition, truth: bool) -> Variables {
    let mut variables = Variables::default();
    for definition in &operation.variable_definitions {
        let value = match &definition.node.var_type.node.base {
            BaseType::List(_) => Value::List(Vec::new()),
            BaseType::Named(name) if name == "Int" => Value::from(1),
            BaseType::Named(name) if name == "Boolean" => Value::from(truth),
            BaseType::Named(_) => Value::Null,
        };
        variables.insert(definition.node.name.node.clone(), value);
    }
    variables
}
