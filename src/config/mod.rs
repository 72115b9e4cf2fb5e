//! The settings: environment variables and flags alike, whose doc comments are `--help`.

mod database_url;
mod env_file;
mod issuers;
mod limits;
mod origin;
mod values;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};

pub use database_url::DatabaseUrl;
pub use env_file::load_env_file;
pub use issuers::{IssuerKeys, TrustedIssuer, TrustedIssuers};
pub use limits::{AccountLimits, ConnectionLimits, DocumentLimits};
pub use origin::{Origin, Scheme};
pub use values::{Lead, LogDirectives, SecretSetting, TrustedProxy, whole_number};

/// Everything that can be set.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// The database: `sqlite:PATH`, `postgres://…` or `postgresql://…`. Left out, a SQLite file in the
    /// data directory. Special characters of a password are percent-encoded. On PostgreSQL,
    /// `?sslmode=verify-full` verifies the server's certificate, and `sslrootcert` names the file of its
    /// authority. Unknown parameters are refused
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    pub database_url: Option<DatabaseUrl>,

    /// A second address of the same PostgreSQL database that passes no pooler, used for migrations
    /// and to hear that a session has ended
    #[arg(
        long,
        env = "CUBBY_DIRECT_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    pub direct_database_url: Option<DatabaseUrl>,

    /// How many connections to the database to keep at most; on SQLite they read, and one more writes
    #[arg(
        long,
        env = "CUBBY_DATABASE_CONNECTIONS",
        value_name = "COUNT",
        default_value_t = 10,
        value_parser = whole_number(1..=1000),
        global = true
    )]
    pub database_connections: u32,

    /// The address and port to serve on; port 0 picks a free one and prints it
    #[arg(
        long,
        env = "CUBBY_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000),
        global = true
    )]
    pub listen: SocketAddr,

    /// The address and port to serve metrics on, in the text format of OpenMetrics, at /metrics; not
    /// served when left out. Whoever reaches it may read them
    #[arg(
        long,
        env = "CUBBY_METRICS_LISTEN",
        value_name = "ADDRESS:PORT",
        global = true
    )]
    pub metrics_listen: Option<SocketAddr>,

    /// Where the SQLite file and the server's secret are kept when they are not set otherwise
    #[arg(
        long,
        env = "CUBBY_DATA_DIR",
        value_name = "DIR",
        default_value = "./data",
        global = true
    )]
    pub data_dir: PathBuf,

    /// `development` or `production`. Left out, it is development on a loopback address with
    /// SQLite; anywhere else it must be said
    #[arg(long, env = "CUBBY_MODE", global = true)]
    pub mode: Option<Mode>,

    /// The server's secret, at least 32 bytes, from which keys are derived and by which those in
    /// the database are sealed. Instances over one database must share it. On SQLite it is made at
    /// the first start and kept in the file `secret` of the data directory; on PostgreSQL it is
    /// required
    #[arg(
        long,
        env = "CUBBY_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        global = true
    )]
    pub secret: Option<SecretSetting>,

    /// A second secret that is accepted, while one takes the other's place
    #[arg(
        long,
        env = "CUBBY_SECRET_2",
        value_name = "SECRET",
        hide_env_values = true,
        global = true
    )]
    pub secret_2: Option<SecretSetting>,

    /// A third one
    #[arg(
        long,
        env = "CUBBY_SECRET_3",
        value_name = "SECRET",
        hide_env_values = true,
        global = true
    )]
    pub secret_3: Option<SecretSetting>,

    /// How access tokens are signed: `EdDSA`, with the public keys at /.well-known/jwks.json, or
    /// `HS256`, with the secret of CUBBY_JWT_SECRET. Left out, HS256 when that secret is set and
    /// EdDSA when it is not
    #[arg(
        long,
        env = "CUBBY_JWT_ALGORITHM",
        value_name = "ALGORITHM",
        global = true
    )]
    pub jwt_algorithm: Option<JwtAlgorithm>,

    /// The secret of HS256, at least 32 bytes, for others who verify access tokens with it
    #[arg(
        long,
        env = "CUBBY_JWT_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        global = true
    )]
    pub jwt_secret: Option<SecretSetting>,

    /// The `iss` claim of access tokens
    #[arg(
        long,
        env = "CUBBY_ISSUER",
        value_name = "NAME",
        default_value = "cubby",
        value_parser = NonEmptyStringValueParser::new(),
        global = true
    )]
    pub issuer: String,

    /// The `aud` claim of access tokens
    #[arg(
        long,
        env = "CUBBY_AUDIENCE",
        value_name = "NAME",
        default_value = "cubby",
        value_parser = NonEmptyStringValueParser::new(),
        global = true
    )]
    pub audience: String,

    /// Identity providers whose tokens are taken beside Cubby's own: a JSON list of `issuer`, `audience` and
    /// `jwks`, the address of their public keys, or `secret`, at least 32 bytes for HS256; with `jwks` also
    /// `algorithm`, EdDSA when left out; `audienceClaim`, where another claim than `aud` holds
    /// the audience, such as `client_id` or `azp`. None when left out
    #[arg(
        long,
        env = "CUBBY_TRUSTED_ISSUERS",
        value_name = "JSON",
        hide_env_values = true,
        global = true
    )]
    pub trusted_issuers: Option<TrustedIssuers>,

    /// Origins whose pages may call the API from a browser, separated by commas, such as
    /// `https://app.example.com`; none when left out. In development those of the same machine, such as
    /// `http://localhost:5173`, may call it too
    #[arg(
        long,
        env = "CUBBY_CORS_ORIGINS",
        value_name = "ORIGINS",
        value_delimiter = ',',
        global = true
    )]
    pub cors_origins: Vec<Origin>,

    /// Proxies whose `X-Forwarded-For` is believed, as addresses or networks separated by commas, such
    /// as `10.0.0.0/8`; none when left out
    #[arg(
        long,
        env = "CUBBY_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        value_delimiter = ',',
        global = true
    )]
    pub trusted_proxies: Vec<TrustedProxy>,

    /// What to log, as directives of `tracing_subscriber::EnvFilter`, such as `info,cubby=debug`.
    /// Lines are JSON in production
    #[arg(
        long,
        env = "CUBBY_LOG",
        value_name = "DIRECTIVES",
        default_value = "info",
        global = true
    )]
    pub log: LogDirectives,

    /// Whether attempts at credentials, refreshes and costs are limited. `off` is refused in production;
    /// in development a client on the same machine is never limited
    #[arg(long, env = "CUBBY_THROTTLES", default_value = "on", global = true)]
    pub throttles: Switch,

    /// How long a password must and may be, in code points: `standard` 8 to 128, `nist` 15 to 256.
    /// Common passwords are refused by both
    #[arg(
        long,
        env = "CUBBY_PASSWORD_POLICY",
        default_value = "standard",
        global = true
    )]
    pub password_policy: PasswordPolicy,

    /// Who can make an account with `signUp`: `open` anybody, `closed` nobody. `cubby user create` makes one in either
    /// case, and people of other identity providers get theirs with their first token
    #[arg(long, env = "CUBBY_SIGN_UP", default_value = "open", global = true)]
    pub sign_up: SignUp,

    /// Whether a browser that opens `/` is shown GraphiQL. Left out, on in development
    #[arg(long, env = "CUBBY_GRAPHIQL", global = true)]
    pub graphiql: Option<Switch>,

    /// Whether the schema can be asked for. Left out, on in development
    #[arg(long, env = "CUBBY_INTROSPECTION", global = true)]
    pub introspection: Option<Switch>,

    /// Manifests of documents that front ends were built with, as files separated by commas: those of Apollo's
    /// `generate-persisted-query-manifest`, of graphql-codegen's client preset and of the Relay compiler. Their
    /// documents may be sent by their ids; none when left out
    #[arg(
        long,
        env = "CUBBY_TRUSTED_DOCUMENTS",
        value_name = "FILES",
        value_delimiter = ',',
        global = true
    )]
    pub trusted_documents: Vec<PathBuf>,

    /// `on` runs no other documents than those of the manifests
    #[arg(
        long,
        env = "CUBBY_TRUSTED_DOCUMENTS_ONLY",
        default_value = "off",
        global = true
    )]
    pub trusted_documents_only: Switch,

    #[command(flatten)]
    pub document_limits: DocumentLimits,

    #[command(flatten)]
    pub account_limits: AccountLimits,

    #[command(flatten)]
    pub connection_limits: ConnectionLimits,
}

