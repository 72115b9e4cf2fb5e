//! The command line: parses the arguments, and runs one of the commands, each in a file of its own.

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
pub mod mail;
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
/// Settings are flags of any command, environment variables, or lines of the file `.env` in the working
/// directory. A flag overrides a variable, and a variable overrides `.env`.
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
    /// Migrate the database and serve (the default command)
    Serve,
    /// Run, revert or list the migrations of the database
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// List or rotate the keys that sign access tokens
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Manage accounts; changes take effect on running instances
    User(user::User),
    /// Show the mails that Cubby sends
    #[command(subcommand)]
    Mail(mail::Mail),
    /// Export a user's tasks to a JSON, CSV or iCalendar file
    Export(export::Export),
    /// Import the tasks of a JSON, CSV or iCalendar file for a user
    ///
    /// Stores all tasks of the file. If a task is invalid, stores none and lists the errors by line.
    Import(import::Import),
    /// Copy a SQLite database, also while instances use it
    Backup(backup::Backup),
    /// Check that the server on this machine is ready
    Health,
    /// Check the settings and the database, and report what to fix
    Doctor,
    /// Create sample users and tasks, for tests with a large database
    ///
    /// Adds users and tasks. Existing ones are not changed.
    Seed(seed::SeedArgs),
    /// Print the GraphQL schema
    Schema,
    /// All settings, with their flags and environment variables
    ///
    /// A flag overrides a variable, and a variable overrides the file `.env` in the working directory. An
    /// empty variable counts as unset. With an unknown name or an invalid value, Cubby does not start.
    #[command(
        hide = true,
        help_template = "{about-with-newline}{after-help}\n{options}"
    )]
    Settings,
}

/// Parses the arguments and the environment of this process.
///
/// # Errors
/// Returns the exit status if no command is to run, after printing the help or the error. Help is printed
/// even if a setting is invalid.
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
            "unknown setting {}: correct or remove it; `cubby help settings` lists all settings",
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

/// Prints the error with the environment variable that may have the invalid value, and returns the exit
/// status. The value of a secret setting is not printed.
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
        eprintln!(
            "The value may come from the environment variable {}.",
            variable.display()
        );
    }
    u8::try_from(error.exit_code()).unwrap_or(FAILURE)
}
