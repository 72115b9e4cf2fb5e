//! Access tokens: JSON Web Tokens that name a session (RFC 9068).

use std::time::Duration;

use aws_lc_rs::{digest, signature};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::{entity::sessions, secret::Secret};
use crate::{
    clock::Timestamp,
    error::{Error, Reason, Result},
    id::{SessionId, UserId},
};

/// The `typ` of an access token, and the only one accepted.
const TYPE: &str = "at+jwt";

/// The `client_id` of every token: there is one client, the front end, and it is not registered.
const CLIENT: &str = "cubby";

/// How long an access token is good for.
const LIFE: Duration = Duration::from_mins(15);

/// Far more than a token of ours has; what is longer is not looked at.
const LONGEST: usize = 4096;

/// Signs access tokens and reads them back, with one algorithm and one key.
pub struct Tokens {
    header: Header,
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    issuer: String,
    audience: String,
    jwks: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    #[serde(rename = "gen")]
    generation: i32,
    iat: i64,
    exp: i64,
    jti: String,
    client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

/// What a token rightly signed says; whether the session lives is another question.
pub(super) struct Named {
    pub(super) user_id: UserId,
    pub(super) session_id: SessionId,
    pub(super) generation: i32,
    pub(super) has_expired: bool,
}

impl Tokens {
    /// Signs with Ed25519 (RFC 8037); anybody may verify with the key in [`Tokens::jwks`].
    pub fn ed25519(secret: &Secret, issuer: &str, audience: &str) -> Self {
        let seed = secret.derive("access-token ed25519 seed");
        let pair = signature::Ed25519KeyPair::from_seed_unchecked(&seed)
            .expect("any 32 bytes are an Ed25519 seed");
        let pkcs8 = pair
            .to_pkcs8v1()
            .expect("a key pair made from a seed has its private part");
        let public = signature::KeyPair::public_key(&pair);
        let x = URL_SAFE_NO_PAD.encode(public);
        let kid = thumbprint(&x);
        let jwks = serde_json::json!({ "keys": [{
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x,
        }] });
        Self {
            header: header(Algorithm::EdDSA, Some(kid)),
            signing: EncodingKey::from_ed_der(pkcs8.as_ref()),
            verifying: DecodingKey::from_ed_der(public.as_ref()),
            validation: validation(Algorithm::EdDSA),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            jwks,
        }
    }

    /// Signs with HMAC and SHA-256; whoever verifies shares the secret, and [`Tokens::jwks`] is
    /// empty.
    pub fn hs256(shared: &[u8], issuer: &str, audience: &str) -> Self {
        Self {
            header: header(Algorithm::HS256, None),
            signing: EncodingKey::from_secret(shared),
            verifying: DecodingKey::from_secret(shared),
            validation: validation(Algorithm::HS256),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            jwks: serde_json::json!({ "keys": [] }),
        }
    }

    /// The public keys, as a JWK set (RFC 7517).
    pub fn jwks(&self) -> &serde_json::Value {
        &self.jwks
    }

    /// A token for the session, and when it expires: with the session at the latest, to the whole
    /// second.
    pub(super) fn sign(
        &self,
        session: &sessions::Model,
        user_id: UserId,
        jti: uuid::Uuid,
        now: Timestamp,
    ) -> Result<(String, Timestamp)> {
        let expires = now.plus(LIFE).min(session.ends_at()).as_seconds();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: user_id.to_string(),
            sid: session.id.to_string(),
            generation: session.generation,
            iat: now.as_seconds(),
            exp: expires,
            jti: jti.to_string(),
            client_id: CLIENT.to_owned(),
            nbf: None,
        };
        let token =
            jsonwebtoken::encode(&self.header, &claims, &self.signing).map_err(Error::internal)?;
        Ok((token, Timestamp::from_millis(expires * 1000)))
    }

    /// Reads a token that this server signed for itself, expired or not.
    ///
    /// Times are checked against the given moment, without leeway, and not by the library, which
    /// reads the system's clock.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> std::result::Result<Named, Reason> {
        if token.len() > LONGEST {
            return Err(Reason::TokenInvalid);
        }
        let read = jsonwebtoken::decode::<Claims>(token, &self.verifying, &self.validation)
            .map_err(|_| Reason::TokenInvalid)?;
        let (header, claims) = (read.header, read.claims);
        let is_ours = header.typ.as_deref() == Some(TYPE)
            && header.kid == self.header.kid
            && header.crit.is_none()
            && claims.iss == self.issuer
            && claims.aud == self.audience
            && claims.client_id == CLIENT
            && claims.iat <= claims.exp
            && claims.nbf.is_none_or(|nbf| nbf <= now.as_seconds());
        let (Ok(user_id), Ok(session_id), true) = (claims.sub.parse(), claims.sid.parse(), is_ours)
        else {
            return Err(Reason::TokenInvalid);
        };
        Ok(Named {
            user_id,
            session_id,
            generation: claims.generation,
            has_expired: claims.exp <= now.as_seconds(),
        })
    }
}

fn header(algorithm: Algorithm, kid: Option<String>) -> Header {
    let mut header = Header::new(algorithm);
    header.typ = Some(TYPE.to_owned());
    header.kid = kid;
    header
}

/// The library checks the signature and that the algorithm is the one; the claims are checked in
/// [`Tokens::verify`].
fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

/// The key's name: its JWK thumbprint (RFC 7638).
fn thumbprint(x: &str) -> String {
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
}
