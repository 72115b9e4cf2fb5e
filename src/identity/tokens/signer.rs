//! One key and its algorithm: what signs tokens, and knows its own signatures again.

use aws_lc_rs::{digest, signature};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    crypto::jwt,
    error::{Error, Result},
};

/// The `typ` of an access token (RFC 9068 section 2.1).
const TYPE: &str = "at+jwt";

pub(in crate::identity) struct Signer {
    header: Header,
    /// The first part of every token that it signed. There is one way to write it: what names the
    /// key otherwise, or says more (`crit`, `jwk`, `jku`), is another key's or forged.
    head: String,
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    /// What others verify with (RFC 7517); nothing where that is a secret.
    jwk: Option<Value>,
}

impl Signer {
    /// Ed25519 (RFC 8037), from the 32 bytes that are the private key.
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

    /// HMAC with SHA-256: whoever verifies shares the secret.
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

    /// The `kid` of its tokens; the empty string where there is one key and it has no name.
    pub(in crate::identity) fn id(&self) -> &str {
        self.header.kid.as_deref().unwrap_or_default()
    }

    pub(in crate::identity) fn jwk(&self) -> Option<&Value> {
        self.jwk.as_ref()
    }

    /// Whether the token says that this key signed it, in the words that this key uses.
    pub(in crate::identity) fn is_named_by(&self, token: &str) -> bool {
        token.split('.').next() == Some(self.head.as_str())
    }

    /// A token of these claims.
    pub(in crate::identity) fn sign(&self, claims: &impl Serialize) -> Result<String> {
        jsonwebtoken::encode(&self.header, claims, &self.signing).map_err(Error::internal)
    }

    /// The claims of a token that this key signed. They may say anything.
    pub(in crate::identity) fn open<Claims: DeserializeOwned>(
        &self,
        token: &str,
    ) -> Option<Claims> {
        if !self.is_named_by(token) {
            return None;
        }
        jsonwebtoken::decode(token, &self.verifying, &self.validation)
            .ok()
            .map(|read| read.claims)
    }
}

/// The key's name: its JWK thumbprint (RFC 7638).
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
    fn a_key_is_published_under_its_thumbprint_as_rfc_8037_reckons_it() {
        let signer = signer();
        assert_eq!(signer.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let jwk = signer.jwk().unwrap();
        assert_eq!(jwk["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(jwk["kid"], signer.id());
    }

    #[test]
    fn the_head_of_a_token_is_written_in_one_way() {
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
