//! Refused by E0425: a query needs a viewer, which only authentication creates.

use super::entity::{Entity, Model};
use crate::{error::Result, scope::Query};

async fn all_rows() -> Result<Vec<Model>> {
    viewer.find_all::<Entity>(Query::all()).await //~
}
