//! Documents that a front end was built with, read from the manifests of its tools: each may be named by
//! its id, and nothing else need run.

use std::{fmt, io::Read, path::PathBuf, sync::Arc};

use async_graphql::{
    Name, ServerError, Value, Variables,
    parser::types::{BaseType, ExecutableDocument, OperationDefinition},
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

/// What Apollo's manifests say that they are.
const APOLLO: (&str, u32) = ("apollo-persisted-query-manifest", 1);

/// What is before an id that is the SHA-256 of the text, as GraphQL over HTTP writes it.
const BY_HASH: &str = "sha256:";

/// The maximum size of a manifest, in bytes.
const MAX_MANIFEST_BYTES: u64 = 64 * 1024 * 1024;

/// The reason why a manifest cannot be used; the message says what to do.
#[derive(Debug, thiserror::Error)]
#[error("CUBBY_TRUSTED_DOCUMENTS: {0}")]
pub struct ManifestError(String);

/// A document of a manifest.
struct ManifestEntry {
    id: String,
    /// Where the manifest says it.
    name: Option<String>,
    text: String,
}

/// As Apollo's `generate-persisted-query-manifest` writes it, or as an object of ids and texts, which
/// graphql-codegen's client preset and the Relay compiler write.
#[derive(Deserialize)]
#[serde(untagged)]
enum Manifest {
    Apollo {
        format: String,
        version: u32,
        operations: Vec<Operation>,
    },
    ById(Texts),
}

/// Ids and texts, an id that is there twice told twice.
struct Texts(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of ids and texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = map.next_entry()? {
            texts.push(text);
        }
        Ok(Texts(texts))
    }
}

#[derive(Deserialize)]
struct Operation {
    id: String,
    name: String,
    body: String,
}

impl Documents {
    /// Trusts the documents of these files, and when they are all, nothing else. What `validate` finds wrong
    /// with one could never run.
    ///
    /// # Errors
    /// When a file cannot be read, or a document of it could never pass.
    pub(crate) fn trusting(
        mut self,
        files: &[PathBuf],
        are_all: bool,
        validate: impl Fn(&ExecutableDocument, Option<&Name>) -> Vec<ServerError>,
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
                let wrong = |what: &str| wrong(format!("{} {what}", listed.told()));
                let document = self
                    .check(&listed.text, &validate)
                    .map_err(|what| wrong(&format!("could never run. {what}")))?;
                let hash = hash(&listed.text);
                let said = listed.id.strip_prefix(BY_HASH);
                if listed.id.is_empty() || said.is_some_and(|said| read_hash(said) != Some(hash)) {
                    return Err(wrong("has an id that is not its own"));
                }
                trusted.by_hash.insert(hash, document);
                let before = trusted.by_id.insert(listed.id.clone(), hash);
                if before.is_some_and(|before| before != hash) {
                    return Err(wrong("has the id of another document"));
                }
            }
        }
        tracing::info!(documents = trusted.by_hash.len(), "documents are trusted");
        self.trusted = trusted;
        Ok(self)
    }

    /// The document of this id; or, where the id is the text's SHA-256, one that was sent lately.
    pub(crate) fn named(&self, id: &str) -> Option<Arc<Document>> {
        let hash = match self.trusted.by_id.get(id) {
            Some(hash) => *hash,
            None => read_hash(id.strip_prefix(BY_HASH)?)?,
        };
        self.recall(&hash)
    }

    /// Parses a document, measures it, and sees to it that there are variables with which each of its
    /// operations passes.
    fn check(
        &self,
        text: &str,
        validate: impl Fn(&ExecutableDocument, Option<&Name>) -> Vec<ServerError>,
    ) -> Result<Arc<Document>, String> {
        let said = |refusal: Rejection| {
            let errors = refusal.into_errors().into_iter();
            errors
                .map(|error| error.message)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let document = self.parse(text).map_err(said)?;
        for (name, operation) in document.parsed.operations.iter() {
            let selected = document.operation(name.map(Name::as_str));
            let selected = selected.ok_or("It has operations with and without a name.")?;
            Self::permit(selected).map_err(said)?;
            let wrong = validate(&document.parsed, name);
            if let Some(error) = wrong.into_iter().next() {
                return Err(error.message);
            }
            let (least, most) = (self.least_cost(&document, &operation.node), self.max_cost());
            if least > most {
                return Err(format!(
                    "It costs at least {least}, and at most {most} are allowed."
                ));
            }
        }
        Ok(Arc::new(document))
    }

    /// What an operation costs with the variables with which it costs least.
    fn least_cost(&self, document: &Document, operation: &OperationDefinition) -> u64 {
        let costs = [false, true].map(|truth| {
            let variables = cheapest_variables(operation, truth);
            CostCalculator::new(&self.types, &document.parsed, operation, &variables).total()
        });
        costs[0].min(costs[1])
    }
}

impl ManifestEntry {
    /// How a person finds it.
    fn told(&self) -> String {
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
        "it is no manifest that Apollo's generate-persisted-query-manifest, graphql-codegen's client preset or \
         the Relay compiler writes"
            .to_owned()
    })?;
    match manifest {
        Manifest::Apollo {
            format,
            version,
            operations,
        } if (format.as_str(), version) == APOLLO => Ok(operations
            .into_iter()
            .map(|operation| ManifestEntry {
                id: operation.id,
                name: Some(operation.name),
                text: operation.body,
            })
            .collect()),
        Manifest::Apollo {
            format, version, ..
        } => Err(format!("its format, {format} {version}, is not known")),
        Manifest::ById(Texts(texts)) => {
            let mut listed: Vec<_> = texts
                .into_iter()
                .map(|(id, text)| ManifestEntry {
                    id,
                    name: None,
                    text,
                })
                .collect();
            // The first that is wrong is always the same.
            listed.sort_unstable_by(|one, other| one.id.cmp(&other.id));
            Ok(listed)
        }
    }
}

/// The name of a document's only operation.
fn name_in(text: &str) -> Option<String> {
    let text = strings::resolve_escapes(text).ok()?;
    let parsed = async_graphql::parser::parse_query(&text).ok()?;
    let mut names = parsed.operations.iter().map(|(name, _)| name);
    match (names.next(), names.next()) {
        (Some(name), None) => name.map(ToString::to_string),
        _ => None,
    }
}

/// Variables that ask for as little as may be: pages of one, empty lists, nothing where nothing will do.
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
