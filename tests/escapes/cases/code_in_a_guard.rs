//! Refused by sources::attributes: an expression in an attribute lands where lints are allowed.

use async_graphql::Object;

struct Root;

#[Object]
impl Root {
    #[graphql(guard = "sea_orm::sea_query::Expr::cust(\"1\").into()")]
    async fn all(&self) -> bool {
        true
    }
}
