//! Every way around the viewer that anyone could name, each tried and each refused.
//!
//! A case in `cases` is a file that a slice might hold. It says at its top what refuses it, and
//! marks each line that must be refused. Whoever thinks of another way adds a file.

mod case;
mod judge;
mod lists;
mod sources;
mod tree;

use case::{Case, Stage};
use judge::{unforeseen, unrefused};
use tree::Tree;

/// A slice that uses the viewer in each way that it is meant to be used.
const LEGITIMATE: &str = include_str!("legitimate.rs");

#[test]
#[ignore = "needs clippy and a minute; .ci/run runs it"]
fn every_way_around_the_viewer_is_refused() {
    let cases = Case::all();
    let tree = Tree::copy();

    // Were the rest not in order, its errors could pass for refusals.
    let said: Vec<String> = tree
        .check(&[("legitimate", LEGITIMATE)])
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        said.is_empty(),
        "what is no way around the viewer is refused:\n{}",
        said.join("\n")
    );

    let mut escaped = Vec::new();
    let mut untried = tree.bans();
    // An error of one stage keeps the compiler from the next, so each stage is run by itself.
    for stage in Stage::COMPILED {
        let batch: Vec<&Case> = cases.iter().filter(|case| case.stage() == stage).collect();
        let files: Vec<(&str, &str)> = batch
            .iter()
            .map(|case| (case.name.as_str(), case.text.as_str()))
            .collect();
        let diagnostics = tree.check(&files);
        for case in &batch {
            escaped.extend(unrefused(case, &diagnostics));
        }
        escaped.extend(unforeseen(&batch, &diagnostics));
        untried.retain(|ban| {
            let quoted = format!("`{ban}`");
            !diagnostics.iter().any(|it| it.message.contains(&quoted))
        });
    }
    assert!(
        escaped.is_empty(),
        "not as foreseen:\n{}",
        escaped.join("\n")
    );
    assert!(
        untried.is_empty(),
        "banned, and no case tries it, or the path is of nothing:\n{}",
        untried.join("\n")
    );
}

#[test]
fn what_the_compiler_lets_pass_is_found_by_reading() {
    let escaped: Vec<String> = Case::all()
        .iter()
        .filter(|case| case.stage() == Stage::Reading)
        .filter(|case| {
            !sources::objections(&format!("src/tasks/{}.rs", case.name), &case.text)
                .iter()
                .any(|objection| objection.rule == case.code)
        })
        .map(|case| format!("{}: {} finds nothing", case.name, case.code))
        .collect();
    assert!(escaped.is_empty(), "not refused:\n{}", escaped.join("\n"));
}

#[test]
fn the_sources_hold_nothing_that_reading_objects_to() {
    let mut objections = Vec::new();
    for (path, text) in sources::all() {
        for objection in sources::objections(&path, &text) {
            objections.push(format!("{path}: {}: {}", objection.rule, objection.words));
        }
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

#[test]
fn every_table_and_its_owner_is_listed() {
    let found: Vec<sources::Table> = sources::all()
        .iter()
        .flat_map(|(path, text)| sources::tables(path, text))
        .collect();
    let listed: Vec<sources::Table> = lists::TABLES
        .iter()
        .map(|&(path, table, owner)| sources::Table {
            path: path.to_owned(),
            table: table.to_owned(),
            owner: owner.map(str::to_owned),
        })
        .collect();
    assert_eq!(
        found, listed,
        "say in tests/escapes/lists.rs whose its rows are"
    );
}

#[test]
fn every_silenced_ban_is_listed() {
    let found: Vec<(String, Vec<String>)> = sources::all()
        .iter()
        .map(|(path, text)| (path.clone(), sources::silenced(text)))
        .filter(|(_, lints)| !lints.is_empty())
        .collect();
    let listed: Vec<(String, Vec<String>)> = lists::SILENCED
        .iter()
        .map(|(path, lints, _)| {
            let lints = lints.iter().map(|lint| (*lint).to_owned()).collect();
            ((*path).to_owned(), lints)
        })
        .collect();
    assert_eq!(
        found, listed,
        "say in tests/escapes/lists.rs why it needs to"
    );
}
