//! The server's secrets, of which the first is used, and the keys derived from them.

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

/// What every key is derived from, by HKDF with SHA-256 (RFC 5869) and a label for each purpose.
pub struct Secret(hkdf::Prk);

impl Secret {
    pub fn new(bytes: &[u8]) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, b"cubby").extract(bytes))
    }

    /// The 32 bytes for one purpose.
    pub fn derive(&self, label: &'static str) -> [u8; 32] {
        let mut key = [0; 32];
        self.0
            .expand(&[label.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .expect("HKDF-SHA256 gives up to 8,160 bytes, and 32 are asked for");
        key
    }
}

/// The secret in use, and others that are accepted beside it while one takes another's place.
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

    /// Reads the secrets kept in `directory`, one a line and the one in use first, or makes one there
    /// that only its owner may read.
    ///
    /// # Errors
    /// When the file cannot be read or made, holds too little or the same twice, or may be read by
    /// others.
    pub fn load_or_create(directory: &Path) -> Result<Self, SecretError> {
        let file = directory.join("secret");
        let wrong = |what: &str, error: io::Error| {
            SecretError(format!("cannot {what} {}: {error}", file.display()))
        };
        if !file
            .try_exists()
            .map_err(|error| wrong("look for", error))?
        {
            private_file::make_directory(directory)
                .map_err(|error| wrong("make a place for", error))?;
            make(&file).map_err(|error| wrong("make", error))?;
        }
        check_permissions(&file)?;
        let text = fs::read_to_string(&file).map_err(|error| wrong("read", error))?;
        let mut lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.retain(|line| !line.is_empty());
        if let Some(at) = lines.iter().position(|line| line.len() < MIN_SECRET_BYTES) {
            return Err(SecretError(format!(
                "{} holds {} bytes in line {} and needs at least {MIN_SECRET_BYTES}: put the secret back, or \
                 remove the file to have a new one made, and give up what the old one sealed with \
                 `cubby keys rotate --now`",
                file.display(),
                lines[at].len(),
                at + 1,
            )));
        }
        if (1..lines.len()).any(|at| lines[..at].contains(&lines[at])) {
            return Err(SecretError(format!(
                "{} holds the same secret twice: remove one of the lines",
                file.display()
            )));
        }
        let mut secrets = lines.iter().map(|line| Secret::new(line.as_bytes()));
        match secrets.next() {
            Some(first) => Ok(Self::new(first, secrets)),
            None => Err(SecretError(format!(
                "{} is empty and needs at least {MIN_SECRET_BYTES} bytes: put the secret back, or remove the \
                 file to have a new one made, and give up what the old one sealed with `cubby keys \
                 rotate --now`",
                file.display()
            ))),
        }
    }

    /// The one in use: what is derived, signed or sealed anew is by this one.
    pub fn first(&self) -> &Secret {
        &self.first
    }

    /// All that are accepted, the one in use first.
    pub fn each(&self) -> impl Iterator<Item = &Secret> {
        iter::once(&self.first).chain(&self.others)
    }
}

/// Writes a new secret beside the file, then links it into place: a start at the same moment finds
/// either no file or a whole one, and whoever comes second uses the first one's.
fn make(file: &Path) -> io::Result<()> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(io::Error::other)?;
    let draft = draft_beside(file);
    let mut written = private_file::make_file(&draft)?;
    writeln!(written, "{}", URL_SAFE_NO_PAD.encode(bytes))?;
    written.sync_all()?;
    let linked = fs::hard_link(&draft, file);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

fn draft_beside(file: &Path) -> PathBuf {
    file.with_extension(format!("{}.new", std::process::id()))
}

#[cfg(unix)]
fn check_permissions(file: &Path) -> Result<(), SecretError> {
    let mode = fs::metadata(file)
        .map(|metadata| std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()))
        .map_err(|error| SecretError(format!("cannot look at {}: {error}", file.display())))?;
    if mode & 0o077 != 0 {
        return Err(SecretError(format!(
            "others may read {0}: run chmod 600 {0}",
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
    fn each_purpose_has_a_key_of_its_own_and_the_same_one_every_time() {
        let secret = Secret::new(b"0123456789abcdef0123456789abcdef");
        assert_eq!(secret.derive("a"), secret.derive("a"));
        assert_ne!(secret.derive("a"), secret.derive("b"));
        let other = Secret::new(b"another secret, just as long as it");
        assert_ne!(secret.derive("a"), other.derive("a"));
    }

    #[test]
    fn the_file_holds_a_secret_a_line_and_the_first_is_used() {
        let directory = tempfile::tempdir().unwrap();
        let kept = |text: &str| {
            let file = directory.path().join("secret");
            let _ = fs::remove_file(&file);
            let mut written = private_file::make_file(&file).unwrap();
            written.write_all(text.as_bytes()).unwrap();
            Secrets::load_or_create(directory.path())
        };
        let (new, old) = ("n".repeat(32), "o".repeat(32));
        let secrets = kept(&format!("{new}\n\n  {old}\r\n")).unwrap();
        let derived = |secret: &Secret| secret.derive("a");
        let expected = [&new, &old].map(|secret| derived(&Secret::new(secret.as_bytes())));
        assert_eq!(derived(secrets.first()), expected[0]);
        assert_eq!(secrets.each().map(derived).collect::<Vec<_>>(), expected);

        for (text, says) in [
            (String::new(), "is empty"),
            (format!("{new}\nhunter2"), "7 bytes in line 2"),
            (format!("{new}\n{old}\n{new}\n"), "the same secret twice"),
        ] {
            let said = kept(&text).err().unwrap().to_string();
            assert!(said.contains(says), "{said}");
            assert!(!said.contains("hunter2") && !said.contains(&new), "{said}");
        }
    }
}
