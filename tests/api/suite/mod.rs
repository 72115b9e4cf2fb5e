//! One file a feature. Each test has a database of its own.

use super::DATABASE;

/// Starts the app, with flags if any are given. Without a PostgreSQL the test says that it was
/// skipped, and ends.
macro_rules! app {
    ($($flag:expr),* $(,)?) => {
        match crate::harness::App::start(super::DATABASE, &[$($flag),*]).await {
            Some(app) => app,
            None => return,
        }
    };
}

mod access_tokens;
mod accounts;
mod activity;
mod bounds;
mod calendars;
mod cookies;
mod documents;
mod due;
mod endpoint;
mod guard;
mod isolation;
mod keys;
mod limits;
mod listing;
mod lists;
mod migrations;
mod model;
mod moves;
mod outside;
mod outside_keys;
mod pages;
mod passwords;
mod plans;
mod refresh;
mod revocation;
mod seed;
mod sessions;
mod sign_out;
mod sockets;
mod streams;
mod tasks;
mod throttles;
mod time_zones;
mod transfer;
mod trusted;
mod world;