/// How careful to be: development explains itself, production keeps quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    Development,
    Production,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JwtAlgorithm {
    #[value(name = "EdDSA")]
    EdDsa,
    #[value(name = "HS256")]
    Hs256,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SignUp {
    Open,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PasswordPolicy {
    Standard,
    Nist,
}

impl PasswordPolicy {
    /// Least and greatest length, in code points after NFC.
    pub fn lengths(self) -> (usize, usize) {
        match self {
            Self::Standard => (8, 128),
            Self::Nist => (15, 256),
        }
    }
}

/// Why the settings cannot be used together; the message says what to set.
#[derive(Debug)]
pub struct Conflict(pub String);

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Conflict {}

impl Config {
    /// The database, with its default filled in.
    pub fn database(&self) -> DatabaseUrl {
        self.database_url
            .clone()
            .unwrap_or_else(|| DatabaseUrl::of_file(&self.data_dir.join("cubby.sqlite")))
    }

    /// The database past a pooler, where the settings say how: the same one, of PostgreSQL.
    pub fn direct_database(&self) -> DatabaseUrl {
        self.direct_database_url
            .clone()
            .unwrap_or_else(|| self.database())
    }

    /// Development or production, refusing to guess where a guess could be unsafe.
    pub fn mode(&self) -> Result<Mode, Conflict> {
        let at_home =
            self.listen.ip().is_loopback() && matches!(self.database(), DatabaseUrl::Sqlite(_));
        let mode = match self.mode {
            Some(mode) => mode,
            None if at_home => Mode::Development,
            None => {
                return Err(Conflict(
                    "CUBBY_MODE is not set. It may be left out only on a loopback address with \
                     SQLite: set CUBBY_MODE=production, or CUBBY_MODE=development to try things \
                     out"
                    .to_owned(),
                ));
            }
        };
        let kinds = (self.database(), &self.direct_database_url);
        if !matches!(
            kinds,
            (_, None) | (DatabaseUrl::Postgres(_), Some(DatabaseUrl::Postgres(_)))
        ) {
            return Err(Conflict(
                "CUBBY_DIRECT_DATABASE_URL is a second address of the PostgreSQL database that \
                 DATABASE_URL names: set both, or unset it"
                    .to_owned(),
            ));
        }
        if self.trusted_documents_only == Switch::On && self.trusted_documents.is_empty() {
            return Err(Conflict(
                "CUBBY_TRUSTED_DOCUMENTS_ONLY=on needs documents to run: set CUBBY_TRUSTED_DOCUMENTS to the \
                 manifests, or leave it out"
                    .to_owned(),
            ));
        }
        if mode == Mode::Production && self.throttles == Switch::Off {
            return Err(Conflict(
                "CUBBY_THROTTLES=off is refused in production: leave it out, or set \
                 CUBBY_MODE=development"
                    .to_owned(),
            ));
        }
        Ok(mode)
    }

    /// The secrets that are set, the one in use first; none when it is to be kept in the data
    /// directory.
    pub fn secrets(&self) -> Result<Vec<&SecretSetting>, Conflict> {
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
            return Err(Conflict(format!(
                "{name} is set, and CUBBY_SECRET, the secret in use, is not: set it. One that was \
                 kept in the data directory is the content of the file `secret`"
            )));
        }
        for (at, (name, secret)) in set.iter().enumerate() {
            if let Some((other, _)) = set[..at].iter().find(|(_, other)| other == secret) {
                return Err(Conflict(format!(
                    "{name} is the same as {other}: unset {name}, or set it to the other secret \
                     that is to be accepted"
                )));
            }
        }
        Ok(set.into_iter().map(|(_, secret)| secret).collect())
    }

    /// The secret of HS256 when tokens are signed with it, or nothing for EdDSA.
    pub fn jwt_secret(&self) -> Result<Option<&SecretSetting>, Conflict> {
        match (self.jwt_algorithm, &self.jwt_secret) {
            (None | Some(JwtAlgorithm::Hs256), Some(secret))
                if [&self.secret, &self.secret_2, &self.secret_3]
                    .into_iter()
                    .flatten()
                    .any(|of_ours| of_ours == secret) =>
            {
                Err(Conflict(
                    "CUBBY_JWT_SECRET is the same as CUBBY_SECRET or one beside it, from which \
                     keys are derived: whoever verifies tokens could make them all. Set another one"
                        .to_owned(),
                ))
            }
            (None | Some(JwtAlgorithm::Hs256), Some(secret)) => Ok(Some(secret)),
            (None | Some(JwtAlgorithm::EdDsa), None) => Ok(None),
            (Some(JwtAlgorithm::Hs256), None) => Err(Conflict(
                "CUBBY_JWT_ALGORITHM=HS256 needs CUBBY_JWT_SECRET, at least 32 bytes".to_owned(),
            )),
            (Some(JwtAlgorithm::EdDsa), Some(_)) => Err(Conflict(
                "CUBBY_JWT_SECRET is for HS256, and CUBBY_JWT_ALGORITHM is EdDSA: unset one of \
                 them"
                    .to_owned(),
            )),
        }
    }

    pub fn graphiql(&self, mode: Mode) -> bool {
        switched(self.graphiql, mode)
    }

    pub fn introspection(&self, mode: Mode) -> bool {
        switched(self.introspection, mode)
    }
}

fn switched(switch: Option<Switch>, mode: Mode) -> bool {
    match switch {
        Some(switch) => switch == Switch::On,
        None => mode == Mode::Development,
    }
}

/// The known name that is most like this one, if any is.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    let likeness = |known: &str| strsim::jaro_winkler(&name, &known.to_ascii_lowercase());
    let scored = known.iter().map(|known| (likeness(known), *known));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(likeness, _)| *likeness > 0.8)
        .map(|(_, known)| known)
}

