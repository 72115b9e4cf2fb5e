//! `cubby doctor`: checks the settings and the database, and changes nothing.

#![expect(
    clippy::print_stdout,
    reason = "the findings go to the terminal; the database is opened to be checked"
)]

use std::{io, time::Duration};

use crate::{
    clock::{Clock, Timestamp},
    config::{Config, DatabaseUrl},
    db::Database,
    identity::{KeyState, Keys, KeysError},
    mail::MailService,
    private_file,
    server::{StartError, secrets},
};

/// The maximum difference between two clocks at which instances accept each other's tokens.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// The earliest plausible time: 2026-01-01T00:00:00Z, before the first release.
const MIN_PLAUSIBLE_TIME: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// The result of one check.
struct CheckResult {
    what: &'static str,
    status: Status,
    /// The state, and how to correct it.
    message: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    /// Cubby works, and something should be corrected.
    Warn,
    /// Cubby does not start, or does not work.
    Fail,
}

/// Prints a line for each check.
///
/// # Errors
/// Fails if a check failed.
pub async fn run(config: &Config) -> Result<(), StartError> {
    let findings = examine(config, &Clock::system()).await;
    for CheckResult {
        what,
        status,
        message,
    } in &findings
    {
        let status = match status {
            Status::Ok => "ok",
            Status::Warn => "warn",
            Status::Fail => "fail",
        };
        println!("{status:7}{what:18}{message}");
    }
    if findings.iter().any(|it| it.status == Status::Fail) {
        return Err(StartError::ChecksFailed);
    }
    Ok(())
}

/// Runs all checks; a check that depends on a failed one is skipped.
async fn examine(config: &Config, clock: &Clock) -> Vec<CheckResult> {
    let mut findings = vec![
        configuration(config),
        data_directory(config),
        system_clock(clock),
    ];
    findings.extend(mail(config).await);
    let url = config.database();
    let missing = match Database::missing_file(&url) {
        Ok(Some(file)) => Some(format!(
            "{} does not exist: start Cubby to create it, or set CUBBY_DATA_DIR or DATABASE_URL to an \
             existing database",
            file.display()
        )),
        Ok(None) => None,
        Err(error) => Some(StartError::from(error).to_string()),
    };
    if let Some(message) = missing {
        findings.push(found("database", Status::Warn, message));
        return findings;
    }
    let database = match Database::examine(&url).await {
        Ok(database) => database,
        Err(error) => {
            let message = StartError::from(error).to_string();
            findings.push(found("database", Status::Fail, message));
            return findings;
        }
    };
    let kind = match url {
        DatabaseUrl::Sqlite(address) => address,
        DatabaseUrl::Postgres(_) => "PostgreSQL".to_owned(),
    };
    findings.push(found(
        "database",
        Status::Ok,
        format!("connected to {kind}"),
    ));
    findings.extend(difference(&database, clock).await);
    let (finding, is_migrated) = migrations(&database).await;
    findings.push(finding);
    if is_migrated {
        findings.push(keys(config, database.clone(), clock.clone()).await);
    }
    database.close().await;
    findings
}

fn configuration(config: &Config) -> CheckResult {
    const CHECK: &str = "configuration";
    let checked = config
        .mode()
        .and_then(|mode| config.jwt_secret().map(|_| mode))
        .and_then(|mode| config.secrets().map(|_| mode));
    match checked {
        Ok(mode) => found(
            CHECK,
            Status::Ok,
            format!("{mode:?} mode on {}", config.listen),
        ),
        Err(conflict) => found(CHECK, Status::Fail, conflict.to_string()),
    }
}

fn data_directory(config: &Config) -> CheckResult {
    const CHECK: &str = "data directory";
    let directory = config.data_dir.display();
    match private_file::check_directory(&config.data_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => found(
            CHECK,
            Status::Ok,
            format!("{directory} does not exist yet; Cubby creates it when it needs it"),
        ),
        Err(error) => found(
            CHECK,
            Status::Fail,
            format!(
                "{directory} cannot be used: {error}. Make it writable for the system user that runs Cubby"
            ),
        ),
        Ok(true) => found(
            CHECK,
            Status::Warn,
            format!("other system users can read {directory}: run chmod 700 {directory}"),
        ),
        Ok(false) => found(
            CHECK,
            Status::Ok,
            format!("only its owner can access {directory}"),
        ),
    }
}

fn system_clock(clock: &Clock) -> CheckResult {
    const CHECK: &str = "clock";
    let now = clock.now();
    if now < MIN_PLAUSIBLE_TIME {
        let message = format!(
            "the system time is {now}: set this machine's clock, otherwise all tokens are rejected"
        );
        return found(CHECK, Status::Fail, message);
    }
    found(CHECK, Status::Ok, format!("the system time is {now}"))
}

