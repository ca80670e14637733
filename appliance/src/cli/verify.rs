//! `assay verify`.

/// Arguments of `assay verify`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command; returns its exit code.
pub fn run(_args: Args) -> u8 {
    unimplemented!()
}
