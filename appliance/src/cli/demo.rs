//! `assay demo`.

/// Arguments of `assay demo`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command; returns its exit code.
pub fn run(_args: Args) -> u8 {
    unimplemented!()
}
