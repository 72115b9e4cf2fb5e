//! A way around the viewer, and what refuses it.

use std::{fs, path::Path};

/// What ends the line that must be refused.
const MARK: &str = "//~";

/// One file of `cases`.
pub struct Case {
    pub name: String,
    /// The error, the lint or the rule of `sources` that refuses it.
    pub code: String,
    pub text: String,
}

/// How far the compiler comes before it refuses. It stops at the end of the first stage that has
/// an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Names that are not there or are private.
    Names,
    /// What is asked of the types.
    Types,
    /// Traits implemented otherwise than they are declared.
    Traits,
    /// What may not be said though it compiles.
    Lints,
    /// Nothing of the compiler's: `sources` reads the text.
    Reading,
}

impl Stage {
    pub const COMPILED: [Self; 4] = [Self::Names, Self::Types, Self::Traits, Self::Lints];
}

impl Case {
    /// Every case, by name.
    pub fn all() -> Vec<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/escapes/cases");
        let mut cases: Vec<Self> = fs::read_dir(directory)
            .expect("the cases are there")
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

    /// A case opens with `//! Refused by E0277: why that is so.`
    pub fn read(name: &str, text: String) -> Self {
        let code = text
            .strip_prefix("//! Refused by ")
            .and_then(|rest| rest.split_once(": "))
            .map(|(code, _)| code.to_owned())
            .unwrap_or_else(|| panic!("{name} does not open with what refuses it"));
        let case = Self {
            name: name.to_owned(),
            code,
            text,
        };
        assert!(
            case.stage() == Stage::Reading || !case.marked().is_empty(),
            "{name} marks no line that must be refused"
        );
        case
    }

    pub fn stage(&self) -> Stage {
        match self.code.as_str() {
            code if code.starts_with("sources::") => Stage::Reading,
            code if code.starts_with("clippy::") => Stage::Lints,
            "unsafe_code" | "E0423" | "E0425" | "E0432" | "E0433" | "E0453" | "E0603" => {
                Stage::Names
            }
            "E0326" => Stage::Traits,
            _ => Stage::Types,
        }
    }

    /// The lines that must be refused, counted from one.
    pub fn marked(&self) -> Vec<u64> {
        (1..)
            .zip(self.text.lines())
            .filter(|(_, line)| line.ends_with(MARK))
            .map(|(number, _)| number)
            .collect()
    }
}
