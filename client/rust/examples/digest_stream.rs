//! Digests the lines of a file, or as many messages of 32 bytes as asked for, several requests in flight at once.
//!
//! With a file it prints a digest for each line, in the file's order; with `--items` only how fast it went.
//!
//! ```sh
//! cargo run --release -p assay-client --example digest_stream -- \
//!     --connect node.example:7443 --ca ca.pem --cert client.pem --key client.key \
//!     [--algorithm sha256] [--batch 16384] [--in-flight 8] [--mtu 1452] (FILE | --items N)
//! ```

use std::io::{BufRead, BufReader, Write};
use std::time::Instant;

use assay_client::{Chunks, Client, Error, Item, Options};
use assay_scheme::{Columns, Operation, Parameters};

#[path = "common/arguments.rs"]
mod arguments;
use arguments::{Arguments, Failure};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    run(std::env::args().skip(1), &mut std::io::stdout()).await
}

/// The example, with its arguments and where it writes.
pub(crate) async fn run(words: impl IntoIterator<Item = String>, out: &mut (impl Write + Send)) -> Result<(), Failure> {
    let arguments =
        Arguments::read(words, "[--algorithm NAME] [--batch N] [--in-flight N] [--mtu N] (FILE | --items N)")?;
    let name = arguments.option("algorithm").unwrap_or("sha256");
    let operation = Operation::from_name(name).ok_or_else(|| format!("no algorithm is called {name}"))?;
    let batch = arguments.option("batch").unwrap_or("16384").parse()?;
    let mut config = arguments.config().await?;
    config.in_flight = arguments.option("in-flight").unwrap_or("8").parse()?;
    config.mtu_bytes_max = arguments.option("mtu").unwrap_or("1452").parse()?;
    let client = Client::connect(config).await?;

    match (arguments.option("items"), arguments.option("")) {
        (Some(items), None) => {
            let batches = repeated(operation, batch, items.parse()?)?;
            let before = Instant::now();
            let mut done = 0;
            ask(&client, batches, |answer| done += answer.items()).await?;
            let seconds = before.elapsed().as_secs_f64();
            writeln!(out, "{done} items in {seconds:.3} s: {:.0} items a second", done as f64 / seconds)?;
        }
        (None, Some(file)) => {
            let lines = BufReader::new(std::fs::File::open(file)?).split(b'\n');
            // A line that cannot be read ends the stream as an error, never as an answer.
            let mut broken = None;
            let items = lines.map_while(|line| line.map_err(|error| broken = Some(error)).ok()).map(Item::message);
            let mut written = Ok(());
            ask(&client, Chunks::new(operation, batch, items), |answer| {
                for item in 0..answer.items() {
                    if written.is_ok() {
                        written = writeln!(out, "{}", hex::encode(answer.value(item)));
                    }
                }
            })
            .await?;
            written?;
            if let Some(error) = broken {
                return Err(error.into());
            }
        }
        _ => return Err("give either a file or --items".into()),
    }
    client.close().await;
    Ok(())
}

/// One batch of different messages, over and over: what is measured is the way there and back.
fn repeated(
    operation: &'static Operation,
    batch: usize,
    items: usize,
) -> Result<impl Iterator<Item = Result<Columns, Error>> + Send, Failure> {
    let messages = (0..batch as u64).map(|item| Item::message([item; 4].map(u64::to_le_bytes).concat()));
    let columns = Chunks::new(operation, batch, messages).next().ok_or("a batch has items")??;
    Ok(std::iter::repeat_n(Ok(columns), items.div_ceil(batch)))
}

async fn ask(
    client: &Client,
    batches: impl Iterator<Item = Result<Columns, Error>> + Send,
    sink: impl FnMut(assay_client::Answer) + Send,
) -> Result<(), Error> {
    client.stream_each(batches, &Parameters::default(), Options::default(), sink).await
}
