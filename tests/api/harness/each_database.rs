//! The attribute of tests that run once for each database, SQLite and PostgreSQL.

use std::pin::Pin;

use super::{Database, TestEnv};
use crate::statement_log::statements_without_owner;

/// Runs a test on each database, as `the_test::sqlite` and `the_test::postgresql`. The test is
/// compiled once.
///
/// An async test receives a new [`TestEnv`], and runs on one thread as with `#[tokio::test]`.
/// Any other test receives the [`Database`].
///
/// ```ignore
/// #[apply(each_database)]
/// async fn sign_out_ends_only_the_current_session(env: TestEnv) {
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

/// Runs the test in a new environment. If PostgreSQL is not installed, its tests are skipped.
///
/// # Panics
///
/// If a statement on a user's rows does not name the owner.
pub(crate) fn run(database: Database, test: fn(TestEnv) -> Pin<Box<dyn Future<Output = ()>>>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(async {
        if let Some(env) = TestEnv::new(database).await {
            let ((), wrong) = statements_without_owner(test(env)).await;
            assert!(wrong.is_empty(), "statements without an owner: {wrong:#?}");
        }
    });
}
