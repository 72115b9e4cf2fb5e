//! Refused by clippy::disallowed_types: an operator, a keyword of one's own is raw text.

use sea_orm::sea_query::{BinOper, Keyword, UnOper}; //~

fn kinds(_: BinOper, _: UnOper, _: Keyword) {} //~
