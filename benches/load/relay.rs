//! Relays connections to PostgreSQL's socket, and can block or cut them.

use std::path::{Path, PathBuf};

use tokio::{
    io::copy_bidirectional,
    net::{UnixListener, UnixStream},
    sync::watch,
    task::JoinHandle,
};

use crate::Result;

/// The name that PostgreSQL gives its socket.
const SOCKET: &str = ".s.PGSQL.5432";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    /// Connections stay open but carry no data.
    Blocked,
    /// Connections are closed, and new ones are rejected.
    Cut,
}

/// A relay that runs until it is dropped.
pub struct Relay {
    state: watch::Sender<State>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// Listens on a socket in `directory`, and relays to the socket in `target`.
    pub fn start(directory: &Path, target: &Path) -> Result<Self> {
        let listener = UnixListener::bind(directory.join(SOCKET))?;
        let (state, watched) = watch::channel(State::Open);
        let target = target.join(SOCKET);
        let accepting = tokio::spawn(async move {
            while let Ok((inward, _)) = listener.accept().await {
                if *watched.borrow() == State::Open {
                    tokio::spawn(carry(inward, target.clone(), watched.clone()));
                }
            }
        });
        Ok(Self { state, accepting })
    }

    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

async fn carry(mut inward: UnixStream, target: PathBuf, mut state: watch::Receiver<State>) {
    let Ok(mut outward) = UnixStream::connect(target).await else {
        return;
    };
    while *state.borrow_and_update() != State::Cut {
        let is_open = *state.borrow() == State::Open;
        tokio::select! {
            _ = copy_bidirectional(&mut inward, &mut outward), if is_open => return,
            changed = state.changed() => if changed.is_err() { return },
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
