//! Refused by clippy::disallowed_methods: what says that it is derived is read all the same.

use sea_orm::sea_query::Expr;

struct Raw;

#[automatically_derived]
impl Default for Raw {
    fn default() -> Self {
        let _ = Expr::cust("1"); //~
        Self
    }
}
