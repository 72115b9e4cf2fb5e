//! Tests of the source code: rules that the compiler does not check.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Returns all files below the directory that have the extension.
pub(crate) fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|other| other == extension) {
            found.push(path);
        }
    }
    found
}

/// Only one source file names the cheap hashes, so the server cannot use them by mistake.
#[test]
fn only_tests_use_cheap_password_hashes() {
    let named: Vec<PathBuf> = ["src", "benches", "migration"]
        .into_iter()
        .flat_map(|root| files(Path::new(root), "rs"))
        .filter(|file| {
            fs::read_to_string(file)
                .unwrap()
                .contains("insecure_for_tests")
        })
        .collect();
    assert_eq!(
        named,
        [Path::new("src/identity/credentials/password/hashing.rs")]
    );
}
