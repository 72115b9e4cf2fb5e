//! Helpers to define tables and columns. Released migrations use them: what they create must not
//! change.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// Returns a table of owned rows. Its primary key is the owner and the `key` columns; deleting a
/// user deletes their rows.
fn owned(
    table: &'static str,
    key: &[&'static str],
    columns: Vec<ColumnDef>,
) -> TableCreateStatement {
    let mut primary_key = Index::create().col("user_id").to_owned();
    for column in key {
        primary_key.col(*column);
    }
    let mut owner = ForeignKey::create()
        .name(format!("{table}_user_id_fkey"))
        .from(table, "user_id")
        .to("users", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned();
    let mut statement = Table::create()
        .table(table)
        .col(uuid("user_id"))
        .primary_key(&mut primary_key)
        .foreign_key(&mut owner)
        .to_owned();
    for mut column in columns {
        statement.col(&mut column);
    }
    statement
}

/// Creates a table of owned rows. SQLite stores it in the order of its primary key, so that one
/// user's rows are adjacent.
pub(crate) async fn create_owned(
    manager: &SchemaManager<'_>,
    table: &'static str,
    key: &[&'static str],
    columns: Vec<ColumnDef>,
) -> Result<(), DbErr> {
    let mut statement = owned(table, key, columns);
    if manager.get_database_backend() == DbBackend::Sqlite {
        statement.extra("WITHOUT ROWID");
    }
    manager.create_table(statement).await
}

pub(crate) async fn drop_tables(
    manager: &SchemaManager<'_>,
    tables: &[&'static str],
) -> Result<(), DbErr> {
    for table in tables {
        manager
            .drop_table(Table::drop().table(*table).to_owned())
            .await?;
    }
    Ok(())
}

/// Creates a one-column index for each column, by which expired rows are found.
pub(crate) async fn index_expiry(
    manager: &SchemaManager<'_>,
    columns: &[(&'static str, &'static str)],
) -> Result<(), DbErr> {
    for (table, column) in columns {
        let index = Index::create()
            .name(format!("{table}_by_{column}"))
            .table(*table)
            .col(*column)
            .to_owned();
        manager.create_index(index).await?;
    }
    Ok(())
}

/// Runs SQL statements in order.
pub(crate) async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    for statement in statements {
        manager
            .get_connection()
            .execute_unprepared(statement)
            .await?;
    }
    Ok(())
}

/// A column for an id. Like the columns of the other helpers, it is NOT NULL by default.
pub(crate) fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().not_null().take()
}

pub(crate) fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

/// A column for a time in milliseconds or a counter.
pub(crate) fn big(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

pub(crate) fn integer(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().not_null().take()
}
