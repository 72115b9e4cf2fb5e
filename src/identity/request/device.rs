//! The device that sent a request.

use std::net::IpAddr;

/// The number of stored code points of a `User-Agent` header.
const MAX_USER_AGENT_CHARS: usize = 500;

/// The device that sent a request: its user agent and its address.
#[derive(Clone, Default)]
pub(crate) struct Device {
    pub(crate) user_agent: Option<String>,
    pub(crate) ip_address: Option<IpAddr>,
}

impl Device {
    /// Returns the stored part of the user agent.
    pub(in crate::identity) fn user_agent(&self) -> Option<String> {
        let agent = self.user_agent.as_ref()?;
        Some(agent.chars().take(MAX_USER_AGENT_CHARS).collect())
    }

    /// Returns the address in its stored form.
    pub(in crate::identity) fn ip_address(&self) -> Option<String> {
        self.ip_address.map(|address| address.to_string())
    }
}
