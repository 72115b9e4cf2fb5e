//! Test that each test that a specification names exists.

use std::{collections::HashSet, fs, path::Path};

use crate::sources::files;

/// Returns every test function as `file::function`; `mod.rs` and `tests.rs` count as their folder.
fn tests() -> HashSet<String> {
    let mut tests = HashSet::new();
    for path in ["src", "tests", "migration"]
        .into_iter()
        .flat_map(|root| files(Path::new(root), "rs"))
    {
        let module = path.with_extension("");
        let module = match module.file_name() {
            Some(name) if name == "mod" || name == "tests" => module.parent().unwrap(),
            _ => &module,
        };
        let file = module.file_name().unwrap().to_string_lossy();
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines().map(str::trim).peekable();
        while let Some(line) = lines.next() {
            let is_test = line.starts_with("#[tokio::test")
                || ["#[test]", "#[apply(each_database)]"].contains(&line);
            while is_test && lines.peek().is_some_and(|line| line.starts_with("#[")) {
                lines.next();
            }
            let declared = lines
                .peek()
                .filter(|_| is_test)
                .and_then(|line| line.split_once("fn "))
                .and_then(|(_, rest)| rest.split_once('('));
            if let Some((name, _)) = declared {
                tests.insert(format!("{file}::{name}"));
            }
        }
    }
    tests
}

/// Returns each quotation in backticks that has the form `file::function`.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter(|quoted| {
        quoted.split_once("::").is_some_and(|(file, name)| {
            let is_word = |word: &str| {
                !word.is_empty()
                    && word
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            };
            is_word(file) && is_word(name)
        })
    })
}

#[test]
fn tests_named_in_specifications_exist() {
    let tests = tests();
    let mut count = 0;
    for path in files(Path::new("specs"), "md") {
        let text = fs::read_to_string(&path).unwrap();
        for name in named(&text) {
            assert!(
                tests.contains(name),
                "{} names the test {name}, which does not exist",
                path.display()
            );
            count += 1;
        }
    }
    assert!(count > 50, "the specifications name only {count} tests");
}
