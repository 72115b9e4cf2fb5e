//! `cubby health`: whether the server on this machine is ready, for what watches a container without a shell.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// How long each step may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks the server that listens there.
pub(crate) fn ask(listen: SocketAddr) -> io::Result<()> {
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
    Err(io::Error::other(format!("it answered {status}")))
}

/// Whoever listens everywhere listens here.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}
