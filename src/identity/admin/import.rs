//! UserAdmin of another service, taken over with the hashes of their passwords.

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

/// How many people are stored in one transaction.
const USERS_PER_TRANSACTION: usize = 500;

/// What to do beside storing people.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    /// Store nothing, and say what is wrong.
    pub dry_run: bool,
    /// Leave out whoever's address has an account, instead of storing nobody.
    pub skip_existing: bool,
}

/// What became of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub stored: usize,
    pub skipped: usize,
}

/// A line as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ImportedUser {
    email: String,
    name: Option<String>,
    time_zone: Option<String>,
    password_hash: String,
}

impl UserAdmin {
    /// Stores the people of a text that has a JSON object on each line, and tells how many are stored as they
    /// are. Where a line is wrong nobody is stored.
    ///
    /// # Errors
    /// When a line is wrong, an address is taken, or the database is away; then whoever was told of is stored.
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
            wrongs.add(*line, format!("somebody has the address {email} already"));
        }
        if !options.skip_existing && !wrongs.is_empty() {
            return Err(AdminError::new(format!(
                "nobody was stored{wrongs}\n--skip-existing leaves them out"
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

    /// The keys of the addresses that have an account.
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
        let (mut people, mut arrivals) = (Vec::new(), Vec::new());
        for newcomer in newcomers {
            let rows = newcomer.into_rows(&self.ids, &Device::default(), now);
            people.push(rows.user);
            arrivals.push(rows.signed_up_event);
        }
        if unscoped::store_people(&self.database, people, arrivals).await? {
            Ok(())
        } else {
            Err(AdminError::new(
                "somebody has signed up with one of the addresses meanwhile: whoever was on_progress of is stored. Try \
                 again with --skip-existing",
            ))
        }
    }
}

/// Every line, with its number; or all that is wrong.
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
                wrongs.add(number, format!("the address {email} is there before"));
            }
            Ok(newcomer) => newcomers.push((number, newcomer)),
            Err(what) => wrongs.add(number, what),
        }
    }
    if wrongs.is_empty() {
        Ok(newcomers)
    } else {
        Err(AdminError::new(format!("nobody was stored{wrongs}")))
    }
}

impl ImportedUser {
    fn read(line: &str) -> Result<NewUser, String> {
        // The reader's own words could repeat a hash.
        let line: Self = serde_json::from_str(line).map_err(|_| {
            "write a JSON object of email and passwordHash, and of name and timeZone where they are known"
                .to_owned()
        })?;
        let email = EmailAddress::parse(&line.email).map_err(FieldError::into_message)?;
        let name = line.name.as_deref().map(Name::parse).transpose();
        let name = name.map_err(FieldError::into_message)?;
        let time_zone = match line.time_zone.as_deref() {
            None => TimeZone::utc(),
            Some(name) => TimeZone::named(name)
                .ok_or_else(|| format!("{name} is no IANA time zone name such as Europe/Vienna"))?,
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
