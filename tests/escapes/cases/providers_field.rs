//! Refused by E0616: the database inside the identity provider is private.

use crate::{auth::IdentityProvider, db::Database};

fn inside(provider: &IdentityProvider) -> Database {
    provider.database.clone() //~
}
