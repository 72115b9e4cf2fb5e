//! The setting of external providers: parses and checks its JSON.

use std::{collections::HashSet, fmt, str::FromStr};

use jsonwebtoken::Algorithm;
use serde::Deserialize;

use super::values::SecretSetting;

/// The claims that can name the audience: `aud` for most providers, the client of the token for others.
const AUDIENCE_CLAIMS: [&str; 5] = ["aud", "azp", "cid", "client_id", "appid"];

/// The maximum number of external providers.
const MAX_ISSUERS: usize = 20;

/// The external providers, each at most once.
#[derive(Clone, Debug, Default)]
pub struct TrustedIssuers(Vec<TrustedIssuer>);

/// An external provider, and the claims that its tokens must have.
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    /// The `iss` claim of its tokens.
    pub issuer: String,
    /// The value that their audience must be or contain.
    pub audience: String,
    /// The claim that names the audience.
    pub audience_claim: String,
    pub keys: IssuerKeys,
}

/// The keys that verify the tokens of an external provider.
#[derive(Clone, Debug)]
pub enum IssuerKeys {
    /// Public keys that the provider publishes as a JWK set.
    Published {
        url: http::Uri,
        algorithm: Algorithm,
    },
    /// A shared secret, for HS256.
    Shared(SecretSetting),
}

impl TrustedIssuers {
    pub fn iter(&self) -> impl Iterator<Item = &TrustedIssuer> {
        self.0.iter()
    }
}

/// An external provider as written in the setting.
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
            // The parser's own message could contain a secret.
            let (line, column) = (error.line(), error.column());
            format!(
                "write a JSON list such as [{{\"issuer\": \"https://app.example.com\", \"audience\": \
                 \"https://app.example.com\", \"jwks\": \"https://app.example.com/api/auth/jwks\"}}], \
                 with \"secret\" instead of \"jwks\" for HS256; the error is in line {line}, column \
                 {column}"
            )
        })?;
        if written.len() > MAX_ISSUERS {
            return Err(format!("at most {MAX_ISSUERS} issuers are allowed"));
        }
        let mut seen = HashSet::new();
        let mut issuers = Vec::new();
        for issuer in written {
            if issuer.issuer.is_empty() || issuer.audience.is_empty() {
                return Err("\"issuer\" and \"audience\" cannot be empty".to_owned());
            }
            if !seen.insert(issuer.issuer.clone()) {
                return Err(format!(
                    "the issuer {} is listed twice: remove one",
                    issuer.issuer
                ));
            }
            let name = issuer.issuer.clone();
            issuers.push(
                issuer
                    .read()
                    .map_err(|what| format!("issuer {name}: {what}"))?,
            );
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
                    return Err(
                        "\"secret\" is for HS256: remove \"algorithm\", or set \"jwks\" instead"
                            .to_owned(),
                    );
                }
                IssuerKeys::Shared(secret.parse().map_err(|why| format!("\"secret\": {why}"))?)
            }
            _ => return Err("set either \"jwks\" or \"secret\"".to_owned()),
        };
        let audience_claim = self.audience_claim.unwrap_or_else(|| "aud".to_owned());
        if !AUDIENCE_CLAIMS.contains(&audience_claim.as_str()) {
            return Err(format!(
                "\"audienceClaim\" must be one of {}",
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
            "with \"jwks\", \"algorithm\" must be EdDSA, ES256, ES384, RS256, RS384, RS512, PS256, PS384 \
             or PS512"
                .to_owned(),
        );
    }
    let url = url.parse().ok().filter(|url: &http::Uri| {
        url.host().is_some() && matches!(url.scheme_str(), Some("https" | "http"))
    });
    let url = url.ok_or("\"jwks\" must be an https:// or http:// URL")?;
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
    fn issuers_are_parsed_and_errors_say_what_to_write() {
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
                "must be EdDSA",
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
                "is listed twice",
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
