//! Refused by clippy::disallowed_methods: a statement that is never named is a statement all the same.

use sea_orm::{
    EntityTrait, QueryFilter,
    sea_query::{self, Expr, ExprTrait, TableRef},
};

use super::entity::{Column, Entity, Model};
use crate::{scope::Viewer, error::Result};

async fn all(viewer: &Viewer) -> Result<Vec<Model>> {
    let mut hidden = sea_query::QueryStatement::Select(Default::default()); //~
    let sea_query::QueryStatement::Select(users) = &mut hidden else {
        return Ok(Vec::new());
    };
    users.from("users").expr(Expr::col("email"));
    let guess = Expr::col(Column::Title).eq(users.to_owned());
    let _ = TableRef::SubQuery(Box::default(), "other".into()); //~
    let _ = sea_query::SubQueryStatement::SelectStatement(users.to_owned()); //~
    let _ = sea_query::SubQueryStatement::WithStatement(Default::default()); //~
    let _ = Expr::SubQuery(None, Box::new(users.to_owned().into())); //~
    viewer.all(Entity::find().filter(guess)).await
}
