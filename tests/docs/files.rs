//! The files of the repository.

use std::{fs, path::Path, process::Command};

/// A file, with its path from the root of the repository. A binary file has no text.
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    pub fn extension(&self) -> &str {
        self.path
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension)
    }

    /// Returns the path of the file's folder, which ends with `/` unless it is the root.
    pub fn folder(&self) -> &str {
        self.path.rfind('/').map_or("", |at| &self.path[..=at])
    }
}

/// Returns all files except those that Git ignores, which a fresh clone does not have.
pub fn all() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let listed = git.current_dir(root).output().expect("git is installed");
    assert!(listed.status.success(), "the tests run in a clone");
    let paths = String::from_utf8(listed.stdout).expect("paths are in UTF-8");
    // A listed file may have been deleted.
    let files = paths.lines().filter_map(|path| {
        let bytes = fs::read(root.join(path)).ok()?;
        Some(File {
            path: path.to_owned(),
            text: String::from_utf8(bytes).unwrap_or_default(),
        })
    });
    files.collect()
}

/// True if a file or a folder has this path.
pub fn exists(files: &[File], path: &str) -> bool {
    let folder = format!("{path}/");
    let mut files = files.iter();
    path.is_empty() || files.any(|file| file.path == path || file.path.starts_with(&folder))
}

/// Returns the Markdown files.
pub fn documents(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.extension() == "md")
}
