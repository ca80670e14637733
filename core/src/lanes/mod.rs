//! The CPU backend with vector lanes: N independent items in N lanes.
//!
//! Served today: every digest row, sixteen messages at a time (eight where the words have 64 bits) on AVX-512 or AVX2, the
//! Merkle roots made of them, and with AVX-512 IFMA the curves below, eight signatures at a time; elsewhere the reference
//! libraries serve. A message too long for a row's kernel is hashed by the single-stream library, which has lanes of its
//! own inside one message.
//!
//! - `word`: the vector operations a kernel may use; `avx512`, `avx2` and, in tests, plain arrays implement them.
//! - `level`: which instructions there are, and the only door to code compiled for them.
//! - `hash`, `merkle`: the hashes' kernels, and levels of trees hashed by them.
//! - `ed25519`; `secp256k1`, `p256` and `sm2` over `weierstrass`: a curve each.
//! - `keys`: tables of known keys, within a bound.
//! - `items`, `message`: a call's items in groups of lanes, and what their signatures are about.

#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(
        dead_code,
        unused_variables,
        unused_mut,
        reason = "elsewhere the kernels have no level to run on but in tests"
    )
)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod ed25519;
mod hash;
mod items;
mod keys;
mod level;
mod merkle;
mod message;
mod p256;
#[cfg(test)]
mod portable;
mod secp256k1;
mod sm2;
#[cfg(test)]
mod testing;
mod unroll;
mod weierstrass;
mod word;

use std::ops::Range;
use std::sync::Arc;

use assay_scheme::columns::FORM_REFUSED;
use assay_scheme::{Keys, Kind, Row, Verdict};

use crate::backend::{Backend, BackendName, Chores, Fault, Output, Preloaded};
use crate::batch::Bundle;
use hash::Kernel;
use items::Call;
use keys::Table;
pub use level::{CurveLevel, Level};
use weierstrass::comb::KeyTable;

/// The lanes backend.
#[derive(Clone, Debug)]
pub struct Lanes {
    hashes: Level,
    curves: Option<CurveLevel>,
    keys: Arc<KnownKeys>,
}

/// Tables of known keys, a cache for each curve.
#[derive(Debug)]
pub(crate) struct KnownKeys {
    ed25519: Arc<keys::Cache<ed25519::KeyTable>>,
    secp256k1: Arc<keys::Cache<KeyTable<secp256k1::Secp256k1>>>,
    p256: Arc<keys::Cache<KeyTable<p256::P256>>>,
    sm2: Arc<keys::Cache<KeyTable<sm2::Sm2>>>,
    /// What the tables are made on; without it none is.
    level: Option<CurveLevel>,
    /// Rung when a call asks for tables.
    bell: keys::Bell,
}

impl KnownKeys {
    /// Curves that keep tables: each has an even share.
    const CURVES: usize = 4;

    fn new(bytes: usize, level: Option<CurveLevel>) -> Self {
        let share = bytes / Self::CURVES;
        Self {
            ed25519: Arc::new(keys::Cache::new(share)),
            secp256k1: Arc::new(keys::Cache::new(share)),
            p256: Arc::new(keys::Cache::new(share)),
            sm2: Arc::new(keys::Cache::new(share)),
            level,
            bell: keys::Bell::default(),
        }
    }

    /// After a call's verdicts: the tables that it wants are made in the background.
    fn ask<T: Table>(&self, cache: &keys::Cache<T>, found: &keys::Found<T>) {
        if cache.ask(found) {
            self.bell.ring();
        }
    }
}

impl Chores for KnownKeys {
    /// A group of tables of each curve.
    fn work(&self) -> bool {
        let Some(level) = self.level else { return false };
        let Self { ed25519, secp256k1, p256, sm2, .. } = self;
        ed25519.make_some(level) | secp256k1.make_some(level) | p256.make_some(level) | sm2.make_some(level)
    }

    fn wait(&self, heard: u64) -> u64 {
        self.bell.wait(heard)
    }

    fn wake(&self) {
        self.bell.ring();
    }
}

impl Lanes {
    /// Lanes on these instructions; without those for curves, for digests alone. Tables of keys that keep coming may take
    /// so many bytes.
    #[must_use]
    pub fn new(hashes: Level, curves: Option<CurveLevel>, key_table_bytes: usize) -> Self {
        Self { hashes, curves, keys: Arc::new(KnownKeys::new(key_table_bytes, curves)) }
    }

