//! Tests that each way to bypass the viewer is rejected, by the compiler or by a scan of the
//! sources.
//!
//! Each file in `cases` is a file that a slice could contain. Its first line states the rejection:
//! `//! Refused by E0277: reason` for the compiler, `//! Refused by reading: reason` for the scan.
//! The mark `//~` ends each line that the compiler must reject. To test another way to bypass the
//! viewer, add a file.

mod allowlists;
mod case;
mod diagnostics;
mod sources;
mod tree;

use case::Case;
use tree::Tree;

/// A slice that uses the viewer in every intended way.
const ALLOWED: &str = include_str!("allowed.rs");

#[test]
fn each_source_uses_only_allowed_words() {
    let found: Vec<String> = sources::all()
        .iter()
        .flat_map(|(path, text)| {
            let violations = sources::violations(path, text).into_iter();
            violations.map(move |words| format!("{path}: {words}"))
        })
        .collect();
    assert!(
        found.is_empty(),
        "these files use words that tests/escapes/allowlists.rs allows only in other files:\n{}",
        found.join("\n")
    );
}

#[test]
fn each_table_is_listed_with_its_owner() {
    let mut found: Vec<_> = sources::all()
        .iter()
        .flat_map(|(path, text)| sources::tables(path, text))
        .map(|it| (it.path, it.table, it.owner))
        .collect();
    found.sort();
    let mut listed: Vec<_> = allowlists::TABLES
        .iter()
        .map(|(path, table, owner)| {
            (
                (*path).to_owned(),
                (*table).to_owned(),
                owner.map(str::to_owned),
            )
        })
        .collect();
    listed.sort();
    assert_eq!(found, listed);
}

#[test]
fn scan_rejects_each_of_its_cases() {
    let cases = Case::all();
    let missed: Vec<&str> = cases
        .iter()
        .filter(|case| {
            case.code.is_none() == sources::violations(&case.file(), &case.text).is_empty()
        })
        .map(|case| case.name.as_str())
        .collect();
    assert!(
        missed.is_empty(),
        "the scan does not agree with the first line of: {}",
        missed.join(", ")
    );
    assert!(sources::violations("src/tasks/allowed.rs", ALLOWED).is_empty());
}

#[test]
#[ignore = "compiles the sources three times; .ci/run runs it"]
fn compiler_rejects_each_of_its_cases() {
    let tree = Tree::copy();
    // Errors in the sources themselves could pass for rejections.
    let errors = tree.check(&[("src/tasks/allowed.rs".to_owned(), ALLOWED)]);
    assert!(errors.is_empty(), "{errors:?}");
    let cases = Case::all();
    // After errors in name resolution the compiler does not check types, so those cases run
    // separately.
    for is_of_names in [true, false] {
        let batch: Vec<&Case> = cases
            .iter()
            .filter(|case| case.code.is_some() && case.is_of_names() == is_of_names)
            .collect();
        let files: Vec<_> = batch
            .iter()
            .map(|case| (case.file(), case.text.as_str()))
            .collect();
        let unexpected = diagnostics::unexpected(&batch, &tree.check(&files));
        assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
    }
}
