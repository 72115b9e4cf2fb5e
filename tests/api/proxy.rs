//! A way to a database that can be cut, blocked and mended.

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
    /// Connections stay, and nothing comes through.
    Blocked,
    /// Connections end.
    Cut,
}

pub(crate) struct Proxy {
    state: watch::Sender<State>,
    tried: Arc<Notify>,
    accepted: Arc<AtomicUsize>,
    /// Of the first so many connections the peer has vanished: what they carry is swallowed.
    vanished: watch::Sender<usize>,
}

impl Proxy {
    /// A proxy before the database at this address, and its own.
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

    /// How many connections have been tried.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// The peer of every connection is gone without a word; others can be made.
    pub(crate) fn vanish(&self) {
        self.vanished.send_replace(self.accepted());
    }

    pub(crate) fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    pub(crate) fn block(&self) {
        self.state.send_replace(State::Blocked);
    }

    pub(crate) fn mend(&self) {
        self.state.send_replace(State::Open);
    }

    /// Until somebody has tried to get through and failed.
    pub(crate) async fn is_missed(&self) {
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
        let swallow = Swallow {
            number,
            vanished: vanished.clone(),
        };
        let (out, home) = (
            carry(from, forth, state.clone(), swallow.clone()),
            carry(back, to, state.clone(), swallow),
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

/// Whether a connection's bytes are swallowed.
#[derive(Clone)]
struct Swallow {
    number: usize,
    vanished: watch::Receiver<usize>,
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
    swallow: Swallow,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await.unwrap_or(0);
        if *swallow.vanished.borrow() > swallow.number {
            // Neither its end nor its bytes come through.
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
