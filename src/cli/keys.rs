//! `cubby keys`: lists and rotates the signing keys.

#![expect(clippy::print_stdout, reason = "the list goes to the terminal")]

use clap::Subcommand;

use super::signing_keys;
use crate::{
    clock::{Clock, Timestamp},
    config::{Config, Lead},
    identity::{KeyState, Rotation},
    server::StartError,
};

#[derive(Subcommand)]
pub enum Keys {
    /// List the keys: their state, when they begin to sign, until when they are published
    List,
    /// Publish a new key at once, and sign with it later
    ///
    /// Running instances notice it by themselves, and tokens that were signed before stay valid.
    Rotate {
        /// The time for which the new key is published before it signs, such as 10m or 24h
        ///
        /// It must be longer than anything that verifies tokens caches the published keys: 5 minutes, unless
        /// it was set up otherwise.
        #[arg(long, value_name = "DURATION", default_value_t)]
        after: Lead,
        /// Sign with the new key at once, and revoke every other
        ///
        /// For a key that may have leaked: within 10 s every instance refuses the access tokens that the old
        /// keys signed.
        #[arg(long, conflicts_with = "after")]
        now: bool,
    },
}

/// Rotates the keys if asked to, and prints them.
///
/// # Errors
/// Fails if there are no such keys, or if the database cannot be used.
pub async fn run(config: &Config, command: Keys) -> Result<(), StartError> {
    let keys = signing_keys(config, Clock::system()).await?;
    match command {
        Keys::List => {}
        Keys::Rotate { now: true, .. } => keys.rotate(Rotation::Now).await?,
        Keys::Rotate { after, now: false } => keys.rotate(Rotation::After(after)).await?,
    }
    println!(
        "{:43}  {:9}  {:8}  {:24}  {:24}  PUBLISHED UNTIL",
        "KEY", "ALGORITHM", "STATE", "MADE", "SIGNS FROM"
    );
    for key in keys.list().await? {
        let state = match key.state {
            _ if !key.is_open => "sealed",
            KeyState::Next => "next",
            KeyState::Current => "current",
            KeyState::Retiring => "retiring",
            KeyState::Expired => "expired",
        };
        let until = key.expires_at.as_ref().map(Timestamp::to_string);
        println!(
            "{:43}  {:9}  {state:8}  {:24}  {:24}  {}",
            key.id,
            key.algorithm,
            key.created_at.to_string(),
            key.active_from.to_string(),
            until.as_deref().unwrap_or("-"),
        );
    }
    keys.close().await;
    Ok(())
}
