//! Determines the client's IP address, also behind trusted proxies.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering},
};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::config::TrustedProxy;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose `X-Forwarded-For` is trusted (`CUBBY_TRUSTED_PROXIES`).
pub(crate) struct Proxies {
    trusted: Vec<IpNet>,
    has_warned: AtomicBool,
}

impl Proxies {
    pub(crate) fn new(trusted: &[TrustedProxy]) -> Self {
        Self {
            trusted: trusted.iter().map(|proxy| proxy.network()).collect(),
            has_warned: AtomicBool::new(false),
        }
    }

    /// Returns the last address of `X-Forwarded-For` that is not a trusted proxy's. Each proxy
    /// appends the address of its peer, so any entry before an untrusted address may be forged.
    pub(super) fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let mut client = peer.to_canonical();
        if !headers.contains_key(X_FORWARDED_FOR) {
            return client;
        }
        if !self.trusts(client) {
            self.warn(client);
            return client;
        }
        let values = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let texts = values.map(|value| value.to_str().unwrap_or_default());
        let texts = texts.flat_map(|text| text.rsplit(',')).map(str::trim);
        for text in texts.filter(|text| !text.is_empty()) {
            // A trusted proxy never writes an invalid address, so earlier entries are not trusted
            // either.
            let Some(address) = address(text) else {
                break;
            };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        client
    }

    /// Compares both forms of an IPv4 address, since a network may be configured as an IPv4-mapped
    /// IPv6 network.
    fn trusts(&self, address: IpAddr) -> bool {
        let mapped = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().into(),
            IpAddr::V6(_) => address,
        };
        self.trusted
            .iter()
            .any(|network| network.contains(&address) || network.contains(&mapped))
    }

    fn warn(&self, peer: IpAddr) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                "X-Forwarded-For is ignored, because this peer is not in CUBBY_TRUSTED_PROXIES: if it \
                 is your proxy, add its address there"
            );
        }
    }
}

/// Parses an IP address with or without a port; an IPv6 address may be in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse().ok().map(|it: std::net::SocketAddr| it.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = text.parse().ok().or_else(with_port).or_else(in_brackets);
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        client_behind(&["10.0.0.0/8", "2001:db8::/32"], peer, forwarded)
    }

    fn client_behind(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<TrustedProxy> = trusted.iter().map(|it| it.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, value.parse().unwrap());
        }
        let client = Proxies::new(&trusted).client(&headers, peer.parse().unwrap());
        client.to_string()
    }

    #[test]
    fn forwarded_address_is_trusted_only_from_trusted_proxy() {
        assert_eq!(client("192.0.2.1", &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(client("10.1.2.3", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("::ffff:10.1.2.3", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            client("2001:db8::1", &["[2001:beef::1]:443"]),
            "2001:beef::1"
        );
        assert_eq!(client("2001:db8::1", &["[2001:beef::1]"]), "2001:beef::1");
        assert_eq!(client("10.1.2.3", &["198.51.100.1:5000"]), "198.51.100.1");
        assert_eq!(client("10.1.2.3", &["198.51.100.1,"]), "198.51.100.1");
    }

    #[test]
    fn ipv4_mapped_proxy_address_is_trusted() {
        for trusted in ["::ffff:10.0.0.0/104", "::ffff:10.1.2.3", "::/0"] {
            for peer in ["10.1.2.3", "::ffff:10.1.2.3"] {
                let client = client_behind(&[trusted], peer, &["::ffff:198.51.100.1"]);
                assert_eq!(client, "198.51.100.1", "{trusted} {peer}");
            }
        }
        let stranger = client_behind(&["::ffff:10.0.0.0/104"], "192.0.2.1", &["198.51.100.1"]);
        assert_eq!(stranger, "192.0.2.1");
        let forwarded = ["198.51.100.1, ::ffff:10.9.9.9"];
        assert_eq!(client("10.1.2.3", &forwarded), "198.51.100.1");
    }

    #[test]
    fn forged_entries_of_x_forwarded_for_are_ignored() {
        assert_eq!(
            client("10.1.2.3", &["127.0.0.1, 198.51.100.1"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.1.2.3", &["127.0.0.1", "198.51.100.1, 10.9.9.9"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.1.2.3", &["198.51.100.1, nonsense, 10.9.9.9"]),
            "10.9.9.9"
        );
        assert_eq!(client("10.1.2.3", &[""]), "10.1.2.3");
    }
}
