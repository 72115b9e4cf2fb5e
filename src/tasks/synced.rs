//! Makes tasks a synced entity: names their columns for the change log.

use super::{
    entity::{ActiveModel, Column, Entity, Model},
    floating_due,
};
use crate::{
    error::Result,
    id::TaskId,
    scope::{Ordered, Synced, Viewer, change_logs},
};

impl Synced for Entity {
    type Id = TaskId;

    const VERSION: Column = Column::Version;
    const SEQ: Column = Column::Seq;
    const ORIGIN_SESSION_ID: Column = Column::OriginSessionId;
    const UPDATED_AT: Column = Column::UpdatedAt;
    const COUNTER: Option<change_logs::Column> = Some(change_logs::Column::TaskCount);

    async fn catch_up(viewer: &Viewer, task: &Model) -> Result<Option<ActiveModel>> {
        floating_due::catch_up(viewer, task).await
    }
}

impl Ordered for Entity {
    const POSITION: Column = Column::Position;
}
