//! The address of a database, checked before the driver reads it: the driver ignores a parameter of PostgreSQL that
//! it does not know, and logs it with its value.

use std::{collections::BTreeMap, fmt, net::IpAddr, str::FromStr};

use percent_encoding::percent_decode_str;
use url::Url;

use super::nearest;

/// The address of a database; its `Debug` hides it, since it may carry a password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    Sqlite(String),
    Postgres(String),
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(url) => write!(f, "Sqlite({url})"),
            Self::Postgres(_) => f.write_str("Postgres(…)"),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            check_postgresql(url)?;
            Ok(Self::Postgres(url.to_owned()))
        } else if url.starts_with("sqlite:") {
            check_sqlite(url)?;
            Ok(Self::Sqlite(url.to_owned()))
        } else {
            Err("it must begin with sqlite:, postgres:// or postgresql://".to_owned())
        }
    }
}

impl DatabaseUrl {
    /// The address of a SQLite file, whatever characters its path has.
    pub(super) fn of_file(path: &std::path::Path) -> Self {
        let path = path.display().to_string();
        let path = path.replace('%', "%25").replace('?', "%3F");
        Self::Sqlite(format!("sqlite:{path}"))
    }
}

/// What to do about a special character.
const ENCODE: &str = "In a user name, a password or a value, percent-encode special characters: % as %25, # as %23, \
                      / as %2F, : as %3A, ? as %3F, @ as %40";

/// The values of `sslmode`.
const SSL_MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

