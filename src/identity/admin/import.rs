//! Imports users of another service with their password hashes.

use std::collections::HashSet;

use serde::Deserialize;

use super::{AdminError, UserAdmin};
use crate::{
    error::FieldError,
    identity::{
        credentials::password::imported_hash,
        request::device::Device,
        unscoped,
        users::{
            email_address::EmailAddress, name::Name, registration::NewUser, time_zone::TimeZone,
        },
    },
    import_errors::LineErrors,
};

/// The number of users that one transaction stores.
const USERS_PER_TRANSACTION: usize = 500;

/// Options of an import.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    /// Checks the file, and stores nothing.
    pub dry_run: bool,
    /// Skips users whose address has an account; otherwise one such user fails the import.
    pub skip_existing: bool,
}

/// The numbers of stored and skipped users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub stored: usize,
    pub skipped: usize,
}

/// One line of the file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ImportedUser {
    email: String,
    name: Option<String>,
    time_zone: Option<String>,
    password_hash: String,
}

impl UserAdmin {
    /// Stores the users of a file with one JSON object per line. Calls `on_progress` after each
    /// transaction with the number of users that it stored. If a line is invalid, no user is
    /// stored.
    ///
    /// # Errors
    /// Fails if a line is invalid, an address has an account, or the database is unavailable. Users
    /// that were passed to `on_progress` stay stored.
    pub async fn import(
        &self,
        text: &str,
        options: ImportOptions,
        on_progress: impl Fn(usize),
    ) -> Result<Imported, AdminError> {
        let mut newcomers = read(text)?;
        let taken = self.taken(&newcomers).await?;
        let is_taken = |newcomer: &NewUser| taken.contains(newcomer.email.normalized());
        let mut wrongs = LineErrors::default();
        for (line, newcomer) in newcomers.iter().filter(|(_, newcomer)| is_taken(newcomer)) {
            let email = newcomer.email.as_str();
            wrongs.add(*line, format!("the address {email} already has an account"));
        }
        if !options.skip_existing && !wrongs.is_empty() {
            return Err(AdminError::new(format!(
                "no user was stored{wrongs}\nuse --skip-existing to skip these users"
            )));
        }
        newcomers.retain(|(_, newcomer)| !is_taken(newcomer));
        let imported = Imported {
            stored: newcomers.len(),
            skipped: taken.len(),
        };
        if options.dry_run {
            return Ok(imported);
        }
        let mut newcomers = newcomers
            .into_iter()
            .map(|(_, newcomer)| newcomer)
            .peekable();
        while newcomers.peek().is_some() {
            let some: Vec<_> = newcomers.by_ref().take(USERS_PER_TRANSACTION).collect();
            let count = some.len();
            self.store(some).await?;
            on_progress(count);
        }
        Ok(imported)
    }

    /// Returns the normalized addresses that have an account.
    async fn taken(&self, newcomers: &[(u64, NewUser)]) -> Result<HashSet<String>, AdminError> {
        let mut taken = HashSet::new();
        for some in newcomers.chunks(USERS_PER_TRANSACTION) {
            let keys = some.iter().map(|(_, newcomer)| newcomer.email.normalized());
            taken.extend(unscoped::existing_emails(&self.database, keys).await?);
        }
        Ok(taken)
    }

    async fn store(&self, newcomers: Vec<NewUser>) -> Result<(), AdminError> {
        let now = self.clock.now();
        let rows = newcomers
            .into_iter()
            .map(|newcomer| newcomer.into_rows(&self.ids, &Device::default(), now));
        if unscoped::insert_users(&self.database, rows.collect()).await? {
            Ok(())
        } else {
            Err(AdminError::new(
                "a user signed up with one of the addresses during the import. The users counted so far are \
                 stored: run the import again with --skip-existing",
            ))
        }
    }
}

/// Returns the user of each line with the line number, or the errors of all lines.
fn read(text: &str) -> Result<Vec<(u64, NewUser)>, AdminError> {
    let (mut newcomers, mut wrongs) = (Vec::new(), LineErrors::default());
    let mut seen = HashSet::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        if line.trim().is_empty() {
            continue;
        }
        match ImportedUser::read(line) {
            Ok(newcomer) if !seen.insert(newcomer.email.normalized().to_owned()) => {
                let email = newcomer.email.as_str();
                wrongs.add(
                    number,
                    format!("the address {email} occurs twice in the file"),
                );
            }
            Ok(newcomer) => newcomers.push((number, newcomer)),
            Err(what) => wrongs.add(number, what),
        }
    }
    if wrongs.is_empty() {
        Ok(newcomers)
    } else {
        Err(AdminError::new(format!("no user was stored{wrongs}")))
    }
}

impl ImportedUser {
    fn read(line: &str) -> Result<NewUser, String> {
        // The parser's message could contain a hash.
        let line: Self = serde_json::from_str(line).map_err(|_| {
            "write a JSON object with email and passwordHash, and optionally name and timeZone"
                .to_owned()
        })?;
        let email = EmailAddress::parse(&line.email).map_err(FieldError::into_message)?;
        let name = line.name.as_deref().map(Name::parse).transpose();
        let name = name.map_err(FieldError::into_message)?;
        let time_zone = match line.time_zone.as_deref() {
            None => TimeZone::utc(),
            Some(name) => TimeZone::named(name).ok_or_else(|| {
                format!("{name} is not an IANA time zone: write a name such as Europe/Vienna")
            })?,
        };
        let password_hash =
            imported_hash::import(&line.password_hash).map_err(|error| error.to_string())?;
        Ok(NewUser {
            email,
            name,
            time_zone,
            password_hash,
        })
    }
}
