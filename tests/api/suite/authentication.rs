//! Authentication by access token: accepted tokens, and the errors for all others.

use std::time::Duration;

use axum::{body::Body, http::Request};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

use crate::{
    forger::{Forger, read},
    harness::{Client, PASSWORD, TestEnv, apply, each_database},
};

const ME: &str = "{ viewer { id } }";
const SHARED_SECRET: &str = "a secret that two services share, 32+";

fn token(client: &Client) -> &str {
    client.token.as_deref().expect("signed in")
}

async fn assert_rejected(client: &Client, reason: &str) {
    let reply = client.send(ME, json!({})).await;
    assert_eq!(reply.status, 401, "{reply:?}");
    assert_eq!(
        reply.header("www-authenticate"),
        r#"Bearer error="invalid_token""#
    );
    assert_eq!(reply.code(), "UNAUTHENTICATED");
    assert_eq!(reply.reason(), reason);
    assert_eq!(reply.body.get("data"), None);
}

#[apply(each_database)]
async fn anonymous_queries_return_null_and_mutations_fail(env: TestEnv) {
    let app = env.app().await;
    let anonymous = app.anonymous();
    let id = "task_01h2xcejqtf2nbrexx3vqjhp41";
    let data = anonymous
        .ask(
            "query ($id: ID!) { viewer { id } node(id: $id) { id } nodes(ids: [$id, $id]) { id } }",
            json!({ "id": id }),
        )
        .await;
    assert_eq!(
        data,
        json!({ "viewer": null, "node": null, "nodes": [null, null] })
    );
    let reply = anonymous
        .send(
            "mutation { createTask(input: { title: \"x\" }) { task { id } } }",
            json!({}),
        )
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.code(), "UNAUTHENTICATED");
    assert_eq!(reply.reason(), "NO_CREDENTIALS");
    assert_eq!(reply.body["data"], json!({ "createTask": null }));
}

#[apply(each_database)]
async fn access_token_contains_no_personal_data(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let (header, claims) = read(token(&ana));
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&json!("at+jwt"), &json!("EdDSA"))
    );
    let mut names: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(
        names,
        [
            "aud",
            "client_id",
            "exp",
            "gen",
            "iat",
            "iss",
            "jti",
            "sid",
            "sub"
        ]
    );
    assert_eq!(claims["iss"], "cubby");
    assert_eq!(claims["aud"], "cubby");
    assert!(claims["sub"].as_str().unwrap().starts_with("user_"));
    assert!(claims["sid"].as_str().unwrap().starts_with("session_"));
    assert_eq!(claims["iat"], app.now() / 1000);
    assert_eq!(claims["exp"], app.now() / 1000 + 15 * 60);
}

#[apply(each_database)]
async fn token_verifies_with_published_key(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let reply = ana.get("/.well-known/jwks.json").await;
    assert_eq!(reply.header("content-type"), "application/jwk-set+json");
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_value(reply.body).unwrap();
    let (header, _) = read(token(&ana));
    let key = keys
        .find(header["kid"].as_str().unwrap())
        .expect("the key is published");
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&["cubby"]);
    validation.set_issuer(&["cubby"]);
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(key).unwrap();
    jsonwebtoken::decode::<Value>(token(&ana), &key, &validation).expect("the token verifies");
}

#[apply(each_database)]
async fn access_token_expires_after_exactly_15_minutes(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    app.advance(Duration::from_mins(15) - Duration::from_millis(1));
    ana.ask(ME, json!({})).await;
    app.advance(Duration::from_millis(1));
    assert_rejected(&ana, "TOKEN_EXPIRED").await;
}

#[apply(each_database)]
async fn malformed_authorization_is_rejected_not_anonymous(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let good = token(&ana);
    let bearer = format!("Bearer {good}");
    for values in [
        vec![good.to_owned()],
        vec!["Basic".to_owned()],
        vec!["Bearer undefined".to_owned()],
        vec!["Bearer null".to_owned()],
        vec![format!("Basic {good}")],
        vec![format!("{bearer}, {bearer}")],
        vec![format!("{bearer} {good}")],
        vec![bearer.clone(), bearer.clone()],
        vec![format!("Bearer {}", "x".repeat(30_000))],
    ] {
        let mut request = Request::post("/graphql").header("content-type", "application/json");
        for value in &values {
            request = request.header("authorization", value);
        }
        let body = Body::from(json!({ "query": ME }).to_string());
        let reply = ana.request(request.body(body).unwrap()).await;
        assert_eq!(
            (reply.status.as_u16(), reply.reason()),
            (401, "TOKEN_INVALID"),
            "{values:?}"
        );
    }
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("authorization", format!("bearer {good}"))
        .body(Body::from(json!({ "query": ME }).to_string()))
        .unwrap();
    assert_eq!(ana.request(request).await.status, 200);
}

