//! A validator's question: do these votes make a quorum, and know it before the round's timer rings.
//!
//! Asks with the highest priority and a deadline; when no node answers in time, this machine's CPU does (the feature
//! `local`). 150 votes are made, one of them spoilt.
//!
//! ```sh
//! cargo run -p assay-client --example consensus_votes -- \
//!     --connect node-a.example:7443 --connect node-b.example:7443 \
//!     --ca ca.pem --cert client.pem --key client.key [--deadline-ms 500]
//! ```

use std::io::Write;
use std::time::Duration;

use assay_client::{Client, ClientConfig, Options};
use assay_scheme::{ColumnsBuilder, Parameters, Priority, Row, Verdict};
use rcgen::{KeyPair, PublicKeyData, SigningKey};

#[path = "common/arguments.rs"]
mod arguments;
use arguments::{Arguments, Failure};

const VOTES: usize = 150;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    run(std::env::args().skip(1), &mut std::io::stdout()).await
}

/// The example, with its arguments and where it writes.
pub(crate) async fn run(words: impl IntoIterator<Item = String>, out: &mut impl Write) -> Result<(), Failure> {
    let arguments = Arguments::read(words, "[--deadline-ms N]")?;
    let deadline = Duration::from_millis(arguments.option("deadline-ms").unwrap_or("500").parse()?);
    // The client starts even when no node can be reached: this machine answers until one comes back.
    let config =
        ClientConfig { local_fallback: true, connect_timeout: Duration::from_secs(2), ..arguments.config().await? };
    let client = Client::connect(config).await?;

    let mut votes = ColumnsBuilder::new(Row::Ed25519Zip215.operation());
    for validator in 0..VOTES {
        let key = KeyPair::generate_for(&rcgen::PKCS_ED25519)?;
        let mut vote = format!("precommit height 7 round 0 by validator {validator}").into_bytes();
        let signature = key.sign(&vote)?;
        if validator == 42 {
            vote.push(b'!');
        }
        votes.push(0, key.der_bytes(), &signature, &vote);
    }
    let votes = votes.build()?;

    let options = Options::new(Priority::Consensus).within(deadline);
    let answer = client.request(&votes, &Parameters::default(), options).await?;
    let count = |wanted: fn(&Verdict) -> bool| answer.iter().filter(wanted).count();
    let valid = count(|verdict| verdict.is_valid());
    let invalid = count(|verdict| matches!(verdict, Verdict::Invalid(_)));
    // A vote nobody evaluated is neither: it is not counted, and not held against the validator.
    let unknown = count(|verdict| matches!(verdict, Verdict::NotEvaluated(_)));
    writeln!(out, "{valid} valid, {invalid} invalid, {unknown} not evaluated")?;
    writeln!(out, "quorum: {}", if valid * 3 > VOTES * 2 { "yes" } else { "no" })?;
    writeln!(out, "computed {}", if answer.local_items > 0 { "on this machine" } else { "by a node" })?;
    client.close().await;
    Ok(())
}
