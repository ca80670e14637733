//! `assay digest`.

/// Arguments of `assay digest`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command; returns its exit code.
pub fn run(_args: Args) -> u8 {
    unimplemented!()
}
