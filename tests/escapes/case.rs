//! Reads the cases, each a way to bypass the viewer and the expected rejection.

use std::{fs, path::Path};

/// The end of a line that the compiler must reject.
const MARK: &str = "//~";

/// One file of `cases`.
pub struct Case {
    pub name: String,
    /// The compiler's error code, or `None` if the scan rejects the case.
    pub code: Option<String>,
    pub text: String,
}

impl Case {
    /// Returns all cases, sorted by name.
    pub fn all() -> Vec<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/escapes/cases");
        let mut cases: Vec<Self> = fs::read_dir(directory)
            .expect("the directory of cases can be listed")
            .map(|entry| {
                let path = entry.expect("the cases can be listed").path();
                let name = path.file_stem().expect("a case has a name");
                let text = fs::read_to_string(&path).expect("a case can be read");
                Self::read(&name.to_string_lossy(), text)
            })
            .collect();
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        cases
    }

    /// Parses a case, which begins with `//! Refused by E0277: reason` or `//! Refused by reading:
    /// reason`.
    fn read(name: &str, text: String) -> Self {
        let code = text
            .strip_prefix("//! Refused by ")
            .and_then(|rest| rest.split_once(": "))
            .map(|(code, _)| code.to_owned())
            .unwrap_or_else(|| panic!("{name} must begin with `//! Refused by CODE: reason`"));
        let case = Self {
            name: name.to_owned(),
            code: Some(code).filter(|code| code != "reading"),
            text,
        };
        assert!(
            case.code.is_none() || !case.marked().is_empty(),
            "{name} must mark the lines that the compiler rejects with //~"
        );
        case
    }

    /// Returns the path of the case as a file of a slice.
    pub fn file(&self) -> String {
        format!("src/tasks/escape_{}.rs", self.name)
    }

    /// True if name resolution rejects the case, so that the compiler does not check types.
    pub fn is_of_names(&self) -> bool {
        let names = [
            "E0423",
            "E0425",
            "E0432",
            "E0433",
            "E0451",
            "E0603",
            "unsafe_code",
        ];
        self.code
            .as_deref()
            .is_some_and(|code| names.contains(&code))
    }

    /// Returns the numbers of the marked lines, counted from 1.
    pub fn marked(&self) -> Vec<u64> {
        (1..)
            .zip(self.text.lines())
            .filter(|(_, line)| line.ends_with(MARK))
            .map(|(number, _)| number)
            .collect()
    }
}
