//! Refused by sources::attributes: an expression in an attribute lands where lints are allowed.

use async_graphql::InputObject;

#[derive(InputObject)]
struct Sizes {
    #[graphql(default_with = "{ let _ = sea_orm::sea_query::Expr::cust(\"1\"); 1 }")]
    size: i32,
}
