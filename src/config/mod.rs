//! The settings: parses them from flags, environment variables and `.env`. Their doc comments are `--help`.

mod combinations;
mod database_url;
mod env_file;
mod issuers;
mod limits;
mod mail;
mod misspelling;
mod origin;
mod settings;
mod values;

pub use combinations::ConfigError;
pub use database_url::DatabaseUrl;
pub use env_file::load_env_file;
pub use issuers::{IssuerKeys, TrustedIssuer, TrustedIssuers};
pub use limits::{AccountLimits, ConnectionLimits, DocumentLimits};
pub(crate) use mail::MailSettings;
pub use misspelling::unknown_variables;
pub use origin::{Origin, Scheme};
pub use settings::{Config, JwtAlgorithm, Mode, OnOff, PasswordPolicy, SignUp};
pub use values::{LogDirectives, PublishPeriod, SecretSetting, TrustedProxy, whole_number};
