//! Items cut into batches, batches as several requests in flight, answers in order.

use std::collections::VecDeque;

use assay_scheme::limits::ITEMS_MAX;
use assay_scheme::registry::Grouping;
use assay_scheme::{Columns, ColumnsBuilder, Operation, Parameters, Reason};
use assay_wire::limits::PARAMETERS_BYTES_MAX;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::client::Client;
use crate::config::Options;
use crate::error::Error;

/// Answers that wait for an earlier one, as a multiple of the requests in flight. Smaller: one slow request stalls the
/// stream. Larger: it may pile up more.
const AHEAD: usize = 4;

/// One item as a program has it: keys and signatures in canonical form (see [`assay_scheme::encoding`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<B> {
    /// Of a row that does not group. What the row has no use for is empty.
    Single {
        /// The key's SEC1 tag; 0 where the row has no forms.
        form: u8,
        /// The row's `key_len` bytes.
        key: B,
        /// The row's `signature_len` bytes.
        signature: B,
        /// Of any length.
        message: B,
    },
    /// Of a row that groups: several keys or messages.
    Group {
        /// As above.
        form: u8,
        /// Each of the row's `key_len` bytes; none where the row has no keys.
        keys: Vec<B>,
        /// The row's `signature_len` bytes.
        signature: B,
        /// One where the row groups keys alone, else as many as keys.
        messages: Vec<B>,
    },
    /// Refused while it was put into canonical form: it keeps its place, and this is its verdict's reason.
    Refused(Reason),
}

impl<B: AsRef<[u8]> + Default> Item<B> {
    /// A message to digest.
    #[must_use]
    pub fn message(message: B) -> Self {
        Self::Single { form: 0, key: B::default(), signature: B::default(), message }
    }

    /// A signature to verify, of a row whose keys have one form.
    #[must_use]
    pub fn signed(key: B, signature: B, message: B) -> Self {
        Self::Single { form: 0, key, signature, message }
    }
}

impl<B: AsRef<[u8]>> Item<B> {
    /// Bytes and entries it adds to the columns.
    fn size(&self, operation: &Operation) -> (usize, usize) {
        let sum = |parts: &[B]| parts.iter().map(|part| part.as_ref().len()).fold(0, usize::saturating_add);
        match self {
            Self::Single { key, signature, message, .. } => {
                let len = key.as_ref().len() + signature.as_ref().len();
                (len.saturating_add(message.as_ref().len()), 1)
            }
            Self::Group { keys, signature, messages, .. } => {
                let len = sum(keys).saturating_add(sum(messages)).saturating_add(signature.as_ref().len());
                (len, keys.len().max(messages.len()))
            }
            // A refused item's message takes the length of its neighbours': they were bounded by a request.
            Self::Refused(_) => (operation.key_len + operation.signature_len, 1),
        }
    }

    /// Whether it has the row's lengths and counts.
    fn check(&self, operation: &Operation) -> Result<(), String> {
        let lengths = |keys: &[&B], signature: &B| {
            if let Some(key) = keys.iter().find(|key| key.as_ref().len() != operation.key_len) {
                return Err(format!("a key has {} bytes, not {}", operation.key_len, key.as_ref().len()));
            }
            if signature.as_ref().len() != operation.signature_len {
                let len = signature.as_ref().len();
                return Err(format!("a signature has {} bytes, not {len}", operation.signature_len));
            }
            Ok(())
        };
        match (self, operation.grouping) {
            (Self::Refused(_), _) => Ok(()),
            (Self::Single { key, signature, .. }, Grouping::Single) => lengths(&[key], signature),
            (Self::Single { .. }, _) => Err("the row groups: an item has several keys or messages".into()),
            (Self::Group { .. }, Grouping::Single) => Err("the row does not group".into()),
            (Self::Group { keys, signature, messages, .. }, grouping) => {
                let (keys_wanted, messages_wanted) = match grouping {
                    Grouping::Keys => (keys.len(), 1),
                    Grouping::Messages => (usize::from(operation.key_len > 0), messages.len()),
                    _ => (keys.len(), keys.len()),
                };
                if (keys.len(), messages.len()) != (keys_wanted, messages_wanted) {
                    return Err(format!("{} keys and {} messages do not go together", keys.len(), messages.len()));
                }
                lengths(&keys.iter().collect::<Vec<_>>(), signature)
            }
        }
    }

    fn push(&self, builder: &mut ColumnsBuilder) {
        fn slices<B: AsRef<[u8]>>(parts: &[B]) -> Vec<&[u8]> {
            parts.iter().map(AsRef::as_ref).collect()
        }
        match self {
            Self::Single { form, key, signature, message } => {
                builder.push(*form, key.as_ref(), signature.as_ref(), message.as_ref());
            }
            Self::Group { form, keys, signature, messages } => {
                builder.push_group(*form, &slices(keys), signature.as_ref(), &slices(messages));
            }
            Self::Refused(reason) => builder.refuse(*reason),
        }
    }
}

