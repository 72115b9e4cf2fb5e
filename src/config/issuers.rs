//! The identity providers whose tokens are taken beside our own.

use std::{collections::HashSet, fmt, str::FromStr};

use jsonwebtoken::Algorithm;
use serde::Deserialize;

use super::values::SecretSetting;

/// The claims that may hold the audience: of most providers `aud`, of others the client that the token was issued to.
const AUDIENCE_CLAIMS: [&str; 5] = ["aud", "azp", "cid", "client_id", "appid"];

/// How many there may be.
const MOST: usize = 20;

/// The identity providers that are trusted, each once.
#[derive(Clone, Debug, Default)]
pub struct TrustedIssuers(Vec<TrustedIssuer>);

/// One of them, and what its tokens must say.
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// What their audience is or holds.
    pub audience: String,
    /// The claim that holds the audience.
    pub audience_claim: String,
    pub keys: IssuerKeys,
}

/// What its tokens are signed with.
#[derive(Clone, Debug)]
pub enum IssuerKeys {
    /// Keys that it publishes as a JWK set.
    Published {
        url: http::Uri,
        algorithm: Algorithm,
    },
    /// A secret that both know, for HS256.
    Shared(SecretSetting),
}

impl TrustedIssuers {
    pub fn iter(&self) -> impl Iterator<Item = &TrustedIssuer> {
        self.0.iter()
    }
}

/// One as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawIssuer {
    issuer: String,
    audience: String,
    audience_claim: Option<String>,
    jwks: Option<String>,
    algorithm: Option<Algorithm>,
    secret: Option<String>,
}

impl FromStr for TrustedIssuers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let written: Vec<RawIssuer> = serde_json::from_str(text).map_err(|error| {
            // The reader's own words could repeat a secret.
            let (line, column) = (error.line(), error.column());
            format!(
                "write a JSON list such as [{{\"issuer\": \"https://app.example.com\", \"audience\": \
                 \"https://app.example.com\", \"jwks\": \"https://app.example.com/api/auth/jwks\"}}], \
                 where \"secret\" may stand instead of \"jwks\"; what is there cannot be read from line \
                 {line}, column {column} on"
            )
        })?;
        if written.len() > MOST {
            return Err(format!("there may be at most {MOST}"));
        }
        let mut seen = HashSet::new();
        let mut issuers = Vec::new();
        for issuer in written {
            if issuer.issuer.is_empty() || issuer.audience.is_empty() {
                return Err("\"issuer\" and \"audience\" cannot be empty".to_owned());
            }
            if !seen.insert(issuer.issuer.clone()) {
                return Err(format!("{} is there twice", issuer.issuer));
            }
            let name = issuer.issuer.clone();
            issuers.push(issuer.read().map_err(|what| format!("of {name}: {what}"))?);
        }
        Ok(Self(issuers))
    }
}

impl RawIssuer {
    fn read(self) -> Result<TrustedIssuer, String> {
        let keys = match (self.jwks, self.secret) {
            (Some(url), None) => published(&url, self.algorithm)?,
            (None, Some(secret)) => {
                if !matches!(self.algorithm, None | Some(Algorithm::HS256)) {
                    return Err("a shared secret is for HS256".to_owned());
                }
                IssuerKeys::Shared(secret.parse().map_err(|why| format!("\"secret\": {why}"))?)
            }
            _ => return Err("give either \"jwks\" or \"secret\"".to_owned()),
        };
        let audience_claim = self.audience_claim.unwrap_or_else(|| "aud".to_owned());
        if !AUDIENCE_CLAIMS.contains(&audience_claim.as_str()) {
            return Err(format!(
                "\"audienceClaim\" is one of {}",
                AUDIENCE_CLAIMS.join(", ")
            ));
        }
        Ok(TrustedIssuer {
            issuer: self.issuer,
            audience: self.audience,
            audience_claim,
            keys,
        })
    }
}

