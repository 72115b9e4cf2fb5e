//! The network of an address, the unit of rate limits.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or the /64 of an IPv6 address: one subscriber usually has all addresses of a
/// /64.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Network(String);

impl Network {
    pub(crate) fn of(address: Option<IpAddr>) -> Self {
        Self(match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                let network = Ipv6Addr::from_bits(address.to_bits() >> 64 << 64);
                format!("{network}/64")
            }
            None => "unknown".to_owned(),
        })
    }

    pub(in crate::identity) fn into_string(self) -> String {
        self.0
    }

    pub(in crate::identity) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_is_an_ipv4_address_or_ipv6_64_prefix() {
        let of = |text: &str| Network::of(text.parse().ok()).0;
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(of("2001:db8:1:2::"), "2001:db8:1:2::/64");
        assert_ne!(of("2001:db8:1:3::"), "2001:db8:1:2::/64");
        assert_eq!(of(""), "unknown");
    }
}
