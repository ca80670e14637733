//! Valid items for benchmarks, load and the demo: for every row, as many as wanted, with distinct keys.
//!
//! The libraries that can sign make them, from keys and messages that a seed decides, so two runs ask the same
//! questions (P-256 signatures and RSA keys alone bear their library's randomness). Keys come in the forms chains
//! write them, and go through the same encoder as everybody's. Nothing here protects a secret: the keys are as public
//! as the seed.

mod proof;
mod sign;

use assay_scheme::encoding::{Encoder, SignatureFormat};
use assay_scheme::registry::{Grouping, Messages};
use assay_scheme::{Columns, ColumnsBuilder, Kind, Operation, Parameters, Row, Verdict};

use sign::Signer;

/// What the items should be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// How many.
    pub items: usize,
    /// Bytes of each message, where the row does not sign a 32-byte digest.
    pub message_bytes: usize,
    /// Distinct keys at most; 0 is one an item where the row's keys are quick to make, and few where they are not.
    pub keys: usize,
    /// Keys (and messages) of an aggregate, or leaves of a tree.
    pub group: usize,
    /// One in this many items is spoiled so that it must come out invalid; 0 for none. Digests and roots cannot be.
    pub spoil_every: usize,
    /// Decides keys and messages.
    pub seed: u64,
}

impl Default for Spec {
    fn default() -> Self {
        Self { items: 1, message_bytes: 32, keys: 0, group: 8, spoil_every: 0, seed: 0 }
    }
}

/// One item, as a chain writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// No key, one, or the group's.
    pub keys: Vec<Vec<u8>>,
    /// Empty where the row has no signature.
    pub signature: Vec<u8>,
    /// One message, or the group's.
    pub messages: Vec<Vec<u8>>,
    /// Whether the rule set must accept it.
    pub valid: bool,
}

impl Sample {
    /// Makes the item one that its rule set must refuse: another message, for recover a v that does not exist, for proofs
    /// another root or more work than was done. Digests and roots stay as they are.
    pub fn spoil(&mut self, operation: &Operation) {
        match operation.kind {
            Kind::Verify => {
                if let Some(message) = self.messages.last_mut() {
                    match message.first_mut() {
                        Some(byte) => *byte ^= 1,
                        None => message.push(1),
                    }
                    self.valid = false;
                }
            }
            Kind::Recover => {
                self.signature[64] = 4;
                self.valid = false;
            }
            // Another root, or a limit and a difficulty that no hash meets.
            Kind::Merkle | Kind::Pow => {
                if let Some(key) = self.keys.first_mut() {
                    match operation.row {
                        Row::PowBitcoinHeader => key.fill(0),
                        Row::PowBitcoinShare => key.fill(0xff),
                        _ => key[0] ^= 1,
                    }
                    self.valid = false;
                }
            }
            _ => {}
        }
    }

    /// Whether an answer is the one this item must get.
    #[must_use]
    pub fn agrees(&self, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Valid => self.valid,
            Verdict::Invalid(_) => !self.valid,
            Verdict::NotEvaluated(_) => false,
        }
    }
}

/// The parameters that the items of a row are made for: none but a Merkle rule's first hash.
#[must_use]
pub fn parameters(operation: &Operation) -> Parameters {
    match operation.messages {
        Messages::Leaves(hashes) => Parameters { hash: hashes.first().copied(), ..Parameters::default() },
        _ => Parameters::default(),
    }
}

/// Makes items, on all cores.
#[must_use]
pub fn samples(operation: &'static Operation, spec: &Spec) -> Vec<Sample> {
    let keys = if spec.keys == 0 { keys_default(operation.row, spec.items) } else { spec.keys };
    let signers: Option<Vec<_>> =
        parallel(keys, |index| Signer::new(operation.row, spec.seed, index as u64)).into_iter().collect();
    let signers = signers.unwrap_or_default();
    parallel(spec.items, |index| sample(operation, spec, &signers, index))
}

/// `make(0)` to `make(count - 1)`, each core its share.
fn parallel<T: Send>(count: usize, make: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = count.div_ceil(threads).max(1);
    let make = &make;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .step_by(share)
            .map(|start| scope.spawn(move || (start..count.min(start + share)).map(make).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("making an item does not panic")).collect()
    })
}

