//! The URL of the database: checks it before the driver parses it, because the driver ignores unknown
//! parameters of PostgreSQL and logs them with their values.

mod parameter;
mod postgresql;
mod sqlite;

use std::{fmt, str::FromStr};

/// The URL of a database. Its `Debug` hides a URL of PostgreSQL, which may contain a password.
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
            postgresql::check(url)?;
            Ok(Self::Postgres(url.to_owned()))
        } else if url.starts_with("sqlite:") {
            sqlite::check(url)?;
            Ok(Self::Sqlite(url.to_owned()))
        } else {
            Err("it must begin with sqlite:, postgres:// or postgresql://".to_owned())
        }
    }
}

impl DatabaseUrl {
    /// Returns the URL of a SQLite file. Special characters of the path are percent-encoded.
    pub(in crate::config) fn of_file(path: &std::path::Path) -> Self {
        let path = path.display().to_string();
        let path = path.replace('%', "%25").replace('?', "%3F");
        Self::Sqlite(format!("sqlite:{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supported_urls_are_accepted() {
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
    fn file_path_may_contain_special_characters() {
        let url = DatabaseUrl::of_file(std::path::Path::new("/srv/100%41 sure?/it.sqlite"));
        let DatabaseUrl::Sqlite(url) = url else {
            panic!("it is a file")
        };
        assert_eq!(url, "sqlite:/srv/100%2541 sure%3F/it.sqlite");
        assert!(url.parse::<DatabaseUrl>().is_ok());
    }
}
