//! `cubby health`: checks that the server on this machine is ready, for container images without a shell.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use crate::{config::Config, server::StartError};

/// The timeout of connecting, writing and reading, each.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Requests `/health/ready` from the server at the configured address.
///
/// # Errors
/// Fails if the server is not ready, or does not answer in time.
pub fn run(config: &Config) -> Result<(), StartError> {
    check(config.listen).map_err(|error| StartError::NotReady(config.listen, error))
}

fn check(listen: SocketAddr) -> io::Result<()> {
    let address = SocketAddr::new(reachable(listen.ip()), listen.port());
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET /health/ready HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    if answer == *b"HTTP/1.1 200" {
        return Ok(());
    }
    let status = String::from_utf8_lossy(&answer[9..]).into_owned();
    Err(io::Error::other(format!(
        "the readiness check returned status {status}"
    )))
}

/// Returns the address to connect to: loopback if the server listens on all addresses.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}
