//! Sends requests by a minimal HTTP/1.1 client, because the load generator shares the machine with
//! the server.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::Result;

/// The bytes of a request, and a text that its response must contain.
pub struct Request {
    bytes: Vec<u8>,
    expected: String,
}

impl Request {
    /// Creates a POST request to `/graphql`, anonymous if `token` is `None`.
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

/// A persistent connection.
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

    /// Sends the request and returns the body of the response.
    ///
    /// # Errors
    /// Fails if the status is not 200, or if the body contains errors or lacks the expected text.
    pub async fn send(&mut self, request: &Request) -> Result<&str> {
        let head = self.exchange(&request.bytes).await?;
        let body = std::str::from_utf8(&self.received[head..])?;
        let is_fine = self.status() == 200
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

    /// Sends a GET request and returns the body of the response.
    pub async fn get(&mut self, address: SocketAddr, path: &str) -> Result<&str> {
        let bytes = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        let head = self.exchange(bytes.as_bytes()).await?;
        Ok(std::str::from_utf8(&self.received[head..])?)
    }

    /// Returns the status of the last response, or 0 before the first.
    pub fn status(&self) -> u16 {
        let status = self.received.get("HTTP/1.1 ".len()..).unwrap_or_default();
        let digits = status.get(..3).map(std::str::from_utf8);
        digits
            .and_then(|digits| digits.ok()?.parse().ok())
            .unwrap_or(0)
    }

    /// Sends the bytes and reads the response. Returns the length of its head.
    async fn exchange(&mut self, bytes: &[u8]) -> Result<usize> {
        self.stream.write_all(bytes).await?;
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
        Ok(head)
    }

    async fn receive(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }
}

/// Returns the lengths of the head and of the body in bytes, or `None` while the head is
/// incomplete.
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
