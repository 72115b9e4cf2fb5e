//! Refused by clippy::allow_attributes: a ban is not silenced by an `allow`.

use sea_orm::sea_query::Expr;

#[allow(clippy::disallowed_methods, reason = "it is only this once")] //~
fn raw() -> Expr {
    Expr::cust("1")
}
