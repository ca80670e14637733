//! `assay serve`: a node, from its configuration to its exit.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process;

use crate::config::{Config, ConfigError};
use crate::node::Node;
use crate::{cli, logs, metrics};

const EXAMPLES: &str = "\
Examples:
  assay cert ca --out pki && assay cert node --ca pki --host localhost --out node
  assay serve --config node.toml
  assay serve --config node.toml --listen 10.0.0.5:4464 --listen 10.0.1.5:4464

Signals: SIGTERM or SIGINT drains and exits, a second one exits at once; SIGHUP reads the configuration, certificates,
revocation lists, tenants and limits again.

Exit codes: 0 drained; 1 cut off before everything was answered; 2 the configuration or a file it names does not hold.";

/// Arguments of `assay serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Configuration file, laid over the built-in one (`assay config default`).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// UDP address to serve on, instead of the configuration's `listen.sockets`; may be given several times.
    #[arg(long, value_name = "ADDR")]
    listen: Vec<SocketAddr>,
}

impl Args {
    /// The configuration with this command line laid over it.
    fn load(&self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        if !self.listen.is_empty() {
            config.listen.sockets.clone_from(&self.listen);
        }
        Ok(config)
    }
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    let config = match args.load() {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    logs::init(config.log);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.listen.network_threads(cores))
        .thread_name("assay-network")
        .on_thread_start(crate::scheduling::run_soon)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(serve(&args, config)),
        Err(error) => refuse(&error),
    }
}

/// Says on standard error why there will be no node.
fn refuse(error: &dyn std::fmt::Display) -> u8 {
    // Nothing is left to tell it to when standard error is closed.
    let _ = writeln!(std::io::stderr(), "assay serve: {error}");
    cli::EXIT_USAGE
}

async fn serve(args: &Args, config: Config) -> u8 {
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return refuse(&error),
    };
    let node = tokio::select! {
        node = Node::start(config) => node,
        () = signals.stop() => return cli::EXIT_OK,
    };
    let node = match node {
        Ok(node) => node,
        Err(error) => return refuse(&error),
    };
    let addrs: Vec<_> = node.addrs().iter().map(SocketAddr::to_string).collect();
    tracing::info!(listen = addrs.join(" "), admin = %node.admin_addr(), pid = process::id(), "ready");
    while let Signal::Reload = signals.next().await {
        reload(&node, args);
    }
    tracing::info!("draining");
    tokio::select! {
        drained = node.drain() => {
            tracing::info!(cut = drained.cut, "drained");
            if drained.cut == 0 { cli::EXIT_OK } else { cli::EXIT_UNEXPECTED }
        }
        () = signals.stop() => {
            tracing::warn!("stopped before everything was answered");
            // Threads that compute are not waited for: that is what a second signal asks.
            process::exit(i32::from(cli::EXIT_UNEXPECTED));
        }
    }
}

/// Reads everything again that may change; a mistake keeps what there was.
fn reload(node: &Node, args: &Args) {
    let path = args.config.as_deref().unwrap_or(Path::new("the built-in configuration"));
    match args.load() {
        Ok(config) => {
            if let Err(error) = node.reload(config) {
                tracing::error!(%error, config = %path.display(), "not reloaded; the node goes on as it was");
            }
        }
        Err(error) => {
            metrics::reloaded(false);
            tracing::error!(%error, config = %path.display(), "not reloaded; the node goes on as it was");
        }
    }
}

/// What a person or a supervisor asks of a running node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Stop,
    Reload,
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hangup.recv() => Signal::Reload,
        }
    }

    /// The next request to stop; a reload meanwhile comes too early or too late to matter.
    async fn stop(&mut self) {
        while self.next().await == Signal::Reload {}
    }
}

/// Elsewhere there is one signal, and it stops.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        // A console that cannot be listened to never stops the node.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Stop
    }

    async fn stop(&mut self) {
        self.next().await;
    }
}
