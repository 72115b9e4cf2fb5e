//! Refused by clippy::disallowed_types: a slice's tables are related to none.

use sea_orm::{Linked, Related, RelationBuilder}; //~

fn declared<E: sea_orm::Related<E> + sea_orm::EntityTrait>(_: E) {} //~

fn linked<L: sea_orm::Linked>(_: L) {} //~
