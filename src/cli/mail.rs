//! `cubby mail`: shows the mails that Cubby sends.

#![expect(clippy::print_stdout, reason = "the mail goes to standard output")]

use clap::Subcommand;

use crate::{config::Config, mail, server::StartError};

#[derive(Subcommand)]
pub enum Mail {
    /// Print a mail with sample values, from the templates in use
    Preview {
        /// The name of the mail: `reset-password` or `password-changed`
        name: String,
    },
}

/// Runs the command.
///
/// # Errors
/// Fails if no mail has the name, or if a template is invalid.
pub fn run(config: &Config, command: Mail) -> Result<(), StartError> {
    let Mail::Preview { name } = command;
    let [subject, text, html] = mail::preview(&name, config.mail_templates.as_deref())?;
    println!("Subject: {subject}\n\n{text}\n{html}");
    Ok(())
}
