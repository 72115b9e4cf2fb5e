//! Origins of pages: parses and normalizes them, so that they compare as in browsers.

use std::{fmt, net::IpAddr, str::FromStr};

use url::{Host, Url};

/// A scheme, a host and a port (RFC 6454), normalized as in the URL Standard: the host is in lower case
/// and ASCII, and a missing port is the scheme's default. An IPv4-mapped IPv6 address becomes IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    host: Host,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Origin {
    /// Parses an `Origin` header. Returns `None` for `null` and for any origin other than http and https.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = if scheme.eq_ignore_ascii_case("https") {
            Scheme::Https
        } else if scheme.eq_ignore_ascii_case("http") {
            Scheme::Http
        } else {
            return None;
        };
        Self::of_host(scheme, authority)
    }

    /// Returns the origin of the pages of a `Host` header.
    pub fn of_host(scheme: Scheme, authority: &str) -> Option<Self> {
        // The URL parser would skip these characters, or start another part of the URL at them.
        let is_other = |char: char| char <= ' ' || "/\\?#@*".contains(char);
        if authority.contains(is_other) {
            return None;
        }
        let url = Url::parse(&format!("{scheme}://{authority}")).ok()?;
        let host = match url.host()?.to_owned() {
            Host::Ipv6(address) => match IpAddr::V6(address).to_canonical() {
                IpAddr::V4(address) => Host::Ipv4(address),
                IpAddr::V6(address) => Host::Ipv6(address),
            },
            host => host,
        };
        let port = url.port_or_known_default()?;
        Some(Self { scheme, host, port })
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// True if the pages come from the machine that the browser runs on.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(origin: &str) -> Result<Self, Self::Err> {
        Self::parse(origin.trim()).ok_or_else(|| {
            format!(
                "an origin is a scheme and a host, such as https://app.example.com or \
                 http://localhost:5173, and nothing after them; got {origin:?}"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Origin {
        Origin::parse(text).unwrap_or_else(|| panic!("{text} is an origin"))
    }

    #[test]
    fn origins_compare_like_urls() {
        for (one, other) in [
            ("https://app.example.com", "HTTPS://App.EXAMPLE.com"),
            ("https://app.example.com", "https://app.example.com:443"),
            ("https://app.example.com", "https://app.example.com:"),
            ("http://app.example.com", "http://app.example.com:80"),
            (
                "http://app.example.com:8080",
                "http://app.example.com:08080",
            ),
            ("https://münchen.example", "https://xn--mnchen-3ya.example"),
            ("https://MÜNCHEN.example", "https://münchen.example:443"),
            ("http://127.0.0.1", "http://127.1"),
            ("http://127.0.0.1", "http://[::ffff:127.0.0.1]"),
            ("http://127.0.0.1", "http://[::FFFF:7f00:1]:80"),
            ("http://[::1]:8000", "http://[0:0:0:0:0:0:0:1]:8000"),
        ] {
            assert_eq!(parse(one), parse(other), "{one} {other}");
        }
        for (one, other) in [
            ("https://app.example.com", "http://app.example.com"),
            ("https://app.example.com", "https://app.example.com:80"),
            ("https://app.example.com", "https://app.example.com."),
            ("https://app.example.com", "https://example.com"),
            ("http://127.0.0.1", "http://[::1]"),
            ("http://127.0.0.1", "http://localhost"),
        ] {
            assert_ne!(parse(one), parse(other), "{one} {other}");
        }
    }

    #[test]
    fn invalid_origins_are_rejected() {
        for text in [
            "",
            "null",
            "*",
            "app.example.com",
            "https:app.example.com",
            "https://",
            "https://:443",
            "https:///app.example.com",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://app.example.com\\",
            "https://app.example.com?",
            "https://app.example.com#",
            "https://ana@app.example.com",
            "https://*.example.com",
            "https://app.example.com:65536",
            "https://app.example.com:x",
            "https://app .example.com",
            "https://app.example.com\t",
            "https://[::1",
            "file://app.example.com",
            "chrome-extension://abcdefghijklmnop",
        ] {
            assert_eq!(Origin::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn loopback_origins_are_recognized() {
        for text in [
            "http://localhost:5173",
            "https://LOCALHOST",
            "http://app.localhost:3000",
            "http://127.0.0.1:3000",
            "http://127.8.9.1",
            "http://[::1]:3000",
            "http://[::ffff:127.0.0.1]:3000",
        ] {
            assert!(parse(text).is_loopback(), "{text}");
        }
        for text in [
            "http://localhost.example.com",
            "http://notlocalhost",
            "http://0.0.0.0",
            "http://128.0.0.1",
            "http://192.168.1.5",
            "http://[::2]",
        ] {
            assert!(!parse(text).is_loopback(), "{text}");
        }
    }
}
