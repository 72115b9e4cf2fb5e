//! The commands that look after a running service, and what they say.

use clap::{Arg, Args, Command, builder::Resettable};
use indicatif::{ProgressBar, ProgressStyle};

pub(crate) mod doctor;
pub(crate) mod health;
pub(crate) mod transfer;
pub(crate) mod user;

/// How far something has come. It is drawn where somebody looks, and not into a file.
pub(crate) fn bar(count: u64, of: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {{human_pos}} of {{human_len}} {of}, {{eta}} left");
    let style = ProgressStyle::with_template(&template);
    ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The verb about so many things that were done, or would be.
pub(crate) fn were(count: u64, is_trial: bool) -> &'static str {
    match (is_trial, count) {
        (true, _) => "would be",
        (false, 1) => "was",
        (false, _) => "were",
    }
}

/// The existing person that a command is about.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Who {
    /// The person: an e-mail address or the id of an account
    #[arg(value_name = "PERSON")]
    person: Option<String>,

    /// The person, as in every other command
    #[arg(long, value_name = "PERSON")]
    user: Option<String>,
}

impl Who {
    /// The address or the id; clap has seen to it that there is one.
    pub(crate) fn named(self) -> String {
        self.user.or(self.person).unwrap_or_default()
    }
}

/// Lets every command take the settings, and shows them in the help of `cubby` and of `cubby settings` alone.
pub(crate) fn with_settings(command: Command) -> Command {
    let mut command = command.mut_args(|setting| unless_empty(setting).hide(true));
    // Each subcommand gets a copy here.
    command.build();
    command
        .mut_args(|argument| match argument.is_global_set() {
            true => argument.hide(false).hide_short_help(true),
            false => argument,
        })
        .mut_subcommand("settings", |settings| {
            settings.mut_args(|argument| {
                let is_setting = argument.is_global_set();
                argument.hide(!is_setting)
            })
        })
}

/// The setting without its variable, if that is empty: an empty variable counts as unset.
fn unless_empty(setting: Arg) -> Arg {
    let variable = setting.get_env().and_then(std::env::var_os);
    match variable {
        Some(value) if value.is_empty() => setting.env(Resettable::Reset),
        _ => setting,
    }
}
