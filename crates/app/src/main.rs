//! The binary `mandate`: command line, configuration, listeners, wiring. The only place that knows everything.

mod cli;
mod config;
mod courtesy;
mod demo;
#[cfg(test)]
mod fifth_dialect;
mod keys;
mod listen;
mod metrics;
mod node;
mod ops;
mod outbound;
mod patience;
mod record;
mod sample;
mod serve;
mod signing;
mod system;
mod tls;
mod turn;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The authorization service for platforms that sell access to financial and data APIs.
#[derive(Debug, Parser)]
#[command(name = "mandate", version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything with sample data, to try it out.
    Demo(demo::Args),
    /// Run the server.
    Serve {
        /// Configuration; see mandate.sample.toml. Without one, the defaults that stand there.
        #[arg(long, value_name = "FILE", env = "MANDATE_CONFIG")]
        config: Option<PathBuf>,
    },
    #[command(flatten)]
    Client(cli::Command),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let outcome = runtime.block_on(async move {
        match arguments.command {
            Command::Demo(args) => {
                log(&config::Logging::quiet());
                demo::run(args).await.map(|()| ExitCode::SUCCESS)
            }
            Command::Serve { config } => {
                let config = config::load(config.as_deref(), |name| std::env::var(name).ok())
                    .map_err(|problems| anyhow::anyhow!("{}", config::in_words(&problems)))?;
                log(&config.log);
                serve::run(config).await.map(|()| ExitCode::SUCCESS)
            }
            Command::Client(command) => cli::run(command).await,
        }
    });
    runtime.shutdown_background();
    outcome.unwrap_or_else(|error| failed(&error))
}

/// One thread where there is one core, else one for each core.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut builder = if cores == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder.worker_threads(cores).enable_all().build()
}

fn failed(error: &anyhow::Error) -> ExitCode {
    use std::io::Write as _;
    let _nobody_reads = writeln!(std::io::stderr(), "mandate: {error:#}");
    ExitCode::FAILURE
}

fn log(logging: &config::Logging) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(&*logging.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    if logging.json {
        subscriber.json().init();
    } else {
        subscriber.init();
    }
}
