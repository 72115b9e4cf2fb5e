//! The types of settings: parses each value once, and says in an error what to write instead.

use std::{fmt, net::IpAddr, ops::RangeInclusive, str::FromStr, time::Duration};

use indicatif::HumanCount;
use ipnet::IpNet;

/// Returns a parser of whole numbers within these bounds.
pub fn whole_number(
    bounds: RangeInclusive<u32>,
) -> impl Fn(&str) -> Result<u32, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| {
            let [least, most] = [bounds.start(), bounds.end()].map(|&it| HumanCount(it.into()));
            format!("it must be a whole number from {least} to {most}")
        })
    }
}

/// A proxy whose `X-Forwarded-For` is trusted, by its address or network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedProxy(IpNet);

impl TrustedProxy {
    pub fn network(self) -> IpNet {
        self.0
    }
}

impl FromStr for TrustedProxy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let address = || text.parse().ok().map(|address: IpAddr| address.into());
        text.parse()
            .ok()
            .or_else(address)
            .map(Self)
            .ok_or_else(|| "write an address or a network, such as 10.0.0.0/8".to_owned())
    }
}

/// A secret of at least 32 bytes; its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretSetting(String);

impl SecretSetting {
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SecretSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretSetting(…)")
    }
}

impl FromStr for SecretSetting {
    type Err = String;

    fn from_str(secret: &str) -> Result<Self, Self::Err> {
        if secret.len() < 32 {
            return Err(format!(
                "it has {} bytes and needs at least 32; `openssl rand -base64 48` generates one",
                secret.len()
            ));
        }
        Ok(Self(secret.to_owned()))
    }
}

/// The time for which a signing key is published before it signs: 5 minutes to 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishPeriod(Duration);

impl PublishPeriod {
    /// The time for which verifiers may cache the published keys.
    pub const MIN: Duration = Duration::from_mins(5);

    const MAX: Duration = Duration::from_hours(30 * 24);

    pub fn duration(self) -> Duration {
        self.0
    }
}

impl Default for PublishPeriod {
    fn default() -> Self {
        Self(2 * Self::MIN)
    }
}

impl FromStr for PublishPeriod {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let length = text.parse::<jiff::SignedDuration>().ok();
        let length = length.and_then(|length| Duration::try_from(length).ok());
        match length {
            Some(length) if (Self::MIN..=Self::MAX).contains(&length) => Ok(Self(length)),
            _ => Err("write 5 minutes to 30 days, such as 10m or 24h".to_owned()),
        }
    }
}

impl fmt::Display for PublishPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}m", self.0.as_secs() / 60)
    }
}

/// Valid directives of `tracing_subscriber::EnvFilter`.
#[derive(Clone, Debug)]
pub struct LogDirectives(String);

impl LogDirectives {
    pub fn filter(&self) -> tracing_subscriber::EnvFilter {
        tracing_subscriber::EnvFilter::new(&self.0)
    }
}

impl FromStr for LogDirectives {
    type Err = String;

    fn from_str(directives: &str) -> Result<Self, Self::Err> {
        tracing_subscriber::EnvFilter::try_new(directives)
            .map_err(|error| format!("{error}; try info or info,cubby=debug"))?;
        Ok(Self(directives.to_owned()))
    }
}

impl fmt::Display for LogDirectives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publish_period_is_5_minutes_to_30_days() {
        for (text, minutes) in [("5m", 5), ("10m", 10), ("24h", 1440), ("720h", 43200)] {
            let read = text
                .parse::<PublishPeriod>()
                .ok()
                .map(|lead| lead.duration());
            assert_eq!(read, Some(Duration::from_mins(minutes)), "{text}");
        }
        for text in ["", "10", "4m59s", "721h", "-10m", "30 days", "soon"] {
            assert!(text.parse::<PublishPeriod>().is_err(), "{text}");
        }
        assert_eq!(
            PublishPeriod::default().to_string().parse(),
            Ok(PublishPeriod::default())
        );
    }
}
