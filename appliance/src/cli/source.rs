//! Where items are computed: an engine in this process, or nodes.
//!
//! Both take chunks of columns and give back a [`Pending`] answer, so a command streams a file of any size with a
//! bounded number of chunks in memory and does not know which of the two it talks to.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use assay_client::{Answer, Client, ClientConfig, NodeAddress, Options};
use assay_core::{BackendName, Bundle, Choice, Config, Engine, GpuChoice, Order, Outcome};
use assay_scheme::{Columns, Operation, Parameters, Priority, Row};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tokio::runtime::{Handle, Runtime};

use super::error::CliError;

/// Items of a chunk sent to a node: small enough to spread over several nodes.
const CHUNK_ITEMS_NODES: usize = 4_096;
/// Items of a chunk given to this process's engine.
const CHUNK_ITEMS_LOCAL: usize = 16_384;
/// Chunks under way in this process: one being computed, one being written, two being read.
const IN_FLIGHT_LOCAL: usize = 4;
/// Chunks under way to nodes.
const IN_FLIGHT_NODES: usize = 8;
/// How often a chunk is sent at most while nodes are full: a file is patient, about a minute at the longest pauses.
const TRIES_MAX: u32 = 64;

/// The heading of [`NodeArgs`] in every command's help.
const NODES: &str = "Nodes";

/// Which nodes to ask, and as whom.
#[derive(Clone, Debug, clap::Args)]
pub struct NodeArgs {
    /// Ask this node instead of computing here; repeat it for several nodes; NAME@HOST:PORT where the node's
    /// certificate bears another name than the host's
    #[arg(long, help_heading = NODES, value_name = "HOST:PORT")]
    pub connect: Vec<String>,
    /// PEM file of the authority that signed the nodes' certificates
    #[arg(long, help_heading = NODES, value_name = "FILE", env = "ASSAY_CA", hide_env_values = true)]
    pub ca: Option<PathBuf>,
    /// PEM file of this client's certificate, which names its tenant
    #[arg(long, help_heading = NODES, value_name = "FILE", env = "ASSAY_CERT", hide_env_values = true)]
    pub cert: Option<PathBuf>,
    /// PEM file of this client's key
    #[arg(long, help_heading = NODES, value_name = "FILE", env = "ASSAY_KEY", hide_env_values = true)]
    pub key: Option<PathBuf>,
    /// How long to wait for a connection
    #[arg(
        long,
        help_heading = NODES,
        value_name = "MS",
        default_value_t = 5_000,
        value_parser = clap::value_parser!(u64).range(1..=600_000)
    )]
    pub connect_timeout_ms: u64,
    /// The largest UDP payload to try; 6500 suits a node on this machine
    #[arg(
        long,
        help_heading = NODES,
        value_name = "BYTES",
        default_value_t = 1_452,
        value_parser = clap::value_parser!(u16).range(1_200..=65_527)
    )]
    pub mtu_bytes: u16,
}

/// Where to compute, and how urgently.
#[derive(Clone, Debug, clap::Args)]
pub struct SourceArgs {
    /// Which backend must compute in this process; one that cannot is an error, never replaced by another
    #[arg(long, value_name = "BACKEND", default_value = "auto", value_parser = backends())]
    pub backend: Choice,
    /// Which graphics devices may compute in this process; software ones serve only when named here
    #[arg(long, value_name = "DEVICES", default_value = "off", value_parser = gpus())]
    pub gpu: GpuChoice,
    /// CPU worker threads in this process; 0 is one per core
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = threads())]
    pub threads: usize,
    #[command(flatten)]
    /// Which nodes, where it is not this process.
    pub nodes: NodeArgs,
    /// How urgent the items are
    #[arg(long, value_name = "PRIORITY", default_value = "bulk", value_parser = priorities())]
    pub priority: Priority,
    /// Give up on items that have no answer after this long, counted from when they are sent
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub deadline_ms: Option<u64>,
}

