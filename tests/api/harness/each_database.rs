//! Tests that run once for each database.

use std::pin::Pin;

use super::{Database, TestEnv};
use crate::log::statements_without_owner;

/// Runs a test on each database, as `the_test::sqlite` and `the_test::postgresql`. The test itself is compiled
/// once.
///
/// An async test takes the [`TestEnv`] that is made for it, and runs on one thread as with `#[tokio::test]`.
/// Any other test takes the [`Database`].
///
/// ```ignore
/// #[apply(each_database)]
/// async fn a_session_ends_when_its_owner_says(env: TestEnv) {
///     let app = env.app().await;
/// ```
macro_rules! each_database {
    (
        $(#[$attribute:meta])*
        async fn $name:ident($($parameter:tt)*) $body:block
    ) => {
        $(#[$attribute])*
        async fn $name($($parameter)*) $body

        mod $name {
            use $crate::harness::{Database, run};

            #[test]
            fn sqlite() {
                run(Database::Sqlite, |env| Box::pin(super::$name(env)));
            }

            #[test]
            fn postgresql() {
                run(Database::Postgresql, |env| Box::pin(super::$name(env)));
            }
        }
    };
    (
        $(#[$attribute:meta])*
        fn $name:ident($($parameter:tt)*) $body:block
    ) => {
        $(#[$attribute])*
        fn $name($($parameter)*) $body

        mod $name {
            use $crate::harness::Database;

            #[test]
            fn sqlite() {
                super::$name(Database::Sqlite);
            }

            #[test]
            fn postgresql() {
                super::$name(Database::Postgresql);
            }
        }
    };
}

pub(crate) use each_database;

/// Runs the test in an environment of its own. Without a PostgreSQL on the machine a test on it is skipped. Fails if a
/// statement on a user's rows does not name the owner.
pub(crate) fn run(database: Database, test: fn(TestEnv) -> Pin<Box<dyn Future<Output = ()>>>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(async {
        if let Some(env) = TestEnv::new(database).await {
            let ((), wrong) = statements_without_owner(test(env)).await;
            assert!(
                wrong.is_empty(),
                "statements that name no owner: {wrong:#?}"
            );
        }
    });
}
