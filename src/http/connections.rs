//! Serves connections: their maximum number, their timeouts, and the shutdown.
//!
//! Connections use HTTP/1.1 only: a proxy in front terminates TLS and HTTP/2. If hyper cannot parse
//! a request, it responds itself, with a status and no body.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo, http::Request};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_io_timeout::TimeoutStream;

use crate::error::{RETRY_AFTER_SECONDS, code};

/// The maximum time to receive the head of a request, and so the maximum idle time of a connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);

/// The maximum time without progress while sending.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum time for requests in flight to finish when the server stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// The delay after a failed accept, for example for lack of file descriptors.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// The size of a request's head at which hyper stops reading. The limits in `headers.rs` are lower,
/// and their errors have a JSON body.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Serves at most `max_connections` connections until `shutdown` completes. Then calls `stopping`,
/// and waits for the requests in flight.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    max_connections: u32,
    shutdown: impl Future<Output = ()>,
    stopping: impl FnOnce(),
) {
    let permits = Arc::new(Semaphore::new(max_connections as usize));
    let (serving, served) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match (accepted, Arc::clone(&permits).try_acquire_owned()) {
            (Ok((stream, peer)), Ok(permit)) => {
                handle(stream, peer, &router, permit, served.clone())
            }
            (Ok((stream, _)), Err(_)) => {
                tokio::spawn(reject(stream));
            }
            (Err(error), _) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
            }
        }
    }
    drop((listener, serving));
    stopping();
    let all_ended = permits.acquire_many(max_connections);
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, all_ended)
        .await
        .is_err()
    {
        tracing::warn!("some requests did not finish within the shutdown timeout and were cut off");
    }
}

fn handle(
    stream: TcpStream,
    peer: SocketAddr,
    router: &Router,
    permit: OwnedSemaphorePermit,
    mut served: watch::Receiver<()>,
) {
    // Small responses are sent at once (no Nagle delay).
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let router = TowerToHyperService::new(router.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .with_upgrades();
    tokio::spawn(async move {
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // Nothing is ever sent: this completes when the sender is dropped.
            _ = served.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(permit);
    });
}

/// Responds with 503 to a connection beyond the limit, and closes it.
async fn reject(mut stream: TcpStream) -> io::Result<()> {
    let message = "There are too many connections. Try again shortly.";
    let error = json!({ "message": message, "extensions": { "code": code::SERVICE_UNAVAILABLE } });
    let body = json!({ "errors": [error] }).to_string();
    let length = body.len();
    let response = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json; charset=utf-8\r\n\
         retry-after: {RETRY_AFTER_SECONDS}\r\ncache-control: no-store\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}