/// Parses a backend's name, or `auto`.
pub fn backends() -> impl TypedValueParser<Value = Choice> {
    let names = std::iter::once("auto").chain(BackendName::ALL.map(BackendName::name));
    PossibleValuesParser::new(names).map(|name| BackendName::from_name(&name).map_or(Choice::Auto, Choice::Only))
}

/// Parses which graphics devices.
pub fn gpus() -> impl TypedValueParser<Value = GpuChoice> {
    PossibleValuesParser::new(GpuChoice::ALL.map(GpuChoice::name))
        .map(|name| GpuChoice::from_name(&name).expect("one of the names just listed"))
}

/// Parses a number of threads, which is bounded so that a slip of the finger is not a fork bomb.
pub fn threads() -> impl TypedValueParser<Value = usize> {
    clap::value_parser!(u64).range(0..=4_096).map(|threads| threads as usize)
}

/// Parses a priority's name.
pub fn priorities() -> impl TypedValueParser<Value = Priority> {
    PossibleValuesParser::new(Priority::ALL.map(Priority::name))
        .map(|name| Priority::from_name(&name).expect("one of the names just listed"))
}

/// Parses the name of an operation of one of these kinds.
pub fn operations(kinds: &'static [assay_scheme::Kind]) -> impl TypedValueParser<Value = &'static Operation> {
    let names = kinds.iter().flat_map(|kind| Operation::of_kind(*kind)).map(|operation| operation.name);
    PossibleValuesParser::new(names).map(|name| Operation::from_name(&name).expect("one of the names just listed"))
}

/// Parses the name of a message hash.
pub fn hashes() -> impl TypedValueParser<Value = assay_scheme::Hash> {
    PossibleValuesParser::new(assay_scheme::Hash::ALL.map(assay_scheme::Hash::name))
        .map(|name| assay_scheme::Hash::from_name(&name).expect("one of the names just listed"))
}

impl NodeArgs {
    /// A client's configuration.
    ///
    /// # Errors
    /// When a file is not named, or an address does not resolve.
    pub fn client_config(&self, in_flight: usize) -> Result<ClientConfig, CliError> {
        if self.connect.is_empty() {
            return Err(CliError::usage("no node is named", "give --connect HOST:PORT"));
        }
        let file = |path: &Option<PathBuf>, flag: &str, what: &str| {
            path.clone().ok_or_else(|| {
                let env = flag.to_uppercase();
                CliError::usage(format!("{what} is not named"), format!("give --{flag} FILE or set ASSAY_{env}"))
            })
        };
        let nodes = self.connect.iter().map(|node| NodeAddress::parse_blocking(node)).collect::<Result<_, _>>()?;
        let ca = file(&self.ca, "ca", "the authority of the nodes' certificates")?;
        let cert = file(&self.cert, "cert", "this client's certificate")?;
        let key = file(&self.key, "key", "this client's key")?;
        Ok(ClientConfig {
            in_flight,
            connect_timeout: Duration::from_millis(self.connect_timeout_ms),
            mtu_bytes_max: self.mtu_bytes,
            ..ClientConfig::new(nodes, ca, cert, key)
        })
    }
}

/// An engine in this process, or nodes.
pub enum Source {
    /// This process.
    Local {
        /// Its engine.
        engine: Engine,
        /// The engine's clock starts here.
        start: Instant,
        /// How urgent every chunk is.
        priority: Priority,
        /// How long each chunk's answer is of use.
        deadline: Option<Duration>,
    },
    /// Nodes.
    Nodes {
        /// Runs the client.
        runtime: Handle,
        /// The connections.
        client: Client,
        /// What is asked for every chunk.
        options: Options,
        /// The runtime, where it is this source's own; dropped after the client.
        own: Option<Runtime>,
    },
}

/// A chunk's answer, once it is there.
pub struct Pending(Receiver<Result<Answer, assay_client::Error>>);

impl Pending {
    /// Waits for the answer.
    ///
    /// # Errors
    /// When no node gave one; an engine in this process always does.
    pub fn wait(self) -> Result<Answer, assay_client::Error> {
        self.0.recv().unwrap_or_else(|_| Err(assay_client::Error::BadReply("the answer was lost".to_owned())))
    }
}

impl Source {
    /// Starts the engine, or connects.
    ///
    /// # Errors
    /// When a demanded backend is missing or does not compute `operation`, or no node answers.
    pub fn open(args: &SourceArgs, operation: &'static Operation) -> Result<Self, CliError> {
        let source = Self::open_for(args, &[operation.row])?;
        if let Self::Local { engine, .. } = &source {
            demand_served(engine, args.backend, operation)?;
        }
        Ok(source)
    }

    /// The same for operations that are not known yet.
    ///
    /// # Errors
    /// When a demanded backend is missing, or no node answers.
    pub fn open_any(args: &SourceArgs) -> Result<Self, CliError> {
        Self::open_for(args, &[])
    }

    /// `rows` are all that will be asked for; none: anything.
    fn open_for(args: &SourceArgs, rows: &[Row]) -> Result<Self, CliError> {
        let deadline = args.deadline_ms.map(Duration::from_millis);
        if args.nodes.connect.is_empty() {
            let (engine, start) = start_engine(args.backend, args.gpu, args.threads, rows)?;
            return Ok(Self::Local { engine, start, priority: args.priority, deadline });
        }
        if let Choice::Only(backend) = args.backend {
            return Err(CliError::usage(
                format!("--backend {} cannot be demanded of a node, which chooses its own", backend.name()),
                "leave out --backend, or --connect to compute here",
            ));
        }
        if args.gpu != GpuChoice::Off {
            return Err(CliError::usage(
                format!("--gpu {} is for this process's engine, and --connect asks nodes", args.gpu.name()),
                "leave out one of them",
            ));
        }
        if args.threads != 0 {
            return Err(CliError::usage(
                "--threads is for this process's engine, and --connect asks nodes",
                "leave out one of them",
            ));
        }
        let config = ClientConfig { tries_max: TRIES_MAX, ..args.nodes.client_config(IN_FLIGHT_NODES)? };
        let runtime = client_runtime()?;
        let client = runtime.block_on(Client::connect(config))?;
        let options = Options { priority: args.priority, deadline };
        Ok(Self::Nodes { runtime: runtime.handle().clone(), client, options, own: Some(runtime) })
    }

    /// The nodes of a client that runs elsewhere, asked without a deadline.
    #[must_use]
    pub fn over(client: Client, runtime: Handle, priority: Priority) -> Self {
        Self::Nodes { runtime, client, options: Options::new(priority), own: None }
    }

    /// Items worth a chunk.
    #[must_use]
    pub fn chunk_items(&self) -> usize {
        match self {
            Self::Local { .. } => CHUNK_ITEMS_LOCAL,
            Self::Nodes { .. } => CHUNK_ITEMS_NODES,
        }
    }

    /// Chunks to keep under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        match self {
            Self::Local { .. } => IN_FLIGHT_LOCAL,
            Self::Nodes { client, .. } => client.config().in_flight,
        }
    }

    /// Sends a chunk off. The parameters fit the operation: they were checked before the first chunk.
    #[must_use]
    pub fn submit(&self, columns: Columns, parameters: &Parameters) -> Pending {
        let (sender, receiver) = mpsc::channel();
        match self {
            Self::Local { engine, start, priority, deadline } => {
                let deadline = deadline.map(|deadline| start.elapsed() + deadline);
                let order = Order { priority: *priority, deadline };
                match Bundle::new(parameters.clone(), vec![columns]) {
                    Ok(bundle) => {
                        // A receiver that is gone wants no answer.
                        let completion = Box::new(move |outcome| drop(sender.send(Ok(local_answer(outcome)))));
                        engine.submit(bundle, order, completion);
                    }
                    Err(error) => drop(sender.send(Err(assay_client::Error::Usage(error.to_string())))),
                }
            }
            Self::Nodes { runtime, client, options, .. } => {
                let (client, parameters, options) = (client.clone(), parameters.clone(), *options);
                runtime.spawn(async move {
                    drop(sender.send(client.request(&columns, &parameters, options).await));
                });
            }
        }
        Pending(receiver)
    }

    /// Closes the connections, so that nodes see a goodbye rather than a silence.
    pub fn close(self) {
        if let Self::Nodes { client, own: Some(runtime), .. } = self {
            runtime.block_on(client.close());
        }
    }
}

