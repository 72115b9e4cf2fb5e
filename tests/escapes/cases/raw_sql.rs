//! Refused by reading: raw SQL in a filter can close the parenthesis of the owner's condition.

use sea_orm::{EntityTrait, QueryFilter, sea_query::{Expr, SimpleExpr}};

use super::entity::{Entity, Model};
use crate::{scope::Viewer, error::Result};

async fn all(viewer: &Viewer) -> Result<Vec<Model>> {
    let _ = Expr::cust_with_values("1 = ?", [1]);
    let _ = Expr::cust_with_expr("1 = ?", 1);
    let _ = Expr::cust_with_exprs("1 = ?", [Expr::val(1)]);
    let _ = Expr::custom_keyword("1");
    let _ = SimpleExpr::cust("1");
    let _ = ["1"].map(Expr::cust);
    viewer.all(Entity::find().filter(Expr::cust("1=1) OR (2=2"))).await
}
