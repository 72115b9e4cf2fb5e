//! The settings of mail, checked together.

use std::{fmt, net::IpAddr, str::FromStr};

use lettre::{AsyncSmtpTransport, Tokio1Executor, message::Mailbox};
use url::Url;

use super::{
    combinations::ConfigError,
    settings::{Config, Mode},
};

/// The URL of a mail server; its `Debug` hides the password.
#[derive(Clone)]
pub struct SmtpUrl(String);

impl SmtpUrl {
    /// Returns the transport, which connects when it sends.
    pub(crate) fn transport(&self) -> AsyncSmtpTransport<Tokio1Executor> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&self.0);
        let builder = builder.expect("the URL was checked when it was parsed");
        builder.build()
    }

    /// True if the connection crosses a network without TLS.
    fn is_exposed(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| {
            let requires_tls = url
                .query_pairs()
                .any(|pair| pair == ("tls".into(), "required".into()));
            url.scheme() == "smtp" && !requires_tls && !is_loopback(&url)
        })
    }
}

/// True if the host is this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback()),
        None => true,
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpUrl(…)")
    }
}

impl FromStr for SmtpUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        AsyncSmtpTransport::<Tokio1Executor>::from_url(text)
            .map(|_| Self(text.to_owned()))
            .map_err(|_| {
                "write smtps://USER:PASSWORD@HOST, smtp://USER:PASSWORD@HOST:587?tls=required for STARTTLS, or \
                 smtp://HOST:25 for a server on this machine; percent-encode special characters"
                    .to_owned()
            })
    }
}

/// The sender of mail.
#[derive(Clone, Debug)]
pub struct Sender(Mailbox);

impl FromStr for Sender {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .map(Self)
            .map_err(|_| "write an address such as `Tasks <tasks@example.com>`".to_owned())
    }
}

/// The address of the front end, to which links in mails lead.
#[derive(Clone, Debug)]
pub struct AppUrl(Url);

impl FromStr for AppUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).ok();
        let url = url.filter(|url| {
            matches!(url.scheme(), "https" | "http")
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        url.map(Self).ok_or_else(|| {
            "write the address of the front end, such as https://app.example.com, without a user, a query or a fragment".to_owned()
        })
    }
}

/// The settings of a server that sends mail.
pub(crate) struct MailSettings {
    /// `None` in development without a mail server: mails are shown on a page.
    pub(crate) smtp: Option<SmtpUrl>,
    pub(crate) from: Mailbox,
    pub(crate) app_url: Url,
}

impl Config {
    /// Returns the settings of mail; `None` in production without a mail server.
    ///
    /// # Errors
    /// Fails if a mail server is set, but not the sender or the address of the front end, and in production
    /// if mails or their links would be sent without encryption.
    pub(crate) fn mail(&self, mode: Mode) -> Result<Option<MailSettings>, ConfigError> {
        if self.smtp_url.is_none() && mode == Mode::Production {
            return Ok(None);
        }
        let default = |text: &str| (mode == Mode::Development).then(|| text.to_owned());
        let missing = |name: &str, example: &str| {
            ConfigError(format!(
                "CUBBY_SMTP_URL is set, but {name} is not: set it, for example to {example}"
            ))
        };
        let from = self.mail_from.clone().map(|Sender(from)| from);
        let from = from.or_else(|| default("Cubby <cubby@localhost>")?.parse().ok());
        let app_url = self.app_url.clone().map(|AppUrl(url)| url);
        let app_url = app_url.or_else(|| default("http://localhost:5173")?.parse().ok());
        let from = from.ok_or_else(|| missing("CUBBY_MAIL_FROM", "`Tasks <tasks@example.com>`"))?;
        let app_url = app_url.ok_or_else(|| missing("CUBBY_APP_URL", "https://app.example.com"))?;
        if mode == Mode::Production {
            if self.smtp_url.as_ref().is_some_and(SmtpUrl::is_exposed) {
                return Err(ConfigError(
                    "CUBBY_SMTP_URL would send passwords and links unencrypted over a network: use smtps://, or \
                     append ?tls=required for STARTTLS"
                        .to_owned(),
                ));
            }
            if app_url.scheme() == "http" && !is_loopback(&app_url) {
                return Err(ConfigError(
                    "CUBBY_APP_URL must begin with https:// in production, because links in mails contain \
                     tokens"
                        .to_owned(),
                ));
            }
        }
        Ok(Some(MailSettings {
            smtp: self.smtp_url.clone(),
            from,
            app_url,
        }))
    }
}
