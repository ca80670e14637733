//! `assay completions`: a script for the shell, from the same table the arguments are parsed by.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use super::error::{EXIT_OK, finish};

/// Arguments of `assay completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  assay completions bash > ~/.local/share/bash-completion/completions/assay")]
pub struct Args {
    /// The shell to complete for
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    // The generator panics when its writer fails, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "assay", &mut script);
    finish(io::stdout().lock().write_all(&script).map(|()| EXIT_OK).map_err(Into::into))
}
