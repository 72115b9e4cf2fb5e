//! `cubby keys`: lists and rotates the signing keys.

#![expect(clippy::print_stdout, reason = "the list goes to the terminal")]

use clap::Subcommand;

use super::signing_keys;
use crate::{
    clock::{Clock, Timestamp},
    config::{Config, PublishPeriod},
    identity::{KeyState, Rotation},
    server::StartError,
};

#[derive(Subcommand)]
pub enum Keys {
    /// List the keys: their states, when they begin to sign, and until when they are published
    List,
    /// Publish a new key now, and sign with it later
    ///
    /// Running instances load the new key themselves. Tokens of earlier keys stay valid until they expire.
    Rotate {
        /// The time until the new key signs, 5 minutes to 30 days, such as 10m or 24h
        ///
        /// Use a time longer than verifiers of tokens cache the published keys: 5 minutes, unless a verifier
        /// is configured differently.
        #[arg(long, value_name = "DURATION", default_value_t)]
        after: PublishPeriod,
        /// Sign with the new key now, and revoke all others
        ///
        /// Use it if a key may have leaked: within 10 seconds, every instance rejects the access tokens of the
        /// old keys.
        #[arg(long, conflicts_with = "after")]
        now: bool,
    },
}

/// Rotates the keys if asked to, and prints them.
///
/// # Errors
/// Fails if access tokens are signed with HS256, or if the database cannot be used.
pub async fn run(config: &Config, command: Keys) -> Result<(), StartError> {
    let keys = signing_keys(config, Clock::system()).await?;
    match command {
        Keys::List => {}
        Keys::Rotate { now: true, .. } => keys.rotate(Rotation::Now).await?,
        Keys::Rotate { after, now: false } => keys.rotate(Rotation::After(after)).await?,
    }
    println!(
        "{:43}  {:9}  {:8}  {:24}  {:24}  PUBLISHED UNTIL",
        "KEY", "ALGORITHM", "STATE", "CREATED", "SIGNS FROM"
    );
    for key in keys.list().await? {
        let state = match key.state {
            _ if !key.is_decryptable => "sealed",
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
