//! Refused by E0616: the database field of identity is private.

use crate::identity::Accounts;

fn inside(accounts: &Accounts) {
    let _ = &accounts.database; //~
}
