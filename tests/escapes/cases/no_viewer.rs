//! Refused by E0425: without the sign-in check there is no viewer, and so no query.

use super::entity::{Entity, Model};
use crate::{error::Result, scope::Query};

async fn everything() -> Result<Vec<Model>> {
    viewer.find_all::<Entity>(Query::all()).await //~
}
