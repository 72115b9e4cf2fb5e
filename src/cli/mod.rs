//! The command line: one file for each command, and what several of them share.

#![expect(
    clippy::print_stderr,
    reason = "the command line prints to the terminal"
)]

mod admin;
pub mod backup;
pub mod doctor;
pub mod export;
pub mod health;
pub mod import;
pub mod keys;
mod log;
pub mod migrate;
mod progress;
pub mod schema;
pub mod seed;
pub mod serve;
pub mod settings;
mod task_file;
pub mod user;

use clap::{
    CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};

pub use self::admin::{signing_keys, user_admin};
use crate::config::{Config, load_env_file, unknown_variables};

/// The exit status of a command that failed.
const FAILURE: u8 = 1;

/// Identity provider and data API of a multi-user task app, in one process
///
/// Settings are environment variables, also from a file `.env` in the working directory, or flags of any
/// command. A flag wins over a variable, and a variable over `.env`.
#[derive(Parser)]
#[command(
    name = "cubby",
    version,
    max_term_width = 100,
    after_help = "Settings are environment variables or flags: see `cubby help settings`."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub config: Config,
}

#[derive(Subcommand)]
pub enum Command {
    /// Migrate the database and serve; the default
    Serve,
    /// Migrate the database's schema, or show its state
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// List or rotate the keys that access tokens are signed with
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Manage accounts; running instances notice every change at once
    User(user::User),
    /// Write a person's tasks into a file: JSON, CSV or iCalendar
    Export(export::Export),
    /// Store the tasks of a file for a person
    ///
    /// Stores all tasks of the file, or none when something in it is wrong.
    Import(import::Import),
    /// Copy a SQLite database that is in use
    Backup(backup::Backup),
    /// Check that the server on this machine is ready
    Health,
    /// Check the settings and the database, and say what to fix
    Doctor,
    /// Create sample people and tasks, to try things at size
    ///
    /// Existing rows are not changed.
    Seed(seed::SeedArgs),
    /// Print the GraphQL schema
    Schema,
    /// Every setting, as a flag and as an environment variable
    ///
    /// A flag wins over a variable, and a variable over the file `.env` in the working directory. An empty
    /// variable counts as unset. Unknown names and wrong values stop the start.
    #[command(
        hide = true,
        help_template = "{about-with-newline}{after-help}\n{options}"
    )]
    Settings,
}

/// Parses the arguments and the environment of this process.
///
/// # Errors
/// The exit status, if there is no command to run: the help or the error has been printed. Help is
/// printed even if a setting is wrong.
pub fn parse() -> Result<Cli, u8> {
    let from_file = load_env_file();
    let mut command = settings::global(Cli::command());
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    if let Err(help) = &matches
        && !help.use_stderr()
    {
        let _ = help.print();
        return Err(0);
    }
    if let Err(message) = from_file {
        return Err(fail(&message));
    }
    let unknown = unknown_variables(&Cli::command());
    if !unknown.is_empty() {
        return Err(fail(&format!(
            "unknown setting {}: `cubby help settings` lists them all",
            unknown.join(", ")
        )));
    }
    matches
        .and_then(|matches| Cli::from_arg_matches(&matches))
        .map_err(|error| print_usage_error(error.format(&mut command), &command))
}

/// Prints the message of a command that failed, and returns its exit status.
pub fn fail(message: &str) -> u8 {
    eprintln!("cubby: {message}");
    FAILURE
}

/// Prints the error with the environment variable that the wrong value may have come from, and returns
/// the exit status. The value of a secret setting is not printed.
fn print_usage_error(mut error: clap::Error, command: &clap::Command) -> u8 {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => command
            .get_arguments()
            .find(|known| known.to_string() == *argument),
        _ => None,
    };
    if argument.is_some_and(clap::Arg::is_hide_env_values_set) {
        let hidden = ContextValue::String("…".to_owned());
        error.insert(ContextKind::InvalidValue, hidden);
    }
    let _ = error.print();
    if let Some(variable) = argument.and_then(clap::Arg::get_env) {
        eprintln!("It may also have been set as {}.", variable.display());
    }
    u8::try_from(error.exit_code()).unwrap_or(FAILURE)
}
