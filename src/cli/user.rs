//! `cubby user`: creates, lists, changes, imports and deletes accounts.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "questions and results go to the terminal"
)]

use std::{
    io::{self, BufRead, IsTerminal, Read},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use indicatif::HumanCount;

use super::{admin::with_user_admin, progress};
use crate::{
    config::Config,
    count::format_count,
    identity::{AdminError, ImportOptions, Imported, UserAdmin, UserSummary},
    server::StartError,
};

/// The maximum number of bytes of standard input that are read for a password.
const MAX_PASSWORD_INPUT_BYTES: u64 = 64 * 1024;

#[derive(Args)]
pub struct User {
    /// Print JSON: one object per user, one per line
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List all accounts, oldest first
    List,
    /// Create an account; prompts for its password
    ///
    /// Prompts for the password, or reads one line of standard input if that is not a terminal.
    Create {
        /// The e-mail address to sign in with
        address: String,
        /// The user's name
        #[arg(long)]
        name: Option<String>,
        /// The user's IANA time zone, such as Europe/Vienna [default: UTC]
        #[arg(long, value_name = "ZONE")]
        time_zone: Option<String>,
    },
    /// Show an account
    Show(Account),
    /// Set a new password, and end all sessions of the user
    ///
    /// Prompts for the password, or reads one line of standard input if that is not a terminal.
    SetPassword(Account),
    /// Block sign-ins; end all sessions and revoke all personal access tokens
    Disable(Account),
    /// Allow sign-ins again
    Enable(Account),
    /// End all sessions; personal access tokens stay valid
    SignOut(Account),
    /// Import accounts of another service with their password hashes
    ///
    /// The file has one JSON object per line: email and passwordHash, and optionally name and timeZone.
    Import {
        /// The file to read
        file: PathBuf,
        /// Validate the file and report its errors, without storing anything
        #[arg(long)]
        dry_run: bool,
        /// Skip users whose addresses have accounts
        #[arg(long)]
        skip_existing: bool,
    },
    /// Delete an account and all its data, permanently
    Delete {
        #[command(flatten)]
        account: Account,
        /// Delete without a prompt for confirmation
        #[arg(long)]
        yes: bool,
    },
}

/// The argument that names an existing account.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Account {
    /// The user: an e-mail address or a user id
    #[arg(value_name = "USER")]
    account: Option<String>,

    /// The user, as a flag like in other commands
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

impl Account {
    /// Returns the address or the id, one of which clap requires.
    fn address_or_id(self) -> String {
        self.user.or(self.account).unwrap_or_default()
    }
}

/// Runs the command, and prints the account.
///
/// # Errors
/// Fails if the account does not exist, or if the change is invalid.
pub async fn run(config: &Config, user: User) -> Result<(), StartError> {
    with_user_admin(config, async |people| run_command(people, user).await).await
}

async fn run_command(people: &UserAdmin, user: User) -> Result<(), AdminError> {
    let json = user.json;
    let person = match user.command {
        Command::List => {
            if !json {
                println!(
                    "{:31}  {:24}  {:8}  {:>8}  {:>6}  ADDRESS",
                    "ID", "CREATED", "STATE", "SESSIONS", "TOKENS"
                );
            }
            return people.list(|person| list(&person, json)).await;
        }
        Command::Create {
            address,
            name,
            time_zone,
        } => {
            let password = new_password()?;
            people
                .create(&address, name.as_deref(), time_zone.as_deref(), &password)
                .await?
        }
        Command::Import {
            file,
            dry_run,
            skip_existing,
        } => {
            let options = ImportOptions {
                dry_run,
                skip_existing,
            };
            return import(people, &file, options).await;
        }
        Command::Show(account) => people.show(&account.address_or_id()).await?,
        Command::SetPassword(account) => {
            // Fails before the prompt if the account does not exist.
            let person = people.show(&account.address_or_id()).await?;
            people.set_password(&person.id, &new_password()?).await?
        }
        Command::Disable(account) => people.disable(&account.address_or_id()).await?,
        Command::Enable(account) => people.enable(&account.address_or_id()).await?,
        Command::SignOut(account) => people.sign_out(&account.address_or_id()).await?,
        Command::Delete { account, yes } => {
            let person = people.show(&account.address_or_id()).await?;
            if !yes && !is_confirmed(&person)? {
                return Err(AdminError::new("not confirmed: nothing was deleted"));
            }
            people.delete(&person.id).await?
        }
    };
    show(&person, json);
    Ok(())
}

async fn import(people: &UserAdmin, file: &Path, options: ImportOptions) -> Result<(), AdminError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| AdminError::new(format!("{} cannot be read: {error}", file.display())))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
    let bar = progress::bar(lines as u64, "users");
    let imported = people
        .import(&text, options, |count| bar.inc(count as u64))
        .await?;
    bar.finish_and_clear();
    let Imported { stored, skipped } = imported;
    let (stored, skipped) = (stored as u64, skipped as u64);
    let were = progress::were(stored, options.dry_run);
    let reason = match skipped {
        1 => "because its address has an account",
        _ => "because their addresses have accounts",
    };
    println!(
        "{} {were} stored, {} {} skipped {reason}",
        format_count(stored, "user", "users"),
        HumanCount(skipped),
        progress::were(skipped, options.dry_run)
    );
    Ok(())
}