#[apply(each_database)]
async fn empty_authorization_values_are_ignored(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let bearer = format!("Bearer {}", token(&ana));
    for (values, id) in [
        (vec![""], false),
        (vec![" "], false),
        (vec!["Bearer"], false),
        (vec!["bearer "], false),
        (vec!["", "Bearer "], false),
        (vec!["", &*bearer], true),
    ] {
        let mut request = Request::post("/graphql").header("content-type", "application/json");
        for value in &values {
            request = request.header("authorization", *value);
        }
        let body = Body::from(json!({ "query": ME }).to_string());
        let reply = ana.request(request.body(body).unwrap()).await;
        assert_eq!(reply.status, 200, "{values:?}");
        assert_eq!(reply.body["data"]["viewer"].is_object(), id, "{values:?}");
    }
}

/// Returns the token with changed header and claims, signed with the shared secret.
fn sign_with_changes(token: &str, change: impl FnOnce(&mut Header, &mut Value)) -> String {
    let (_, mut claims) = read(token);
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some("at+jwt".to_owned());
    change(&mut header, &mut claims);
    jsonwebtoken::encode(
        &header,
        &claims,
        &EncodingKey::from_secret(SHARED_SECRET.as_bytes()),
    )
    .unwrap()
}

#[apply(each_database)]
async fn jwt_secret_selects_hs256_and_publishes_no_key(env: TestEnv) {
    let app = env.app_with(&["--jwt-secret", SHARED_SECRET]).await;
    let ana = app.sign_up("ana").await;
    assert_eq!(read(token(&ana)).0["alg"], "HS256");
    assert_eq!(
        ana.get("/.well-known/jwks.json").await.body,
        json!({ "keys": [] })
    );
    let same = ana.with_token(&sign_with_changes(token(&ana), |_, _| {}));
    same.ask(ME, json!({})).await;
}

#[apply(each_database)]
async fn each_claim_of_a_validly_signed_token_is_checked(env: TestEnv) {
    let app = env.app_with(&["--jwt-secret", SHARED_SECRET]).await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    let (_, of_ben) = read(token(&ben));
    let now = app.now() / 1000;
    let assert_rejected_with = async |reason: &str, change: &dyn Fn(&mut Header, &mut Value)| {
        assert_rejected(
            &ana.with_token(&sign_with_changes(token(&ana), change)),
            reason,
        )
        .await;
    };
    assert_rejected_with("TOKEN_INVALID", &|header, _| {
        header.typ = Some("JWT".into())
    })
    .await;
    assert_rejected_with("TOKEN_INVALID", &|header, _| header.typ = None).await;
    assert_rejected_with("TOKEN_INVALID", &|header, _| header.kid = Some("1".into())).await;
    assert_rejected_with("TOKEN_INVALID", &|header, _| {
        header.crit = Some(vec!["exp".into()])
    })
    .await;
    for claim in ["iss", "aud", "client_id", "sub", "sid"] {
        assert_rejected_with("TOKEN_INVALID", &|_, claims| {
            claims[claim] = json!("another")
        })
        .await;
    }
    assert_rejected_with("TOKEN_INVALID", &|_, claims| {
        claims["aud"] = json!(["cubby", "another"])
    })
    .await;
    for claim in [
        "iss",
        "aud",
        "sub",
        "sid",
        "exp",
        "iat",
        "gen",
        "jti",
        "client_id",
    ] {
        assert_rejected_with("TOKEN_INVALID", &|_, claims| {
            claims.as_object_mut().unwrap().remove(claim);
        })
        .await;
    }
    assert_rejected_with("TOKEN_INVALID", &|_, claims| claims["nbf"] = json!(now + 1)).await;
    assert_rejected_with("TOKEN_INVALID", &|_, claims| {
        claims["exp"] = json!("tomorrow")
    })
    .await;
    assert_rejected_with("TOKEN_EXPIRED", &|_, claims| claims["exp"] = json!(now)).await;
    // Ana's user id with Ben's session, and Ben's user id with Ana's session.
    assert_rejected_with("SESSION_ENDED", &|_, claims| {
        claims["sid"] = of_ben["sid"].clone()
    })
    .await;
    assert_rejected_with("SESSION_ENDED", &|_, claims| {
        claims["sub"] = of_ben["sub"].clone()
    })
    .await;
    let no_session = json!("session_01h2xcejqtf2nbrexx3vqjhp41");
    assert_rejected_with("SESSION_ENDED", &|_, claims| {
        claims["sid"] = no_session.clone()
    })
    .await;
}

