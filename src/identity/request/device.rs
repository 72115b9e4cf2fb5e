//! What is known of the device that a request comes from.

use std::net::IpAddr;

/// How much of a `User-Agent` header is kept, in code points.
const MAX_USER_AGENT_CHARS: usize = 500;

/// What is remembered of the device that a session was opened from.
#[derive(Clone, Default)]
pub(crate) struct Device {
    pub(crate) user_agent: Option<String>,
    pub(crate) ip_address: Option<IpAddr>,
}

impl Device {
    /// As much of it as is stored.
    pub(in crate::identity) fn user_agent(&self) -> Option<String> {
        let agent = self.user_agent.as_ref()?;
        Some(agent.chars().take(MAX_USER_AGENT_CHARS).collect())
    }

    /// As it is stored.
    pub(in crate::identity) fn ip_address(&self) -> Option<String> {
        self.ip_address.map(|address| address.to_string())
    }
}
