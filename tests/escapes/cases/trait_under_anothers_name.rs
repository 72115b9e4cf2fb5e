//! Refused by sources::implements: a trait's name is its own.

use sea_orm::sea_query::Iden as Display;

impl Display for Raw {
    fn unquoted(&self) -> &str {
        "id"
    }
}
