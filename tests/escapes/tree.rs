//! Compiles a copy of the sources with cases in a slice, and returns the compiler's errors.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::diagnostics::{self, Diagnostic};

/// The files that the build of the service needs, and those that its manifest names.
const SOURCES: [&str; 7] = [
    "Cargo.toml",
    "Cargo.lock",
    "allocator",
    "benches",
    "build.rs",
    "migration",
    "src",
];

pub struct Tree {
    root: PathBuf,
    /// The target directory, which is reused between runs, so that dependencies are compiled once.
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
        fs::create_dir_all(&root).expect("a directory can be created");
        for name in SOURCES {
            copy(&package.join(name), &root.join(name));
        }
        Self {
            root,
            target: temporary.with_file_name("escapes"),
        }
    }

    /// Returns the errors of the sources with these files added, each a path in `src/tasks` and a
    /// text.
    pub fn check(&self, files: &[(String, &str)]) -> HashSet<Diagnostic> {
        let slice = self.root.join("src/tasks/mod.rs");
        let before = fs::read_to_string(&slice).expect("the slice can be read");
        let mut with_cases = before.clone();
        for (path, text) in files {
            let path = self.root.join(path);
            fs::write(&path, text).expect("a case can be written");
            let module = path
                .file_stem()
                .expect("a case has a name")
                .to_string_lossy();
            with_cases += &format!("mod {module};\n");
        }
        fs::write(&slice, with_cases).expect("the slice can be written");
        let output = Command::new(env!("CARGO"))
            .args([
                "check",
                "--lib",
                "--locked",
                "--offline",
                "--message-format=json",
            ])
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo runs");
        fs::write(&slice, before).expect("the slice can be written");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            text.contains(r#""reason":"build-finished""#),
            "cargo check failed before it compiled the sources:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        diagnostics::errors(&text)
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a directory can be created");
        for entry in fs::read_dir(from).expect("the sources can be listed") {
            let entry = entry.expect("the sources can be listed");
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).expect("a source can be copied");
    }
}
