//! The connections: how many, how slow they may be, and how they end.
//!
//! HTTP/1.1 alone: TLS and HTTP/2 end in the proxy in front.

mod refusals;

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Extension, Router, extract::ConnectInfo};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_io_timeout::TimeoutStream;

use refusals::Explained;

/// How long the head of a request may take to arrive, and a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a peer may take none of what it is sent.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long what is in flight may take to finish when the server stops.
const GRACE: Duration = Duration::from_secs(30);

/// How long to wait when no connection can be accepted, for want of file descriptors perhaps.
const PAUSE: Duration = Duration::from_millis(100);

/// How much of a head is read before it is too large. The limits of `headers` are below it, so that
/// they are told by an answer of ours.
const MAX_HEAD: usize = 64 * 1024;

/// Serves at most `most` connections until `shutdown` is over, then calls `stopping` and lets what
/// is in flight finish.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    most: u32,
    shutdown: impl Future<Output = ()>,
    stopping: impl FnOnce(),
) {
    let seats = Arc::new(Semaphore::new(most as usize));
    let (serving, served) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match (accepted, Arc::clone(&seats).try_acquire_owned()) {
            (Ok((stream, peer)), Ok(seat)) => hold(stream, peer, &router, seat, served.clone()),
            (Ok((stream, _)), Err(_)) => {
                tokio::spawn(turn_away(stream));
            }
            (Err(error), _) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop((listener, serving));
    stopping();
    let all_ended = seats.acquire_many(most);
    if tokio::time::timeout(GRACE, all_ended).await.is_err() {
        tracing::warn!("requests that were still in flight were cut off");
    }
}

fn hold(
    stream: TcpStream,
    peer: SocketAddr,
    router: &Router,
    seat: OwnedSemaphorePermit,
    mut served: watch::Receiver<()>,
) {
    // Small answers are not held back for more.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let service = router.clone().layer(Extension(ConnectInfo(peer)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(
            TokioIo::new(Explained::new(Box::pin(stream))),
            TowerToHyperService::new(service),
        )
        .with_upgrades();
    tokio::spawn(async move {
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // Nothing is ever sent: it is over when the sender is gone.
            _ = served.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(seat);
    });
}

/// Says so at once, to whoever listens.
async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(&refusals::no_room()).await?;
    stream.shutdown().await
}
