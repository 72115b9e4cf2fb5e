//! Refused by E0616: the database inside the identity provider is private.

use crate::{identity::IdentityProvider, db::Database};

fn inside(provider: &IdentityProvider) -> Database {
    provider.database.clone() //~
}
