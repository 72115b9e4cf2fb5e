//! The command line.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is the one file that speaks to a terminal"
)]

mod cli;

use std::{
    io::{self, IsTerminal},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{
    Args, CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};
use cubby::{
    KeyState, People, PeopleError, Rotation, Seed, SeedError, Server, StartError,
    clock::{Clock, Timestamp},
    config::{Config, Lead, Mode, load_env_file, unknown_variables, whole_number},
    db::Database,
};
use tokio::net::TcpListener;

/// Identity provider and data API of a multi-user task app, in one process
///
/// Settings are environment variables, also from a file `.env` in the working directory, or flags of any
/// command. A flag wins over a variable, and a variable over `.env`.
#[derive(Parser)]
#[command(
    name = "cubby",
    version,
    max_term_width = 100,
    after_help = "Settings are environment variables or flags: see `cubby help settings`."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    config: Config,
}

#[derive(Subcommand)]
enum Command {
    /// Migrate the database and serve; the default
    Serve,
    /// Migrate the database's schema, or show its state
    #[command(subcommand)]
    Migrate(Migrate),
    /// List or rotate the keys that access tokens are signed with
    #[command(subcommand)]
    Keys(Keys),
    /// Manage accounts; running instances notice every change at once
    User(cli::user::User),
    /// Write a person's tasks into a file: JSON, CSV or iCalendar
    Export(cli::transfer::Export),
    /// Store the tasks of a file for a person
    ///
    /// Stores all tasks of the file, or none when something in it is wrong.
    Import(cli::transfer::Import),
    /// Copy a SQLite database that is in use
    Backup {
        /// The file to create
        file: PathBuf,
    },
    /// Check that the server on this machine is ready
    Health,
    /// Check the settings and the database, and say what to fix
    Doctor,
    /// Create sample people and tasks, to try things at size
    ///
    /// What is stored already stays as it is.
    Seed(Sample),
    /// Print the GraphQL schema
    Schema,
    /// Every setting, as a flag and as an environment variable
    ///
    /// A flag wins over a variable, and a variable over the file `.env` in the working directory. An empty
    /// variable counts as unset. Unknown names and wrong values stop the start.
    #[command(
        hide = true,
        help_template = "{about-with-newline}{after-help}\n{options}"
    )]
    Settings,
}

#[derive(Args)]
struct Sample {
    /// How many people
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 100,
        value_parser = whole_number(1..=1_000_000)
    )]
    users: u32,
    /// How many tasks each of them has
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 100,
        value_parser = whole_number(0..=1_000_000)
    )]
    tasks: u32,
    /// The domain of their addresses, person-1@DOMAIN and so on [default: a new one under example.com]
    #[arg(long)]
    domain: Option<String>,
    /// Their password [default: a new one, which is printed]
    #[arg(long)]
    password: Option<String>,
}

#[derive(Subcommand)]
enum Keys {
    /// List the keys: their state, when they begin to sign, until when they are published
    List,
    /// Publish a new key at once, and sign with it later
    ///
    /// Running instances notice it by themselves, and tokens that were signed before stay valid.
    Rotate {
        /// How long the new key is published before it signs, such as 10m or 24h
        ///
        /// It must be longer than anything that verifies tokens caches the published keys: 5 minutes, unless
        /// it was set up otherwise.
        #[arg(long, value_name = "DURATION", default_value_t)]
        after: Lead,
        /// Sign with the new key at once, and revoke every other
        ///
        /// For a key that may have leaked: within 10 s every instance refuses the access tokens that the old
        /// keys signed.
        #[arg(long, conflicts_with = "after")]
        now: bool,
    },
}

#[derive(Subcommand)]
enum Migrate {
    /// Run all migrations that have not run
    Up,
    /// Revert the last migrations, and delete the data that they hold
    Down {
        /// How many
        #[arg(long, value_name = "COUNT", default_value_t = 1)]
        steps: u32,
    },
    /// Show which migrations have run
    Status,
}