fn list(person: &UserSummary, json: bool) {
    if json {
        return show(person, json);
    }
    let state = match person.disabled_at {
        Some(_) => "disabled",
        None => "active",
    };
    println!(
        "{:31}  {:24}  {state:8}  {:>8}  {:>6}  {}",
        person.id,
        person.created_at,
        person.sessions,
        person.access_tokens,
        address_of(person),
    );
}

fn show(person: &UserSummary, json: bool) {
    if json {
        // Serializing these types cannot fail.
        println!("{}", serde_json::to_string(person).unwrap_or_default());
        return;
    }
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    for (name, value) in [
        ("id", person.id.clone()),
        ("address", or_none(&person.email)),
        ("name", or_none(&person.name)),
        ("time zone", person.time_zone.clone()),
        ("created", person.created_at.clone()),
        ("updated", person.updated_at.clone()),
        ("disabled", or_none(&person.disabled_at)),
        ("issuer", or_none(&person.issuer)),
        (
            "subject",
            or_none(
                &person
                    .subject
                    .as_ref()
                    .map(|it| it.escape_debug().to_string()),
            ),
        ),
        ("sessions", person.sessions.to_string()),
        ("access tokens", person.access_tokens.to_string()),
    ] {
        println!("{name:14}{value}");
    }
}

/// Returns the address; for an external user, with the subject and the issuer.
fn address_of(person: &UserSummary) -> String {
    match (&person.email, &person.issuer, &person.subject) {
        (email, Some(issuer), Some(subject)) => {
            let email = email.as_deref().unwrap_or("no address");
            // The subject is text of the external provider and may contain terminal control characters.
            format!("{email} ({} at {issuer})", subject.escape_debug())
        }
        (Some(email), ..) => email.clone(),
        _ => "-".to_owned(),
    }
}

/// Reads a new password: from two hidden prompts, or from the first line of standard input if that is not
/// a terminal.
fn new_password() -> Result<String, AdminError> {
    let unreadable =
        |error: io::Error| AdminError::new(format!("the password cannot be read: {error}"));
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        let mut bounded = io::stdin().lock().take(MAX_PASSWORD_INPUT_BYTES);
        bounded.read_line(&mut line).map_err(unreadable)?;
        // Some shells write a byte order mark first.
        let password = line.trim_start_matches('\u{feff}');
        return Ok(password.trim_end_matches(['\r', '\n']).to_owned());
    }
    let password = rpassword::prompt_password("New password: ").map_err(unreadable)?;
    let again = rpassword::prompt_password("Repeat the password: ").map_err(unreadable)?;
    if password != again {
        return Err(AdminError::new(
            "the passwords do not match: nothing was changed",
        ));
    }
    Ok(password)
}

fn is_confirmed(person: &UserSummary) -> Result<bool, AdminError> {
    if !io::stdin().is_terminal() {
        return Err(AdminError::new(
            "nothing was deleted: standard input is not a terminal, so confirm with --yes",
        ));
    }
    eprint!(
        "Delete {} and all its data permanently? Type yes to confirm: ",
        address_of(person)
    );
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|error| AdminError::new(format!("the confirmation cannot be read: {error}")))?;
    Ok(line.trim() == "yes")
}
