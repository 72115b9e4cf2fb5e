//! Refused by reading: a socket can connect to PostgreSQL directly.

async fn speak() {
    let _ = std::net::TcpStream::connect("localhost:5432");
    let _ = tokio::net::TcpStream::connect("localhost:5432").await;
    let _ = std::os::unix::net::UnixStream::connect("/run/postgresql/.s.PGSQL.5432");
    let _ = tokio::net::UnixStream::connect("/run/postgresql/.s.PGSQL.5432").await;
}
