//! Refused by E0616: the database inside the identity provider is private.

use crate::identity::IdentityProvider;

fn inside(provider: &IdentityProvider) {
    let _ = &provider.database; //~
}
