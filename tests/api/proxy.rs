//! A way to a database that can be cut, blocked and mended.

use std::sync::Arc;

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
}

impl Proxy {
    /// A proxy before the database at this address, and its own.
    pub(crate) async fn to(database: &str) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (state, watched) = watch::channel(State::Open);
        let tried = Arc::new(Notify::new());
        let (before, after) = database.split_once("@localhost:").expect("a host");
        let (target, path) = after.split_once('/').expect("a path");
        let url = format!("{before}@localhost:{port}/{path}");
        let accepting = accept(
            listener,
            format!("127.0.0.1:{target}"),
            watched,
            Arc::clone(&tried),
        );
        tokio::spawn(accepting);
        (Self { state, tried }, url)
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
    tried: Arc<Notify>,
) {
    loop {
        let (inward, _) = listener.accept().await.expect("a connection");
        tried.notify_one();
        if *state.borrow() == State::Cut {
            continue;
        }
        let outward = TcpStream::connect(&target).await.expect("a database");
        let ((from, to), (back, forth)) = (inward.into_split(), outward.into_split());
        let mut cut = state.clone();
        let (out, home) = (
            carry(from, forth, state.clone()),
            carry(back, to, state.clone()),
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

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await.unwrap_or(0);
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
