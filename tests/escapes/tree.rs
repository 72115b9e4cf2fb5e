//! A copy of the sources with cases in it, and what clippy says of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::judge::{self, Diagnostic};

/// What the service is compiled from, and what its manifest names.
const SOURCES: [&str; 7] = [
    "Cargo.toml",
    "Cargo.lock",
    "benches",
    "build.rs",
    "clippy.toml",
    "migration",
    "src",
];

/// The module that a case becomes.
fn module_of(name: &str) -> String {
    format!("escape_{name}")
}

/// Where a case lies in the copy: in a slice, which has a viewer and nothing else.
pub fn file_of(name: &str) -> String {
    format!("src/tasks/{}.rs", module_of(name))
}

pub struct Tree {
    root: PathBuf,
    /// Kept between runs, so that the dependencies are compiled once.
    target: PathBuf,
}

impl Tree {
    pub fn copy() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let root = temporary.join("escapes");
        if root.exists() {
            fs::remove_dir_all(&root).expect("the last copy can be removed");
        }
        fs::create_dir_all(&root).expect("a directory can be made");
        for name in SOURCES {
            copy(&package.join(name), &root.join(name));
        }
        Self {
            root,
            target: temporary.with_file_name("escapes"),
        }
    }

    /// What `clippy.toml` bans.
    pub fn bans(&self) -> Vec<String> {
        fs::read_to_string(self.root.join("clippy.toml"))
            .expect("the bans can be read")
            .lines()
            .filter_map(|line| line.split_once("path = \"")?.1.split_once('"'))
            .map(|(path, _)| path.to_owned())
            .collect()
    }

    /// What clippy says of the sources with these files, each a name and a text, in a slice.
    pub fn check(&self, files: &[(&str, &str)]) -> Vec<Diagnostic> {
        let slice = self.root.join("src/tasks/mod.rs");
        let before = fs::read_to_string(&slice).expect("the slice can be read");
        let mut with_cases = before.clone();
        for (name, text) in files {
            fs::write(self.root.join(file_of(name)), text).expect("a case can be written");
            with_cases += &format!("mod {};\n", module_of(name));
        }
        fs::write(&slice, with_cases).expect("the slice can be written");
        let output = self.clippy();
        fs::write(&slice, before).expect("the slice can be written");
        judge::diagnostics(&output)
    }

    fn clippy(&self) -> String {
        let output = Command::new(env!("CARGO"))
            .args(["clippy", "--lib", "--locked", "--offline"])
            .arg("--message-format=json")
            // Nobody calls a case.
            .args(["--", "--allow=dead_code"])
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .env_remove("CLIPPY_CONF_DIR")
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            text.contains(r#""reason":"build-finished""#),
            "clippy did not come to the sources:\n{errors}"
        );
        text
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a directory can be made");
        for entry in fs::read_dir(from).expect("the sources can be listed") {
            let entry = entry.expect("the sources can be listed");
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).expect("a source can be copied");
    }
}