    /// What serves here and what falls back, for people.
    #[must_use]
    pub fn note(&self) -> String {
        let digests = format!("digests and roots in {} lanes", self.hashes.name());
        let Some(level) = self.curves else {
            return format!("{digests}; curves need AVX-512 IFMA and fall back on the libraries");
        };
        let curves = [
            ("Ed25519", Row::Ed25519Zip215),
            ("secp256k1", Row::EcdsaSecp256k1),
            ("P-256", Row::EcdsaP256),
            ("SM2", Row::Sm2Za),
        ];
        let (here, back): (Vec<_>, Vec<_>) = curves.into_iter().partition(|(_, row)| curve(*row).is_some());
        let names = |of: Vec<(&'static str, Row)>| of.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
        let note = format!("{digests}, {} in {} lanes", names(here), level.name());
        if back.is_empty() { note } else { format!("{note}; {} on the libraries", names(back)) }
    }
}

/// What computes a curve's row: a verdict (and value) for each of the call's items.
type Curve = fn(&Call<'_>, &mut Output<'_>);

/// The curve lanes of a row, where there are any.
const fn curve(row: Row) -> Option<Curve> {
    Some(match row {
        Row::Ed25519Zip215 => ed25519::zip215,
        Row::Ed25519Ref10 => ed25519::ref10,
        Row::Ed25519Strict => ed25519::strict,
        Row::EcdsaSecp256k1 => secp256k1::ecdsa,
        Row::EcdsaSecp256k1LowS => secp256k1::ecdsa_low_s,
        Row::SchnorrBip340 => secp256k1::schnorr,
        Row::RecoverSecp256k1 => secp256k1::recover,
        Row::RecoverSecp256k1LowS => secp256k1::recover_low_s,
        Row::EcdsaP256 => p256::ecdsa,
        Row::EcdsaP256LowS => p256::ecdsa_low_s,
        Row::Sm2Za => sm2::with_za,
        Row::Sm2E => sm2::with_e,
        _ => return None,
    })
}

/// Calls a generic function with the kernel of a digest row.
macro_rules! with_kernel {
    ($row:expr, $call:ident, $args:tt) => {
        match $row {
            Row::Sha256 => $call::<hash::Sha256> $args,
            Row::Sha256d => $call::<hash::Sha256d> $args,
            Row::Sha512 => $call::<hash::Sha512> $args,
            Row::Sha3_256 => $call::<hash::Sha3_256> $args,
            Row::Keccak256 => $call::<hash::Keccak256> $args,
            Row::Blake3 => $call::<hash::Blake3> $args,
            Row::Blake2b256 => $call::<hash::Blake2b256> $args,
            Row::Sm3 => $call::<hash::Sm3> $args,
            Row::Ripemd160 => $call::<hash::Ripemd160> $args,
            Row::Hash160 => $call::<hash::Hash160> $args,
            row => return Err(Fault::NotServed(row.name())),
        }
    };
}

impl Backend for Lanes {
    fn name(&self) -> BackendName {
        BackendName::Lanes
    }

    fn serves(&self, row: Row) -> bool {
        row.operation().kind == Kind::Digest || merkle::serves(row) || self.curves.is_some() && curve(row).is_some()
    }

    fn compute(&self, bundle: &Bundle, range: Range<usize>, mut out: Output<'_>) -> Result<(), Fault> {
        let row = bundle.operation().row;
        if !self.serves(row) {
            return Err(Fault::NotServed(row.name()));
        }
        if merkle::serves(row) {
            merkle::roots(self.hashes, bundle, range, &mut out);
            return Ok(());
        }
        if let (Some(curves), Some(curve)) = (self.curves, curve(row)) {
            let (parameters, items) = (bundle.parameters(), items::collect(bundle, range, &mut out));
            curve(&Call { curves, hashes: self.hashes, keys: &self.keys, parameters, items }, &mut out);
            return Ok(());
        }
        with_kernel!(row, digests, (self.hashes, bundle, range, &mut out));
        Ok(())
    }

    fn table_bytes(&self, row: Row) -> usize {
        match row {
            _ if self.curves.is_none() => 0,
            Row::Ed25519Zip215 | Row::Ed25519Ref10 | Row::Ed25519Strict => ed25519::KeyTable::BYTES,
            Row::EcdsaSecp256k1 | Row::EcdsaSecp256k1LowS | Row::SchnorrBip340 => {
                KeyTable::<secp256k1::Secp256k1>::BYTES
            }
            Row::EcdsaP256 | Row::EcdsaP256LowS => KeyTable::<p256::P256>::BYTES,
            Row::Sm2Za | Row::Sm2E => KeyTable::<sm2::Sm2>::BYTES,
            _ => 0,
        }
    }

    fn chores(&self) -> Option<Arc<dyn Chores>> {
        self.curves.map(|_| Arc::clone(&self.keys) as Arc<dyn Chores>)
    }

