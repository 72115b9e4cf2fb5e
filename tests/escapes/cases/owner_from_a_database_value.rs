//! Refused by reading: a database value cannot be converted to an owner.

use sea_orm::sea_query::ValueType;

use crate::{scope::Owner, id::UserId};

fn forged(id: UserId) -> Option<Owner> {
    <Owner as ValueType>::try_from(id.into()).ok()
}
