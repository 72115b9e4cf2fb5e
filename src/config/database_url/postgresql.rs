//! URLs of PostgreSQL: checks their parts, their parameters and the parameters' values.

use std::{collections::BTreeMap, net::IpAddr};

use percent_encoding::percent_decode_str;
use url::Url;

use super::parameter::{ENCODE, unknown};

/// The values of `sslmode`.
const SSL_MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

/// The parameters that the driver supports. `options[NAME]` sets a parameter of the server.
const PARAMETERS: [&str; 13] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "application_name",
    "options",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
];

/// Rejects everything that the driver ignores or parses differently from libpq. No message contains a
/// value.
pub(super) fn check(url: &str) -> Result<(), String> {
    let parsed =
        Url::parse(url).map_err(|error| format!("it is not a valid URL: {error}. {ENCODE}"))?;
    if parsed.fragment().is_some() {
        return Err(format!("it contains a #. {ENCODE}"));
    }
    let parts = [
        ("host", parsed.host_str().unwrap_or_default()),
        ("user name", parsed.username()),
        ("password", parsed.password().unwrap_or_default()),
        ("database name", parsed.path()),
        ("query", parsed.query().unwrap_or_default()),
    ];
    for (what, text) in parts {
        if !is_encoded(text) {
            return Err(format!("its {what} is not percent-encoded UTF-8. {ENCODE}"));
        }
    }
    if parsed.path().contains('@') {
        return Err(format!("its database name contains an @. {ENCODE}"));
    }
    check_one_host(parsed.host_str().unwrap_or_default())?;

    let query = parsed.query().unwrap_or_default();
    let has_plus = |pair: &str| pair.contains('+') && !pair.starts_with("options");
    if query.split('&').any(has_plus) {
        return Err("a + after the ? would be read as a space: write %2B".to_owned());
    }
    let mut given = BTreeMap::new();
    for (name, value) in parsed.query_pairs() {
        let Some(known) = parameter(&name) else {
            // A URL with an @ in its query may have a password with a `?`: the name may be a part of it.
            let is_name = !query.contains('@');
            return Err(unknown(&name, &PARAMETERS, is_name));
        };
        if value.is_empty() {
            return Err(format!(
                "its parameter `{known}` is empty: set or remove it"
            ));
        }
        check_value(known, &value)?;
        let before = given.insert(known, value.into_owned());
        if before.is_some() && known != "options" {
            return Err(format!("it has the parameter `{known}` twice: remove one"));
        }
    }
    check_tls(&given)
}

/// Returns the documented name of a parameter, or `None` if the driver does not support it.
fn parameter(name: &str) -> Option<&'static str> {
    let name = match name {
        "ssl-mode" => "sslmode",
        "ssl-root-cert" | "ssl-ca" => "sslrootcert",
        "ssl-cert" => "sslcert",
        "ssl-key" => "sslkey",
        name => match name.strip_prefix("options[") {
            Some(option) if option.len() > 1 && option.ends_with(']') => "options",
            _ => name,
        },
    };
    PARAMETERS.into_iter().find(|known| *known == name)
}

fn check_value(name: &str, value: &str) -> Result<(), String> {
    let is_right = match name {
        "host" => return check_one_host(value),
        "sslmode" if !is_ssl_mode(value) => {
            return Err(format!("`sslmode` must be one of {}", SSL_MODES.join(", ")));
        }
        "sslrootcert" if value == "system" => {
            return Err(
                "`sslrootcert` must be the path of a file; without it the built-in certificates are used"
                    .to_owned(),
            );
        }
        "hostaddr" => value.parse::<IpAddr>().is_ok(),
        "port" => value.parse::<u16>().is_ok_and(|port| port > 0),
        "statement-cache-capacity" => value.parse::<usize>().is_ok(),
        _ => true,
    };
    if is_right {
        Ok(())
    } else {
        let kind = if name == "hostaddr" {
            "an IP address"
        } else {
            "a number"
        };
        Err(format!("its parameter `{name}` must be {kind}"))
    }
}

