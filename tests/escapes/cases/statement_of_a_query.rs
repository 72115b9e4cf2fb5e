//! Refused by clippy::disallowed_types: the statement inside a query can be made to reach further.

use sea_orm::QueryTrait; //~
use sea_orm::QueryTrait as _; //~
