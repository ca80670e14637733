//! Hash functions over lanes: one message a lane, neighbours of (nearly) equal block count, tails masked.
//!
//! A [`Kernel`] hashes up to a group of messages; [`runs`] and [`digests`] cut a batch into groups. Each kernel is compiled once for
//! every [`Level`] and only entered through [`Level::run`].

mod blake2b;
mod blake3;
mod constants;
mod keccak;
mod merkle_damgard;
mod ripemd160;
mod sha256;
mod sha512;
mod sm3;

use assay_scheme::Hash;

use super::level::Level;
use super::word::{Word32, Word64};

pub(super) use blake2b::Blake2b256;
pub(super) use blake3::Blake3;
pub(super) use keccak::{Keccak256, Sha3_256};
pub(super) use merkle_damgard::{Hash160, Md32, Sha256d};
pub(super) use ripemd160::Ripemd160;
pub(super) use sha256::Sha256;
pub(super) use sha512::Sha512;
pub(super) use sm3::Sm3;

/// A hash function over lanes.
pub(super) trait Kernel {
    /// Messages hashed at once.
    const LANES: usize;
    /// Bytes of a digest.
    const DIGEST_BYTES: usize;
    /// Bytes a message may have; longer ones are for a single-stream library.
    const MESSAGE_BYTES_MAX: usize = usize::MAX;

    /// How many times the compression function runs for a message of this many bytes: the sort key.
    fn blocks(len: usize) -> usize;

    /// Hashes `messages` (1 to [`Kernel::LANES`]) and hands their digests, end to end, to `out` with the first one's index, 0.
    fn run<W32: Word32, W64: Word64>(messages: &[&[u8]], out: &mut dyn FnMut(usize, &[u8]));
}

/// Hashes a batch: groups of neighbours in the order of their block counts. Digests go to `out` in runs: the index of the
/// first, and those of it and its neighbours end to end.
pub(super) fn runs<K: Kernel>(level: Level, messages: &[&[u8]], out: &mut dyn FnMut(usize, &[u8])) {
    let blocks = |message: &&[u8]| K::blocks(message.len());
    let Some(first) = messages.first().map(blocks) else { return };
    if messages.iter().all(|message| blocks(message) == first) {
        for (g, group) in messages.chunks(K::LANES).enumerate() {
            level.run::<K>(group, &mut |i, run| out(g * K::LANES + i, run));
        }
        return;
    }
    let mut order: Vec<usize> = (0..messages.len()).collect();
    order.sort_by_key(|i| blocks(&messages[*i]));
    let mut group: Vec<&[u8]> = Vec::with_capacity(K::LANES);
    for indices in order.chunks(K::LANES) {
        group.clear();
        group.extend(indices.iter().map(|i| messages[*i]));
        level.run::<K>(&group, &mut |_, run| {
            for (i, digest) in indices.iter().zip(run.chunks_exact(K::DIGEST_BYTES)) {
                out(*i, digest);
            }
        });
    }
}

/// The same with each digest on its own.
pub(super) fn digests<K: Kernel>(level: Level, messages: &[&[u8]], out: &mut dyn FnMut(usize, &[u8])) {
    runs::<K>(level, messages, &mut |first, run| {
        for (i, digest) in run.chunks_exact(K::DIGEST_BYTES).enumerate() {
            out(first + i, digest);
        }
    });
}

/// Hashes a batch by a hash's name: runs of 32 bytes each.
pub(super) fn named(level: Level, hash: Hash, messages: &[&[u8]], out: &mut dyn FnMut(usize, &[u8])) {
    match hash {
        Hash::Sha256 => runs::<Sha256>(level, messages, out),
        Hash::Sha256d => runs::<Sha256d>(level, messages, out),
        Hash::Sha3_256 => runs::<Sha3_256>(level, messages, out),
        Hash::Keccak256 => runs::<Keccak256>(level, messages, out),
        Hash::Blake2b256 => runs::<Blake2b256>(level, messages, out),
        Hash::Sm3 => runs::<Sm3>(level, messages, out),
    }
}

/// Hands out the digests at the rows' beginnings.
#[inline(always)]
fn hand_out<K: Kernel, const ROW: usize>(rows: &[[u8; ROW]], out: &mut dyn FnMut(usize, &[u8])) {
    if ROW == K::DIGEST_BYTES {
        return out(0, rows.as_flattened());
    }
    let mut packed = [0; 16 * 64];
    for (row, digest) in rows.iter().zip(packed.chunks_exact_mut(K::DIGEST_BYTES)) {
        digest.copy_from_slice(&row[..K::DIGEST_BYTES]);
    }
    out(0, &packed[..rows.len() * K::DIGEST_BYTES]);
}

/// The lanes' messages: those given, and the first again in the lanes left over.
#[inline(always)]
fn fill<'a, const N: usize>(messages: &[&'a [u8]]) -> [&'a [u8]; N] {
    let mut lanes = [messages[0]; N];
    lanes[..messages.len()].copy_from_slice(messages);
    lanes
}

/// The 64 bytes of a message from `at` on, or as many as there are.
#[inline(always)]
fn piece(message: &[u8], at: usize) -> &[u8] {
    let rest = &message[at.min(message.len())..];
    &rest[..rest.len().min(64)]
}