fn base64url(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Returns a token signed with HMAC-SHA256 and the given key.
fn signed_by_hmac(header: &str, claims: &str, key: &[u8]) -> String {
    let signed = format!("{}.{}", base64url(header), base64url(claims));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
    let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", base64url(tag))
}

#[apply(each_database)]
async fn forged_tokens_are_rejected(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    let good = token(&ana).to_owned();
    let (_, claims) = read(&good);
    let claims = claims.to_string();
    let forger = Forger::of(&app).await;
    let (kid, public) = (&forger.kid, forger.public());

    let mut forgeries = Vec::new();
    // An unsigned token, in each spelling of `none`, with a signature and without.
    let (signed, signature) = good.rsplit_once('.').unwrap();
    for alg in ["none", "None", "NONE", "nOnE", "", " none", "null"] {
        let header = format!(r#"{{"typ":"at+jwt","alg":"{alg}","kid":"{kid}"}}"#);
        let unsigned = format!("{}.{}", base64url(header), base64url(&claims));
        forgeries.extend([unsigned.clone(), format!("{unsigned}.")]);
        forgeries.push(format!("{unsigned}.{signature}"));
    }
    // The public key as the secret of an HMAC, in each common encoding.
    let x = base64url(&public);
    let der = [&hex("302a300506032b6570032100"), &public[..]].concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(&der)
    );
    let jwk = ana.get("/.well-known/jwks.json").await.body["keys"][0].to_string();
    let header = format!(r#"{{"typ":"at+jwt","alg":"HS256","kid":"{kid}"}}"#);
    for key in [
        &public[..],
        x.as_bytes(),
        &der,
        pem.as_bytes(),
        jwk.as_bytes(),
        b"",
    ] {
        forgeries.push(signed_by_hmac(&header, &claims, key));
        forgeries.push(signed_by_hmac(&forger.header(), &claims, key));
    }
    // The forger's own key, by each header parameter that can carry or reference a key.
    let own = Forger::with(&[7; 32]);
    let own_jwk = format!(
        r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#,
        base64url(own.public())
    );
    for member in [
        format!(r#""jwk":{own_jwk}"#),
        r#""jku":"https://example.com/jwks.json""#.to_owned(),
        r#""x5u":"https://example.com/key.pem""#.to_owned(),
        r#""x5c":["AAAA"]"#.to_owned(),
    ] {
        for kid in [kid, &own.kid] {
            let header = format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}",{member}}}"#);
            forgeries.push(own.token(&header, &claims));
        }
    }
    for kid in [
        kid.as_str(),
        &own.kid,
        "",
        "../../dev/null",
        "' OR 1=1 --",
        "%00",
    ] {
        let header = format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#);
        forgeries.push(own.token(&header, &claims));
    }
    // Signatures that do not match the signed text.
    let (head, rest) = good.split_once('.').unwrap();
    let (payload, _) = rest.split_once('.').unwrap();
    let of_ben = token(&ben).rsplit_once('.').unwrap().1;
    let (_, mut as_ben) = read(&good);
    as_ben["sub"] = read(token(&ben)).1["sub"].clone();
    forgeries.extend([
        format!("{signed}.{of_ben}"),
        format!("{head}.{}.{signature}", base64url(as_ben.to_string())),
        format!("{signed}.{}", "A".repeat(86)),
        format!("{signed}.{}", base64url([255; 64])),
        format!("{signed}.{}", base64url([0; 32])),
        format!("{signed}.{}", base64url([0; 65])),
    ]);
    // Missing, repeated and exchanged parts.
    forgeries.extend([
        format!("{good}.{signature}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{head}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{head}.{payload}.{signature}.{signature}.{signature}"),
        format!("{payload}.{head}.{signature}"),
        ".".to_owned(),
        "..".to_owned(),
        "....".to_owned(),
    ]);
    for forged in forgeries {
        assert_rejected(&ana.with_token(&forged), "TOKEN_INVALID").await;
    }
    ana.ask(ME, json!({})).await;
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text
        .chars()
        .map(|c| c.to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4) | pair[1])
        .collect()
}

#[apply(each_database)]
async fn token_has_exactly_one_accepted_encoding(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let good = token(&ana).to_owned();
    let parts: Vec<&str> = good.split('.').collect();
    let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();

    let mut others = Vec::new();
    // The signature S + L verifies like S unless its range is checked (RFC 8032 section 5.1.7).
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut malleable = signature.clone();
    let mut carry = 0;
    for (byte, of_order) in malleable[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(of_order) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    others.push(format!(
        "{}.{}.{}",
        parts[0],
        parts[1],
        base64url(&malleable)
    ));
    for at in 0..3 {
        let with = |part: String| {
            let mut parts = parts.clone();
            parts[at] = &part;
            parts.join(".")
        };
        let part = parts[at];
        others.extend([
            with(format!("{part}=")),
            with(format!("{part}==")),
            with(format!("{part}A")),
            with(format!("A{part}")),
            with(part[1..].to_owned()),
            with(part[..part.len() - 1].to_owned()),
            with(String::new()),
        ]);
        // Other last characters: some differ only in bits that are not part of the value.
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        for last in alphabet.chars().filter(|last| !part.ends_with(*last)) {
            others.push(with(format!("{}{last}", &part[..part.len() - 1])));
        }
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
        others.push(with(STANDARD.encode(bytes) + "+/"));
    }
    // Truncated after each character.
    others.extend((1..good.len()).map(|length| good[..length].to_owned()));
    for other in others {
        assert_rejected(&ana.with_token(&other), "TOKEN_INVALID").await;
    }
    for other in [
        format!("{good} "),
        format!("{good}\t{good}"),
        good.replace('.', " ."),
        json!({ "protected": parts[0], "payload": parts[1], "signature": parts[2] }).to_string(),
        json!({ "payload": parts[1], "signatures": [
            { "protected": parts[0], "signature": parts[2] }] })
        .to_string(),
        format!("\"{good}\""),
        good.replace('.', "%2E"),
    ] {
        let reply = ana.with_token(&other).send(ME, json!({})).await;
        // White space at the end is not part of the header's value.
        let is_same = other.trim_end() == good;
        assert_eq!(reply.status == 200, is_same, "{other:?} {reply:?}");
    }
    for length in [4096, 8192, 12_000] {
        let huge = format!("{}.{}.{}", parts[0], "A".repeat(length), parts[2]);
        assert_rejected(&ana.with_token(&huge), "TOKEN_INVALID").await;
    }
    ana.ask(ME, json!({})).await;
}

/// A token with a valid signature is rejected unless it has exactly the format of issued tokens.
#[apply(each_database)]
async fn signed_tokens_must_match_the_issued_format(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let forger = Forger::of(&app).await;
    let (header, (_, claims)) = (forger.header(), read(token(&ana)));
    let text = claims.to_string();
    let kid = &forger.kid;
    let now = app.now() / 1000;
    let same = ana.with_token(&forger.token(&header, &text));
    same.ask(ME, json!({})).await;

    let with_member = |member: &str| header.replace('}', &format!(",{member}}}"));
    let nested = forger.token(&header, &text);
    let mut headers = vec![
        with_member(r#""crit":["exp"]"#),
        with_member(r#""crit":[]"#),
        with_member(r#""crit":["b64"],"b64":false"#),
        with_member(r#""b64":true"#),
        with_member(r#""jwk":{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#),
        with_member(r#""jku":"https://example.com/""#),
        with_member(r#""zip":"DEF""#),
        with_member(r#""cty":"JWT""#),
        with_member(r#""x":1"#),
        with_member(r#""alg":"none""#),
        with_member(r#""alg":"EdDSA""#),
        with_member(&format!(r#""kid":"{kid}""#)),
        with_member(r#""typ":"at+jwt""#),
        format!(r#"{{"alg":"none",{}"#, &header[1..]),
        header.replace(',', ", "),
        format!(" {header}"),
        format!("{header}\n"),
        format!("\u{feff}{header}"),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":["{kid}"]}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}\u0000"}}"#),
        r#"{"typ":"at+jwt","alg":"EdDSA"}"#.to_owned(),
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":null}"#.to_owned(),
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":""}"#.to_owned(),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","kid":"{kid}"}}"#),
        format!("[{header}]"),
        "{}".to_owned(),
        "null".to_owned(),
        String::new(),
    ];
    for alg in [
        "none", "eddsa", "EDDSA", "Ed25519", "HS256", "HS512", "ES256", "RS256", "PS256",
    ] {
        headers.push(header.replace("EdDSA", alg));
    }
    for typ in [
        "JWT",
        "jwt",
        "at+JWT",
        "AT+JWT",
        "application/at+jwt",
        "",
        "at",
        "id_token",
    ] {
        headers.push(header.replace("at+jwt", typ));
    }
    let mut wrong: Vec<String> = headers
        .iter()
        .map(|header| forger.token(header, &text))
        .collect();

    // An unencoded payload, and a detached payload (RFC 7797).
    let unencoded = with_member(r#""crit":["b64"],"b64":false"#);
    let signed = format!("{}.{text}", base64url(&unencoded));
    let signature = forger.signature(signed.as_bytes());
    wrong.push(format!("{}..{signature}", base64url(&unencoded)));
    wrong.push(format!(
        "{}.{}.{signature}",
        base64url(&unencoded),
        base64url(&text)
    ));

    // Payloads that are not one object of valid claims.
    let set = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims.to_string()
    };
    let mut payloads: Vec<Vec<u8>> = [
        String::new(),
        "null".to_owned(),
        "{}".to_owned(),
        format!("[{text}]"),
        format!("{text}{text}"),
        format!("{text},"),
        format!("{text}\0"),
        json!(nested).to_string(),
        nested.clone(),
        "[".repeat(2000),
        text.replace("iss", "ISS"),
        set("exp", json!(now as f64 + 60.5)),
        set("exp", json!((now + 60).to_string())),
        set("exp", json!(null)),
        set("exp", json!(i64::MAX)),
        set("exp", json!(u64::MAX)),
        set("exp", json!(-1)),
        set("exp", json!(now + 12 * 60 * 60 + 1)),
        set("exp", json!(now - 1)),
        set("iat", json!(i64::MIN)),
        set("iat", json!(-1)),
        set("iat", json!(now + 5 * 60 + 1)),
        set("iat", json!(now + 13 * 60 * 60)),
        set("nbf", json!(now + 1)),
        set("nbf", json!(i64::MAX)),
        set("nbf", json!("now")),
        set("gen", json!(i64::MAX)),
        set("sid", json!(claims["sid"].as_str().unwrap().to_uppercase())),
        set("sid", claims["sub"].clone()),
        set("sub", claims["sid"].clone()),
        text.replace(&format!(r#""exp":{}"#, claims["exp"]), r#""exp":1e400"#),
        text.replace(
            &format!(r#""exp":{}"#, claims["exp"]),
            r#""exp":99999999999999999999"#,
        ),
        text.replace("user_", "user_\\u0000"),
    ]
    .map(String::into_bytes)
    .to_vec();
    payloads.push([text.as_bytes(), &[0xff]].concat());
    payloads.push(text.replace("cubby", "cub\u{0}by").into_bytes());
    for (name, value) in claims.as_object().unwrap() {
        for twice in [value, &json!("another"), &json!(null)] {
            payloads.push(
                text.replace('}', &format!(r#","{name}":{twice}}}"#))
                    .into_bytes(),
            );
            payloads.push(format!(r#"{{"{name}":{twice},{}"#, &text[1..]).into_bytes());
        }
    }
    for claim in ["iss", "aud", "client_id", "sub", "sid"] {
        for value in [
            json!("another"),
            json!(""),
            json!(null),
            json!(1),
            json!(["cubby"]),
        ] {
            payloads.push(set(claim, value).into_bytes());
        }
    }
    wrong.extend(
        payloads
            .iter()
            .map(|payload| forger.token(&header, payload)),
    );
    for (at, wrong) in wrong.iter().enumerate() {
        let reply = ana.with_token(wrong).send(ME, json!({})).await;
        assert_eq!(reply.status, 401, "{at}: {:?} {reply:?}", read(wrong));
        assert_eq!(reply.reason(), "TOKEN_INVALID", "{at}: {:?}", read(wrong));
    }
    for (name, value) in [("nbf", json!(now)), ("iat", json!(now + 5 * 60))] {
        let good = ana.with_token(&forger.token(&header, set(name, value)));
        good.ask(ME, json!({})).await;
    }
    let past = ana.with_token(&forger.token(&header, set("exp", json!(now))));
    assert_rejected(&past, "TOKEN_EXPIRED").await;
    ana.ask(ME, json!({})).await;
}

#[apply(each_database)]
async fn verified_token_cache_respects_expiry_and_sign_out(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let phone = app.sign_in("ana").await;
    for device in [&ana, &ana, &phone] {
        device.ask(ME, json!({})).await;
    }
    phone
        .ask("mutation { signOut { endedSessions } }", json!({}))
        .await;
    assert_rejected(&phone, "SESSION_ENDED").await;
    app.advance(Duration::from_hours(12));
    assert_rejected(&ana, "TOKEN_EXPIRED").await;
    assert_rejected(&ana, "TOKEN_EXPIRED").await;
}

#[apply(each_database)]
async fn token_of_another_server_is_rejected(env: TestEnv) {
    let app = env.app().await;
    let other = env
        .fresh()
        .await
        .app_with(&["--secret", "another secret, at least as long as that"])
        .await;
    let ana = app.sign_up("ana").await;
    other.sign_up("ana").await;
    assert_rejected(&other.anonymous().with_token(token(&ana)), "TOKEN_INVALID").await;
}

#[apply(each_database)]
async fn invalid_token_does_not_block_sign_in(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    ana.ask("mutation { signOut { endedSessions } }", json!({}))
        .await;
    let sign_in = json!({ "input": { "email": "ana@example.com", "password": PASSWORD } });
    for query in [
        "mutation ($input: SignInInput!) { signIn(input: $input) { tokens { accessToken } } }",
        "mutation ($input: SignInInput!) { __typename a: signIn(input: $input) { user { id } } }",
        "mutation ($input: SignInInput!) { ...F } fragment F on Mutation {
           ... on Mutation { signIn(input: $input) { user { tasks { totalCount } } } } }",
    ] {
        for stale in [ana.clone(), ana.with_token("forged")] {
            stale.ask(query, sign_in.clone()).await;
        }
    }
    ana.ask("{ service { version } __typename }", json!({}))
        .await;
}

#[apply(each_database)]
async fn invalid_token_is_rejected_for_other_operations(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    ana.ask("mutation { signOut { endedSessions } }", json!({}))
        .await;
    for query in [
        "{ service { version } viewer { id } }",
        "{ signIn: viewer { id } }",
        "{ ...F } fragment F on Query { ... { viewer { id } } }",
        "{ service { version } node(id: \"x\") { id } }",
        "mutation { signOut { endedSessions } createTask(input: { title: \"x\" }) { task { id } } }",
        "{ __schema { queryType { name } } }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { viewer { id } }",
    ] {
        let reply = ana.send(query, json!({})).await;
        assert_eq!(
            (reply.status.as_u16(), reply.reason()),
            (401, "SESSION_ENDED"),
            "{query}"
        );
    }
    // Only the selected operation of the document decides.
    let two = "query Open { service { version } } query Private { viewer { id } }";
    let send = async |name: &str| {
        let body = json!({ "query": two, "operationName": name });
        ana.post(body.to_string()).await.status.as_u16()
    };
    assert_eq!(send("Open").await, 200);
    assert_eq!(send("Private").await, 401);
}

#[apply(each_database)]
async fn token_of_deleted_session_is_rejected(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    app.sql("DELETE FROM sessions RETURNING created_at").await;
    assert_rejected(&ana, "SESSION_ENDED").await;
}
