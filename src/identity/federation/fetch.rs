//! Getting what an identity provider publishes: once, from where it was said to be, within bounds.

use std::{
    fmt, io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use reqwest::{
    Client, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};

use crate::error::Chain;

/// How long it may take in all.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How many bytes it may have.
const LONGEST: usize = 256 * 1024;

/// Networks that are not the internet, as IANA's registries of special purposes have them.
const SPECIAL: [&str; 28] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// Gets one address, again and again.
pub(super) struct Fetch {
    client: Client,
    url: String,
}

/// Why there is nothing; for the log.
#[derive(Debug)]
pub(super) struct FetchError(String);

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Fetch {
    /// # Errors
    /// When the address is of a private network and that is not meant to be.
    pub(super) fn new(url: &http::Uri, is_private: bool) -> Result<Self, FetchError> {
        let host = url.host().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse();
        if let Ok(address) = literal
            && !is_private
            && !is_public(address)
        {
            return Err(FetchError(format!(
                "{host} is an address of a private network: write \"allowPrivateAddress\": true if \
                 that is meant to be"
            )));
        }
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .https_only(!is_private)
            // One would be asked to connect where we would not.
            .no_proxy()
            .dns_resolver(Arc::new(Resolver { is_private }))
            .build();
        let client = client.map_err(|error| FetchError(Chain(&error).to_string()))?;
        let url = url.to_string();
        Ok(Self { client, url })
    }

    pub(super) async fn get(&self) -> Result<Vec<u8>, FetchError> {
        let failed = |error: reqwest::Error| FetchError(Chain(&error).to_string());
        let mut response = self.client.get(&self.url).send().await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            let status = response.status();
            return Err(FetchError(format!("it answered {status}")));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LONGEST {
                return Err(FetchError(format!("it has more than {LONGEST} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// Finds the addresses of a name, and keeps those that may be connected to: what was looked at is what is
/// used, however soon the name means something else.
struct Resolver {
    is_private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let is_private = self.is_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found
                .filter(|address| is_private || is_public(address.ip()))
                .collect();
            if allowed.is_empty() {
                let message = format!("{} has no public address", name.as_str());
                return Err(io::Error::other(message).into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address is one of the internet.
fn is_public(address: IpAddr) -> bool {
    let address = match address {
        IpAddr::V6(address) => inner(address),
        address => address,
    };
    SPECIAL.iter().all(|network| {
        let network = network.parse();
        network.is_ok_and(|network: IpNet| !network.contains(&address))
    })
}

/// The IPv4 address that an IPv6 one stands for, if it does: mapped, or through a translator (RFC 6052).
fn inner(address: Ipv6Addr) -> IpAddr {
    let [a, b, rest @ ..] = address.segments();
    match (a, b, rest) {
        (0x64, 0xff9b, [0, 0, 0, 0, high, low]) => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            IpAddr::from([a, b, c, d])
        }
        _ => address.to_canonical(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_internet_is_told_from_those_that_are_not() {
        assert_eq!(
            SPECIAL
                .iter()
                .filter(|it| it.parse::<IpNet>().is_err())
                .count(),
            0
        );
        for public in [
            "1.1.1.1",
            "172.32.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fd00::1",
            "fe80::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        let fetch = |url: &'static str, is_private| {
            Fetch::new(&http::Uri::from_static(url), is_private).is_ok()
        };
        assert!(!fetch("https://169.254.169.254/jwks", false));
        assert!(!fetch("https://[::1]/jwks", false));
        assert!(fetch("https://[::1]/jwks", true));
        assert!(fetch("https://app.example.com/jwks", false));
    }
}
