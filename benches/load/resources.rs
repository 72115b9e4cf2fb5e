//! Measures the time of a start, and the memory of an idle server and of open streams.

use std::{fs, path::Path, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::{net::TcpStream, time::Instant};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::{
    CONNECTIONS, Directory, PASSWORD, Pace, Result,
    client::Connection,
    cpu, measure,
    server::Server,
    sign_in::{SIGN_IN, sign_in},
    sign_up,
};

/// The number of measured starts.
const STARTS: usize = 7;

/// The duration of the burst of sign-ins.
const BURST: Duration = Duration::from_secs(3);

/// The time after the burst until the memory is measured again.
const QUIET: Duration = Duration::from_secs(60);

/// The number of open streams.
const STREAMS: usize = 2_000;

/// The time for which the CPU time of the open streams is measured.
const IDLE: Duration = Duration::from_secs(10);

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub async fn measure_all() -> Result<()> {
    let directory = Directory::new("resources")?;
    // The first start creates the database.
    drop(Server::start(&directory.0, &[])?);
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let server = Server::start(&directory.0, &[])?;
        let mut connection = Connection::open(server.address).await?;
        connection.get(server.address, "/health/live").await?;
        starts.push(begun.elapsed());
    }
    starts.sort_unstable();
    let millis = starts[STARTS / 2].as_secs_f64() * 1000.0;
    println!("start to the first answer, SQLite     {millis:>8.0} ms");

    memory(&directory.0).await?;
    streams(&directory.0).await
}

async fn memory(directory: &Path) -> Result<()> {
    let server = Server::start(directory, &[])?;
    let mut connection = Connection::open(server.address).await?;
    connection.get(server.address, "/health/live").await?;
    println!(
        "idle memory                           {:>8.1} MiB",
        resident(&server)?
    );
    for number in 1..=CONNECTIONS {
        sign_up(&mut connection, &server, number, 0).await?;
    }
    let sign_ins = (1..=CONNECTIONS).map(|number| sign_in(&server, number));
    measure(&server, None, &sign_ins.collect(), Pace::AtOnce, BURST).await?;
    println!(
        "  after a burst of sign-ins           {:>8.1} MiB",
        resident(&server)?
    );
    tokio::time::sleep(QUIET).await;
    println!(
        "  after a quiet minute                {:>8.1} MiB",
        resident(&server)?
    );
    Ok(())
}

async fn streams(directory: &Path) -> Result<()> {
    let streams = (STREAMS + 100).to_string();
    let settings = [
        ("CUBBY_MAX_STREAMS", streams.as_str()),
        ("CUBBY_MAX_STREAMS_PER_VIEWER", &streams),
        ("CUBBY_MAX_CONNECTIONS", &streams),
        ("CUBBY_MAX_ANONYMOUS_STREAMS_PER_NETWORK", &streams),
    ];
    let server = Server::start(directory, &settings)?;
    let mut connection = Connection::open(server.address).await?;
    let input = json!({ "input": { "email": "p1@example.com", "password": PASSWORD } });
    let request = server.request(None, SIGN_IN, input, r#""userErrors":[]"#);
    let answer = serde_json::from_str(connection.send(&request).await?)?;
    let token = crate::text(&answer, "/data/signIn/tokens/accessToken")?;
    tokio::time::sleep(QUIET / 2).await;
    let before = resident(&server)?;
    let mut sockets = Vec::new();
    for _ in 0..STREAMS {
        let query = "subscription { taskChanges { version } }";
        sockets.push(open_stream(&server, &token, query).await?);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let kib = (resident(&server)? - before) * 1024.0 / STREAMS as f64;
    println!("an open stream, of {STREAMS}               {kib:>8.1} KiB");
    let before = cpu::of_process(server.id())?;
    tokio::time::sleep(IDLE).await;
    let used = cpu::of_process(server.id())? - before;
    let percent = used.as_secs_f64() / IDLE.as_secs_f64() * 100.0;
    println!("  all of them, without changes        {percent:>8.2} % of a core");
    Ok(())
}

/// Opens a socket and starts a subscription on it.
pub async fn open_stream(server: &Server, token: &str, query: &str) -> Result<Socket> {
    let mut request = format!("ws://{}/graphql", server.address).into_client_request()?;
    let protocol = "graphql-transport-ws".parse()?;
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = connect_async(request).await?;
    let payload = json!({ "Authorization": format!("Bearer {token}") });
    for message in [
        json!({ "type": "connection_init", "payload": payload }),
        json!({ "id": "1", "type": "subscribe", "payload": { "query": query } }),
    ] {
        socket.send(Message::text(message.to_string())).await?;
    }
    socket.next().await.ok_or("the socket was closed")??;
    Ok(socket)
}

/// Returns the resident memory of a server, in MiB.
fn resident(server: &Server) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib
        .ok_or("no VmRSS in a process's status")?
        .parse::<f64>()?
        / 1024.0)
}
