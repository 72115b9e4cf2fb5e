//! PostgreSQL by tokio-postgres.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_postgres::{Client, NoTls, Row, Statement};
use uuid::Uuid;

use crate::{PAGE_SIZE, Result, Task, new_id, users};

/// The number of connections, which requests use in turn. Requests that share one are pipelined.
const CONNECTIONS: usize = 10;

const TABLE: &str = "
    CREATE TABLE floor_tasks (
        user_id uuid NOT NULL, id uuid NOT NULL, title text NOT NULL, completed_at bigint,
        priority smallint NOT NULL,
        PRIMARY KEY (user_id, id) INCLUDE (title, completed_at, priority)
    )";

pub struct Database {
    connections: Vec<Connection>,
    next: AtomicUsize,
}

struct Connection {
    client: Client,
    page: Statement,
    task: Statement,
    create: Statement,
}

impl Database {
    pub async fn create(url: &str, ids: &[Uuid]) -> Result<Self> {
        let client = connect(url).await?;
        client.batch_execute(TABLE).await?;
        let fill = "INSERT INTO floor_tasks SELECT $1, unnest($2::uuid[]), $3, NULL, 3";
        for (user, tasks) in users(ids) {
            let ids: Vec<Uuid> = (0..tasks).map(|_| new_id()).collect();
            let title = "Water the plants on the balcony";
            client.execute(fill, &[&user, &ids, &title]).await?;
        }
        client.batch_execute("VACUUM ANALYZE floor_tasks").await?;
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let client = connect(url).await?;
            let page = "SELECT id, title, completed_at, priority FROM floor_tasks WHERE \
                        user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
            let task = "SELECT id, title, completed_at, priority FROM floor_tasks WHERE \
                        user_id = $1 AND id = $2";
            let create = "INSERT INTO floor_tasks VALUES ($1, $2, $3, $4, $5)";
            connections.push(Connection {
                page: client.prepare(page).await?,
                task: client.prepare(task).await?,
                create: client.prepare(create).await?,
                client,
            });
        }
        Ok(Self {
            connections,
            next: AtomicUsize::new(0),
        })
    }

    pub async fn page(&self, user: Uuid, before: Uuid) -> Result<Vec<Task>> {
        let connection = self.connection();
        let limit = i64::try_from(PAGE_SIZE + 1)?;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&user, &before, &limit];
        let rows = connection.client.query(&connection.page, &values).await?;
        rows.iter().map(read).collect()
    }

    pub async fn task(&self, user: Uuid, id: Uuid) -> Result<Task> {
        let connection = self.connection();
        let row = connection
            .client
            .query_one(&connection.task, &[&user, &id])
            .await?;
        read(&row)
    }

    pub async fn create_task(&self, user: Uuid, task: &Task) -> Result<()> {
        let connection = self.connection();
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] = [
            &user,
            &task.id,
            &task.title,
            &task.completed_at,
            &task.priority,
        ];
        connection
            .client
            .execute(&connection.create, &values)
            .await?;
        Ok(())
    }

    fn connection(&self) -> &Connection {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        &self.connections[next % CONNECTIONS]
    }
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn read(row: &Row) -> Result<Task> {
    Ok(Task {
        id: row.try_get(0)?,
        title: row.try_get(1)?,
        completed_at: row.try_get(2)?,
        priority: row.try_get(3)?,
    })
}
