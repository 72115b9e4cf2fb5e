//! Users: their addresses, names, time zones and profiles.

pub(in crate::identity) mod email_address;
pub(in crate::identity) mod name;
pub(in crate::identity) mod profile;
pub(in crate::identity) mod registration;
pub(in crate::identity) mod time_zone;
