//! `assay config`: is this file right, and what would the node do with it?

use std::io::Write;
use std::path::PathBuf;

use super::{EXIT_OK, EXIT_USAGE};
use crate::config::{Config, DEFAULT};

const EXAMPLE: &str = "\
Examples:
  assay config default > assay.toml      every key, explained
  assay config check assay.toml          before the node is told to reload it
  assay config check --json assay.toml   the values in force, defaults included";

/// Arguments of `assay config`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say whether a configuration holds: exit 0 if so, 2 with every wrong key if not.
    #[command(after_help = "Example:\n  assay config check /etc/assay/assay.toml")]
    Check {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print the values in force, defaults included, as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the built-in configuration, which explains every key.
    #[command(after_help = "Example:\n  assay config default > assay.toml")]
    Default,
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    let text = match args.command {
        Command::Default => DEFAULT.trim_end().to_owned(),
        Command::Check { file, json } => match Config::load(Some(&file)) {
            Ok(config) if json => {
                serde_json::to_string_pretty(&config).expect("a configuration has no map with keys that are not texts")
            }
            Ok(config) => summary(&file.display().to_string(), &config),
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "{error}");
                return EXIT_USAGE;
            }
        },
    };
    // A reader that closed the pipe has what it wanted.
    let _ = writeln!(std::io::stdout(), "{text}");
    EXIT_OK
}

fn summary(file: &str, config: &Config) -> String {
    let sockets: Vec<_> = config.listen.sockets.iter().map(ToString::to_string).collect();
    let tenants: Vec<_> = config.tenants.keys().map(String::as_str).collect();
    let tenants = if tenants.is_empty() {
        "nobody: there is no section [tenants.NAME], so every client is refused".to_owned()
    } else {
        tenants.join(", ")
    };
    format!(
        "{file}: holds\nlistens on {}\nadmin on   {}\nserves     {tenants}",
        sockets.join(", "),
        config.admin.listen
    )
}
