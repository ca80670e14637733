//! What every profile's tests share: the vectors, and a verifier.

#![allow(dead_code, unreachable_pub, missing_docs)]

use assay_chain::{Detail, Options, Report, chains::Chain, verify_files};
use assay_core::backend::{Backend, Output};
use assay_core::batch::{Bundle, Results};
use assay_core::reference;
use assay_scheme::{Answers, Columns, Parameters, Verifier, VerifierFault};

/// The reference backend on this thread.
pub struct Reference;

impl Verifier for Reference {
    fn answer(&self, columns: &Columns, parameters: &Parameters) -> Result<Answers, VerifierFault> {
        let bundle = Bundle::new(parameters.clone(), vec![columns.clone()]).map_err(VerifierFault::Parameters)?;
        let Results { mut verdicts, mut values, width } = Results::unwritten(bundle.items(), bundle.value_width());
        let out = Output { verdicts: &mut verdicts, values: &mut values, width };
        reference::Reference::new()
            .compute(&bundle, 0..bundle.items(), out)
            .map_err(|fault| VerifierFault::Unavailable(fault.to_string()))?;
        Ok(Answers { verdicts, values, width })
    }
}

/// A vector's bytes.
pub fn vector(path: &str) -> Vec<u8> {
    let path = format!("{}/../../vectors/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs files of a chain, as the command line will.
pub fn run(chain: &str, options: &Options, files: &[(&str, Vec<u8>)]) -> Report {
    run_with(chain, options, files, Detail::Findings)
}

/// The same, keeping as much as is asked for.
pub fn run_with(chain: &str, options: &Options, files: &[(&str, Vec<u8>)], detail: Detail) -> Report {
    let chain = Chain::from_name(chain).expect("a chain of the table");
    let mut profile = chain.profile(options).expect("options that fit");
    let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), Ok(bytes.clone())));
    verify_files(&mut *profile, files, &Reference, detail)
}