/// Cuts items into batches of at most so many, and of no more bytes than one request may have. Ends after the first error.
pub struct Chunks<I, B> {
    operation: &'static Operation,
    items: I,
    items_max: usize,
    /// Taken from `items`, and too much for the batch before.
    held: Option<Item<B>>,
    taken: usize,
    over: bool,
}

impl<I, B> Chunks<I, B>
where
    I: Iterator<Item = Item<B>>,
    B: AsRef<[u8]>,
{
    /// Batches of `items_max` items (1 to [`ITEMS_MAX`], else the nearest of these) and a last, smaller one.
    pub fn new(operation: &'static Operation, items_max: usize, items: impl IntoIterator<IntoIter = I>) -> Self {
        Self {
            operation,
            items: items.into_iter(),
            items_max: items_max.clamp(1, ITEMS_MAX as usize),
            held: None,
            taken: 0,
            over: false,
        }
    }

    fn batch(&mut self) -> Result<Option<Columns>, String> {
        let mut builder = ColumnsBuilder::new(self.operation);
        while builder.items() < self.items_max {
            let item = match self.held.take() {
                Some(item) => item,
                None => match self.items.next() {
                    Some(item) => item,
                    None => break,
                },
            };
            item.check(self.operation)?;
            let (bytes, entries) = item.size(self.operation);
            // Parameters share the request's limit; an item that fills a request on its own may still try.
            let room = if builder.items() == 0 { 0 } else { PARAMETERS_BYTES_MAX as usize };
            if !builder.fits(bytes.saturating_add(room), entries) {
                if builder.items() == 0 {
                    return Err(format!("{bytes} bytes do not fit one request"));
                }
                self.held = Some(item);
                break;
            }
            item.push(&mut builder);
            self.taken += 1;
        }
        if builder.items() == 0 {
            return Ok(None);
        }
        builder.build().map(Some).map_err(|error| error.to_string())
    }
}

impl<I, B> Iterator for Chunks<I, B>
where
    I: Iterator<Item = Item<B>>,
    B: AsRef<[u8]>,
{
    type Item = Result<Columns, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let batch = self.batch();
        self.over = !matches!(batch, Ok(Some(_)));
        let item = self.taken;
        batch.map_err(|why| Error::Usage(format!("{}, item {item}: {why}", self.operation.name))).transpose()
    }
}

impl Client {
    /// A large batch as several requests, [`crate::ClientConfig::in_flight`] at a time; `progress` hears of the items done
    /// so far. The deadline holds for all of them together. `batches` is drawn from as room comes free, on this task: what
    /// it reads or computes there should be short.
    ///
    /// # Errors
    /// The first request's that got no answer.
    pub async fn stream<I>(
        &self,
        batches: I,
        parameters: &Parameters,
        options: Options,
        progress: impl FnMut(usize) + Send,
    ) -> Result<Answer, Error>
    where
        I: IntoIterator<Item = Columns> + Send,
        I::IntoIter: Send,
    {
        let mut all = Answer::default();
        let batches = batches.into_iter().map(Ok);
        self.drive(batches, parameters, options, progress, |answer| all.append(&answer)).await?;
        Ok(all)
    }

    /// The same for batches that may fail to be made ([`Chunks`], a file being read) and answers too many to keep: each
    /// batch's answer goes to `sink`, in the batches' order.
    ///
    /// # Errors
    /// The first batch's error, or the first request's that got no answer. What went to `sink` before stands.
    pub async fn stream_each<I>(
        &self,
        batches: I,
        parameters: &Parameters,
        options: Options,
        sink: impl FnMut(Answer) + Send,
    ) -> Result<(), Error>
    where
        I: IntoIterator<Item = Result<Columns, Error>> + Send,
        I::IntoIter: Send,
    {
        self.drive(batches.into_iter(), parameters, options, |_| {}, sink).await
    }