    fn preload(&self, row: Row, keys: &Keys) -> Option<Preloaded> {
        let level = self.curves?;
        match row {
            Row::Ed25519Zip215 | Row::Ed25519Ref10 => Some(self.keys.ed25519.preload(level, keys, |_| false)),
            Row::Ed25519Strict => Some(self.keys.ed25519.preload(level, keys, |table| table.has_small_order)),
            Row::EcdsaSecp256k1 | Row::EcdsaSecp256k1LowS | Row::SchnorrBip340 => {
                Some(self.keys.secp256k1.preload(level, keys, |_| false))
            }
            Row::EcdsaP256 | Row::EcdsaP256LowS => Some(self.keys.p256.preload(level, keys, |_| false)),
            Row::Sm2Za | Row::Sm2E => Some(self.keys.sm2.preload(level, keys, |_| false)),
            _ => None,
        }
    }
}

/// Messages of one length at least, side by side in a request, that are hashed where they lie: fewer share their groups with
/// other requests'. Smaller: more groups are not full. Larger: more messages are gathered one by one.
const ROWS_MIN: usize = 128;

/// The digests of `range`.
fn digests<K: Kernel>(level: Level, bundle: &Bundle, range: Range<usize>, out: &mut Output<'_>) {
    // What is not hashed where it lies, and where its digest goes.
    let (mut messages, mut places) = (Vec::new(), Vec::new());
    let mut at = 0;
    for (columns, items) in bundle.slices(range) {
        let start = at;
        at += items.len();
        let stride = columns.shape().message_stride as usize;
        let forms = columns.forms_of(items.clone()).iter().fold(0, |all, form| all | form);
        if items.len() >= ROWS_MIN && (1..=K::MESSAGE_BYTES_MAX).contains(&stride) && forms & FORM_REFUSED == 0 {
            hash::rows::<K>(level, columns.messages_of(items), stride, out.valid_values(start..at));
            continue;
        }
        for (at, item) in (start..).zip(items) {
            match columns.form(item) {
                Err(reason) => out.verdict(at, Verdict::Invalid(reason)),
                Ok(_) if columns.message_len(item) > K::MESSAGE_BYTES_MAX => {
                    // Only BLAKE3's kernel has a bound.
                    out.value(at, blake3::hash(columns.message(item)).as_bytes());
                }
                Ok(_) => {
                    messages.push(columns.message(item));
                    places.push(at);
                }
            }
        }
    }
    hash::digests::<K>(level, &messages, &mut |i, digest| out.value(places[i], digest));
}

#[cfg(test)]
mod tests {
    use assay_scheme::{ColumnsBuilder, Operation, Parameters, Reason};
    use proptest::prelude::*;

    use super::testing::agree;
    use super::*;

    fn bundle(operation: &'static Operation, messages: &[Option<Vec<u8>>]) -> Bundle {
        let mut builder = ColumnsBuilder::new(operation);
        for message in messages {
            match message {
                Some(message) => builder.push(0, &[], &[], message),
                None => builder.refuse(Reason::Message),
            }
        }
        Bundle::new(Parameters::default(), vec![builder.build().expect("fits a request")]).expect("no parameters")
    }

    #[test]
    fn every_length_around_the_block_edges_agrees_with_the_libraries() {
        let lengths = (0..400).chain([1_023, 1_024, 1_025, 5_000]);
        let messages: Vec<_> = lengths.map(|n: usize| Some((0..n).map(|i| (i * 7 + n) as u8).collect())).collect();
        for operation in Operation::of_kind(Kind::Digest) {
            agree(&bundle(operation, &messages), 0..messages.len());
        }
    }

    #[test]
    fn messages_of_one_length_side_by_side_agree() {
        for len in [1, 31, 55, 56, 63, 64, 65, 111, 112, 119, 120, 127, 128, 129, 135, 136, 137, 200, 272, 1_024, 1_025]
        {
            // Full groups of sixteen and of eight, and one that is not full.
            let messages: Vec<_> =
                (0..ROWS_MIN + 3).map(|i| Some((0..len).map(|n| (i * 5 + n) as u8).collect())).collect();
            for operation in Operation::of_kind(Kind::Digest) {
                let bundle = bundle(operation, &messages);
                assert_eq!(bundle.segments()[0].shape().message_stride as usize, len);
                agree(&bundle, 0..messages.len());
                agree(&bundle, 2..messages.len());
            }
        }
    }

    #[test]
    fn one_refused_among_equal_lengths_has_its_reason_and_the_others_their_digests() {
        let refused = ROWS_MIN / 2;
        let messages: Vec<_> = (0..ROWS_MIN + 1).map(|i| (i != refused).then(|| vec![i as u8; 40])).collect();
        for operation in Operation::of_kind(Kind::Digest) {
            agree(&bundle(operation, &messages), 0..messages.len());
        }
    }

    #[test]
    fn every_number_of_items_agrees_and_no_lane_sees_its_neighbour() {
        for operation in Operation::of_kind(Kind::Digest) {
            for items in [1, 7, 8, 9, 15, 16, 17, 33] {
                let messages: Vec<_> = (0..items).map(|i| Some(vec![i as u8; 64])).collect();
                agree(&bundle(operation, &messages), 0..items);
            }
            // A message alone in a batch of others, in each lane.
            for lane in 0..16 {
                let messages: Vec<_> = (0..16).map(|i| Some(vec![u8::from(i == lane); 32])).collect();
                agree(&bundle(operation, &messages), 0..16);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn mixed_batches_agree(
            messages in prop::collection::vec(
                prop::option::weighted(0.95, prop::collection::vec(any::<u8>(), 0..2_100)), 1..80),
            from in 0.0..1.0_f64,
            to in 0.0..1.0_f64,
        ) {
            let at = |share: f64| (messages.len() as f64 * share) as usize;
            let range = at(from.min(to))..at(from.max(to)).max(at(from.min(to)) + 1).min(messages.len());
            for operation in Operation::of_kind(Kind::Digest) {
                agree(&bundle(operation, &messages), range.clone());
            }
        }
    }
}
