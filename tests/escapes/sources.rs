//! What the compiler lets pass and a reader would not: the sources, read as tokens.
//!
//! Clippy sees neither that a trait is implemented by hand, nor which table an entity is of, nor
//! what it was told not to look at.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};

use super::lists::{
    CONDITIONS, EXPRESSIONS, IMPLEMENTED, IMPLEMENTORS, SEA_ORM, SILENCED, TABLES, WORDS,
};

/// Something that a file should not hold.
#[derive(Debug)]
pub struct Objection {
    /// `sources::` and what is read for it.
    pub rule: &'static str,
    pub words: String,
}

/// An entity's table, and whose its rows are.
#[derive(Debug, PartialEq)]
pub struct Table {
    pub path: String,
    pub table: String,
    pub owner: Option<String>,
}

/// Every source of the service, by path, each with its text.
pub fn all() -> Vec<(String, String)> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&package.join("src"), &mut paths);
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("a source can be read");
            let path = path.strip_prefix(package).expect("it lies in the package");
            (path.to_string_lossy().replace('\\', "/"), text)
        })
        .collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("the sources can be listed") {
        let path = entry.expect("the sources can be listed").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// All that a file should not hold.
pub fn objections(path: &str, text: &str) -> Vec<Objection> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut object = |rule, words: &[String]| {
        found.push(Objection {
            rule,
            words: words.join(" "),
        });
    };

    for (at, token) in tokens.iter().enumerate() {
        let is_lifetime = at > 0 && tokens[at - 1] == "'";
        let speaks = |files: &[&str]| files.iter().any(|file| path.starts_with(file));
        if WORDS
            .iter()
            .any(|(word, files)| token == word && !speaks(files))
            && !is_lifetime
        {
            object("sources::words", &tokens[at..=at]);
        }
        // A trait under another's name.
        if token == "as" && IMPLEMENTED.contains(&after(&tokens, at + 1)) {
            object("sources::implements", &tokens[at..at + 2]);
        }
    }
    for (name, implementation) in implementations(&tokens) {
        if !IMPLEMENTED.contains(&name.as_str()) && !IMPLEMENTORS.contains(&path) {
            object("sources::implements", implementation);
        }
    }
    for attribute in attributes(&tokens) {
        if let Some(rule) = objection_to_attribute(path, attribute) {
            object(rule, attribute);
        }
    }
    // Whatever else it is an implementation of, it is not one that `tables` reads.
    let owned = implementations(&tokens).filter(|(name, _)| name == "Owned");
    if owned.count()
        != tables(path, text)
            .iter()
            .filter(|it| it.owner.is_some())
            .count()
    {
        object("sources::tables", &["Owned".to_owned()]);
    }
    for table in tables(path, text) {
        if !TABLES.contains(&(path, &table.table, table.owner.as_deref())) {
            object("sources::tables", &[table.table]);
        }
    }
    found
}

fn objection_to_attribute(path: &str, attribute: &[String]) -> Option<&'static str> {
    let says = |word: &str| attribute.iter().any(|token| token == word);
    if ["allow", "warn"].into_iter().any(says) {
        return Some("sources::silences");
    }
    if says("expect") && !SILENCED.iter().any(|(listed, ..)| *listed == path) {
        return Some("sources::silences");
    }
    match attribute.first().map(String::as_str) {
        Some("cfg" | "cfg_attr") => {
            let condition = attribute[2..attribute.len() - 1].join(" ");
            let is_listed = CONDITIONS.iter().any(|(listed, files)| {
                *listed == condition && (files.is_empty() || files.contains(&path))
            });
            (attribute[0] == "cfg_attr" || !is_listed).then_some("sources::conditions")
        }
        Some("sea_orm") => {
            let is_known = |token: &&String| {
                SEA_ORM.contains(&token.as_str()) || !token.starts_with(char::is_alphabetic)
            };
            (!attribute[1..].iter().all(|token| is_known(&token))).then_some("sources::attributes")
        }
        Some(
            "graphql" | "ComplexObject" | "Interface" | "MergedObject" | "Object" | "Scalar"
            | "Subscription",
        ) => EXPRESSIONS
            .into_iter()
            .any(says)
            .then_some("sources::attributes"),
        // Tests in the library share the start of PostgreSQL with those outside.
        Some("path") if path == "src/identity/tests.rs" => None,
        Some("path" | "iden") => Some("sources::attributes"),
        _ => None,
    }
}

