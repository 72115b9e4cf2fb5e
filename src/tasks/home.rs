//! Where a person's days begin and end, and what goes by them.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter,
};

use super::{Column, Due, Entity, moment::Here};
use crate::{
    auth::{self, TimeZone, Viewer},
    error::Result,
};

/// The moment of the request, where the viewer is.
pub(super) async fn here(viewer: &Viewer) -> Result<Here> {
    Ok(Here {
        now: viewer.now(),
        zone: auth::home(viewer).await?.rules(),
    })
}

/// The time zone that a due date goes by, where it has none of its own. Whoever stores it holds the log,
/// so that the zone does not change before it is stored.
pub(super) async fn of_due(viewer: &Viewer, due: Option<&Due>) -> Result<TimeZone> {
    match due {
        Some(due) if due.is_floating() => auth::home(viewer).await,
        _ => Ok(TimeZone::utc()),
    }
}

/// Moves what goes by the person's days to their new time zone: another instant is no other due date, and
/// so no other version. The caller holds the log's lock.
pub(crate) async fn follow(viewer: &Viewer, home: &TimeZone) -> Result<()> {
    let floating = Entity::find()
        .filter(Column::DueDate.is_not_null())
        .filter(Column::DueTimeZone.is_null());
    let mut rows = Vec::new();
    for task in viewer.all(floating).await? {
        let due = Due::of(&task);
        if due.as_ref().map(|due| due.at(home)) != task.due_at {
            let mut row = task.into_active_model().reset_all();
            Due::write(due.as_ref(), home, &mut row);
            rows.push(row);
        }
    }
    let seqs = viewer.take_seqs(rows.len()).await?;
    for (row, seq) in rows.iter_mut().zip(seqs) {
        row.seq = Set(seq);
        row.origin_session_id = Set(Some(viewer.session_id()));
    }
    let written = [
        Column::DueAt,
        Column::DueKey,
        Column::Seq,
        Column::OriginSessionId,
    ];
    viewer.rewrite(rows, &written).await
}
