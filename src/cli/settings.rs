//! `cubby help settings`: prints all settings, and adds them as flags to every command.

#![expect(clippy::print_stdout, reason = "the help goes to the terminal")]

use clap::{Arg, Command, CommandFactory, builder::Resettable};

use super::Cli;
use crate::server::StartError;

/// Prints every setting.
///
/// # Errors
/// Never fails; the signature is that of all commands.
pub fn run() -> Result<(), StartError> {
    let mut command = global(Cli::command());
    if let Some(settings) = command.find_subcommand_mut("settings") {
        print!("{}", settings.render_long_help());
    }
    Ok(())
}

/// Adds the settings as flags to every command. Only `cubby --help` and `cubby help settings` show them.
pub(super) fn global(command: Command) -> Command {
    let mut command = command.mut_args(|setting| ignore_empty_variable(setting).hide(true));
    // Copies the global arguments into each subcommand.
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

/// Removes the environment variable from the setting if the variable is empty, since an empty variable
/// counts as unset.
fn ignore_empty_variable(setting: Arg) -> Arg {
    let variable = setting.get_env().and_then(std::env::var_os);
    match variable {
        Some(value) if value.is_empty() => setting.env(Resettable::Reset),
        _ => setting,
    }
}
