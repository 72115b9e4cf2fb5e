//! Embeds GraphiQL into the binary if it has been built into `web/dist` (`npm --prefix web run
//! build`).

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() {
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let dist = Path::new(&package).join("web/dist");
    println!("cargo:rerun-if-changed=build.rs");
    // `web/dist` exists in every checkout: cargo would rerun this script on each build if it were
    // missing.
    println!("cargo:rerun-if-changed=web/dist");

    let mut list = String::from("&[\n");
    for (name, path) in files(&dist) {
        let media_type = media_type(&path);
        writeln!(
            list,
            "({name:?}, {media_type:?}, include_bytes!({path:?})),"
        )
        .expect("a string can be written to");
    }
    list += "]\n";
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("graphiql.rs"), list).expect("the list can be written");
}

/// Returns the files of GraphiQL with their paths, sorted by name; none if GraphiQL has not been
/// built.
fn files(dist: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(dist) else {
        return Vec::new();
    };
    let mut files: Vec<(String, PathBuf)> = entries
        .map(|entry| entry.expect("web/dist can be listed"))
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                entry.path(),
            )
        })
        .filter(|(name, _)| !name.starts_with('.'))
        .collect();
    files.sort();
    files
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        _ => panic!(
            "build.rs has no media type for {}: add its extension",
            path.display()
        ),
    }
}
