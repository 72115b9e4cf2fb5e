//! A signing key and its algorithm: signs tokens and verifies those that it signed.

use aws_lc_rs::{digest, signature};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    crypto::jwt,
    error::{Error, Result},
};

/// The `typ` header of an access token (RFC 9068 section 2.1).
const TYPE: &str = "at+jwt";

pub(in crate::identity) struct Signer {
    header: Header,
    /// The encoded header of every token that this key signs. A token with any other header is
    /// rejected, for example one with more members (`crit`, `jwk`, `jku`).
    head: String,
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    /// The public key as a JWK (RFC 7517). Nothing for a shared secret.
    jwk: Option<Value>,
}

impl Signer {
    /// Creates an Ed25519 signer (RFC 8037) from the 32 bytes of a private key.
    pub(in crate::identity) fn ed25519(seed: &[u8; 32]) -> Self {
        let pair = signature::Ed25519KeyPair::from_seed_unchecked(seed)
            .expect("any 32 bytes are an Ed25519 seed");
        let pkcs8 = pair
            .to_pkcs8v1()
            .expect("a key pair made from a seed has its private part");
        let public = signature::KeyPair::public_key(&pair);
        let x = URL_SAFE_NO_PAD.encode(public);
        let id = thumbprint(&x);
        let jwk = json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": id, "x": x,
        });
        Self::new(
            Algorithm::EdDSA,
            Some((id, jwk)),
            EncodingKey::from_ed_der(pkcs8.as_ref()),
            DecodingKey::from_ed_der(public.as_ref()),
        )
    }

    /// Creates an HMAC-SHA-256 signer. Verifying its tokens takes the shared secret.
    pub(in crate::identity) fn hs256(shared: &[u8]) -> Self {
        Self::new(
            Algorithm::HS256,
            None,
            EncodingKey::from_secret(shared),
            DecodingKey::from_secret(shared),
        )
    }

    fn new(
        algorithm: Algorithm,
        public: Option<(String, Value)>,
        signing: EncodingKey,
        verifying: DecodingKey,
    ) -> Self {
        let (kid, jwk) = public.unzip();
        let mut header = Header::new(algorithm);
        header.typ = Some(TYPE.to_owned());
        header.kid = kid;
        let json = serde_json::to_vec(&header).expect("a header is JSON");
        Self {
            head: URL_SAFE_NO_PAD.encode(json),
            header,
            signing,
            verifying,
            validation: jwt::validation(algorithm),
            jwk,
        }
    }

    /// Returns the `kid` of the key's tokens. Empty for a shared secret, whose tokens have none.
    pub(in crate::identity) fn id(&self) -> &str {
        self.header.kid.as_deref().unwrap_or_default()
    }

    pub(in crate::identity) fn jwk(&self) -> Option<&Value> {
        self.jwk.as_ref()
    }

    /// True if the token has this key's header. Does not verify the signature.
    pub(in crate::identity) fn has_header_of(&self, token: &str) -> bool {
        token.split('.').next() == Some(self.head.as_str())
    }

    /// Signs a token with these claims.
    pub(in crate::identity) fn sign(&self, claims: &impl Serialize) -> Result<String> {
        jsonwebtoken::encode(&self.header, claims, &self.signing).map_err(Error::internal)
    }

    /// Returns the claims of a token that this key signed, or nothing if the signature is invalid.
    /// The caller checks the claims.
    pub(in crate::identity) fn open<Claims: DeserializeOwned>(
        &self,
        token: &str,
    ) -> Option<Claims> {
        if !self.has_header_of(token) {
            return None;
        }
        jsonwebtoken::decode(token, &self.verifying, &self.validation)
            .ok()
            .map(|read| read.claims)
    }
}

/// Returns the key's id: its JWK thumbprint (RFC 7638).
fn thumbprint(x: &str) -> String {
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8037, appendix A.
    const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

    fn signer() -> Signer {
        let seed = URL_SAFE_NO_PAD.decode(SEED).unwrap();
        Signer::ed25519(&seed.try_into().unwrap())
    }

    #[test]
    fn key_id_is_the_rfc_8037_thumbprint() {
        let signer = signer();
        assert_eq!(signer.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let jwk = signer.jwk().unwrap();
        assert_eq!(jwk["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(jwk["kid"], signer.id());
    }

    #[test]
    fn only_the_canonical_token_header_is_accepted() {
        let signer = signer();
        let head = format!(
            r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{}"}}"#,
            signer.id()
        );
        let token = signer.sign(&json!({ "a": 1 })).unwrap();
        assert_eq!(
            token.split('.').next().unwrap(),
            URL_SAFE_NO_PAD.encode(&head)
        );
        assert_eq!(signer.open::<Value>(&token), Some(json!({ "a": 1 })));
        let spaced = URL_SAFE_NO_PAD.encode(head.replace(',', ", "));
        let (_, rest) = token.split_once('.').unwrap();
        assert_eq!(signer.open::<Value>(&format!("{spaced}.{rest}")), None);
    }
}
