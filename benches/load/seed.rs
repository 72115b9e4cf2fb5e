//! Fills a database with users who have few tasks and one who has many, by `cubby seed`.

use std::path::Path;

use serde_json::{Value, json};

use crate::{PASSWORD, Result, client::Connection, server, server::Server, sign_in::SIGN_IN, text};

pub const FEW_TASKS: u32 = 100;

pub const MANY_TASKS: u32 = 100_000;

/// The number of tasks before a deep page.
pub const DEEP_OFFSET: usize = 50_000;

/// Stores users with so many tasks each.
pub fn seed(directory: &Path, settings: &[(&str, &str)], users: u32, tasks: u32) -> Result<()> {
    let domain = format!("{tasks}.example.com");
    let (users, tasks) = (users.to_string(), tasks.to_string());
    let arguments = [
        "seed",
        "--users",
        &users,
        "--tasks",
        &tasks,
        "--domain",
        &domain,
        "--password",
        PASSWORD,
    ];
    server::run(directory, settings, &arguments)
}

/// Signs in one of the users with so many tasks, and returns the access token.
pub async fn sign_in(
    connection: &mut Connection,
    server: &Server,
    number: u32,
    tasks: u32,
) -> Result<String> {
    let email = format!("person-{number}@{tasks}.example.com");
    let input = json!({ "input": { "email": email, "password": PASSWORD } });
    let request = server.request(None, SIGN_IN, input, r#""userErrors":[]"#);
    let answer: Value = serde_json::from_str(connection.send(&request).await?)?;
    text(&answer, "/data/signIn/tokens/accessToken")
}