/// Requests make and drop many small values, on other threads than those that made them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let from_file = load_env_file();
    let mut command = cli::with_settings(Cli::command());
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    // Help is shown whatever the settings are.
    if let Err(help) = &matches
        && !help.use_stderr()
    {
        let _ = help.print();
        return ExitCode::SUCCESS;
    }
    if let Err(message) = from_file {
        return fail(&message);
    }
    let unknown = unknown_variables(&Cli::command());
    if !unknown.is_empty() {
        return fail(&format!(
            "unknown setting {}: `cubby help settings` lists them all",
            unknown.join(", ")
        ));
    }
    let parsed = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return refuse(error.format(&mut command), &command),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the runtime does not start: {error}")),
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// Says what is wrong with the command line, and which variable it may have come from. A value that
/// is hidden in the help is a secret, and is not shown here either.
fn refuse(mut error: clap::Error, command: &clap::Command) -> ExitCode {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => command
            .get_arguments()
            .find(|known| known.to_string() == *argument),
        _ => None,
    };
    if argument.is_some_and(clap::Arg::is_hide_env_values_set) {
        let hidden = ContextValue::String("…".to_owned());
        error.insert(ContextKind::InvalidValue, hidden);
    }
    let _ = error.print();
    if let Some(variable) = argument.and_then(clap::Arg::get_env) {
        eprintln!("It may also have been set as {}.", variable.display());
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn fail(message: &str) -> ExitCode {
    eprintln!("cubby: {message}");
    ExitCode::FAILURE
}

async fn run(Cli { command, config }: Cli) -> Result<(), StartError> {
    match command.unwrap_or(Command::Serve) {
        Command::Serve => serve(&config).await,
        Command::Migrate(command) => migrate(&config, command).await,
        Command::Keys(command) => keys(&config, command).await,
        Command::User(user) => {
            with_people(&config, async |people| cli::user::run(people, user).await).await
        }
        Command::Export(export) => {
            with_people(&config, async |people| {
                cli::transfer::export(people, export).await
            })
            .await
        }
        Command::Import(import) => {
            with_people(&config, async |people| {
                cli::transfer::import(people, import).await
            })
            .await
        }
        Command::Backup { file } => backup(&config, &file).await,
        Command::Health => {
            cli::health::ask(config.listen).map_err(|error| StartError::Away(config.listen, error))
        }
        Command::Doctor => {
            let findings = cubby::examine(&config, &Clock::system()).await;
            if cli::doctor::tell(&findings) {
                Ok(())
            } else {
                Err(StartError::Unwell)
            }
        }
        Command::Seed(sample) => seed(&config, sample).await,
        Command::Schema => {
            print!("{}", cubby::sdl());
            Ok(())
        }
        Command::Settings => {
            let mut command = cli::with_settings(Cli::command());
            if let Some(settings) = command.find_subcommand_mut("settings") {
                print!("{}", settings.render_long_help());
            }
            Ok(())
        }
    }
}

async fn with_people(
    config: &Config,
    work: impl AsyncFnOnce(&People) -> Result<(), PeopleError>,
) -> Result<(), StartError> {
    let people = cubby::people(config, Clock::system()).await?;
    let done = work(&people).await;
    people.close().await;
    Ok(done?)
}

async fn serve(config: &Config) -> Result<(), StartError> {
    let mode = config.mode()?;
    log(config, mode);
    let server = Server::open(config, Clock::system()).await?;
    let (listener, address) = listen(config.listen).await?;
    if let Some(address) = config.metrics_listen {
        let (listener, address) = listen(address).await?;
        server.serve_metrics(listener);
        tracing::info!(%address, "metrics are at /metrics");
    }
    let shutdown = shutdown().map_err(|error| StartError::Listen(address, error))?;
    tracing::info!(%address, mode = ?mode, "serving");
    if mode == Mode::Development {
        greet(&address.to_string());
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

fn log(config: &Config, mode: Mode) {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(config.log.filter())
        .with_ansi(io::stderr().is_terminal())
        // A line that cannot be written, on a full disk perhaps, is lost: to print that would panic.
        .log_internal_errors(false)
        .with_writer(io::stderr);
    match mode {
        Mode::Development => lines.init(),
        Mode::Production => lines.json().init(),
    }
}

/// Where to go, and a first operation to paste.
fn greet(address: &str) {
    println!(
        r#"
Cubby is at http://{address} (GraphiQL in a browser), its API at http://{address}/graphql

Sign up:

  curl http://{address}/graphql -H 'content-type: application/json' -d '{{ "query":
    "mutation {{ signUp(input: {{ email: \"you@example.com\", password: \"correct horse\" }}) {{ tokens {{ accessToken }} userErrors {{ message }} }} }}" }}'
"#
    );
}

/// A future that is over when the process is asked to stop. It listens from the moment it is made,
/// so that no request to stop comes too early.
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
        tracing::info!("asked to stop: finishing what is in flight");
    })
}

