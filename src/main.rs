//! Parses the command line and runs the command that it names.

use std::process::ExitCode;

use cubby::{
    StartError,
    cli::{
        self, Cli, Command, backup, doctor, export, health, import, keys, mail, migrate, schema,
        seed, serve, settings, user,
    },
};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: allocator::MiMalloc = allocator::MiMalloc;

fn main() -> ExitCode {
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(status) => return ExitCode::from(status),
    };
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            return ExitCode::from(cli::fail(&format!(
                "the async runtime cannot be started: {error}"
            )));
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ExitCode::from(cli::fail(&error.to_string())),
    }
}

async fn run(Cli { command, config }: Cli) -> Result<(), StartError> {
    match command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&config).await,
        Command::Migrate(command) => migrate::run(&config, command).await,
        Command::Keys(command) => keys::run(&config, command).await,
        Command::User(command) => user::run(&config, command).await,
        Command::Mail(command) => mail::run(&config, command),
        Command::Export(args) => export::run(&config, args).await,
        Command::Import(args) => import::run(&config, args).await,
        Command::Backup(args) => backup::run(&config, &args).await,
        Command::Health => health::run(&config),
        Command::Doctor => doctor::run(&config).await,
        Command::Seed(args) => seed::run(&config, args).await,
        Command::Schema => schema::run(),
        Command::Settings => settings::run(),
    }
}
