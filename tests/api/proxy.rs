//! A TCP proxy in front of a database, whose connections a test can cut, block and restore.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Notify, watch},
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Connections stay open, but no bytes are forwarded.
    Blocked,
    /// Connections are closed.
    Cut,
}

pub(crate) struct Proxy {
    state: watch::Sender<State>,
    tried: Arc<Notify>,
    accepted: Arc<AtomicUsize>,
    /// The number of connections whose peer has vanished, counted from the oldest: their bytes are
    /// dropped.
    vanished: watch::Sender<usize>,
}

impl Proxy {
    /// Starts a proxy in front of the database at the URL, and returns the proxy and its URL.
    pub(crate) async fn to(database: &str) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (state, watched) = watch::channel(State::Open);
        let tried = Arc::new(Notify::new());
        let accepted = Arc::new(AtomicUsize::new(0));
        let (vanished, watched_vanished) = watch::channel(0);
        let (before, after) = database.split_once("@localhost:").expect("a host");
        let (target, path) = after.split_once('/').expect("a path");
        let url = format!("{before}@localhost:{port}/{path}");
        let accepting = accept(
            listener,
            format!("127.0.0.1:{target}"),
            watched,
            watched_vanished,
            (Arc::clone(&tried), Arc::clone(&accepted)),
        );
        tokio::spawn(accepting);
        let proxy = Self {
            state,
            tried,
            accepted,
            vanished,
        };
        (proxy, url)
    }

    /// Returns the number of connections that clients have made.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Drops the bytes of all connections made so far, without closing them. New connections work.
    pub(crate) fn vanish(&self) {
        self.vanished.send_replace(self.accepted());
    }

    pub(crate) fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    pub(crate) fn block(&self) {
        self.state.send_replace(State::Blocked);
    }

    pub(crate) fn restore(&self) {
        self.state.send_replace(State::Open);
    }

    /// Waits for two connection attempts, since the first may have been made before the cut.
    pub(crate) async fn until_attempted(&self) {
        self.tried.notified().await;
        self.tried.notified().await;
    }
}

async fn accept(
    listener: TcpListener,
    target: String,
    state: watch::Receiver<State>,
    vanished: watch::Receiver<usize>,
    (tried, accepted): (Arc<Notify>, Arc<AtomicUsize>),
) {
    loop {
        let (inward, _) = listener.accept().await.expect("a connection");
        let number = accepted.fetch_add(1, Ordering::SeqCst);
        tried.notify_one();
        if *state.borrow() == State::Cut {
            continue;
        }
        let outward = TcpStream::connect(&target).await.expect("a database");
        let ((from, to), (back, forth)) = (inward.into_split(), outward.into_split());
        let mut cut = state.clone();
        let vanishing = Vanishing {
            number,
            vanished: vanished.clone(),
        };
        let (out, home) = (
            carry(from, forth, state.clone(), vanishing.clone()),
            carry(back, to, state.clone(), vanishing),
        );
        tokio::spawn(async move {
            tokio::select! {
                () = out => {}
                () = home => {}
                _ = cut.wait_for(|state| *state == State::Cut) => {}
            }
        });
    }
}

/// A connection's number, and the number of connections whose peer has vanished.
#[derive(Clone)]
struct Vanishing {
    number: usize,
    vanished: watch::Receiver<usize>,
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
    vanishing: Vanishing,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await.unwrap_or(0);
        if *vanishing.vanished.borrow() > vanishing.number {
            // Forwards neither the end of the connection nor its bytes.
            std::future::pending::<()>().await;
        }
        let is_gone = length == 0 || is_unblocked(&mut state).await.is_none();
        if is_gone || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

async fn is_unblocked(state: &mut watch::Receiver<State>) -> Option<()> {
    let unblocked = state.wait_for(|state| *state != State::Blocked).await;
    unblocked.ok().map(drop)
}