#[cfg(not(unix))]
fn shutdown() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
        tracing::info!("asked to stop: finishing what is in flight");
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "migrations change tables, not rows of a person's"
)]
async fn migrate(config: &Config, command: Migrate) -> Result<(), StartError> {
    let database = Database::open(&config.direct_database(), 1).await?;
    match command {
        Migrate::Up => database.migrate_up().await?,
        Migrate::Down { steps } => database.migrate_down(steps).await?,
        Migrate::Status => {}
    }
    for (name, has_run) in database.migrations().await? {
        println!("{} {name}", if has_run { "up  " } else { "down" });
    }
    database.close().await;
    Ok(())
}

async fn backup(config: &Config, file: &Path) -> Result<(), StartError> {
    cubby::backup(config, file).await?;
    println!(
        "The database is in {}. Keep the secret with it: without it nobody's session goes on",
        file.display()
    );
    Ok(())
}

async fn seed(config: &Config, sample: Sample) -> Result<(), StartError> {
    log(config, config.mode()?);
    let server = Server::open(config, Clock::system()).await?;
    let seed = Seed::new(sample.users, sample.tasks, sample.domain, sample.password)?;
    let bar = cli::bar(u64::from(seed.users) * u64::from(seed.tasks), "tasks");
    let seeded = tokio::select! {
        seeded = server.seed(&seed, |stored| bar.inc(stored as u64)) => seeded,
        _ = tokio::signal::ctrl_c() => Err(SeedError::Failed("it was interrupted".to_owned()).into()),
    };
    bar.finish_and_clear();
    match &seeded {
        Ok(()) => println!(
            "Stored {seed}. Sign in as person-1@{} with the password {}",
            seed.domain, seed.password
        ),
        Err(StartError::Seed(SeedError::Failed(_))) => eprintln!(
            "People at {} who are stored sign in with the password {}",
            seed.domain, seed.password
        ),
        Err(_) => {}
    }
    seeded
}

async fn keys(config: &Config, command: Keys) -> Result<(), StartError> {
    let keys = cubby::signing_keys(config, Clock::system()).await?;
    match command {
        Keys::List => {}
        Keys::Rotate { now: true, .. } => keys.rotate(Rotation::Now).await?,
        Keys::Rotate { after, now: false } => keys.rotate(Rotation::After(after)).await?,
    }
    println!(
        "{:43}  {:9}  {:8}  {:24}  {:24}  PUBLISHED UNTIL",
        "KEY", "ALGORITHM", "STATE", "MADE", "SIGNS FROM"
    );
    for key in keys.list().await? {
        let state = match key.state {
            _ if !key.is_open => "sealed",
            KeyState::Next => "next",
            KeyState::Current => "current",
            KeyState::Retiring => "retiring",
            KeyState::Expired => "expired",
        };
        let until = key.expires_at.as_ref().map(Timestamp::to_string);
        println!(
            "{:43}  {:9}  {state:8}  {:24}  {:24}  {}",
            key.id,
            key.algorithm,
            key.created_at.to_string(),
            key.active_from.to_string(),
            until.as_deref().unwrap_or("-"),
        );
    }
    keys.close().await;
    Ok(())
}
