//! An external identity provider on a port of its own, whose responses each test sets.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// The response to a request for the keys.
#[derive(Clone)]
pub(crate) enum Answer {
    Keys(Value),
    Text(&'static str),
    Down,
    Huge,
    /// Sends 200 without a body after the duration.
    Slow(Duration),
    /// Redirects to the URL.
    Elsewhere(String),
}

pub(crate) struct Issuer {
    pub(crate) url: String,
    state: Arc<IssuerState>,
}

struct IssuerState {
    answer: Mutex<Answer>,
    asked: AtomicUsize,
}

/// A signing key of the issuer.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) kid: String,
    pub(crate) algorithm: Algorithm,
    signing: EncodingKey,
    pub(crate) jwk: Value,
}

impl Key {
    pub(crate) fn ed25519(kid: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        Self {
            kid: kid.to_owned(),
            algorithm: Algorithm::EdDSA,
            signing: EncodingKey::from_ed_der(pkcs8.as_ref()),
            jwk: json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid }),
        }
    }

    pub(crate) fn p256(kid: &str) -> Self {
        let of = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(of, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(of, pkcs8.as_ref()).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (&point[1..33], &point[33..]);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        Self {
            kid: kid.to_owned(),
            algorithm: Algorithm::ES256,
            signing: EncodingKey::from_ec_der(pkcs8.as_ref()),
            jwk: json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "alg": "ES256" }),
        }
    }

    pub(crate) fn shared(secret: &str) -> Self {
        Self {
            kid: String::new(),
            algorithm: Algorithm::HS256,
            signing: EncodingKey::from_secret(secret.as_bytes()),
            jwk: Value::Null,
        }
    }

    /// Signs the claims, with the algorithm and the key's `kid` in the header.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.clone()).filter(|kid| !kid.is_empty());
        self.sign_as(&header, claims)
    }

    pub(crate) fn sign_as(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.signing).expect("it signs")
    }
}

impl Issuer {
    pub(crate) async fn start(answer: Answer) -> Self {
        let state = Arc::new(IssuerState {
            answer: Mutex::new(answer),
            asked: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/jwks", get(keys))
            .with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    pub(crate) async fn with(keys: &[&Key]) -> Self {
        Self::start(Answer::Keys(set(keys))).await
    }

    pub(crate) fn answer(&self, answer: Answer) {
        *self.state.answer.lock().unwrap() = answer;
    }

    pub(crate) fn publish(&self, keys: &[&Key]) {
        self.answer(Answer::Keys(set(keys)));
    }

    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// Returns the value of `CUBBY_TRUSTED_ISSUERS` that trusts the issuer.
    pub(crate) fn setting(&self, algorithm: &str) -> String {
        json!([{ "issuer": self.url, "audience": "cubby-app", "jwks": format!("{}/jwks", self.url),
                 "algorithm": algorithm }])
        .to_string()
    }

    /// Returns claims about a subject, issued at `now` (in milliseconds) and valid for 15 minutes.
    pub(crate) fn claims(&self, subject: &str, now: i64) -> Value {
        claims(&self.url, subject, now)
    }
}

pub(crate) fn claims(issuer: &str, subject: &str, now: i64) -> Value {
    json!({ "iss": issuer, "aud": "cubby-app", "sub": subject, "iat": now / 1000,
            "exp": now / 1000 + 900, "email": format!("{subject}@example.com"), "name": subject })
}

pub(crate) fn set(keys: &[&Key]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.jwk.clone()).collect::<Vec<_>>() })
}

async fn keys(State(state): State<Arc<IssuerState>>) -> Response {
    state.asked.fetch_add(1, Ordering::SeqCst);
    let answer = state.answer.lock().unwrap().clone();
    match answer {
        Answer::Keys(set) => axum::Json(set).into_response(),
        Answer::Text(text) => text.into_response(),
        Answer::Down => StatusCode::BAD_GATEWAY.into_response(),
        Answer::Huge => Body::from(vec![b' '; 1024 * 1024]).into_response(),
        Answer::Slow(pause) => {
            tokio::time::sleep(pause).await;
            StatusCode::OK.into_response()
        }
        Answer::Elsewhere(url) => (StatusCode::FOUND, [(LOCATION, url)]).into_response(),
    }
}