    async fn drive(
        &self,
        mut batches: impl Iterator<Item = Result<Columns, Error>> + Send,
        parameters: &Parameters,
        options: Options,
        mut progress: impl FnMut(usize) + Send,
        mut sink: impl FnMut(Answer) + Send,
    ) -> Result<(), Error> {
        let in_flight = self.config().in_flight;
        let deadline = options.deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        let mut tasks = JoinSet::new();
        // The answers not yet handed over, from the earliest on; `None` while awaited.
        let mut waiting: VecDeque<Option<Answer>> = VecDeque::new();
        let (mut handed, mut first_item, mut done, mut more) = (0, 0, 0, true);
        loop {
            while more && tasks.len() < in_flight && waiting.len() < in_flight * AHEAD {
                let Some(batch) = batches.next() else {
                    more = false;
                    break;
                };
                let (columns, batch, first) = (batch?, handed + waiting.len(), first_item);
                first_item += columns.items();
                waiting.push_back(None);
                let (client, parameters) = (self.clone(), parameters.clone());
                let deadline = deadline.map(|at| at.saturating_duration_since(Instant::now()));
                let options = Options { deadline, ..options };
                tasks.spawn(async move {
                    let answer = client.request(&columns, &parameters, options).await;
                    (batch, answer.map_err(|error| error.shifted(first)))
                });
            }
            let Some(joined) = tasks.join_next().await else { return Ok(()) };
            // Requests do not panic; were one to, it is not to look like an answer.
            let (batch, answer) = joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            let answer = answer?;
            done += answer.items();
            progress(done);
            waiting[batch - handed] = Some(answer);
            while let Some(answer) = waiting.front_mut().and_then(Option::take) {
                waiting.pop_front();
                handed += 1;
                sink(answer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use assay_scheme::Row;
    use assay_scheme::limits::BODY_BYTES_MAX;
    use proptest::prelude::*;

    use super::*;

    fn error(mut chunks: impl Iterator<Item = Result<Columns, Error>>) -> String {
        let why = loop {
            match chunks.next().expect("an error comes") {
                Ok(_) => {}
                Err(Error::Usage(why)) => break why,
                Err(other) => panic!("{other}"),
            }
        };
        assert!(chunks.next().is_none(), "nothing follows an error");
        why
    }

    #[test]
    fn no_items_are_no_batches() {
        assert!(Chunks::new(Row::Sha256.operation(), 10, Vec::<Item<Vec<u8>>>::new()).next().is_none());
    }

    #[test]
    fn bytes_end_a_batch_as_items_do() {
        let items = (0..40).map(|item| Item::message(vec![item; 1 << 20]));
        let batches: Vec<Columns> =
            Chunks::new(Row::Sha256.operation(), 1_000, items).collect::<Result<_, _>>().expect("they fit");
        assert_eq!(batches.iter().map(Columns::items).collect::<Vec<_>>(), [15, 15, 10]);
        assert_eq!(batches[1].message(0)[0], 15, "what did not fit comes next");
    }

    #[test]
    fn an_item_too_large_for_any_request_is_an_error_and_no_verdict() {
        let items = [Item::message(vec![1; 10]), Item::message(vec![2; BODY_BYTES_MAX as usize])];
        let why = error(Chunks::new(Row::Sha256.operation(), 10, items));
        assert!(why.contains("item 1") && why.contains("do not fit"), "{why}");
    }

    #[test]
    fn wrong_lengths_and_counts_are_named_with_their_item() {
        let ed25519 = Row::Ed25519Zip215.operation();
        let good = || Item::signed(vec![1; 32], vec![2; 64], vec![3; 5]);
        let why = error(Chunks::new(ed25519, 1, [good(), good(), Item::signed(vec![1; 31], vec![2; 64], vec![])]));
        assert!(why.contains("item 2") && why.contains("32 bytes, not 31"), "{why}");
        let why = error(Chunks::new(ed25519, 9, [good(), Item::signed(vec![1; 32], vec![2; 65], vec![])]));
        assert!(why.contains("item 1") && why.contains("64 bytes, not 65"), "{why}");

        let group = |keys: usize, messages: usize| {
            [Item::Group {
                form: 0,
                keys: vec![vec![1; 48]; keys],
                signature: vec![2; 96],
                messages: vec![vec![3]; messages],
            }]
        };
        assert!(error(Chunks::new(ed25519, 9, group(1, 1))).contains("does not group"));
        assert!(error(Chunks::new(Row::BlsMinPkPopFastAggregate.operation(), 9, [good()])).contains("groups"));
        for (row, keys, messages, fits) in [
            (Row::BlsMinPkPopFastAggregate, 3, 1, true),
            (Row::BlsMinPkPopFastAggregate, 3, 3, false),
            (Row::BlsMinPkPopAggregate, 3, 3, true),
            (Row::BlsMinPkPopAggregate, 3, 2, false),
        ] {
            let batch = Chunks::new(row.operation(), 9, group(keys, messages)).next().expect("an item");
            assert_eq!(batch.is_ok(), fits, "{} {keys} {messages}", row.name());
        }
    }

    #[test]
    fn a_refused_item_keeps_its_place() {
        let items = [Item::Refused(Reason::Key), Item::signed(vec![1; 32], vec![2; 64], vec![3; 5])];
        let batch = Chunks::new(Row::Ed25519Zip215.operation(), 9, items).next().expect("a batch").expect("fits");
        assert_eq!((batch.form(0), batch.form(1)), (Err(Reason::Key), Ok(0)));
    }

    proptest! {
        #[test]
        fn batches_hold_every_item_once_in_order(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..200),
            items_max in 0..70_usize,
        ) {
            let items = messages.iter().map(|message| Item::message(message.as_slice()));
            let batches = Chunks::new(Row::Keccak256.operation(), items_max, items)
                .collect::<Result<Vec<_>, _>>()
                .expect("they fit");
            let whole = items_max.max(1);
            prop_assert_eq!(batches.len(), messages.len().div_ceil(whole));
            let mut at = 0;
            for batch in &batches {
                prop_assert!(batch.items() == whole || at + batch.items() == messages.len());
                for item in 0..batch.items() {
                    prop_assert_eq!(batch.message(item), messages[at].as_slice());
                    at += 1;
                }
            }
            prop_assert_eq!(at, messages.len());
        }
    }
}
