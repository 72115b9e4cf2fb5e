//! What happened to an account, for its owner to read.

use std::time::Duration;

use super::{
    IdentityProvider,
    device::Device,
    entity::security_events::{ActiveModel, Kind},
    unscoped,
};
use crate::{
    clock::Timestamp,
    id::{Ids, SecurityEventId},
    scope::{Owner, Set},
};

/// How long after an answer the work is done that it must not show.
const LATER: Duration = Duration::from_secs(1);

/// Something that happens now, from this device; whose it is, whoever stores it says.
pub(super) fn new(ids: &Ids, device: &Device, kind: Kind, now: Timestamp) -> ActiveModel {
    ActiveModel {
        id: Set(SecurityEventId::new(ids, now)),
        kind: Set(kind),
        at: Set(now),
        ip_address: Set(device.ip_address()),
        user_agent: Set(device.user_agent()),
        ..Default::default()
    }
}

/// Stores what somebody did who is not signed in, well after they have been answered: storing it takes
/// time, and to an address that nobody has nothing happens. What is not stored when the process ends
/// is lost.
pub(super) fn record_later(provider: &IdentityProvider, device: &Device, owner: Owner, kind: Kind) {
    let event = ActiveModel {
        user_id: Set(owner),
        ..new(&provider.ids, device, kind, provider.clock.now())
    };
    let database = provider.database.clone();
    tokio::spawn(async move {
        tokio::time::sleep(LATER).await;
        if let Err(error) = unscoped::record(&database, event).await {
            tracing::warn!(?error, "a failed sign-in could not be recorded");
        }
    });
}
