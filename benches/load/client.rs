//! The least of HTTP/1.1 that measures, since the load shares the machine with the server.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::Result;

/// A request as it is sent, and what its answer must contain.
pub struct Request {
    bytes: Vec<u8>,
    expected: String,
}

impl Request {
    /// An operation posted to `/graphql`, with a token or without one.
    pub fn new(
        address: SocketAddr,
        token: Option<&str>,
        query: &str,
        variables: Value,
        expected: &str,
    ) -> Self {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n"));
        let bytes = format!(
            "POST /graphql HTTP/1.1\r\nhost: {address}\r\n{}content-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            authorization.unwrap_or_default(),
            body.len(),
        );
        Self {
            bytes: bytes.into_bytes(),
            expected: expected.to_owned(),
        }
    }
}

/// A connection that is kept alive.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(64 * 1024),
        })
    }

    /// Sends the request and gives the body of its answer.
    ///
    /// # Errors
    /// When the status is not 200, there are errors, or what is expected is missing.
    pub async fn send(&mut self, request: &Request) -> Result<&str> {
        self.stream.write_all(&request.bytes).await?;
        self.received.clear();
        let (head, length) = loop {
            if let Some(read) = read_head(&self.received) {
                break read;
            }
            self.receive().await?;
        };
        while self.received.len() < head + length {
            self.receive().await?;
        }
        let body = std::str::from_utf8(&self.received[head..])?;
        let is_fine = self.received.starts_with(b"HTTP/1.1 200 ")
            && !body.contains(r#""errors""#)
            && body.contains(&request.expected);
        if !is_fine {
            let answer = String::from_utf8_lossy(&self.received);
            return Err(
                format!("expected {} and no errors in:\n{answer}", request.expected).into(),
            );
        }
        Ok(body)
    }

    async fn receive(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }
}

/// The lengths of the head and of the body in bytes, once the head is there.
fn read_head(received: &[u8]) -> Option<(usize, usize)> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..end]).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    })?;
    Some((end + 4, length))
}
