//! Mail: messages from templates, sent by SMTP or, in development, shown on a page.
//!
//! A mail is a job: the transaction that causes it stores it, and the worker sends it.

mod mailbox;
mod message;
mod templates;
mod transport;

use std::path::Path;

use url::Url;

pub(crate) use mailbox::DevMailbox;
pub(crate) use message::{Mail, Message};
pub use templates::TemplateError;
pub(crate) use transport::Mailer;

use self::{templates::Templates, transport::Transport};
use crate::{clock::Clock, config::MailSettings};

/// The mail of this server: where it goes, and where its links lead.
pub(crate) struct MailService {
    pub(crate) mailer: Mailer,
    /// The pages of the front end, to which links in mails lead.
    pub(crate) links: Links,
}

/// The addresses of the front end's pages.
#[derive(Clone)]
pub(crate) struct Links {
    base: Url,
}

impl Links {
    /// Returns the address of the page that sets a new password. The token is in the fragment, which
    /// browsers send to no server.
    pub(crate) fn reset_password(&self, token: &str) -> String {
        let base = self.base.as_str().trim_end_matches('/');
        format!("{base}/reset-password#token={token}")
    }
}

impl MailService {
    /// Returns `None` if mail is not configured.
    ///
    /// # Errors
    /// If a template is invalid.
    pub(crate) fn new(
        settings: Option<MailSettings>,
        templates: Option<&Path>,
        clock: Clock,
    ) -> Result<Option<Self>, TemplateError> {
        let templates = Templates::load(templates)?;
        let Some(settings) = settings else {
            return Ok(None);
        };
        let transport = match settings.smtp {
            Some(smtp) => Transport::Smtp(smtp.transport()),
            None => Transport::Mailbox(DevMailbox::default()),
        };
        Ok(Some(Self {
            mailer: Mailer::new(transport, settings.from, templates, clock),
            links: Links {
                base: settings.app_url,
            },
        }))
    }
}

/// Renders a message with sample values: the subject and the text, then the HTML.
///
/// # Errors
/// If no message has this name, or a template is invalid.
pub(crate) fn preview(name: &str, directory: Option<&Path>) -> Result<[String; 3], TemplateError> {
    Templates::load(directory)?.preview(name)
}