fn published(url: &str, algorithm: Option<Algorithm>) -> Result<IssuerKeys, String> {
    let algorithm = algorithm.unwrap_or(Algorithm::EdDSA);
    if matches!(
        algorithm,
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
    ) {
        return Err(
            "what is published is no secret: \"algorithm\" is EdDSA, ES256, ES384, RS256, \
                    RS384, RS512, PS256, PS384 or PS512"
                .to_owned(),
        );
    }
    let url = url.parse().ok().filter(|url: &http::Uri| {
        url.host().is_some() && matches!(url.scheme_str(), Some("https" | "http"))
    });
    let url = url.ok_or("\"jwks\" is an https:// or an http:// URL")?;
    Ok(IssuerKeys::Published { url, algorithm })
}

impl fmt::Display for TrustedIssuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} issuers", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_read_and_what_is_wrong_with_one_is_said() {
        let two = r#"[
            {"issuer": "https://a.example", "audience": "a", "jwks": "https://a.example/jwks"},
            {"issuer": "b", "audience": "b", "secret": "0123456789abcdef0123456789abcdef"}]"#;
        let read: TrustedIssuers = two.parse().unwrap();
        let keys: Vec<_> = read.iter().map(|issuer| &issuer.keys).collect();
        assert!(matches!(
            keys[..],
            [
                IssuerKeys::Published {
                    algorithm: Algorithm::EdDSA,
                    ..
                },
                IssuerKeys::Shared(_)
            ]
        ));
        assert!(!format!("{read:?}").contains("0123456789"));

        let of = |more: &str| format!(r#"[{{"issuer": "a", "audience": "a", {more}}}]"#);
        for (text, says) in [
            ("https://a.example".to_owned(), "write a JSON list"),
            (of(r#""jwks": 7"#), "write a JSON list"),
            (of(r#""jwk": "https://a.example""#), "write a JSON list"),
            (
                of(r#""jwks": "https://a.example", "algorithm": "none""#),
                "write a JSON list",
            ),
            (of(r#""secret": "short""#), "at least 32"),
            (
                of(r#""jwks": "https://a.example", "audienceClaim": "email""#),
                "one of aud, azp, cid, client_id, appid",
            ),
            (
                of(r#""jwks": "https://a.example", "audienceClaim": """#),
                "\"audienceClaim\"",
            ),
            (
                of(r#""jwks": "https://a.example", "audienceClaim": 1"#),
                "write a JSON list",
            ),
            (
                of(r#""jwks": "https://a.example", "algorithm": "HS256""#),
                "is no secret",
            ),
            (
                of(r#""jwks": "https://a.example", "secret": "0123456789abcdef0123456789abcdef""#),
                "either",
            ),
            (of(r#""algorithm": "RS256""#), "either"),
            (of(r#""jwks": "file:///etc/passwd""#), "https://"),
            (of(r#""jwks": "/jwks""#), "https://"),
            (
                r#"[{"issuer": "", "audience": "a", "jwks": "https://a.example"}]"#.to_owned(),
                "cannot be empty",
            ),
            (
                format!(
                    "[{0}, {0}]",
                    r#"{"issuer": "a", "audience": "a", "jwks": "https://a.example"}"#
                ),
                "is there twice",
            ),
        ] {
            let said = text.parse::<TrustedIssuers>().unwrap_err();
            assert!(said.contains(says), "{text} says: {said}");
        }
        let named: TrustedIssuers =
            of(r#""jwks": "https://a.example", "audienceClaim": "client_id""#)
                .parse()
                .unwrap();
        let claims: Vec<_> = named
            .iter()
            .chain(read.iter())
            .map(|issuer| issuer.audience_claim.as_str())
            .collect();
        assert_eq!(claims, ["client_id", "aud", "aud"]);
        let without_tls = of(r#""jwks": "http://127.0.0.1/jwks""#);
        assert!(without_tls.parse::<TrustedIssuers>().is_ok());
    }
}