/// Which of clippy's lints a file silences, in the order in which it does.
pub fn silenced(text: &str) -> Vec<String> {
    let tokens = tokens(text);
    let mut lints = Vec::new();
    for attribute in attributes(&tokens).filter(|attribute| attribute[0] == "expect") {
        for at in 0..attribute.len() {
            if attribute[at] == "clippy" {
                lints.push(after(attribute, at + 3).to_owned());
            }
        }
    }
    lints.dedup();
    lints
}

/// The entities of a file: each table, and the owner that is named before the next one.
pub fn tables(path: &str, text: &str) -> Vec<Table> {
    let tokens = tokens(text);
    let mut tables: Vec<Table> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token == "table_name" && after(&tokens, at + 1) == "=" {
            tables.push(Table {
                path: path.to_owned(),
                table: after(&tokens, at + 2).trim_matches('"').to_owned(),
                owner: None,
            });
        }
        // Whatever is written otherwise is not read, and so is missed.
        let owned = "impl Owned for Entity { const OWNER : Column = Column : :";
        let length = owned.split(' ').count();
        if let Some(window) = tokens.get(at..at + length)
            && window.iter().eq(owned.split(' '))
            && let Some(table) = tables.last_mut()
        {
            table.owner = Some(after(&tokens, at + length).to_owned());
        }
    }
    tables
}

/// Each `impl Trait for Type`: the trait's name, and its words up to the type.
fn implementations(tokens: &[String]) -> impl Iterator<Item = (String, &[String])> {
    let starts = (0..tokens.len()).filter(|&at| tokens[at] == "impl");
    starts.filter_map(|start| {
        let mut depth = 0_i32;
        let mut name = String::new();
        for at in start + 1..tokens.len() {
            match tokens[at].as_str() {
                "<" => depth += 1,
                ">" if tokens[at - 1] != "-" => depth -= 1,
                "for" if depth == 0 && after(tokens, at + 1) != "<" => {
                    return Some((name, &tokens[start..=at]));
                }
                "{" | "}" | ";" | "," | ")" | "=" if depth == 0 => return None,
                word if depth == 0 => word.clone_into(&mut name),
                _ => {}
            }
        }
        None
    })
}

/// What stands between the brackets of each attribute.
fn attributes(tokens: &[String]) -> impl Iterator<Item = &[String]> {
    let starts = (0..tokens.len()).filter(|&at| tokens[at] == "#");
    starts.filter_map(|start| {
        let open = if after(tokens, start + 1) == "!" {
            start + 2
        } else {
            start + 1
        };
        if after(tokens, open) != "[" {
            return None;
        }
        let mut depth = 0_i32;
        for at in open..tokens.len() {
            match tokens[at].as_str() {
                "[" => depth += 1,
                "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(&tokens[open + 1..at]);
            }
        }
        None
    })
}

fn after(tokens: &[String], at: usize) -> &str {
    tokens.get(at).map_or("", String::as_str)
}

/// The words and signs of a text.
fn tokens(text: &str) -> Vec<String> {
    let stream: TokenStream = text.parse().expect("a source is Rust");
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    tokens
}

fn flatten(stream: TokenStream, tokens: &mut Vec<String>) {
    for tree in stream {
        match tree {
            TokenTree::Group(group) => {
                let [open, close] = match group.delimiter() {
                    proc_macro2::Delimiter::Brace => ["{", "}"],
                    proc_macro2::Delimiter::Bracket => ["[", "]"],
                    proc_macro2::Delimiter::Parenthesis => ["(", ")"],
                    proc_macro2::Delimiter::None => ["", ""],
                };
                tokens.push(open.to_owned());
                flatten(group.stream(), tokens);
                tokens.push(close.to_owned());
            }
            // `r#fs` is `fs`.
            TokenTree::Ident(word) => {
                tokens.push(word.to_string().trim_start_matches("r#").to_owned());
            }
            other => tokens.push(other.to_string()),
        }
    }
}
