//! Sample users and tasks: inserts many of them, for tests with a large database.

mod tasks;

use std::fmt;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    count::format_count,
    error::Error,
    identity::{UserAdmin, UserSeeder},
    tasks::limit,
};

/// The approximate number of tasks in one transaction.
const TASKS_PER_TRANSACTION: u32 = 10_000;

/// The maximum number of concurrent transactions: one is prepared while the database stores another. On
/// SQLite only one writes at a time, so a long transaction runs alone.
const MAX_TRANSACTIONS: usize = 3;

/// The users and tasks to store.
pub struct Seed {
    pub users: u32,
    /// The number of tasks of each user.
    pub tasks: u32,
    /// The domain of the addresses `person-1@domain` and so on.
    pub domain: String,
    /// The password of every user.
    pub password: String,
}

impl Seed {
    /// Generates a random domain and a random password unless they are given.
    ///
    /// # Errors
    /// Fails if the system's random number generator fails.
    pub fn new(
        users: u32,
        tasks: u32,
        domain: Option<String>,
        password: Option<String>,
    ) -> Result<Self, SeedError> {
        Ok(Self {
            users,
            tasks,
            domain: match domain {
                Some(domain) => domain,
                None => format!("{}.example.com", random_word()?),
            },
            password: match password {
                Some(password) => password,
                None => random_word()?,
            },
        })
    }
}

/// Formats the numbers of users and tasks.
impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let people = format_count(self.users.into(), "user", "users");
        let tasks = format_count(self.tasks.into(), "task", "tasks");
        let each = if self.users == 1 { "" } else { " each" };
        write!(f, "{people} with {tasks}{each}")
    }
}

/// Returns 16 random hexadecimal digits.
fn random_word() -> Result<String, SeedError> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| {
        SeedError::Refused("the system's random number generator failed".to_owned())
    })?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

/// An error of seeding; the message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// An address at this domain has an account. Nothing was stored.
    #[error(
        "nothing was stored: some addresses at {0} have accounts. Use another --domain, or omit it for a random one"
    )]
    Taken(String),
    /// The seed is invalid. Nothing was stored.
    #[error("nothing was stored: {0}")]
    Refused(String),
    /// Seeding failed. Some users may have been stored.
    #[error("seeding ended early, and the users stored so far remain: {0}")]
    Failed(String),
}

impl From<Error> for SeedError {
    fn from(error: Error) -> Self {
        Self::Failed(match error {
            Error::Unavailable => {
                "the database did not answer in time. Check that it runs, and try again with another \
                 --domain"
                    .to_owned()
            }
            error => error.into_message(),
        })
    }
}

/// Stores users with their tasks, several users per transaction, and reports the number of tasks of each
/// batch.
pub(crate) async fn insert(
    admin: &UserAdmin,
    seed: &Seed,
    on_progress: impl Fn(usize),
) -> Result<(), SeedError> {
    limit::check(i64::from(seed.tasks), admin.limits)
        .map_err(|reached| SeedError::Refused(reached.of_command()))?;
    let seeder = UserSeeder::new(admin, &seed.domain, &seed.password).await?;
    let seeder = &seeder.map_err(|fault| SeedError::Refused(fault.into_message()))?;
    if !seeder.are_addresses_free(seed.users).await? {
        return Err(SeedError::Taken(seed.domain.clone()));
    }
    let fill = async |viewer: &_| {
        tasks::insert_sample_tasks(viewer, seed.tasks as usize, &on_progress).await
    };
    let users_per_transaction = (TASKS_PER_TRANSACTION / seed.tasks.max(1)).clamp(1, 500);
    let batches = (1..=seed.users)
        .step_by(users_per_transaction as usize)
        .map(|first| {
            let last = seed
                .users
                .min(first.saturating_add(users_per_transaction - 1));
            seeder.insert_users(first..=last, &fill)
        });
    let concurrent = if seed.tasks > TASKS_PER_TRANSACTION {
        1
    } else {
        MAX_TRANSACTIONS
    };
    let mut batches = stream::iter(batches).buffer_unordered(concurrent);
    while let Some(were_free) = batches.try_next().await? {
        if !were_free {
            return Err(SeedError::Failed(
                "another process created an account with one of the addresses".to_owned(),
            ));
        }
    }
    Ok(())
}
