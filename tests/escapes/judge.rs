//! Whether what the compiler said refuses a case.

use std::fmt;

use serde_json::Value;

use super::case::Case;

/// One thing that the compiler said of one line.
#[derive(Debug, PartialEq)]
pub struct Diagnostic {
    pub is_error: bool,
    /// `E0277`, `clippy::disallowed_types`; nothing for what has no code.
    pub code: Option<String>,
    /// From the root of the package.
    pub file: String,
    pub line: u64,
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.as_deref().unwrap_or("no code");
        write!(f, "{}:{}: {code}: {}", self.file, self.line, self.message)
    }
}

/// What `cargo clippy --message-format=json` wrote: its errors and warnings, one for each primary
/// span. Other lines are not the compiler's.
pub fn diagnostics(output: &str) -> Vec<Diagnostic> {
    output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|said| said["reason"] == "compiler-message")
        .flat_map(|said| of_message(&said["message"]))
        .collect()
}

fn of_message(message: &Value) -> Vec<Diagnostic> {
    let spans = message["spans"].as_array().into_iter().flatten();
    spans
        .filter(|span| span["is_primary"] == true)
        .map(|span| Diagnostic {
            is_error: message["level"] == "error",
            code: message["code"]["code"].as_str().map(str::to_owned),
            file: span["file_name"].as_str().unwrap_or_default().to_owned(),
            line: span["line_start"].as_u64().unwrap_or_default(),
            message: message["message"].as_str().unwrap_or_default().to_owned(),
        })
        .collect()
}

/// Each marked line of the case that has no error of the code that the case declares.
pub fn unrefused(case: &Case, diagnostics: &[Diagnostic]) -> Vec<String> {
    let file = super::tree::file_of(&case.name);
    let here: Vec<&Diagnostic> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.file == file)
        .collect();
    case.marked()
        .into_iter()
        .filter(|&line| {
            !here.iter().any(|diagnostic| {
                diagnostic.is_error
                    && diagnostic.line == line
                    && diagnostic.code.as_ref() == Some(&case.code)
            })
        })
        .map(|line| {
            let said: Vec<String> = here
                .iter()
                .filter(|diagnostic| diagnostic.line == line)
                .map(|diagnostic| format!("\n    {diagnostic}"))
                .collect();
            format!("{file}:{line}: not by {}{}", case.code, said.concat())
        })
        .collect()
}

/// Each error on a line that no case marks: it is a slip of the case's, and one of an earlier
/// stage keeps the compiler from the rest.
pub fn unforeseen(cases: &[&Case], diagnostics: &[Diagnostic]) -> Vec<String> {
    let is_marked = |diagnostic: &Diagnostic| {
        cases.iter().any(|case| {
            diagnostic.file == super::tree::file_of(&case.name)
                && case.marked().contains(&diagnostic.line)
        })
    };
    diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error && !is_marked(diagnostic))
        .map(|diagnostic| format!("unforeseen: {diagnostic}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(level: &str, code: &str, file: &str, line: u64, is_primary: bool) -> String {
        json!({
            "reason": "compiler-message",
            "message": {
                "level": level,
                "code": { "code": code },
                "message": "no",
                "spans": [{ "is_primary": is_primary, "file_name": file, "line_start": line }],
            },
        })
        .to_string()
    }

    fn judge(output: &str) -> usize {
        let text = "//! Refused by E0277: it is a test.\nfine\nwrong //~\n".to_owned();
        let case = Case::read("way", text);
        unrefused(&case, &diagnostics(output)).len()
    }

    #[test]
    fn an_error_of_the_declared_code_on_the_marked_line_refuses() {
        let file = super::super::tree::file_of("way");
        assert_eq!(judge(&said("error", "E0277", &file, 3, true)), 0);
    }

    #[test]
    fn nothing_else_refuses() {
        let file = super::super::tree::file_of("way");
        assert_eq!(judge(""), 1);
        assert_eq!(
            judge("error: could not compile\n{\"reason\":\"build-finished\"}"),
            1
        );
        assert_eq!(judge(&said("warning", "E0277", &file, 3, true)), 1);
        assert_eq!(judge(&said("error", "E0308", &file, 3, true)), 1);
        assert_eq!(
            judge(&said("error", "E0277", "src/tasks/mod.rs", 3, true)),
            1
        );
        assert_eq!(judge(&said("error", "E0277", &file, 2, true)), 1);
        assert_eq!(judge(&said("error", "E0277", &file, 3, false)), 1);
    }

    #[test]
    fn a_warning_is_heard_as_one() {
        let heard = diagnostics(&said("warning", "dead_code", "src/lib.rs", 1, true));
        assert_eq!(heard.len(), 1);
        assert!(!heard[0].is_error);
    }
}
