//! Scans the tokens of the sources for words that only some files may use, and for tables with
//! their owners.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};

use super::allowlists::{SEA_ORM, TABLE_TRAITS, TABLES, WORDS};

/// An entity's table, and the column of its owner.
#[derive(Debug, PartialEq)]
pub struct Table {
    pub path: String,
    pub table: String,
    pub owner: Option<String>,
}

/// Returns the path and the text of each source file, sorted by path.
pub fn all() -> Vec<(String, String)> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&package.join("src"), &mut paths);
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("a source can be read");
            let path = path
                .strip_prefix(package)
                .expect("a source is inside the package");
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

/// Returns the words and attributes for which a file is rejected.
pub fn violations(path: &str, text: &str) -> Vec<String> {
    let tokens = tokens(text);
    let is_in = |places: &[&str]| places.iter().any(|place| path.starts_with(place));
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let is_lifetime = at > 0 && tokens[at - 1] == "'";
        let is_refused = |(word, files): &(&str, &[&str])| token == word && !is_in(files);
        if !is_lifetime && WORDS.iter().any(is_refused) {
            found.push(token.clone());
        }
    }
    for attribute in attributes(&tokens) {
        let is_refused = match attribute.first().map(String::as_str) {
            Some("path") => path != "src/identity/tests.rs",
            Some("sea_orm") => attribute[1..].iter().any(|token| {
                token.starts_with(char::is_alphabetic) && !SEA_ORM.contains(&token.as_str())
            }),
            _ => false,
        };
        if is_refused {
            found.push(attribute.join(" "));
        }
    }
    let tables = tables(path, text);
    // `src/scope` itself implements more for its tables.
    if !tables.is_empty() && !path.starts_with("src/scope/") {
        found.extend(table_file_violations(&tokens));
    }
    let owned = implementations(&tokens).filter(|(name, _)| name == "Owned");
    if owned.count() != tables.iter().filter(|it| it.owner.is_some()).count() {
        found.push("Owned".to_owned());
    }
    for table in tables {
        if !TABLES.contains(&(path, &table.table, table.owner.as_deref())) {
            found.push(table.table);
        }
    }
    found
}

/// Rejects hooks, relations and other traits in a table's file, which may only contain the entity,
/// its owner and its row.
fn table_file_violations(tokens: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, implementation) in implementations(tokens) {
        if !TABLE_TRAITS.contains(&name.as_str()) {
            found.push(implementation.join(" "));
        }
    }
    for empty in [
        "impl ActiveModelBehavior for ActiveModel {",
        "enum Relation {",
    ] {
        let start: Vec<&str> = empty.split(' ').collect();
        for at in 0..tokens.len() {
            let is_here = tokens[at..]
                .iter()
                .zip(&start)
                .filter(|(a, b)| a == *b)
                .count()
                == start.len();
            if is_here && after(tokens, at + start.len()) != "}" {
                found.push(empty.to_owned());
            }
        }
    }
    found
}

/// Returns the tables of a file. The owner of a table is the one named before the next table.
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
        // An implementation in another form is not recognised, so its table seems to have no owner.
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

/// Returns, for each `impl Trait for Type`, the trait's name and the tokens up to `for`.
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

/// Returns the tokens between the brackets of each attribute.
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

/// Returns the tokens of a text.
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
