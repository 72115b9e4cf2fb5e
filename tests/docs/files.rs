//! The files of the repository.

use std::{fs, path::Path, process::Command};

/// Folders that a clone does not have.
const GENERATED: [&str; 4] = [".git", "data", "node_modules", "target"];

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
    let paths = listed_by_git(root).unwrap_or_else(|| {
        let mut paths = Vec::new();
        collect(root, "", &mut paths);
        paths
    });
    // A listed file may have been deleted.
    let files = paths.into_iter().filter_map(|path| {
        let bytes = fs::read(root.join(&path)).ok()?;
        let text = String::from_utf8(bytes).unwrap_or_default();
        Some(File { path, text })
    });
    files.collect()
}

/// Returns the paths of the files that Git does not ignore; `None` outside a clone.
fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let mut git = Command::new("git");
    // The clone may belong to another user.
    git.args(["-c", "safe.directory=*", "ls-files"]);
    git.args(["--cached", "--others", "--exclude-standard"]);
    let listed = git.current_dir(root).output().ok()?;
    let paths = String::from_utf8(listed.stdout).ok()?;
    let paths: Vec<_> = paths.lines().map(str::to_owned).collect();
    (listed.status.success() && !paths.is_empty()).then_some(paths)
}

/// Adds the paths of a folder outside a clone.
fn collect(folder: &Path, prefix: &str, paths: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the folder can be listed") {
        let entry = entry.expect("the folder can be listed");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if !entry.path().is_dir() {
            paths.push(path);
        } else if !GENERATED.contains(&name.as_str()) {
            collect(&entry.path(), &format!("{path}/"), paths);
        }
    }
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
