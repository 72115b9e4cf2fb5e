//! The floor for the benchmark: hand-written handlers that do the same work as Cubby, without a
//! GraphQL engine and without an ORM.
//!
//! `floor sqlite FILE` or `floor postgresql URL` creates a table, fills it, prints the server's
//! address, and serves three requests at `/graphql`: `page`, `task` and `create`, as the `query` of
//! a JSON body.

#![expect(clippy::print_stdout, reason = "the address goes to the benchmark")]

mod json;
mod postgresql;
mod sqlite;

use std::{collections::HashMap, env, error::Error, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{
        HeaderMap, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use tokio::net::TcpListener;
use uuid::Uuid;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The number of users with [`FEW_TASKS`] tasks. User 0 has [`MANY_TASKS`].
const USERS: usize = 32;

const FEW_TASKS: usize = 100;

const MANY_TASKS: usize = 100_000;

/// The number of tasks on a page.
const PAGE_SIZE: usize = 50;

/// A row of the table.
pub struct Task {
    id: Uuid,
    title: String,
    completed_at: Option<i64>,
    priority: i16,
}

enum Database {
    Sqlite(sqlite::Database),
    Postgresql(postgresql::Database),
}

struct Floor {
    database: Database,
    users: HashMap<String, Uuid>,
}

#[derive(Deserialize)]
struct Body {
    query: String,
    #[serde(default)]
    variables: Variables,
}

#[derive(Default, Deserialize)]
struct Variables {
    after: Option<Uuid>,
    id: Option<Uuid>,
    title: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let ids: Vec<Uuid> = (0..=USERS).map(|_| new_id()).collect();
    let database = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["sqlite", file] => Database::Sqlite(sqlite::Database::create(file, &ids)?),
        ["postgresql", url] => Database::Postgresql(postgresql::Database::create(url, &ids).await?),
        _ => return Err("usage: floor sqlite FILE, or floor postgresql URL".into()),
    };
    let users = ids
        .into_iter()
        .enumerate()
        .map(|(number, id)| (format!("Bearer user-{number}"), id));
    let floor = Floor {
        database,
        users: users.collect(),
    };
    let router = Router::new()
        .route("/graphql", post(serve))
        .with_state(Arc::new(floor));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

async fn serve(
    State(floor): State<Arc<Floor>>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Response {
    let token = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let Some(user) = token.and_then(|token| floor.users.get(token)) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    match floor.answer(*user, body).await {
        Ok(json) => ([(CONTENT_TYPE, "application/json; charset=utf-8")], json).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

impl Floor {
    async fn answer(&self, user: Uuid, body: Body) -> Result<Vec<u8>> {
        let variables = body.variables;
        match body.query.as_str() {
            "page" => {
                let after = variables.after.unwrap_or(Uuid::max());
                let tasks = match &self.database {
                    Database::Sqlite(database) => database.page(user, after),
                    Database::Postgresql(database) => database.page(user, after).await,
                };
                Ok(json::page(tasks?))
            }
            "task" => {
                let id = variables.id.ok_or("id is missing")?;
                let task = match &self.database {
                    Database::Sqlite(database) => database.task(user, id),
                    Database::Postgresql(database) => database.task(user, id).await,
                };
                Ok(json::task(&task?))
            }
            "create" => {
                let task = Task {
                    id: new_id(),
                    title: variables.title.ok_or("title is missing")?,
                    completed_at: None,
                    priority: 3,
                };
                match &self.database {
                    Database::Sqlite(database) => database.create_task(user, &task),
                    Database::Postgresql(database) => database.create_task(user, &task).await,
                }?;
                Ok(json::created(&task))
            }
            other => Err(format!("unknown query {other}").into()),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the lint is for ids inside Cubby"
)]
fn new_id() -> Uuid {
    Uuid::now_v7()
}

/// Returns each user with their number of tasks.
fn users(ids: &[Uuid]) -> impl Iterator<Item = (Uuid, usize)> {
    let tasks = |number| if number == 0 { MANY_TASKS } else { FEW_TASKS };
    ids.iter()
        .enumerate()
        .map(move |(number, id)| (*id, tasks(number)))
}
