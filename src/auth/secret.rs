//! The server's one secret, and the keys derived from it.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use aws_lc_rs::hkdf;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::private;

/// Why there is no secret to work with; the message says what to do.
#[derive(Debug)]
pub struct SecretError(String);

impl std::fmt::Display for SecretError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SecretError {}

/// What every key is derived from, by HKDF with SHA-256 (RFC 5869) and a label for each purpose.
pub struct Secret(hkdf::Prk);

impl Secret {
    pub fn new(bytes: &[u8]) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, b"cubby").extract(bytes))
    }

    /// Reads the secret kept in `directory`, or makes one there that only its owner may read.
    ///
    /// # Errors
    /// When the file cannot be read or made, holds too little, or may be read by others.
    pub fn kept_in(directory: &Path) -> Result<Self, SecretError> {
        let file = directory.join("secret");
        let wrong = |what: &str, error: io::Error| {
            SecretError(format!("cannot {what} {}: {error}", file.display()))
        };
        if !file
            .try_exists()
            .map_err(|error| wrong("look for", error))?
        {
            private::make_directory(directory).map_err(|error| wrong("make a place for", error))?;
            make(&file).map_err(|error| wrong("make", error))?;
        }
        refuse_to_share(&file)?;
        let text = fs::read_to_string(&file).map_err(|error| wrong("read", error))?;
        let text = text.trim();
        if text.len() < 32 {
            return Err(SecretError(format!(
                "{} holds {} bytes and needs at least 32: put the secret back, or remove the file \
                 to have a new one made, which signs everybody out",
                file.display(),
                text.len()
            )));
        }
        Ok(Self::new(text.as_bytes()))
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

/// Writes a new secret beside the file, then links it into place: a start at the same moment finds
/// either no file or a whole one, and whoever comes second uses the first one's.
fn make(file: &Path) -> io::Result<()> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(io::Error::other)?;
    let draft = draft_beside(file);
    let mut written = private::make_file(&draft)?;
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
fn refuse_to_share(file: &Path) -> Result<(), SecretError> {
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
fn refuse_to_share(_: &Path) -> Result<(), SecretError> {
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
}
