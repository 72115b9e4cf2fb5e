//! How a session's tokens reach its client.

use async_graphql::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};

/// How a session's tokens reach its client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum, EnumIter, DeriveActiveEnum)]
#[graphql(name = "TokenDelivery")]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Delivery {
    /// Access and refresh token in the payload.
    #[default]
    #[sea_orm(string_value = "bearer")]
    Bearer,
    /// Access token in the payload, to be kept in memory; refresh token in an httpOnly `__Host-`
    /// cookie. Recommended for browsers.
    #[sea_orm(string_value = "hybrid")]
    Hybrid,
    /// No token in the payload; one httpOnly `__Host-` cookie authenticates everything.
    #[sea_orm(string_value = "cookie")]
    Cookie,
}
