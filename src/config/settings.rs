//! The definition of each setting: its flag, its environment variable, its default and its help.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};

use super::{
    database_url::DatabaseUrl,
    issuers::TrustedIssuers,
    limits::{AccountLimits, ConnectionLimits, DocumentLimits},
    mail::{AppUrl, Sender, SmtpUrl},
    origin::Origin,
    values::{LogDirectives, SecretSetting, TrustedProxy, whole_number},
};

/// All settings.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// The URL of the database: `sqlite:PATH`, `postgres://…` or `postgresql://…`. Default: the SQLite file
    /// `cubby.sqlite` in the data directory. Percent-encode special characters of a password. For
    /// PostgreSQL, `?sslmode=verify-full` verifies the server's certificate, and `sslrootcert` is the file
    /// with the certificate of its authority. Unknown parameters are rejected
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    pub database_url: Option<DatabaseUrl>,

    /// A second URL of the same PostgreSQL database that bypasses the pooler (PgBouncer), used for
    /// migrations and to receive the ends of sessions by LISTEN. Default: DATABASE_URL
    #[arg(
        long,
        env = "CUBBY_DIRECT_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    pub direct_database_url: Option<DatabaseUrl>,

    /// The maximum number of database connections, 1 to 1000. On SQLite, these are for reading, and one
    /// more is for writing
    #[arg(
        long,
        env = "CUBBY_DATABASE_CONNECTIONS",
        value_name = "COUNT",
        default_value_t = 10,
        value_parser = whole_number(1..=1000),
        global = true
    )]
    pub database_connections: u32,

    /// The IP address and port to listen on. Port 0 chooses a free port and logs it
    #[arg(
        long,
        env = "CUBBY_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000),
        global = true
    )]
    pub listen: SocketAddr,

    /// The IP address and port on which to serve metrics at /metrics, in the OpenMetrics text format and
    /// without authentication. Default: metrics are not served
    #[arg(
        long,
        env = "CUBBY_METRICS_LISTEN",
        value_name = "ADDRESS:PORT",
        global = true
    )]
    pub metrics_listen: Option<SocketAddr>,

    /// The directory of the SQLite file, unless DATABASE_URL is set, and of the file `secret`, unless
    /// CUBBY_SECRET is set
    #[arg(
        long,
        env = "CUBBY_DATA_DIR",
        value_name = "DIR",
        default_value = "./data",
        global = true
    )]
    pub data_dir: PathBuf,

    /// The mode. Development enables GraphiQL and introspection, allows pages of this machine to call the
    /// API, and writes the log as text. Default: `development` if Cubby listens on a loopback address and
    /// uses SQLite; otherwise the mode is required
    #[arg(long, env = "CUBBY_MODE", global = true)]
    pub mode: Option<Mode>,

    /// The server's secret, at least 32 bytes: every other key is derived from it, and it encrypts the
    /// signing keys in the database. All instances of a database share it. `openssl rand -base64 48`
    /// generates one. Required on PostgreSQL. Default on SQLite: the file `secret` in the data directory,
    /// which the first start generates
    #[arg(
        long,
        env = "CUBBY_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        global = true
    )]
    pub secret: Option<SecretSetting>,

    /// A second secret that is still accepted while CUBBY_SECRET is being replaced. New keys and tokens
    /// use CUBBY_SECRET
    #[arg(
        long,
        env = "CUBBY_SECRET_2",
        value_name = "SECRET",
        hide_env_values = true,
        global = true
    )]
    pub secret_2: Option<SecretSetting>,

    /// A third secret that is still accepted while CUBBY_SECRET is being replaced
    #[arg(
        long,
        env = "CUBBY_SECRET_3",
        value_name = "SECRET",
        hide_env_values = true,
        global = true
    )]
    pub secret_3: Option<SecretSetting>,

    /// The algorithm that signs access tokens: `EdDSA`, with public keys at /.well-known/jwks.json, or
    /// `HS256`, with CUBBY_JWT_SECRET. Default: `HS256` if CUBBY_JWT_SECRET is set, otherwise `EdDSA`
    #[arg(
        long,
        env = "CUBBY_JWT_ALGORITHM",
        value_name = "ALGORITHM",
        global = true
    )]
    pub jwt_algorithm: Option<JwtAlgorithm>,

    /// The secret that signs access tokens with HS256, at least 32 bytes. Share it with services that
    /// verify access tokens; it must differ from CUBBY_SECRET
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

    /// External providers whose access tokens are accepted: a JSON list of at most 20 objects with
    /// `issuer`, `audience`, and either `jwks`, the URL of the public keys, or `secret`, at least 32 bytes
    /// for HS256. Optional: `algorithm` of the keys (default: EdDSA), and `audienceClaim`, the claim with
    /// the audience: aud (the default), azp, cid, client_id or appid. Default: no external providers
    #[arg(
        long,
        env = "CUBBY_TRUSTED_ISSUERS",
        value_name = "JSON",
        hide_env_values = true,
        global = true
    )]
    pub trusted_issuers: Option<TrustedIssuers>,

    /// The origins whose pages can call the API from a browser, with cookies, separated by commas, such as
    /// `https://app.example.com`. In development, loopback origins such as `http://localhost:5173` are
    /// allowed too. Default: no other origins
    #[arg(
        long,
        env = "CUBBY_CORS_ORIGINS",
        value_name = "ORIGINS",
        value_delimiter = ',',
        global = true
    )]
    pub cors_origins: Vec<Origin>,

    /// The proxies whose `X-Forwarded-For` header is trusted: IP addresses or networks, separated by
    /// commas, such as `10.0.0.0/8`. Default: no proxies
    #[arg(
        long,
        env = "CUBBY_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        value_delimiter = ',',
        global = true
    )]
    pub trusted_proxies: Vec<TrustedProxy>,

    /// The log level: `error`, `warn`, `info`, `debug` or `trace`, or directives for modules, such as
    /// `info,cubby=debug`. Log lines are JSON in production and text in development
    #[arg(
        long,
        env = "CUBBY_LOG",
        value_name = "DIRECTIVES",
        default_value = "info",
        global = true
    )]
    pub log: LogDirectives,

    /// Rate limits on credentials, sign-ups, refreshes and cost per minute. `off` is rejected in
    /// production. In development, clients on the same machine are exempt
    #[arg(long, env = "CUBBY_THROTTLES", default_value = "on", global = true)]
    pub throttles: OnOff,

    /// The allowed length of passwords, in code points: `standard` is 8 to 128, `nist` is 15 to 256. Both
    /// reject common passwords
    #[arg(
        long,
        env = "CUBBY_PASSWORD_POLICY",
        default_value = "standard",
        global = true
    )]
    pub password_policy: PasswordPolicy,

    /// The mutation `signUp`: `open` lets anyone create an account, `closed` disables it. In both cases
    /// `cubby user create` creates accounts, and external users get theirs with their first token
    #[arg(long, env = "CUBBY_SIGN_UP", default_value = "open", global = true)]
    pub sign_up: SignUp,

    /// The server that sends mail: `smtps://USER:PASSWORD@HOST`, `smtp://USER:PASSWORD@HOST:587?tls=required`
    /// for STARTTLS, or `smtp://localhost:25` without encryption, which production allows only for a server on
    /// this machine. Default: in development, mails are shown at /dev/mailbox; in production, no mail is sent,
    /// and passwords cannot be reset by mail
    #[arg(
        long,
        env = "CUBBY_SMTP_URL",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    pub smtp_url: Option<SmtpUrl>,

    /// The sender of mail, such as `Tasks <tasks@example.com>`. Required with CUBBY_SMTP_URL in production
    #[arg(long, env = "CUBBY_MAIL_FROM", value_name = "ADDRESS", global = true)]
    pub mail_from: Option<Sender>,

    /// The address of the front end, to which links in mails lead, such as `https://app.example.com`.
    /// Required with CUBBY_SMTP_URL in production, where it must begin with `https://`
    #[arg(long, env = "CUBBY_APP_URL", value_name = "URL", global = true)]
    pub app_url: Option<AppUrl>,

    /// A folder with templates of mails, such as `reset-password.txt`, that replace those of Cubby;
    /// `cubby mail preview` shows a mail. Default: the templates of Cubby, in English
    #[arg(long, env = "CUBBY_MAIL_TEMPLATES", value_name = "DIR", global = true)]
    pub mail_templates: Option<PathBuf>,

    /// The GraphiQL page at `/`. Default: on in development, off in production
    #[arg(long, env = "CUBBY_GRAPHIQL", global = true)]
    pub graphiql: Option<OnOff>,

    /// Introspection of the GraphQL schema. Default: on in development, off in production
    #[arg(long, env = "CUBBY_INTROSPECTION", global = true)]
    pub introspection: Option<OnOff>,

    /// The manifests of trusted documents, files separated by commas, as written by Apollo's
    /// `generate-persisted-query-manifest`, graphql-codegen's client preset or the Relay compiler. Clients
    /// can send these documents by their ids. Default: no manifests
    #[arg(
        long,
        env = "CUBBY_TRUSTED_DOCUMENTS",
        value_name = "FILES",
        value_delimiter = ',',
        global = true
    )]
    pub trusted_documents: Vec<PathBuf>,

    /// Rejection of all documents that are not in the manifests of CUBBY_TRUSTED_DOCUMENTS
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

/// The mode: its defaults and checks are convenient in development and strict in production.
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
    /// Returns the minimum and maximum length, in code points after NFC normalization.
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
        struct SettingLine {
            #[command(flatten)]
            config: Config,
        }

        SettingLine::try_parse_from([&["cubby"], flags].concat())
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
            (["--smtp-url", "http://localhost"], "smtps://"),
            (["--mail-from", "Tasks"], "tasks@example.com"),
            (["--app-url", "app.example.com"], "https://app.example.com"),
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
