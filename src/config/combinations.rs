//! Settings that depend on each other: computes their defaults, and rejects contradictions.

use super::{
    database_url::DatabaseUrl,
    settings::{Config, JwtAlgorithm, Mode, OnOff},
    values::SecretSetting,
};

/// Settings that contradict each other; the message says what to set.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Config {
    /// Returns the database's URL: `DATABASE_URL`, or a SQLite file in the data directory.
    pub fn database(&self) -> DatabaseUrl {
        self.database_url
            .clone()
            .unwrap_or_else(|| DatabaseUrl::of_file(&self.data_dir.join("cubby.sqlite")))
    }

    /// Returns the database's URL that bypasses the pooler: `CUBBY_DIRECT_DATABASE_URL`, or that of
    /// [`Config::database`].
    pub fn direct_database(&self) -> DatabaseUrl {
        self.direct_database_url
            .clone()
            .unwrap_or_else(|| self.database())
    }

    /// Returns the mode.
    ///
    /// # Errors
    /// Fails if the mode is not set and its default could be unsafe, or if settings contradict each other.
    pub fn mode(&self) -> Result<Mode, ConfigError> {
        let is_local =
            self.listen.ip().is_loopback() && matches!(self.database(), DatabaseUrl::Sqlite(_));
        let mode = match self.mode {
            Some(mode) => mode,
            None if is_local => Mode::Development,
            None => {
                return Err(ConfigError(
                    "CUBBY_MODE is not set, and it is required unless Cubby listens on a loopback \
                     address and uses SQLite: set CUBBY_MODE=production, or CUBBY_MODE=development for \
                     testing"
                    .to_owned(),
                ));
            }
        };
        let kinds = (self.database(), &self.direct_database_url);
        if !matches!(
            kinds,
            (_, None) | (DatabaseUrl::Postgres(_), Some(DatabaseUrl::Postgres(_)))
        ) {
            return Err(ConfigError(
                "CUBBY_DIRECT_DATABASE_URL must be a second URL of the PostgreSQL database in \
                 DATABASE_URL: set both, or unset CUBBY_DIRECT_DATABASE_URL"
                    .to_owned(),
            ));
        }
        if self.trusted_documents_only == OnOff::On && self.trusted_documents.is_empty() {
            return Err(ConfigError(
                "CUBBY_TRUSTED_DOCUMENTS_ONLY=on needs trusted documents: set CUBBY_TRUSTED_DOCUMENTS to \
                 their manifests, or unset CUBBY_TRUSTED_DOCUMENTS_ONLY"
                    .to_owned(),
            ));
        }
        if mode == Mode::Production && self.throttles == OnOff::Off {
            return Err(ConfigError(
                "CUBBY_THROTTLES=off is rejected in production: unset it, or set \
                 CUBBY_MODE=development"
                    .to_owned(),
            ));
        }
        Ok(mode)
    }

    /// Returns the secrets that are set, the one in use first; none if the secret is in the data
    /// directory.
    ///
    /// # Errors
    /// Fails if `CUBBY_SECRET` is missing beside others, or if two secrets are equal.
    pub fn secrets(&self) -> Result<Vec<&SecretSetting>, ConfigError> {
        let named = [
            ("CUBBY_SECRET", &self.secret),
            ("CUBBY_SECRET_2", &self.secret_2),
            ("CUBBY_SECRET_3", &self.secret_3),
        ];
        let set: Vec<_> = named
            .iter()
            .filter_map(|(name, secret)| Some((name, secret.as_ref()?)))
            .collect();
        if self.secret.is_none()
            && let Some((name, _)) = set.first()
        {
            return Err(ConfigError(format!(
                "{name} is set, but CUBBY_SECRET is not: set CUBBY_SECRET to the secret in use. If the \
                 secret is in the data directory, it is the first line of the file `secret`"
            )));
        }
        for (at, (name, secret)) in set.iter().enumerate() {
            if let Some((other, _)) = set[..at].iter().find(|(_, other)| other == secret) {
                return Err(ConfigError(format!(
                    "{name} is the same as {other}: unset {name}, or set it to a different secret"
                )));
            }
        }
        Ok(set.into_iter().map(|(_, secret)| secret).collect())
    }

    /// Returns the secret of HS256, or `None` if access tokens are signed with EdDSA.
    ///
    /// # Errors
    /// Fails if the algorithm and the secret contradict each other, or if a server secret is used.
    pub fn jwt_secret(&self) -> Result<Option<&SecretSetting>, ConfigError> {
        match (self.jwt_algorithm, &self.jwt_secret) {
            (None | Some(JwtAlgorithm::Hs256), Some(secret))
                if [&self.secret, &self.secret_2, &self.secret_3]
                    .into_iter()
                    .flatten()
                    .any(|other| other == secret) =>
            {
                Err(ConfigError(
                    "CUBBY_JWT_SECRET is the same as CUBBY_SECRET, CUBBY_SECRET_2 or CUBBY_SECRET_3: \
                     services that verify tokens could derive the server's keys from it. Set it to a \
                     different secret"
                        .to_owned(),
                ))
            }
            (None | Some(JwtAlgorithm::Hs256), Some(secret)) => Ok(Some(secret)),
            (None | Some(JwtAlgorithm::EdDsa), None) => Ok(None),
            (Some(JwtAlgorithm::Hs256), None) => Err(ConfigError(
                "CUBBY_JWT_ALGORITHM=HS256 needs CUBBY_JWT_SECRET: set it to at least 32 bytes".to_owned(),
            )),
            (Some(JwtAlgorithm::EdDsa), Some(_)) => Err(ConfigError(
                "CUBBY_JWT_SECRET is only for HS256, but CUBBY_JWT_ALGORITHM is EdDSA: unset one of \
                 them"
                    .to_owned(),
            )),
        }
    }

    pub fn graphiql(&self, mode: Mode) -> bool {
        is_on(self.graphiql, mode)
    }

    pub fn introspection(&self, mode: Mode) -> bool {
        is_on(self.introspection, mode)
    }
}

