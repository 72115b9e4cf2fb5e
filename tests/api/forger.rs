//! An attacker who has the secret and the database, and signs tokens that the server would not.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::Value;

use crate::harness::{App, SECRET};

/// A signing key that an attacker has.
pub(crate) struct Forger {
    pair: Ed25519KeyPair,
    pub(crate) kid: String,
}

impl Forger {
    /// Decrypts the newest key of the database, as the specification describes its encryption.
    pub(crate) async fn of(app: &App) -> Self {
        let connection = app.connect().await;
        let statement = Statement::from_string(
            connection.get_database_backend(),
            "SELECT id, sealed_private_key FROM signing_keys ORDER BY number DESC",
        );
        let row = connection.query_one_raw(statement).await.unwrap().unwrap();
        let kid: String = row.try_get("", "id").unwrap();
        let sealed: Vec<u8> = row.try_get("", "sealed_private_key").unwrap();
        let (nonce, text) = sealed.split_at(12);
        let key = UnboundKey::new(&AES_256_GCM, &derive(SECRET, "signing-keys seal")).unwrap();
        let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
        let mut text = text.to_vec();
        let seed = LessSafeKey::new(key)
            .open_in_place(nonce, Aad::from(&kid), &mut text)
            .expect("the key is encrypted as specified");
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).unwrap();
        Self { pair, kid }
    }

    /// Derives the key that earlier releases derived from the secret.
    pub(crate) fn of_earlier_releases(secret: &str) -> Self {
        let seed = derive(secret, "access-token ed25519 seed");
        Self::with(&seed)
    }

    /// Makes a key from a seed.
    pub(crate) fn with(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
        let kid = URL_SAFE_NO_PAD.encode(digest);
        Self { pair, kid }
    }

    pub(crate) fn public(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    /// Returns the header that the server writes, as JSON.
    pub(crate) fn header(&self) -> String {
        format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{}"}}"#, self.kid)
    }

    /// Returns a JWT of the header and the claims, signed by the key.
    pub(crate) fn token(&self, header: &str, claims: impl AsRef<[u8]>) -> String {
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = self.signature(signed.as_bytes());
        format!("{signed}.{signature}")
    }

    pub(crate) fn signature(&self, signed: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.sign(signed))
    }
}

/// Decodes the header and the claims of a token.
pub(crate) fn read(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    });
    (parts.next().unwrap(), parts.next().unwrap())
}

fn derive(secret: &str, label: &str) -> [u8; 32] {
    let mut key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"cubby")
        .extract(secret.as_bytes())
        .expand(&[label.as_bytes()], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .unwrap();
    key
}
