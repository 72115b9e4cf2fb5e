//! Ways around the viewer, each refused by the compiler or by the imports that its file may have.
//!
//! A case in `cases` is a file that a slice might have. Its first line says what refuses it, and marks are on the lines
//! that the compiler must refuse. Whoever thinks of another way adds a file.

mod allowlists;
mod case;
mod diagnostics;
mod sources;
mod tree;

use case::Case;
use tree::Tree;

/// A slice that uses the viewer in each way that it is meant to be used.
const ALLOWED: &str = include_str!("allowed.rs");

#[test]
fn each_source_has_only_the_imports_that_it_may_have() {
    let found: Vec<String> = sources::all()
        .iter()
        .flat_map(|(path, text)| {
            let objections = sources::objections(path, text).into_iter();
            objections.map(move |words| format!("{path}: {words}"))
        })
        .collect();
    assert!(
        found.is_empty(),
        "tests/escapes/allowlists.rs gives these words to other files:\n{}",
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
fn each_case_for_reading_is_refused() {
    let cases = Case::all();
    let missed: Vec<&str> = cases
        .iter()
        .filter(|case| {
            case.code.is_none() == sources::objections(&case.file(), &case.text).is_empty()
        })
        .map(|case| case.name.as_str())
        .collect();
    assert!(
        missed.is_empty(),
        "not as the first line says: {}",
        missed.join(", ")
    );
    assert!(sources::objections("src/tasks/allowed.rs", ALLOWED).is_empty());
}

#[test]
#[ignore = "compiles the sources three times; .ci/run runs it"]
fn each_case_for_the_compiler_is_refused() {
    let tree = Tree::copy();
    // Otherwise errors of the sources could pass for refusals.
    let errors = tree.check(&[("src/tasks/allowed.rs".to_owned(), ALLOWED)]);
    assert!(errors.is_empty(), "{errors:?}");
    let cases = Case::all();
    // Errors of names keep the compiler from the types.
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