fn is_on(setting: Option<OnOff>, mode: Mode) -> bool {
    match setting {
        Some(setting) => setting == OnOff::On,
        None => mode == Mode::Development,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(flags: &[&str]) -> Result<Config, String> {
        Config::of(flags)
    }

    #[test]
    fn defaults_are_development_mode_and_a_sqlite_file() {
        let config = config(&[]).unwrap();
        assert_eq!(config.mode().unwrap(), Mode::Development);
        assert_eq!(
            config.database(),
            DatabaseUrl::Sqlite("sqlite:./data/cubby.sqlite".to_owned())
        );
    }

    #[test]
    fn mode_is_required_unless_loopback_and_sqlite() {
        for flags in [
            ["--listen", "0.0.0.0:8000"],
            ["--database-url", "postgres://localhost/cubby"],
        ] {
            let message = config(&flags).unwrap().mode().unwrap_err().to_string();
            assert!(message.contains("CUBBY_MODE=production"), "{message}");
            assert!(message.contains("CUBBY_MODE=development"), "{message}");
        }
    }

    #[test]
    fn direct_url_requires_a_postgresql_url() {
        let (sqlite, postgres) = ("sqlite:a.sqlite", "postgres://localhost/cubby");
        let with = |url: &[&str], direct: &str| {
            let direct = ["--direct-database-url", direct, "--mode", "production"];
            config(&[url, direct.as_slice()].concat()).unwrap().mode()
        };
        assert!(with(&["--database-url", postgres], postgres).is_ok());
        for (url, direct) in [
            (&[] as &[&str], postgres),
            (&["--database-url", sqlite], postgres),
            (&["--database-url", postgres], sqlite),
        ] {
            let message = with(url, direct).unwrap_err().to_string();
            assert!(message.contains("set both"), "{message}");
        }
    }

    #[test]
    fn rate_limits_cannot_be_off_in_production() {
        let off = config(&["--throttles", "off", "--mode", "production"]).unwrap();
        assert!(off.mode().is_err());
        assert!(config(&["--throttles", "off"]).unwrap().mode().is_ok());
    }

    #[test]
    fn jwt_secret_selects_hs256_and_contradictions_are_rejected() {
        let secret = "0123456789abcdef0123456789abcdef";
        let with = |flags: &[&str]| config(flags).unwrap().jwt_secret().map(|s| s.is_some());
        let (h, e) = (["--jwt-algorithm", "HS256"], ["--jwt-algorithm", "EdDSA"]);
        let s = ["--jwt-secret", secret];
        assert!(!with(&[]).unwrap());
        assert!(with(&s).unwrap());
        assert!(with(&[h, s].concat()).unwrap());
        assert!(with(&h).is_err());
        assert!(with(&[e, s].concat()).is_err());
        assert!(with(&[s, ["--secret", secret]].concat()).is_err());
        assert!(with(&[s, ["--secret-2", secret]].concat()).is_err());
    }

    #[test]
    fn additional_secrets_require_the_first_and_must_differ() {
        let (a, b, c) = ("a".repeat(32), "b".repeat(32), "c".repeat(32));
        let secrets = |all: [&str; 3]| {
            let flags = ["--secret", "--secret-2", "--secret-3"]
                .into_iter()
                .zip(all);
            let set = flags.filter(|(_, secret)| !secret.is_empty());
            let flags: Vec<&str> = set.flat_map(|(flag, secret)| [flag, secret]).collect();
            let config = config(&flags).unwrap();
            let secrets = config.secrets().map_err(|conflict| conflict.to_string());
            secrets.map(|secrets| secrets.into_iter().cloned().collect::<Vec<_>>())
        };
        let parsed = |all: &[&str]| -> Vec<SecretSetting> {
            all.iter().map(|secret| secret.parse().unwrap()).collect()
        };
        assert_eq!(secrets(["", "", ""]).unwrap(), []);
        assert_eq!(secrets([&a, "", ""]).unwrap(), parsed(&[&a]));
        assert_eq!(secrets([&a, &b, &c]).unwrap(), parsed(&[&a, &b, &c]));
        assert_eq!(secrets([&a, "", &c]).unwrap(), parsed(&[&a, &c]));
        for (all, says) in [
            (["", &b, ""], "CUBBY_SECRET_2 is set"),
            ([&a, &a, ""], "CUBBY_SECRET_2 is the same as CUBBY_SECRET"),
            ([&a, &b, &b], "CUBBY_SECRET_3 is the same as CUBBY_SECRET_2"),
        ] {
            let said = secrets(all).unwrap_err();
            assert!(said.contains(says), "{said}");
            assert!(!said.contains(&b) && !said.contains(&a), "{said}");
        }
    }
}
