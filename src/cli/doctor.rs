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
    private_file,
    server::{StartError, secrets},
};

/// The greatest difference between two clocks at which the tokens of one machine are not too early for the other.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// The earliest plausible time: 2026-01-01T00:00:00Z, before the first release.
const MIN_PLAUSIBLE_TIME: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// The result of one check.
struct Finding {
    what: &'static str,
    status: Status,
    /// The state that was found, and how to correct it.
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
    for Finding {
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

/// Runs all checks; a check that depends on a failed one is left out.
async fn examine(config: &Config, clock: &Clock) -> Vec<Finding> {
    let mut findings = vec![
        configuration(config),
        data_directory(config),
        system_clock(clock),
    ];
    let url = config.database();
    let missing = match Database::missing_file(&url) {
        Ok(Some(file)) => Some(format!(
            "there is none yet at {}: starting Cubby makes it, or set CUBBY_DATA_DIR or DATABASE_URL to \
             where it is",
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
    findings.push(found("database", Status::Ok, format!("{kind} answers")));
    findings.extend(difference(&database, clock).await);
    let (finding, is_migrated) = migrations(&database).await;
    findings.push(finding);
    if is_migrated {
        findings.push(keys(config, database.clone(), clock.clone()).await);
    }
    database.close().await;
    findings
}

fn configuration(config: &Config) -> Finding {
    const WHAT: &str = "configuration";
    let checked = config
        .mode()
        .and_then(|mode| config.jwt_secret().map(|_| mode))
        .and_then(|mode| config.secrets().map(|_| mode));
    match checked {
        Ok(mode) => found(WHAT, Status::Ok, format!("{mode:?} on {}", config.listen)),
        Err(conflict) => found(WHAT, Status::Fail, conflict.to_string()),
    }
}

fn data_directory(config: &Config) -> Finding {
    const WHAT: &str = "data directory";
    let directory = config.data_dir.display();
    match private_file::look_at(&config.data_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => found(
            WHAT,
            Status::Ok,
            format!("{directory} is not there yet, and is made when it is needed"),
        ),
        Err(error) => found(
            WHAT,
            Status::Fail,
            format!(
                "{directory} cannot be used: {error}. Let the user that runs Cubby write there"
            ),
        ),
        Ok(true) => found(
            WHAT,
            Status::Warn,
            format!("others may look into {directory}: run chmod 700 {directory}"),
        ),
        Ok(false) => found(
            WHAT,
            Status::Ok,
            format!("{directory} is its owner's alone"),
        ),
    }
}

fn system_clock(clock: &Clock) -> Finding {
    const WHAT: &str = "clock";
    let now = clock.now();
    if now < MIN_PLAUSIBLE_TIME {
        let message = format!("it is {now} here: set the machine's clock, or no token is accepted");
        return found(WHAT, Status::Fail, message);
    }
    found(WHAT, Status::Ok, format!("it is {now} here"))
}

/// The difference between the database's clock and this machine's, on PostgreSQL.
async fn difference(database: &Database, clock: &Clock) -> Option<Finding> {
    const WHAT: &str = "database's clock";
    let before = clock.now();
    let theirs = match database.time().await {
        Ok(theirs) => theirs?,
        Err(error) => {
            return Some(found(
                WHAT,
                Status::Warn,
                StartError::from(error).to_string(),
            ));
        }
    };
    let apart = before.since(theirs).max(theirs.since(clock.now()));
    let message = format!("it is {} ms from ours", apart.as_millis());
    Some(if apart > MAX_CLOCK_SKEW {
        let message = format!("{message}: set the clocks of both machines by NTP");
        found(WHAT, Status::Warn, message)
    } else {
        found(WHAT, Status::Ok, message)
    })
}

async fn migrations(database: &Database) -> (Finding, bool) {
    const WHAT: &str = "migrations";
    match database.migrations().await {
        Err(error) => {
            let message = StartError::from(error).to_string();
            (found(WHAT, Status::Fail, message), false)
        }
        Ok(all) => {
            let behind = all.iter().filter(|(_, has_run)| !has_run).count();
            let finding = if behind == 0 {
                found(WHAT, Status::Ok, "all have run".to_owned())
            } else {
                let message = format!(
                    "{behind} of {} {} not run: starting Cubby runs them, and so does `cubby migrate up`",
                    all.len(),
                    if behind == 1 { "has" } else { "have" }
                );
                found(WHAT, Status::Warn, message)
            };
            (finding, behind == 0)
        }
    }
}

async fn keys(config: &Config, database: Database, clock: Clock) -> Finding {
    const WHAT: &str = "signing keys";
    match config.jwt_secret() {
        Err(conflict) => return found(WHAT, Status::Fail, conflict.to_string()),
        Ok(Some(_)) => {
            return found(
                WHAT,
                Status::Ok,
                "tokens are signed with CUBBY_JWT_SECRET".to_owned(),
            );
        }
        Ok(None) => {}
    }
    if config.secret.is_none() && !config.data_dir.join("secret").exists() {
        let message = match config.database() {
            DatabaseUrl::Sqlite(_) => {
                "there is no secret in the data directory, and the next start makes one: if this \
                 database had another, put that back first"
            }
            DatabaseUrl::Postgres(_) => "CUBBY_SECRET is not set, and on PostgreSQL it must be",
        };
        return found(WHAT, Status::Warn, message.to_owned());
    }
    let secrets = match secrets(config) {
        Ok(secrets) => secrets,
        Err(error) => return found(WHAT, Status::Fail, error.to_string()),
    };
    let listed = match Keys::new(database, secrets, clock).list().await {
        Ok(listed) => listed,
        Err(error) => return found(WHAT, Status::Fail, error.to_string()),
    };
    let in_use = |state| state != KeyState::Expired;
    if let Some(sealed) = listed.iter().find(|key| in_use(key.state) && !key.is_open) {
        return found(
            WHAT,
            Status::Fail,
            KeysError::Sealed(sealed.id.clone()).to_string(),
        );
    }
    match listed.iter().find(|key| key.state == KeyState::Current) {
        Some(key) => found(WHAT, Status::Ok, format!("{} signs", key.id)),
        None => found(
            WHAT,
            Status::Ok,
            "there is none yet, and the first start makes one".to_owned(),
        ),
    }
}

fn found(what: &'static str, status: Status, message: String) -> Finding {
    Finding {
        what,
        status,
        message,
    }
}