/// The names of set variables that begin like ours and are none of ours, each with the one that is
/// most like it, so that a misspelt setting stops the start instead of being ignored.
pub fn unknown_variables(command: &clap::Command) -> Vec<String> {
    let known = command.get_arguments().filter_map(clap::Arg::get_env);
    let known: Vec<&str> = known.filter_map(|name| name.to_str()).collect();
    std::env::vars_os()
        .map(|(name, _)| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with("CUBBY_") && !known.contains(&name.as_str()))
        .map(|name| match nearest(&name, &known) {
            Some(near) => format!("{name} (perhaps {near})"),
            None => name,
        })
        .collect()
}

#[cfg(test)]
impl Config {
    /// As the command line reads it.
    pub(crate) fn of(flags: &[&str]) -> Result<Self, String> {
        use clap::Parser;

        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            config: Config,
        }

        Line::try_parse_from([&["cubby"], flags].concat())
            .map(|line| line.config)
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(flags: &[&str]) -> Result<Config, String> {
        Config::of(flags)
    }

    #[test]
    fn without_configuration_it_is_development_over_a_file_of_sqlite() {
        let config = config(&[]).unwrap();
        assert_eq!(config.mode().unwrap(), Mode::Development);
        assert_eq!(
            config.database(),
            DatabaseUrl::Sqlite("sqlite:./data/cubby.sqlite".to_owned())
        );
    }

