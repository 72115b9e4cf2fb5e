//! The server's secrets, and the keys that are derived from them for each purpose.

use std::{
    fs, io,
    io::Write,
    iter,
    path::{Path, PathBuf},
};

use aws_lc_rs::hkdf;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::private_file;

const MIN_SECRET_BYTES: usize = 32;

/// A secret that cannot be used. The message says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(String);

/// A secret from which keys are derived by HKDF-SHA-256 (RFC 5869), with a label for each purpose.
pub struct Secret(hkdf::Prk);

impl Secret {
    pub fn new(bytes: &[u8]) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, b"cubby").extract(bytes))
    }

    /// Derives the 32-byte key for one purpose.
    pub fn derive(&self, label: &'static str) -> [u8; 32] {
        let mut key = [0; 32];
        self.0
            .expand(&[label.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .expect("HKDF-SHA256 yields up to 8,160 bytes, and 32 are requested");
        key
    }
}

/// The current secret, and others that are accepted while a secret is being replaced.
pub struct Secrets {
    first: Secret,
    others: Vec<Secret>,
}

impl Secrets {
    pub fn new(first: Secret, others: impl IntoIterator<Item = Secret>) -> Self {
        Self {
            first,
            others: others.into_iter().collect(),
        }
    }

    /// Reads the file `secret` in `directory`: one secret per line, the current one first. If the
    /// file is missing, creates it with a random secret, readable only by its owner.
    ///
    /// # Errors
    /// If the file cannot be read or created, a secret is shorter than 32 bytes or duplicate, or
    /// other users have access to the file.
    pub fn load_or_create(directory: &Path) -> Result<Self, SecretError> {
        let file = directory.join("secret");
        let wrong = |what: &str, error: io::Error| {
            SecretError(format!("cannot {what} {}: {error}", file.display()))
        };
        if !file
            .try_exists()
            .map_err(|error| wrong("check for", error))?
        {
            private_file::create_directory(directory)
                .map_err(|error| wrong("create the directory of", error))?;
            make(&file).map_err(|error| wrong("create", error))?;
        }
        check_permissions(&file)?;
        let text = fs::read_to_string(&file).map_err(|error| wrong("read", error))?;
        let mut lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.retain(|line| !line.is_empty());
        if let Some(at) = lines.iter().position(|line| line.len() < MIN_SECRET_BYTES) {
            return Err(SecretError(format!(
                "{} has {} bytes in line {} and needs at least {MIN_SECRET_BYTES}: restore the secret, or \
                 remove the file so that a new one is created, and run `cubby keys rotate --now` to \
                 replace the keys that the old secret encrypted",
                file.display(),
                lines[at].len(),
                at + 1,
            )));
        }
        if (1..lines.len()).any(|at| lines[..at].contains(&lines[at])) {
            return Err(SecretError(format!(
                "{} contains the same secret twice: remove one of the lines",
                file.display()
            )));
        }
        let mut secrets = lines.iter().map(|line| Secret::new(line.as_bytes()));
        match secrets.next() {
            Some(first) => Ok(Self::new(first, secrets)),
            None => Err(SecretError(format!(
                "{} is empty and needs at least {MIN_SECRET_BYTES} bytes: restore the secret, or remove \
                 the file so that a new one is created, and run `cubby keys rotate --now` to replace \
                 the keys that the old secret encrypted",
                file.display()
            ))),
        }
    }

    /// Returns the current secret, which signs and encrypts.
    pub fn first(&self) -> &Secret {
        &self.first
    }

    /// Returns every accepted secret, the current one first.
    pub fn each(&self) -> impl Iterator<Item = &Secret> {
        iter::once(&self.first).chain(&self.others)
    }
}

/// Creates the file with a random secret. Writes a temporary file and links it into place, so that
/// a concurrent start finds either no file or a complete one. If both create one, the first is
/// used.
fn make(file: &Path) -> io::Result<()> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(io::Error::other)?;
    let draft = temporary_path(file);
    let mut written = private_file::create_file(&draft)?;
    writeln!(written, "{}", URL_SAFE_NO_PAD.encode(bytes))?;
    written.sync_all()?;
    let linked = fs::hard_link(&draft, file);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

fn temporary_path(file: &Path) -> PathBuf {
    file.with_extension(format!("{}.new", std::process::id()))
}

#[cfg(unix)]
fn check_permissions(file: &Path) -> Result<(), SecretError> {
    let mode = fs::metadata(file)
        .map(|metadata| std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()))
        .map_err(|error| {
            SecretError(format!(
                "cannot read the permissions of {}: {error}",
                file.display()
            ))
        })?;
    if mode & 0o077 != 0 {
        return Err(SecretError(format!(
            "{0} is accessible to other users: run chmod 600 {0}",
            file.display()
        )));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_permissions(_: &Path) -> Result<(), SecretError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_key_depends_only_on_secret_and_purpose() {
        let secret = Secret::new(b"0123456789abcdef0123456789abcdef");
        assert_eq!(secret.derive("a"), secret.derive("a"));
        assert_ne!(secret.derive("a"), secret.derive("b"));
        let other = Secret::new(b"another secret, just as long as it");
        assert_ne!(secret.derive("a"), other.derive("a"));
    }

    #[test]
    fn secret_file_has_one_secret_per_line_and_uses_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let parse = |text: &str| {
            let file = directory.path().join("secret");
            let _ = fs::remove_file(&file);
            let mut written = private_file::create_file(&file).unwrap();
            written.write_all(text.as_bytes()).unwrap();
            Secrets::load_or_create(directory.path())
        };
        let (new, old) = ("n".repeat(32), "o".repeat(32));
        let secrets = parse(&format!("{new}\n\n  {old}\r\n")).unwrap();
        let derived = |secret: &Secret| secret.derive("a");
        let expected = [&new, &old].map(|secret| derived(&Secret::new(secret.as_bytes())));
        assert_eq!(derived(secrets.first()), expected[0]);
        assert_eq!(secrets.each().map(derived).collect::<Vec<_>>(), expected);

        for (text, says) in [
            (String::new(), "is empty"),
            (format!("{new}\nhunter2"), "7 bytes in line 2"),
            (format!("{new}\n{old}\n{new}\n"), "the same secret twice"),
        ] {
            let said = parse(&text).err().unwrap().to_string();
            assert!(said.contains(says), "{said}");
            assert!(!said.contains("hunter2") && !said.contains(&new), "{said}");
        }
    }
}
