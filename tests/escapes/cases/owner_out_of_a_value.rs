//! Refused by reading: a value of the database's is not made an owner.

use sea_orm::sea_query::ValueType;

use crate::{scope::Owner, id::UserId};

fn somebody(id: UserId) -> Option<Owner> {
    <Owner as ValueType>::try_from(id.into()).ok()
}
