//! Refused by clippy::disallowed_methods: what a macro writes is written.

use sea_orm::sea_query::Expr;

macro_rules! raw {
    ($name:ident) => {
        Expr::$name("1") //~
    };
}

fn raw() {
    let _ = raw!(cust);
    tracing::info!("{:?}", Expr::cust("1")); //~
}
