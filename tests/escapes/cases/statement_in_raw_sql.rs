//! Refused by clippy::disallowed_types: raw SQL carries no owner's filter.

use sea_orm::{DbBackend, EntityTrait, FromQueryResult};

use super::entity::{Entity, Model};

fn raw() {
    let one = sea_orm::Statement::from_string(DbBackend::Sqlite, "SELECT 1"); //~
    let _ = Entity::find().from_raw_sql(one.clone());
    let _ = Model::find_by_statement(one);
    let _ = sea_orm::Statement::from_sql_and_values(DbBackend::Sqlite, "SELECT ?", [1.into()]); //~
}
