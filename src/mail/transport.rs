//! Sends mails by SMTP, or delivers them to the mailbox of development.

use std::{str::FromStr, time::Duration};

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
};

use super::{
    mailbox::{DevMailbox, ReceivedMail},
    message::Mail,
    templates::Templates,
};
use crate::{
    clock::Clock,
    jobs::{Failed, Handler},
};

/// The maximum time of a conversation with the mail server.
const MAX_TIME: Duration = Duration::from_secs(20);

/// The place where mails go.
pub(super) enum Transport {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Mailbox(DevMailbox),
}

/// Sends mails; the handler of their jobs.
pub(crate) struct Mailer {
    transport: Transport,
    from: Mailbox,
    templates: Templates,
    clock: Clock,
}

impl Mailer {
    pub(super) fn new(
        transport: Transport,
        from: Mailbox,
        templates: Templates,
        clock: Clock,
    ) -> Self {
        Self {
            transport,
            from,
            templates,
            clock,
        }
    }

    /// Connects to the mail server and signs in, and sends nothing. Describes where mails go.
    ///
    /// # Errors
    /// If the server cannot be reached, or rejects the user.
    pub(crate) async fn check(&self) -> Result<&'static str, String> {
        let smtp = match &self.transport {
            Transport::Smtp(smtp) => smtp,
            Transport::Mailbox(_) => return Ok("mails are shown at /dev/mailbox"),
        };
        match in_time(smtp.test_connection()).await? {
            Ok(_) => Ok("the mail server accepts connections"),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Returns the mailbox of development; `None` if mails are sent.
    pub(crate) fn mailbox(&self) -> Option<DevMailbox> {
        match &self.transport {
            Transport::Smtp(_) => None,
            Transport::Mailbox(mailbox) => Some(mailbox.clone()),
        }
    }
}

impl Handler for Mailer {
    type Payload = Mail;

    async fn run(&self, mail: Mail) -> Result<(), Failed> {
        let now = self.clock.now().as_millis();
        if mail.expires_at.is_some_and(|end| end <= now) {
            return Err(Failed::Permanently("its link has expired".to_owned()));
        }
        let rendered = self.templates.render(&mail.message);
        let rendered = rendered.map_err(|error| Failed::Permanently(error.to_string()))?;
        let smtp = match &self.transport {
            Transport::Smtp(smtp) => smtp,
            Transport::Mailbox(mailbox) => {
                mailbox.receive(ReceivedMail {
                    to: mail.to,
                    subject: rendered.subject,
                    text: rendered.text,
                    html: rendered.html,
                });
                return Ok(());
            }
        };
        let to = Address::from_str(&mail.to);
        let to = to.map_err(|error| Failed::Permanently(error.to_string()))?;
        let message = lettre::Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(rendered.subject)
            .message_id(None)
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(
                rendered.text,
                rendered.html,
            ))
            .map_err(|error| Failed::Permanently(error.to_string()))?;
        let sent = in_time(smtp.send(message)).await;
        match sent.map_err(Failed::Temporarily)? {
            Ok(_) => Ok(()),
            // A server without SMTPUTF8 never accepts such an address.
            Err(error) if error.is_permanent() || (error.is_client() && !mail.to.is_ascii()) => {
                Err(Failed::Permanently(error.to_string()))
            }
            Err(error) => Err(Failed::Temporarily(error.to_string())),
        }
    }
}

/// Waits for the mail server. The client's own timeout applies only to connecting.
async fn in_time<T>(conversation: impl Future<Output = T>) -> Result<T, String> {
    tokio::time::timeout(MAX_TIME, conversation)
        .await
        .map_err(|_| format!("it did not answer within {} s", MAX_TIME.as_secs()))
}

/// Marks a mail that a program wrote (RFC 3834), so that it gets no automatic answer.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