/// Rejects TLS parameters that look stricter than the driver's behaviour.
fn check_tls(given: &BTreeMap<&str, String>) -> Result<(), String> {
    // The driver ignores an unknown mode in the environment.
    let from_environment = std::env::var("PGSSLMODE").ok();
    let mode = match (given.get("sslmode"), &from_environment) {
        (Some(mode), _) => mode,
        (None, Some(mode)) if is_ssl_mode(mode) => mode,
        (None, Some(_)) => {
            return Err(format!("PGSSLMODE must be one of {}", SSL_MODES.join(", ")));
        }
        (None, None) => "prefer",
    };
    let verifies = mode.to_ascii_lowercase().starts_with("verify-");
    if given.contains_key("sslrootcert") && !verifies {
        return Err(
            "`sslrootcert` has no effect unless `sslmode` is verify-full or verify-ca: set `sslmode` too"
                .to_owned(),
        );
    }
    if given.contains_key("sslcert") != given.contains_key("sslkey") {
        return Err("`sslcert` and `sslkey` need each other: set both or neither".to_owned());
    }
    Ok(())
}

fn is_ssl_mode(mode: &str) -> bool {
    SSL_MODES.contains(&mode.to_ascii_lowercase().as_str())
}

fn check_one_host(host: &str) -> Result<(), String> {
    if host.contains(',') {
        return Err(
            "it has several hosts, but Cubby connects to one: use the host of the primary server"
                .to_owned(),
        );
    }
    Ok(())
}

/// True if two hexadecimal digits follow each %, and the decoded text is UTF-8.
fn is_encoded(text: &str) -> bool {
    let is_digits = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    text.split('%').skip(1).all(is_digits) && percent_decode_str(text).decode_utf8().is_ok()
}

#[cfg(test)]
mod tests {
    use super::check;

    fn refusal(url: &str) -> String {
        check(url).expect_err(url)
    }

    #[test]
    fn unsupported_parameters_are_rejected() {
        for (parameters, says) in [
            ("sslmod=verify-full", "`sslmod`: did you mean `sslmode`?"),
            ("sslMode=verify-full", "`sslMode`: did you mean `sslmode`?"),
            ("ssl_mode=verify-full", "`sslmode`"),
            ("ssl=true", "`ssl`"),
            ("sslrootcrt=a", "`sslrootcert`"),
            ("applicationname=a", "`application_name`"),
            (
                "sslmode=require&channel_binding=require",
                "`channel_binding`",
            ),
            (
                "target_session_attrs=read-write",
                "`target_session_attrs`: remove it",
            ),
            ("connect_timeout=10", "`connect_timeout`"),
            ("pgbouncer=true", "`pgbouncer`: remove it"),
            ("schema=public", "`schema`"),
            ("options[search_path=a", "`options[search_path`"),
            ("options[]=a", "`options[]`"),
            ("sslmode", "`sslmode` is empty"),
            ("sslmode=", "`sslmode` is empty"),
            ("password=", "`password` is empty"),
            ("sslmode=verifyfull", "disable, allow, prefer"),
            ("sslmode=true", "verify-full"),
            ("sslmode=verify-full&sslmode=disable", "`sslmode` twice"),
            ("sslmode=verify-full&ssl-mode=disable", "`sslmode` twice"),
            ("sslrootcert=ca.pem", "no effect unless `sslmode`"),
            (
                "sslmode=require&sslrootcert=ca.pem",
                "no effect unless `sslmode`",
            ),
            ("sslmode=verify-full&sslrootcert=system", "path of a file"),
            ("sslcert=a", "set both"),
            ("port=many", "`port` must be a number"),
            ("port=0", "`port` must be a number"),
            ("hostaddr=localhost", "`hostaddr` must be an IP address"),
            ("statement-cache-capacity=-1", "must be a number"),
            ("host=one,two", "several hosts"),
            ("=a", "with an invalid name"),
            ("password=a+b", "write %2B"),
        ] {
            let said = refusal(&format!("postgres://u:p@localhost/cubby?{parameters}"));
            assert!(said.contains(says), "{parameters}: {said}");
        }
    }

    #[test]
    fn errors_hide_passwords_and_name_special_characters() {
        for password in [
            "hunter2/x",
            "hunter2#x",
            "hunter2?x",
            "12?hunter2",
            "12?hunter2&x",
            "12/hunter2",
            "12/hunter2#",
            "hunter2%",
            "hunter2%zz",
            "hunter2%ff",
        ] {
            let said = refusal(&format!("postgres://u:{password}@localhost/cubby"));
            assert!(
                said.contains("%23") && !said.contains("hunter2"),
                "{password}: {said}"
            );
        }
        for parameters in [
            "password=hunter2&passwrd=hunter2",
            "sslmode=hunter2",
            "port=hunter2",
        ] {
            let said = refusal(&format!(
                "postgres://u:hunter2@localhost/cubby?{parameters}"
            ));
            assert!(!said.contains("hunter2"), "{parameters}: {said}");
        }
    }
}
