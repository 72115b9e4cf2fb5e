//! A way to PostgreSQL's socket that can be cut or blocked.

use std::path::{Path, PathBuf};

use tokio::{
    io::copy_bidirectional,
    net::{UnixListener, UnixStream},
    sync::watch,
    task::JoinHandle,
};

use crate::Result;

/// The name of the socket in its directory, as PostgreSQL makes it.
const SOCKET: &str = ".s.PGSQL.5432";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    /// Connections stay, and nothing comes through.
    Blocked,
    /// Connections end.
    Cut,
}

/// A relay that runs until it is dropped.
pub struct Relay {
    state: watch::Sender<State>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// A socket in `directory`, in front of the one in `target`.
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
