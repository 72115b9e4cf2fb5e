//! Refused by clippy::disallowed_methods: a type's name is written into the query as it comes.

use sea_orm::sea_query::{Expr, ExprTrait, Func};

use super::entity::Column;

fn types(title: String) {
    let _ = Expr::col(Column::Title).cast_as(title.clone()); //~
    let _ = Expr::col(Column::Title).as_enum(title.clone()); //~
    let _ = Func::cast_as(Expr::col(Column::Title), title); //~
}
