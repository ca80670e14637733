//! Ballots to tallies, in process: the engine gives each vote its verdict, [`assay_scheme::quorum`] adds up.

use assay_scheme::parameters::ParameterError;
use assay_scheme::quorum::Tally;
use assay_scheme::{Ballot, Parameters};

use crate::batch::Bundle;
use crate::engine::{Engine, Order};

/// A ballot's verdicts, a byte a vote (those not looked at are not needed), and what they add up to; blocks until then. Not
/// to be called by a completion.
///
/// # Errors
/// When the parameters do not fit the votes' row.
///
/// # Panics
/// Never while the engine keeps its word that a completion is called.
pub fn count(
    engine: &Engine,
    ballot: &Ballot,
    parameters: &Parameters,
    order: Order,
) -> Result<(Vec<u8>, Tally), ParameterError> {
    let votes = ballot.asked().expect("a part of a request fits one");
    let bundle = Bundle::new(parameters.clone(), vec![votes])?;
    let verdicts = engine.run(bundle, order).results.verdicts;
    let tally = ballot.tally(&verdicts);
    Ok((ballot.all_verdicts(verdicts), tally))
}