    #[test]
    fn beyond_loopback_and_sqlite_the_mode_must_be_said() {
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
    fn a_direct_address_is_a_second_one_of_the_same_postgresql() {
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
    fn throttles_cannot_be_off_in_production() {
        let off = config(&["--throttles", "off", "--mode", "production"]).unwrap();
        assert!(off.mode().is_err());
        assert!(config(&["--throttles", "off"]).unwrap().mode().is_ok());
    }

    #[test]
    fn the_secret_of_hs256_selects_it_and_contradictions_are_refused() {
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
    fn of_several_secrets_the_first_must_be_set_and_no_two_are_the_same() {
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

    #[test]
    fn a_key_is_published_for_5_minutes_to_30_days_before_it_signs() {
        for (text, minutes) in [("5m", 5), ("10m", 10), ("24h", 1440), ("720h", 43200)] {
            let read = text.parse::<Lead>().ok().map(|lead| lead.duration());
            assert_eq!(
                read,
                Some(std::time::Duration::from_mins(minutes)),
                "{text}"
            );
        }
        for text in ["", "10", "4m59s", "721h", "-10m", "30 days", "soon"] {
            assert!(text.parse::<Lead>().is_err(), "{text}");
        }
        assert_eq!(Lead::default().to_string().parse(), Ok(Lead::default()));
    }

    #[test]
    fn wrong_values_are_refused_with_what_to_do() {
        for (flags, says) in [
            (["--secret", "short"], "at least 32"),
            (["--jwt-secret", "short"], "at least 32"),
            (["--database-url", "mysql://localhost"], "sqlite:"),
            (["--database-url", "sqlite::memory:"], "path of a file"),
            (["--database-url", "sqlite:"], "names no file"),
            (["--database-url", "sqlite://?mode=rwc"], "names no file"),
            (["--issuer", ""], "value is required"),
            (["--cors-origins", "*"], "https://app.example.com"),
            (
                ["--cors-origins", "https://a.example/"],
                "nothing after them",
            ),
            (["--cors-origins", "https://a.example,null"], "got \"null\""),
            (["--cors-origins", "https://*.example"], "an origin is"),
            (["--listen", "8000"], "socket address"),
            (["--mode", "staging"], "production"),
            (["--log", "cubby=loud"], "try info"),
            (["--database-connections", "0"], "from 1 to 1,000"),
            (["--max-streams", "many"], "from 1 to 1,000,000"),
            (["--max-streams", "1000001"], "from 1 to 1,000,000"),
        ] {
            let message = config(&flags).unwrap_err();
            assert!(message.contains(says), "{flags:?} says: {message}");
        }
    }

    #[test]
    fn what_is_secret_is_not_in_the_debug_output() {
        let config = config(&[
            "--secret",
            "0123456789abcdef0123456789abcdef",
            "--database-url",
            "postgres://u:hunter2@localhost/cubby",
        ])
        .unwrap();
        let debug = format!("{config:?}");
        assert!(
            !debug.contains("hunter2") && !debug.contains("0123456789"),
            "{debug}"
        );
    }
}
