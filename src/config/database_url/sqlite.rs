//! URLs of SQLite: accepts the path of a file and a few parameters.

use percent_encoding::percent_decode_str;

use super::parameter::unknown;

const PARAMETERS: [&str; 4] = ["mode", "cache", "immutable", "vfs"];

/// Rejects everything but a file that several connections can read and write.
pub(super) fn check(url: &str) -> Result<(), String> {
    let rest = url
        .trim_start_matches("sqlite://")
        .trim_start_matches("sqlite:");
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let path = percent_decode_str(path).decode_utf8();
    let path = path.map_err(|_| "its path is not UTF-8".to_owned())?;
    if path.trim_start_matches('/').is_empty() {
        return Err("it names no file: write sqlite:PATH".to_owned());
    }
    if path.starts_with("file:") {
        return Err("write only the path of a file: sqlite:PATH".to_owned());
    }
    let in_memory = Err(
        "a database in memory is lost when its last connection closes: write the path of a file"
            .to_owned(),
    );
    if path.contains(":memory:") {
        return in_memory;
    }
    let mut given = Vec::new();
    for (name, value) in form_urlencoded::parse(parameters.as_bytes()) {
        match (&*name, &*value) {
            ("mode", "rw" | "rwc") | ("cache", "private") | ("immutable", "0" | "false") => {}
            ("mode", "memory") => return in_memory,
            ("mode", "ro") => return Err("Cubby writes to its database: remove mode=ro".to_owned()),
            ("mode", _) => return Err("`mode` must be rw or rwc".to_owned()),
            ("cache", _) => {
                return Err(
                    "with a shared cache, readers wait for writers: remove `cache`".to_owned(),
                );
            }
            ("immutable", _) => {
                return Err("Cubby writes to its database: remove `immutable`".to_owned());
            }
            ("vfs", _) => {
                return Err(
                    "Cubby relies on the locks of SQLite's own files: remove `vfs`".to_owned(),
                );
            }
            _ => return Err(unknown(&name, &PARAMETERS, true)),
        }
        if given.contains(&name) {
            return Err(format!("it has the parameter `{name}` twice: remove one"));
        }
        given.push(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn unsafe_parameters_are_rejected() {
        for (url, says) in [
            ("sqlite::memory:", "path of a file"),
            ("sqlite:%3Amemory%3A", "path of a file"),
            ("sqlite:a?mode=memory", "path of a file"),
            ("sqlite:a?%6Dode=memory", "path of a file"),
            ("sqlite:file:a?mode=rwc", "sqlite:PATH"),
            ("sqlite:", "names no file"),
            ("sqlite:///?mode=rwc", "names no file"),
            ("sqlite:%ff", "not UTF-8"),
            ("sqlite:a?mode=ro", "remove mode=ro"),
            ("sqlite:a?mode=rwx", "rw or rwc"),
            ("sqlite:a?cache=shared", "remove `cache`"),
            ("sqlite:a?immutable=1", "remove `immutable`"),
            ("sqlite:a?immutable=true", "remove `immutable`"),
            ("sqlite:a?vfs=unix-none", "remove `vfs`"),
            ("sqlite:a?mod=ro", "did you mean `mode`?"),
            ("sqlite:a?journal_mode=wal", "`journal_mode`: remove it"),
            ("sqlite:a?mode=rwc&mode=rw", "`mode` twice"),
        ] {
            let said = check(url).expect_err(url);
            assert!(said.contains(says), "{url}: {said}");
        }
    }
}
