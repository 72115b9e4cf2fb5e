//! Refused by sources::silences: an `allow` can allow itself.

use sea_orm::sea_query::Expr;

#[allow(
    clippy::disallowed_methods,
    clippy::allow_attributes,
    reason = "it is only this once"
)]
fn raw() -> Expr {
    Expr::cust("1")
}
