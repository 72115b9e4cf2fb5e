//! People and tasks that are made up, to try Cubby at size.

use std::fmt;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    config::AccountLimits,
    count::counted,
    error::Error,
    identity::{Enrolment, IdentityProvider},
    tasks,
};

/// About how many tasks are stored in one transaction.
const AT_ONCE: u32 = 10_000;

/// How many transactions are under way: while one is made up, the database stores another. On SQLite they
/// take turns, and so one that takes long is alone.
const TRANSACTIONS: usize = 3;

/// Who is made up.
pub struct Seed {
    pub users: u32,
    /// How many each of them has.
    pub tasks: u32,
    /// Of their addresses: `person-1@` this, and so on.
    pub domain: String,
    /// Of all of them.
    pub password: String,
}

impl Seed {
    /// With a domain and a password of their own where none is said.
    ///
    /// # Errors
    /// When the system has no randomness.
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

/// How many people and tasks there are.
impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let people = counted(self.users.into(), "person", "people");
        let tasks = counted(self.tasks.into(), "task", "tasks");
        let each = if self.users == 1 { "" } else { " each" };
        write!(f, "{people} with {tasks}{each}")
    }
}

/// 16 characters that nobody guesses.
fn random_word() -> Result<String, SeedError> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| SeedError::Refused("the system has no randomness".to_owned()))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

/// Why they are not, or not all; the message says what to do about it.
#[derive(Debug)]
pub enum SeedError {
    /// Of this domain; nothing is stored.
    Taken(String),
    /// Nothing is stored.
    Refused(String),
    /// Some may be stored.
    Failed(String),
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(domain) => write!(
                f,
                "nothing was stored: some of the addresses at {domain} are taken. Give another --domain, or \
                 none for a new one"
            ),
            Self::Refused(message) => write!(f, "nothing was stored: {message}"),
            Self::Failed(message) => {
                write!(f, "it ended early, and whoever was stored stays: {message}")
            }
        }
    }
}

impl std::error::Error for SeedError {}

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

/// Stores them, some in a transaction, and tells how many tasks are stored as they are.
pub(crate) async fn sow(
    provider: &IdentityProvider,
    limits: AccountLimits,
    seed: &Seed,
    told: impl Fn(usize),
) -> Result<(), SeedError> {
    tasks::limit::check(i64::from(seed.tasks), limits)
        .map_err(|reached| SeedError::Refused(reached.of_command()))?;
    let enrolment = Enrolment::new(provider, &seed.domain, &seed.password).await?;
    let enrolment = &enrolment.map_err(|fault| SeedError::Refused(fault.into_message()))?;
    if !enrolment.are_free(seed.users).await? {
        return Err(SeedError::Taken(seed.domain.clone()));
    }
    let fill = async |viewer: &_| tasks::sow(viewer, seed.tasks as usize, &told).await;
    let at_once = (AT_ONCE / seed.tasks.max(1)).clamp(1, 500);
    let batches = (1..=seed.users).step_by(at_once as usize).map(|first| {
        let last = seed.users.min(first.saturating_add(at_once - 1));
        enrolment.enrol(first..=last, &fill)
    });
    let under_way = if seed.tasks > AT_ONCE {
        1
    } else {
        TRANSACTIONS
    };
    let mut batches = stream::iter(batches).buffer_unordered(under_way);
    while let Some(were_free) = batches.try_next().await? {
        if !were_free {
            return Err(SeedError::Failed(
                "one of the addresses was taken meanwhile".to_owned(),
            ));
        }
    }
    Ok(())
}
