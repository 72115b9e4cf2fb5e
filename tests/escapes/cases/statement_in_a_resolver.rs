//! Refused by reading: resolvers may not build statements either.

use async_graphql::{ComplexObject, Object, Scalar, ScalarType, SimpleObject, Value};
use sea_orm::sea_query::Expr;

struct Root;

#[Object]
impl Root {
    async fn all(&self) -> bool {
        Expr::cust("1") == Expr::null()
    }
}

#[derive(SimpleObject)]
#[graphql(complex)]
struct Part {
    one: bool,
}

#[ComplexObject]
impl Part {
    async fn all(&self) -> bool {
        Expr::cust("1") == Expr::null()
    }
}

struct Leaf;

#[Scalar]
impl ScalarType for Leaf {
    fn parse(_: Value) -> async_graphql::InputValueResult<Self> {
        let _ = Expr::cust("1");
        Ok(Self)
    }
    fn to_value(&self) -> Value {
        Value::Null
    }
}