/// An engine with a clock that starts now. `rows` are all that it will be asked for; none: anything.
///
/// # Errors
/// When a demanded backend is missing.
pub fn start_engine(
    choice: Choice,
    gpu: GpuChoice,
    threads: usize,
    rows: &[Row],
) -> Result<(Engine, Instant), CliError> {
    start_engine_with(Config { choice, gpu, threads, rows: rows.to_vec(), ..Config::default() })
}

/// The same, configured whole.
///
/// # Errors
/// When a demanded backend is missing.
pub fn start_engine_with(config: Config) -> Result<(Engine, Instant), CliError> {
    let start = Instant::now();
    Ok((Engine::new(config, Arc::new(move || start.elapsed()))?, start))
}

/// Refuses an operation that the engine's backends do not compute.
///
/// # Errors
/// [`CliError::NotServed`], naming the backend.
pub fn demand_served(engine: &Engine, choice: Choice, operation: &'static Operation) -> Result<(), CliError> {
    if engine.serves(operation.row) {
        return Ok(());
    }
    let backend = match choice {
        Choice::Auto => "auto",
        Choice::Only(name) => name.name(),
    };
    Err(CliError::NotServed { backend, operation: operation.name })
}

/// A runtime for the client.
///
/// # Errors
/// When the system gives no threads.
pub fn client_runtime() -> Result<Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("assay-client")
        .on_thread_start(crate::scheduling::run_soon)
        .build()
        .map_err(|error| CliError::usage(format!("no threads for the client: {error}"), "raise the process limit"))
}

