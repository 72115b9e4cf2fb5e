//! Refused by sources::silences: a ban is not silenced on a condition.

#[cfg_attr(clippy, allow(clippy::all, clippy::restriction))]
fn raw() -> sea_orm::sea_query::Expr {
    sea_orm::sea_query::Expr::cust("1")
}
