//! Refused by clippy::allow_attributes_without_reason: a silence has a reason.

use sea_orm::sea_query::Expr;

#[expect(clippy::disallowed_methods)] //~
fn raw() -> Expr {
    Expr::cust("1")
}
