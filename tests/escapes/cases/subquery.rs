//! Refused by reading: a subquery reads other tables and other users' rows.

use sea_orm::{
    ColumnTrait,
    sea_query::{Expr, ExprTrait},
};

use super::entity::Column;

fn filters() {
    let _ = Column::Title.in_subquery(Default::default());
    let _ = Column::Title.not_in_subquery(Default::default());
    let _ = Expr::col(Column::Title).in_subquery(Default::default());
    let _ = Expr::col(Column::Title).not_in_subquery(Default::default());
    let _ = Expr::exists(Default::default());
    let _ = Expr::not_exists(Default::default());
    let _ = Expr::any(Default::default());
    let _ = Expr::some(Default::default());
    let _ = Expr::all(Default::default());
}
