//! Refused by sources::silences: a ban is no warning.

#![warn(clippy::disallowed_methods)]

fn raw() -> sea_orm::sea_query::Expr {
    sea_orm::sea_query::Expr::cust("1")
}
