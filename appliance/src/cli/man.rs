//! `assay man`: manual pages, from the same table the arguments are parsed by.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::CommandFactory;

use super::error::{CliError, EXIT_OK, finish};

/// Arguments of `assay man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  assay man --out ~/.local/share/man/man1 && man assay-verify")]
pub struct Args {
    /// Write a page for each command into this folder, rather than the first page to the output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    finish(
        match &args.out {
            None => page(super::Cli::command()).and_then(|page| Ok(io::stdout().lock().write_all(&page)?)),
            Some(dir) => pages(dir),
        }
        .map(|()| EXIT_OK),
    )
}

fn page(command: clap::Command) -> Result<Vec<u8>, CliError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}

/// The page of `assay`, and one for each command.
fn pages(dir: &Path) -> Result<(), CliError> {
    let error = |path: &Path| {
        let path = path.display().to_string();
        move |source| CliError::Write { path, source }
    };
    std::fs::create_dir_all(dir).map_err(error(dir))?;
    clap_mangen::generate_to(super::Cli::command(), dir).map_err(error(dir))
}