/// The parameters of PostgreSQL that the driver knows. `options[NAME]` sets a parameter of the server.
const POSTGRESQL_PARAMETERS: [&str; 13] = [
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

const SQLITE_PARAMETERS: [&str; 4] = ["mode", "cache", "immutable", "vfs"];

/// Refuses what the driver would ignore or read otherwise than libpq does. No message repeats a value.
fn check_postgresql(url: &str) -> Result<(), String> {
    let parsed = Url::parse(url).map_err(|error| format!("it has an {error}. {ENCODE}"))?;
    if parsed.fragment().is_some() {
        return Err(format!("nothing may follow a #. {ENCODE}"));
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
        return Err(format!("its database name has an @. {ENCODE}"));
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
            // What looks like a name may be the end of a password.
            let is_name = !query.contains('@');
            return Err(unknown(&name, &POSTGRESQL_PARAMETERS, is_name));
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

/// The name of a parameter as the documentation has it.
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
    POSTGRESQL_PARAMETERS
        .into_iter()
        .find(|known| *known == name)
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

/// Refuses settings of TLS that look stricter than what the driver makes of them.
fn check_tls(given: &BTreeMap<&str, String>) -> Result<(), String> {
    // The driver takes an unknown mode in the environment for none.
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
            "`sslrootcert` has no effect unless `sslmode` is verify-full or verify-ca: set that too"
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
            "it names several hosts, and Cubby connects to one: name that of the primary"
                .to_owned(),
        );
    }
    Ok(())
}

/// Whether each % begins two hexadecimal digits, and all is UTF-8.
fn is_encoded(text: &str) -> bool {
    let is_digits = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    text.split('%').skip(1).all(is_digits) && percent_decode_str(text).decode_utf8().is_ok()
}

/// Refuses what would not be a file that several connections read and write.
fn check_sqlite(url: &str) -> Result<(), String> {
    let rest = url
        .trim_start_matches("sqlite://")
        .trim_start_matches("sqlite:");
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let path = percent_decode_str(path).decode_utf8();
    let path = path.map_err(|_| "its path is not UTF-8".to_owned())?;
    if path.trim_start_matches('/').is_empty() {
        return Err("it names no file: write sqlite:PATH".to_owned());
    }
    if path.starts_with("file:") {
        return Err("write the path of a file alone: sqlite:PATH".to_owned());
    }
    let in_memory = Err(
        "Cubby keeps several connections, and a database in memory dies with its last one: give \
                         the path of a file"
            .to_owned(),
    );
    if path.contains(":memory:") {
        return in_memory;
    }
    let mut given = Vec::new();
    for (name, value) in form_urlencoded::parse(parameters.as_bytes()) {
        match (&*name, &*value) {
            ("mode", "rw" | "rwc") | ("cache", "private") | ("immutable", "0" | "false") => {}
            ("mode", "memory") => return in_memory,
            ("mode", "ro") => return Err("Cubby writes to its database: remove mode=ro".to_owned()),
            ("mode", _) => return Err("`mode` must be rw or rwc".to_owned()),
            ("cache", _) => {
                return Err("readers of a shared cache wait for writers: remove `cache`".to_owned());
            }
            ("immutable", _) => {
                return Err("Cubby changes its database: remove `immutable`".to_owned());
            }
            ("vfs", _) => {
                return Err(
                    "Cubby relies on the locks of SQLite's own files: remove `vfs`".to_owned(),
                );
            }
            _ => return Err(unknown(&name, &SQLITE_PARAMETERS, true)),
        }
        if given.contains(&name) {
            return Err(format!("it has the parameter `{name}` twice: remove one"));
        }
        given.push(name);
    }
    Ok(())
}

/// The message about a parameter that is not among the known ones.
fn unknown(name: &str, known: &[&str], is_name: bool) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.[]".contains(c);
    if !is_name || name.is_empty() || !name.chars().all(is_plain) {
        return format!("it has a parameter without a proper name. {ENCODE}");
    }
    let hint = match nearest(name, known) {
        Some(near) => format!("correct it, perhaps to `{near}`, or remove it"),
        None => "remove it".to_owned(),
    };
    format!("Cubby does not support its parameter `{name}`: {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        match url.parse::<DatabaseUrl>() {
            Ok(_) => panic!("{url} is accepted"),
            Err(said) => said,
        }
    }

    #[test]
    fn addresses_that_the_drivers_understand_are_accepted() {
        for url in [
            "postgres://localhost/cubby",
            "postgresql://cubby:p%40ss%23w%25rd@db.example:6432/cubby?sslmode=verify-full",
            "postgres://cubby@[::1]/cubby?sslmode=VERIFY-CA&sslrootcert=/etc/ca.pem",
            "postgres://%2Fvar%2Frun%2Fpostgresql/cubby",
            "postgres:///cubby?host=/var/run/postgresql&user=cubby&password=p%40ss&port=5433",
            "postgres://h/c?ssl-mode=require&ssl-cert=a&ssl-key=b&application_name=cubby",
            "postgres://h/c?hostaddr=10.0.0.1&dbname=cubby&statement-cache-capacity=50",
            "postgres://h/c?options=-c%20lock_timeout%3D5s&options[search_path]=cubby&options[a]=b",
            "sqlite:cubby.sqlite",
            "sqlite:///srv/cubby.sqlite?mode=rwc&cache=private&immutable=0",
            "sqlite:what%3F.sqlite",
        ] {
            assert!(
                url.parse::<DatabaseUrl>().is_ok(),
                "{url}: {:?}",
                url.parse::<DatabaseUrl>()
            );
        }
    }

    #[test]
    fn parameters_of_postgresql_that_would_be_ignored_are_refused() {
        for (parameters, says) in [
            (
                "sslmod=verify-full",
                "`sslmod`: correct it, perhaps to `sslmode`",
            ),
            (
                "sslMode=verify-full",
                "`sslMode`: correct it, perhaps to `sslmode`",
            ),
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
            ("=a", "without a proper name"),
            ("password=a+b", "write %2B"),
        ] {
            let said = refusal(&format!("postgres://u:p@localhost/cubby?{parameters}"));
            assert!(said.contains(says), "{parameters}: {said}");
        }
    }

    #[test]
    fn no_refusal_repeats_a_password_and_special_characters_are_named() {
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

    #[test]
    fn parameters_that_break_what_sqlite_promises_are_refused() {
        for (url, says) in [
            ("sqlite::memory:", "path of a file"),
            ("sqlite:%3Amemory%3A", "path of a file"),
            ("sqlite:a?mode=memory", "path of a file"),
            ("sqlite:a?%6Dode=memory", "path of a file"),
            ("sqlite:file:a?mode=rwc", "sqlite:PATH"),
            ("sqlite:", "names no file"),
            ("sqlite:///?mode=rwc", "names no file"),
            ("sqlite:%ff", "not UTF-8"),
            ("sqlite:a?mode=ro", "remove mode=ro"),
            ("sqlite:a?mode=rwx", "rw or rwc"),
            ("sqlite:a?cache=shared", "remove `cache`"),
            ("sqlite:a?immutable=1", "remove `immutable`"),
            ("sqlite:a?immutable=true", "remove `immutable`"),
            ("sqlite:a?vfs=unix-none", "remove `vfs`"),
            ("sqlite:a?mod=ro", "perhaps to `mode`"),
            ("sqlite:a?journal_mode=wal", "`journal_mode`: remove it"),
            ("sqlite:a?mode=rwc&mode=rw", "`mode` twice"),
        ] {
            let said = refusal(url);
            assert!(said.contains(says), "{url}: {said}");
        }
    }

    #[test]
    fn a_file_is_found_whatever_characters_its_path_has() {
        let url = DatabaseUrl::of_file(std::path::Path::new("/srv/100%41 sure?/it.sqlite"));
        let DatabaseUrl::Sqlite(url) = url else {
            panic!("it is a file")
        };
        assert_eq!(url, "sqlite:/srv/100%2541 sure%3F/it.sqlite");
        assert!(url.parse::<DatabaseUrl>().is_ok());
    }
}
