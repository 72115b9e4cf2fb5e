//! Parses the compiler's errors, and compares them with the marks of the cases.

use std::collections::HashSet;

use serde_json::Value;

use super::case::Case;

/// An error of the compiler: its code, file and line.
pub type Diagnostic = (String, String, u64);

/// Parses the output of `cargo check --message-format=json`. Returns one error for each primary
/// span.
pub fn errors(output: &str) -> HashSet<Diagnostic> {
    let messages = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["reason"] == "compiler-message" && line["message"]["level"] == "error");
    messages
        .flat_map(|line| of_message(&line["message"]))
        .collect()
}

fn of_message(message: &Value) -> Vec<Diagnostic> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let spans = message["spans"].as_array().into_iter().flatten();
    spans
        .filter(|span| span["is_primary"] == true)
        .map(|span| {
            let line = span["line_start"].as_u64().unwrap_or_default();
            (
                text(&message["code"]["code"]),
                text(&span["file_name"]),
                line,
            )
        })
        .collect()
}

/// Returns a message for each marked line without an error of the case's code, and for each error
/// on an unmarked line.
pub fn unexpected(cases: &[&Case], errors: &HashSet<Diagnostic>) -> Vec<String> {
    let expected: HashSet<Diagnostic> = cases
        .iter()
        .flat_map(|case| {
            let code = case.code.clone().unwrap_or_default();
            let marked = case.marked().into_iter();
            marked.map(move |line| (code.clone(), case.file(), line))
        })
        .collect();
    let missing = expected
        .difference(errors)
        .map(|it| format!("no error: {it:?}"));
    let others = errors
        .difference(&expected)
        .map(|it| format!("unexpected error: {it:?}"));
    missing.chain(others).collect()
}

#[test]
fn errors_are_parsed_with_code_file_and_line() {
    let line = |level: &str, code: &str, line: u64, is_primary: bool| {
        let span = serde_json::json!({ "is_primary": is_primary, "file_name": "a.rs", "line_start": line });
        let message =
            serde_json::json!({ "level": level, "code": { "code": code }, "spans": [span] });
        serde_json::json!({ "reason": "compiler-message", "message": message }).to_string()
    };
    let output = [
        line("error", "E0277", 3, true),
        line("error", "E0308", 4, false),
        line("warning", "E0277", 5, true),
        "error: could not compile".to_owned(),
    ];
    let found = errors(&output.join("\n"));
    assert_eq!(found, [("E0277".to_owned(), "a.rs".to_owned(), 3)].into());
}
