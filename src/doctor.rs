//! What is well and what is not, of the settings and of what they lead to; nothing is changed by asking.

#![expect(
    clippy::disallowed_methods,
    reason = "the database is opened here, to be looked at"
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

/// How far the clocks of two machines may differ before tokens of one are early at the other.
const SKEW: Duration = Duration::from_secs(60);

/// Before this there was no Cubby: 2026-01-01T00:00:00Z.
const BEGINNING: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// What was found of one thing.
#[derive(Debug)]
pub struct Finding {
    pub what: &'static str,
    pub state: Health,
    /// What was seen, and what to do where it is not well.
    pub says: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Well,
    /// It works, and something about it should be looked at.
    Doubtful,
    /// Cubby would not start, or not work.
    Ill,
}

/// Looks at everything; what rests on something ill is left out.
pub async fn examine(config: &Config, clock: &Clock) -> Vec<Finding> {
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
    if let Some(says) = missing {
        findings.push(found("database", Health::Doubtful, says));
        return findings;
    }
    let database = match Database::examine(&url).await {
        Ok(database) => database,
        Err(error) => {
            let says = StartError::from(error).to_string();
            findings.push(found("database", Health::Ill, says));
            return findings;
        }
    };
    let kind = match url {
        DatabaseUrl::Sqlite(address) => address,
        DatabaseUrl::Postgres(_) => "PostgreSQL".to_owned(),
    };
    findings.push(found("database", Health::Well, format!("{kind} answers")));
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
        Ok(mode) => found(WHAT, Health::Well, format!("{mode:?} on {}", config.listen)),
        Err(conflict) => found(WHAT, Health::Ill, conflict.to_string()),
    }
}

fn data_directory(config: &Config) -> Finding {
    const WHAT: &str = "data directory";
    let directory = config.data_dir.display();
    match private_file::look_at(&config.data_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => found(
            WHAT,
            Health::Well,
            format!("{directory} is not there yet, and is made when it is needed"),
        ),
        Err(error) => found(
            WHAT,
            Health::Ill,
            format!(
                "{directory} cannot be used: {error}. Let the user that runs Cubby write there"
            ),
        ),
        Ok(true) => found(
            WHAT,
            Health::Doubtful,
            format!("others may look into {directory}: run chmod 700 {directory}"),
        ),
        Ok(false) => found(
            WHAT,
            Health::Well,
            format!("{directory} is its owner's alone"),
        ),
    }
}

fn system_clock(clock: &Clock) -> Finding {
    const WHAT: &str = "clock";
    let now = clock.now();
    if now < BEGINNING {
        let says =
            format!("it is {now} here: set the machine's clock, or tokens are good for nobody");
        return found(WHAT, Health::Ill, says);
    }
    found(WHAT, Health::Well, format!("it is {now} here"))
}

/// How far the database's clock is from ours, where it has one of its own.
async fn difference(database: &Database, clock: &Clock) -> Option<Finding> {
    const WHAT: &str = "database's clock";
    let before = clock.now();
    let theirs = match database.time().await {
        Ok(theirs) => theirs?,
        Err(error) => {
            return Some(found(
                WHAT,
                Health::Doubtful,
                StartError::from(error).to_string(),
            ));
        }
    };
    let apart = before.since(theirs).max(theirs.since(clock.now()));
    let says = format!("it is {} ms from ours", apart.as_millis());
    Some(if apart > SKEW {
        let says = format!("{says}: set the clocks of both machines by NTP");
        found(WHAT, Health::Doubtful, says)
    } else {
        found(WHAT, Health::Well, says)
    })
}

async fn migrations(database: &Database) -> (Finding, bool) {
    const WHAT: &str = "migrations";
    match database.migrations().await {
        Err(error) => {
            let says = StartError::from(error).to_string();
            (found(WHAT, Health::Ill, says), false)
        }
        Ok(all) => {
            let behind = all.iter().filter(|(_, has_run)| !has_run).count();
            let finding = if behind == 0 {
                found(WHAT, Health::Well, format!("all {} have run", all.len()))
            } else {
                let says = format!(
                    "{behind} of {} {} not run: starting Cubby runs them, and so does `cubby migrate up`",
                    all.len(),
                    if behind == 1 { "has" } else { "have" }
                );
                found(WHAT, Health::Doubtful, says)
            };
            (finding, behind == 0)
        }
    }
}

async fn keys(config: &Config, database: Database, clock: Clock) -> Finding {
    const WHAT: &str = "signing keys";
    match config.jwt_secret() {
        Err(conflict) => return found(WHAT, Health::Ill, conflict.to_string()),
        Ok(Some(_)) => {
            return found(
                WHAT,
                Health::Well,
                "tokens are signed with CUBBY_JWT_SECRET".to_owned(),
            );
        }
        Ok(None) => {}
    }
    if config.secret.is_none() && !config.data_dir.join("secret").exists() {
        let says = match config.database() {
            DatabaseUrl::Sqlite(_) => {
                "there is no secret in the data directory, and the next start makes one: if this \
                 database had another, put that back first"
            }
            DatabaseUrl::Postgres(_) => "CUBBY_SECRET is not set, and on PostgreSQL it must be",
        };
        return found(WHAT, Health::Doubtful, says.to_owned());
    }
    let secrets = match secrets(config) {
        Ok(secrets) => secrets,
        Err(error) => return found(WHAT, Health::Ill, error.to_string()),
    };
    let listed = match Keys::new(database, secrets, clock).list().await {
        Ok(listed) => listed,
        Err(error) => return found(WHAT, Health::Ill, error.to_string()),
    };
    let in_use = |state| state != KeyState::Expired;
    if let Some(sealed) = listed.iter().find(|key| in_use(key.state) && !key.is_open) {
        return found(
            WHAT,
            Health::Ill,
            KeysError::Sealed(sealed.id.clone()).to_string(),
        );
    }
    match listed.iter().find(|key| key.state == KeyState::Current) {
        Some(key) => found(WHAT, Health::Well, format!("{} signs", key.id)),
        None => found(
            WHAT,
            Health::Well,
            "there is none yet, and the first start makes one".to_owned(),
        ),
    }
}

fn found(what: &'static str, state: Health, says: String) -> Finding {
    Finding { what, state, says }
}
