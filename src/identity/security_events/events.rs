//! Creates rows of security events.

use crate::{
    clock::Timestamp,
    id::{IdGenerator, SecurityEventId},
    identity::{
        entity::security_events::{ActiveModel, Kind},
        request::device::Device,
    },
    scope::Set,
};

/// Returns a new event from this device. The caller sets its owner, unless a viewer inserts it.
pub(in crate::identity) fn new(
    ids: &IdGenerator,
    device: &Device,
    kind: Kind,
    now: Timestamp,
) -> ActiveModel {
    ActiveModel {
        id: Set(SecurityEventId::new(ids, now)),
        kind: Set(kind),
        at: Set(now),
        ip_address: Set(device.ip_address()),
        user_agent: Set(device.user_agent()),
        ..Default::default()
    }
}