/// Checks the settings and templates of mail, and that the mail server accepts a connection. Returns
/// `None` if the mode is not known.
async fn mail(config: &Config) -> Option<CheckResult> {
    const CHECK: &str = "mail";
    let service = match config.mail(config.mode().ok()?) {
        Ok(settings) => {
            let templates = config.mail_templates.as_deref();
            MailService::new(settings, templates, Clock::system())
        }
        Err(conflict) => return Some(found(CHECK, Status::Fail, conflict.to_string())),
    };
    Some(match service {
        Err(error) => found(CHECK, Status::Fail, error.to_string()),
        Ok(None) => {
            let message = "no mail is sent, so users cannot reset passwords: set CUBBY_SMTP_URL";
            found(CHECK, Status::Warn, message.to_owned())
        }
        Ok(Some(service)) => match service.mailer.check().await {
            Ok(where_to) => found(CHECK, Status::Ok, where_to.to_owned()),
            Err(error) => {
                let message =
                    format!("the mail server does not accept mail: {error}. Check CUBBY_SMTP_URL");
                found(CHECK, Status::Warn, message)
            }
        },
    })
}

/// Compares the clock of PostgreSQL with this machine's. Returns `None` on SQLite.
async fn difference(database: &Database, clock: &Clock) -> Option<CheckResult> {
    const CHECK: &str = "database's clock";
    let before = clock.now();
    let theirs = match database.time().await {
        Ok(theirs) => theirs?,
        Err(error) => {
            return Some(found(
                CHECK,
                Status::Warn,
                StartError::from(error).to_string(),
            ));
        }
    };
    let apart = before.since(theirs).max(theirs.since(clock.now()));
    let message = format!("it differs from this machine's by {} ms", apart.as_millis());
    Some(if apart > MAX_CLOCK_SKEW {
        let message = format!("{message}: synchronize the clocks of both machines by NTP");
        found(CHECK, Status::Warn, message)
    } else {
        found(CHECK, Status::Ok, message)
    })
}

async fn migrations(database: &Database) -> (CheckResult, bool) {
    const CHECK: &str = "migrations";
    match database.migrations().await {
        Err(error) => {
            let message = StartError::from(error).to_string();
            (found(CHECK, Status::Fail, message), false)
        }
        Ok(all) => {
            let behind = all.iter().filter(|(_, has_run)| !has_run).count();
            let finding = if behind == 0 {
                found(CHECK, Status::Ok, "all have run".to_owned())
            } else {
                let message = format!(
                    "{behind} of {} {} not run: run `cubby migrate up`, or start Cubby",
                    all.len(),
                    if behind == 1 { "has" } else { "have" }
                );
                found(CHECK, Status::Warn, message)
            };
            (finding, behind == 0)
        }
    }
}

async fn keys(config: &Config, database: Database, clock: Clock) -> CheckResult {
    const CHECK: &str = "signing keys";
    match config.jwt_secret() {
        Err(conflict) => return found(CHECK, Status::Fail, conflict.to_string()),
        Ok(Some(_)) => {
            return found(
                CHECK,
                Status::Ok,
                "access tokens are signed with CUBBY_JWT_SECRET (HS256)".to_owned(),
            );
        }
        Ok(None) => {}
    }
    if config.secret.is_none() && !config.data_dir.join("secret").exists() {
        let message = match config.database() {
            DatabaseUrl::Sqlite(_) => {
                "the file `secret` in the data directory is missing, and the next start generates a new \
                 one: if this database was used with another secret, restore that first"
            }
            DatabaseUrl::Postgres(_) => {
                "CUBBY_SECRET is not set: set it, it is required on PostgreSQL"
            }
        };
        return found(CHECK, Status::Warn, message.to_owned());
    }
    let secrets = match secrets(config) {
        Ok(secrets) => secrets,
        Err(error) => return found(CHECK, Status::Fail, error.to_string()),
    };
    let listed = match Keys::new(database, secrets, clock).list().await {
        Ok(listed) => listed,
        Err(error) => return found(CHECK, Status::Fail, error.to_string()),
    };
    let in_use = |state| state != KeyState::Expired;
    if let Some(sealed) = listed
        .iter()
        .find(|key| in_use(key.state) && !key.is_decryptable)
    {
        return found(
            CHECK,
            Status::Fail,
            KeysError::Undecryptable(sealed.id.clone()).to_string(),
        );
    }
    match listed.iter().find(|key| key.state == KeyState::Current) {
        Some(key) => found(CHECK, Status::Ok, format!("{} signs access tokens", key.id)),
        None => found(
            CHECK,
            Status::Ok,
            "no key exists yet; the first start generates one".to_owned(),
        ),
    }
}

fn found(what: &'static str, status: Status, message: String) -> CheckResult {
    CheckResult {
        what,
        status,
        message,
    }
}
