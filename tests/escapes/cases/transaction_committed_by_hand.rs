//! Refused by E0616: the transaction belongs to whoever began it.

use crate::db::Transaction;

fn inside(transaction: &Transaction) {
    let _ = &transaction.lease; //~
}