/// Item `index` of a row.
fn sample(operation: &'static Operation, spec: &Spec, signers: &[Signer], index: usize) -> Sample {
    let spoils = spec.spoil_every > 0 && index % spec.spoil_every == spec.spoil_every - 1;
    if let Some(mut sample) = proof::sample(operation.row, spec.seed, spec.group, index) {
        if spoils {
            sample.spoil(operation);
        }
        return sample;
    }
    let mut bytes = sign::stream(spec.seed, operation.row, "message", index as u64);
    let len = match operation.messages {
        Messages::DigestOr(_) | Messages::Leaves(_) => 32,
        Messages::Raw => spec.message_bytes,
    };
    let count = match operation.grouping {
        Grouping::Single | Grouping::Keys => 1,
        Grouping::KeysAndMessages | Grouping::Messages => spec.group.max(1),
    };
    let messages: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            let mut message = vec![0; len];
            bytes.fill(&mut message);
            message
        })
        .collect();
    let group = match operation.grouping {
        Grouping::Single => 1,
        _ => spec.group.max(1),
    };
    let (keys, signature) = sign::sign(signers, index * group, group, &messages);
    let mut sample = Sample { keys, signature, messages, valid: true };
    if spoils {
        sample.spoil(operation);
    }
    sample
}

/// Items as columns: one request's worth each, in order.
#[must_use]
pub fn columns(operation: &'static Operation, samples: &[Sample]) -> Vec<Columns> {
    let encoder = Encoder::new(operation, SignatureFormat::Raw).expect("every row takes the column's own form");
    let mut builder = ColumnsBuilder::new(operation);
    let mut requests = Vec::new();
    let mut cut = |builder: ColumnsBuilder| {
        if builder.items() > 0 {
            requests.push(builder.build().expect("not empty, and each item was asked whether it fits"));
        }
    };
    for sample in samples {
        let messages = sample.messages.iter().map(Vec::len).sum::<usize>();
        let bytes = sample.keys.len() * operation.key_len + operation.signature_len + messages;
        if !builder.fits(bytes, sample.keys.len() + sample.messages.len()) {
            cut(std::mem::replace(&mut builder, ColumnsBuilder::new(operation)));
        }
        let keys: Vec<_> = sample.keys.iter().map(Vec::as_slice).collect();
        let messages: Vec<_> = sample.messages.iter().map(Vec::as_slice).collect();
        if operation.grouping == Grouping::Single {
            encoder.push_item(&mut builder, keys.first().unwrap_or(&&[][..]), &sample.signature, messages[0]);
        } else {
            encoder.push_group(&mut builder, &keys, &sample.signature, &messages);
        }
    }
    cut(builder);
    requests
}

/// How many distinct keys a row's items share when the caller does not say: keys that take long to make, few.
fn keys_default(row: Row, items: usize) -> usize {
    match row {
        Row::Rsa2048Pkcs1Sha256 => items.min(2),
        Row::MlDsa65 => items.min(64),
        Row::BlsMinPkPop | Row::BlsMinPkPopAggregate | Row::BlsMinPkPopFastAggregate => items.min(512),
        _ => items,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_same_seed_makes_the_same_questions_and_another_others() {
        for row in [Row::Ed25519Zip215, Row::EcdsaSecp256k1, Row::Sm2Za, Row::BlsMinPkPopAggregate, Row::Sha256] {
            let spec = Spec { items: 3, group: 2, ..Spec::default() };
            let first = samples(row.operation(), &spec);
            assert_eq!(first, samples(row.operation(), &spec), "{}", row.name());
            assert_ne!(first, samples(row.operation(), &Spec { seed: 1, ..spec }), "{}", row.name());
        }
    }

    #[test]
    fn keys_are_distinct_unless_asked_otherwise() {
        let spec = Spec { items: 20, ..Spec::default() };
        let keys = |spec: &Spec| -> HashSet<_> {
            samples(Row::SchnorrBip340.operation(), spec).into_iter().map(|sample| sample.keys).collect()
        };
        assert_eq!(keys(&spec).len(), 20);
        assert_eq!(keys(&Spec { keys: 3, ..spec }).len(), 3);
    }

    #[test]
    fn every_row_has_items_that_fit_its_columns() {
        for row in Row::ALL {
            let operation = row.operation();
            let spec = Spec { items: 5, group: 3, spoil_every: 5, ..Spec::default() };
            let samples = samples(operation, &spec);
            let columns = &columns(operation, &samples)[0];
            assert_eq!(columns.items(), 5, "{}", operation.name);
            for item in 0..4 {
                assert!(columns.form(item).is_ok(), "{} item {item}", operation.name);
            }
            let spoiled = operation.key_len > 0 || operation.kind == Kind::Recover;
            assert_eq!(samples[4].valid, !spoiled, "{}", operation.name);
        }
    }
}
