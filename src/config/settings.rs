//! The settings, and the flag and the environment variable of each.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};

use super::{
    database_url::DatabaseUrl,
    issuers::TrustedIssuers,
    limits::{AccountLimits, ConnectionLimits, DocumentLimits},
    origin::Origin,
    values::{LogDirectives, SecretSetting, TrustedProxy, whole_number},
};

/// All settings.
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

    /// The maximum number of connections to the database; on SQLite they read, and one more writes
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

    /// The algorithm that signs access tokens: `EdDSA`, with the public keys at /.well-known/jwks.json, or
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

    /// The log filter, as directives of `tracing_subscriber::EnvFilter`, such as `info,cubby=debug`.
    /// Lines are JSON in production
    #[arg(
        long,
        env = "CUBBY_LOG",
        value_name = "DIRECTIVES",
        default_value = "info",
        global = true
    )]
    pub log: LogDirectives,

    /// Rate limits of attempts at credentials, of refreshes and of costs. `off` is refused in production;
    /// in development a client on the same machine is never limited
    #[arg(long, env = "CUBBY_THROTTLES", default_value = "on", global = true)]
    pub throttles: OnOff,

    /// The length of passwords, in code points: `standard` 8 to 128, `nist` 15 to 256.
    /// Common passwords are refused by both
    #[arg(
        long,
        env = "CUBBY_PASSWORD_POLICY",
        default_value = "standard",
        global = true
    )]
    pub password_policy: PasswordPolicy,

    /// The mutation `signUp`: `open` or `closed`. `cubby user create` creates accounts in either case, and users of
    /// other identity providers get theirs with their first token
    #[arg(long, env = "CUBBY_SIGN_UP", default_value = "open", global = true)]
    pub sign_up: SignUp,

    /// GraphiQL for a browser that opens `/`. Left out, on in development
    #[arg(long, env = "CUBBY_GRAPHIQL", global = true)]
    pub graphiql: Option<OnOff>,

    /// Introspection of the schema. Left out, on in development
    #[arg(long, env = "CUBBY_INTROSPECTION", global = true)]
    pub introspection: Option<OnOff>,

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
    pub trusted_documents_only: OnOff,

    #[command(flatten)]
    pub document_limits: DocumentLimits,

    #[command(flatten)]
    pub account_limits: AccountLimits,

    #[command(flatten)]
    pub connection_limits: ConnectionLimits,
}

/// The mode: development explains errors and shows GraphiQL, production does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    Development,
    Production,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnOff {
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
    /// The minimum and maximum length, in code points after NFC.
    pub fn lengths(self) -> (usize, usize) {
        match self {
            Self::Standard => (8, 128),
            Self::Nist => (15, 256),
        }
    }
}

#[cfg(test)]
impl Config {
    /// Parses flags like the command line.
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

    #[test]
    fn invalid_values_are_rejected_with_a_hint() {
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
            let message = Config::of(&flags).unwrap_err();
            assert!(message.contains(says), "{flags:?} says: {message}");
        }
    }

    #[test]
    fn debug_output_hides_secrets() {
        let config = Config::of(&[
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