/// What an engine did, in the words of a node.
fn local_answer(outcome: Outcome) -> Answer {
    let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    Answer {
        verdicts: outcome.results.verdicts,
        values: outcome.results.values,
        value_width: outcome.results.width,
        backends: outcome.backends.iter().map(|items| *items as u32).collect(),
        queue_us: micros(outcome.queued),
        compute_us: micros(outcome.computed),
        local_items: 0,
        tally: None,
    }
}

/// A backend's name by its number, also where the node knows one that this program does not.
#[must_use]
pub fn backend_name(number: usize) -> String {
    BackendName::ALL.get(number).map_or_else(|| format!("backend-{number}"), |name| name.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(connect: &[&str]) -> NodeArgs {
        let connect = connect.iter().map(|node| (*node).to_owned()).collect();
        NodeArgs { connect, ca: None, cert: None, key: None, connect_timeout_ms: 1, mtu_bytes: 1_452 }
    }

    #[test]
    fn what_is_missing_is_named_with_its_remedy() {
        let error = args(&["127.0.0.1:1"]).client_config(1).expect_err("no files").to_string();
        assert!(error.contains("--ca") && error.contains("ASSAY_CA"), "{error}");
        let error = args(&[]).client_config(1).expect_err("no node").to_string();
        assert!(error.contains("--connect"), "{error}");
        let error = args(&["localhost"]).client_config(1).expect_err("no port").to_string();
        assert!(error.contains("localhost") && error.contains("host:port"), "{error}");
    }

    #[test]
    fn backends_without_a_name_here_keep_their_number() {
        assert_eq!(backend_name(0), "reference");
        assert_eq!(backend_name(7), "backend-7");
    }
}
