//! Starts the server to measure: the binary of this workspace or of `CUBBY_BENCH_BINARY`, on a free
//! port.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::{Result, client::Request};

/// The interval between attempts to reach a starting server.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Runs a command of Cubby, with its data as in [`Server::start`].
pub fn run(directory: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> Result<()> {
    let mut command = command(directory, settings);
    match command.args(arguments).stdout(Stdio::null()).status()? {
        status if status.success() => Ok(()),
        status => Err(format!("{arguments:?}: {status}").into()),
    }
}

fn command(directory: &Path, settings: &[(&str, &str)]) -> Command {
    let binary = std::env::var_os("CUBBY_BENCH_BINARY");
    let mut command = Command::new(binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_cubby").into()));
    command
        // Ignores the settings of the caller's environment and of a `.env` file.
        .env_clear()
        .current_dir(directory)
        .env("CUBBY_LISTEN", "127.0.0.1:0")
        .env("CUBBY_MODE", "development")
        .env("CUBBY_SECRET", "for the benchmark only, over 32 bytes")
        .envs(settings.iter().copied());
    command
}

/// A server that runs until it is dropped.
pub struct Server {
    process: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts Cubby with its data in the directory, unless the settings name a database.
    ///
    /// The log has its default level and goes to a file.
    pub fn start(directory: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let mut command = command(directory, settings);
        command.stderr(File::create(directory.join("log"))?);
        let mut server = Self::spawn(command)?;
        if let Some((_, address)) = settings.iter().find(|(name, _)| *name == "CUBBY_LISTEN") {
            // In production, Cubby does not print its address.
            server.address = address.parse()?;
            while TcpStream::connect(server.address).is_err() {
                if let Some(status) = server.process.try_wait()? {
                    return Err(format!("the server ended: {status}").into());
                }
                std::thread::sleep(POLL_INTERVAL);
            }
            return Ok(server);
        }
        server.read_address()?;
        Ok(server)
    }

    /// Starts another program, which prints its address.
    pub fn start_other(program: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments);
        let mut server = Self::spawn(command)?;
        server.read_address()?;
        Ok(server)
    }

    fn spawn(mut command: Command) -> Result<Self> {
        Ok(Self {
            process: command.stdout(Stdio::piped()).spawn()?,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        })
    }

    /// Waits for the line with the server's address.
    fn read_address(&mut self) -> Result<()> {
        let greeting = self
            .process
            .stdout
            .as_mut()
            .ok_or("the server has no standard output")?;
        for line in BufReader::new(greeting).lines() {
            let line = line?;
            if let Some((_, rest)) = line.split_once("http://") {
                let address = rest.split_whitespace().next().unwrap_or_default();
                self.address = address.parse()?;
                return Ok(());
            }
        }
        Err("the server ended before it printed its address".into())
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn request(
        &self,
        token: Option<&str>,
        query: &str,
        variables: Value,
        expected: &str,
    ) -> Request {
        Request::new(self.address, token, query, variables, expected)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
