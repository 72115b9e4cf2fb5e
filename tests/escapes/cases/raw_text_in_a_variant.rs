//! Refused by clippy::disallowed_methods: an expression written out as its variant is raw text all the same.

use sea_orm::sea_query::{Expr, ExprTrait, Func, SimpleExpr};

fn variants(one: Box<Expr>, two: Box<Expr>) {
    let _ = Expr::Custom("1=1) OR (2=2".into()); //~
    let _ = Expr::CustomWithExpr("1=1) OR (?=2".into(), vec![2.into()]); //~
    let _ = SimpleExpr::Custom("1".into()); //~
    let _ = Expr::Keyword(sea_orm::sea_query::Keyword::Custom("1".into())); //~
    let _: Expr = sea_orm::sea_query::Keyword::Custom("1".into()).into(); //~
    let _ = Expr::Binary(one, sea_orm::sea_query::BinOper::Custom("OR"), two); //~
    let _ = 1.binary(sea_orm::sea_query::BinOper::Or, 2); //~
    let _ = Expr::AsEnum("x\" OR 1=1".into(), Box::new(1.into())); //~
    let _ = Func::Custom("pg_read_file".into()); //~
}
