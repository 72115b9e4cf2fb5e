//! What is said below HTTP: to whom there is no room for, and who does not speak HTTP.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::{RETRY_AFTER_SECONDS, code};

/// How long the head of an answer is at most that hyper gives by itself.
const MAX_HEAD: usize = 256;

/// What a connection is told when there is no room for it.
pub(super) fn no_room() -> Vec<u8> {
    let message = "There are too many connections. Try again shortly.";
    let retry_after = format!("retry-after: {RETRY_AFTER_SECONDS}\r\n");
    refusal(
        "503 Service Unavailable",
        &retry_after,
        code::SERVICE_UNAVAILABLE,
        message,
    )
}

fn refusal(status: &str, headers: &str, code: &str, message: &str) -> Vec<u8> {
    let error = json!({ "message": message, "extensions": { "code": code } });
    let body = json!({ "errors": [error] }).to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json; charset=utf-8\r\n{headers}\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A stream on which hyper's own refusals say what is wrong. It answers by itself what it cannot
/// read, and with a status alone.
pub(super) struct Explained<S> {
    stream: S,
    refusal: Vec<u8>,
}

impl<S: AsyncWrite + Unpin> Explained<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            refusal: Vec::new(),
        }
    }

    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.refusal.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.refusal))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.refusal.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

/// What is said in place of hyper's refusal, if these bytes are one. Every answer of ours names its
/// request.
fn explained(bytes: &[u8]) -> Option<Vec<u8>> {
    let is_head = bytes.len() <= MAX_HEAD && bytes.ends_with(b"\r\n\r\n");
    let head = std::str::from_utf8(bytes).ok().filter(|_| is_head)?;
    if head.contains("x-request-id:") {
        return None;
    }
    let (status, _) = head.strip_prefix("HTTP/1.1 ")?.split_once("\r\n")?;
    let message = match status.get(..3)? {
        "400" => "This is not a request of HTTP/1.1.",
        "414" => "A URI has at most 8 KiB. Send the request by POST.",
        "431" => "There are at most 100 headers, of 32 KiB together.",
        _ => return None,
    };
    Some(refusal(status, "", code::BAD_REQUEST, message))
}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(refusal) = explained(bytes) {
            self.refusal = refusal;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            [bytes] => self.poll_write(cx, bytes),
            _ => Pin::new(&mut self.stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
