//! Refused by reading: the driver's queries bypass the viewer.

async fn all_rows(options: sqlx::any::AnyConnectOptions) {
    let _ = sqlx::query("SELECT * FROM tasks");
}
