//! Refused by sources::silences: a ban may be silenced with a reason, but where is no slice's choice.

use sea_orm::sea_query::Expr;

#[expect(clippy::disallowed_methods, reason = "it is only this once")]
fn raw() -> Expr {
    Expr::cust("1")
}
