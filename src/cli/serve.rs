//! `cubby serve`: migrates the database, and serves until the process receives a signal to stop.

#![expect(
    clippy::print_stdout,
    reason = "the example operation goes to the terminal"
)]

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;

use super::log;
use crate::{
    clock::Clock,
    config::{Config, Mode},
    identity::HashCost,
    server::{Server, StartError},
};

/// Serves on the configured addresses.
///
/// # Errors
/// Fails if the settings contradict each other, or if the database or an address cannot be used.
pub async fn run(config: &Config) -> Result<(), StartError> {
    let mode = config.mode()?;
    log::start(config, mode);
    let server = Server::open(config, Clock::system(), HashCost::production()).await?;
    let (listener, address) = listen(config.listen).await?;
    if let Some(address) = config.metrics_listen {
        let (listener, address) = listen(address).await?;
        server.serve_metrics(listener);
        tracing::info!(%address, "serving metrics at /metrics");
    }
    let shutdown = shutdown().map_err(|error| StartError::Listen(address, error))?;
    tracing::info!(%address, mode = ?mode, "serving");
    if mode == Mode::Development {
        print_first_operation(&address.to_string());
    }
    server.serve(listener, shutdown).await;
    tracing::info!("stopped");
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let cannot_listen = |error| StartError::Listen(address, error);
    let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    Ok((listener, address))
}

/// Prints the server's address, and an example operation to paste.
fn print_first_operation(address: &str) {
    println!(
        r#"
Cubby is at http://{address} (GraphiQL in a browser), its API at http://{address}/graphql

Sign up:

  curl http://{address}/graphql -H 'content-type: application/json' -d '{{ "query":
    "mutation {{ signUp(input: {{ email: \"you@example.com\", password: \"correct horse\" }}) {{ tokens {{ accessToken }} userErrors {{ message }} }} }}" }}'
"#
    );
}

/// Returns a future that completes on SIGINT or SIGTERM. Signals are caught from this call on, also before
/// the future is polled.
#[cfg(unix)]
fn shutdown() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping: waiting for requests in flight");
    })
}

#[cfg(not(unix))]
fn shutdown() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
        tracing::info!("stopping: waiting for requests in flight");
    })
}
