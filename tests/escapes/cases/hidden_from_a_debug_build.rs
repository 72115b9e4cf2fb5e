//! Refused by sources::conditions: what clippy does not build it does not see.

#[cfg(not(debug_assertions))]
fn raw() -> sea_orm::sea_query::Expr {
    sea_orm::sea_query::Expr::cust("1")
}
