//! Refused by reading: the driver has more names than a list of bans.

async fn everything(options: sqlx::any::AnyConnectOptions) {
    let _ = sqlx::query("SELECT * FROM tasks");
}
