//! Verifies Ed25519 signatures under ZIP-215, as consensus does.
//!
//! `FILE` has a line per item: public key, signature and message in hex, with spaces between. Without one, a thousand
//! signatures are made and two of them spoilt.
//!
//! ```sh
//! cargo run -p assay-client --example verify_batch -- \
//!     --connect node.example:7443 --ca ca.pem --cert client.pem --key client.key [FILE]
//! ```

use std::io::Write;
use std::time::Duration;

use assay_client::{Chunks, Client, Item, Options};
use assay_scheme::{Parameters, Priority, Row, Verdict};
use rcgen::{KeyPair, PublicKeyData, SigningKey};

#[path = "common/arguments.rs"]
mod arguments;
use arguments::{Arguments, Failure};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    run(std::env::args().skip(1), &mut std::io::stdout()).await
}

/// The example, with its arguments and where it writes.
pub(crate) async fn run(words: impl IntoIterator<Item = String>, out: &mut impl Write) -> Result<(), Failure> {
    let arguments = Arguments::read(words, "[FILE]")?;
    let items = match arguments.rest.first() {
        Some((_, file)) => std::fs::read_to_string(file)?.lines().map(read).collect::<Result<_, _>>()?,
        None => made()?,
    };

    let client = Client::connect(arguments.config().await?).await?;
    let batches = Chunks::new(Row::Ed25519Zip215.operation(), 1_024, items).collect::<Result<Vec<_>, _>>()?;
    let options = Options::new(Priority::Block).within(Duration::from_secs(30));
    let answer = client.stream(batches, &Parameters::default(), options, |_| {}).await?;

    for (line, verdict) in answer.iter().enumerate() {
        if verdict != Verdict::Valid {
            writeln!(out, "line {}: {verdict}", line + 1)?;
        }
    }
    let valid = answer.iter().filter(|verdict| verdict.is_valid()).count();
    writeln!(out, "{valid} of {} are valid", answer.items())?;
    client.close().await;
    Ok(())
}

fn read(line: &str) -> Result<Item<Vec<u8>>, Failure> {
    let fields = line.split_whitespace().map(hex::decode).collect::<Result<Vec<_>, _>>()?;
    let [key, signature, message] = fields.try_into().map_err(|_| "a line has three fields")?;
    Ok(Item::signed(key, signature, message))
}

fn made() -> Result<Vec<Item<Vec<u8>>>, Failure> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519)?;
    let mut items = Vec::new();
    for height in 0..1_000 {
        let mut message = format!("block {height}").into_bytes();
        let signature = key.sign(&message)?;
        if height == 17 || height == 613 {
            message.push(b'!');
        }
        items.push(Item::signed(key.der_bytes().to_vec(), signature, message));
    }
    Ok(items)
}
