//! Hash functions over lanes: one message a lane, neighbours of (nearly) equal block count, tails masked.
//!
//! A [`Kernel`] hashes a group of messages, of one length or of several; [`runs`] and [`digests`] cut a batch into groups, and
//! [`rows`] hashes messages of one length where they lie. Each kernel is compiled once for every [`Level`] and only entered
//! through [`Level::group`] and [`Level::rows`].

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
use super::word::{LANES_32, LANES_64, Word32, Word64, each};

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

    /// What messages of one length share, worked out once for all groups of them.
    type Shared;

    /// How many times the compression function runs for a message of this many bytes: the sort key.
    fn blocks(len: usize) -> usize;

    /// What messages of `len` bytes share.
    fn shared(len: usize) -> Self::Shared;

    /// Hashes [`Kernel::LANES`] messages of the length that `shared` is for; their digests fill `digests`, end to end.
    fn equal<W32: Word32, W64: Word64>(messages: &[&[u8]], shared: &Self::Shared, digests: &mut [u8]);

    /// The same with messages of any lengths.
    fn mixed<W32: Word32, W64: Word64>(messages: &[&[u8]], digests: &mut [u8]);
}

/// Bytes of a group's digests at most: sixteen of 32, or eight of 64.
const GROUP_BYTES: usize = 512;

/// Hashes 1 to [`Kernel::LANES`] messages; their digests fill `digests`, end to end. What is compiled for a level.
#[inline(always)]
pub(super) fn group<K: Kernel, W32: Word32, W64: Word64>(messages: &[&[u8]], digests: &mut [u8]) {
    let len = messages[0].len();
    let is_equal = messages.iter().all(|message| message.len() == len);
    // The lanes left over hash the first message again.
    let mut lanes = [messages[0]; LANES_32];
    lanes[..messages.len()].copy_from_slice(messages);
    let lanes = &lanes[..K::LANES];
    let mut all = [0; GROUP_BYTES];
    let all = &mut all[..K::LANES * K::DIGEST_BYTES];
    if is_equal {
        K::equal::<W32, W64>(lanes, &K::shared(len), all);
    } else {
        K::mixed::<W32, W64>(lanes, all);
    }
    digests.copy_from_slice(&all[..digests.len()]);
}

/// Hashes messages of `len` bytes each, at least one, that lie end to end; their digests fill `digests`. What is compiled for a
/// level.
#[inline(always)]
pub(super) fn every<K: Kernel, W32: Word32, W64: Word64>(messages: &[u8], len: usize, digests: &mut [u8]) {
    let shared = K::shared(len);
    let mut all = [0; GROUP_BYTES];
    for (group, output) in messages.chunks(K::LANES * len).zip(digests.chunks_mut(K::LANES * K::DIGEST_BYTES)) {
        // The lanes left over hash the last message again.
        let last = group.len() - len;
        let mut lanes = [&group[..len]; LANES_32];
        for (lane, message) in lanes.iter_mut().enumerate() {
            let start = last.min(lane * len);
            *message = &group[start..start + len];
        }
        let is_whole = output.len() == K::LANES * K::DIGEST_BYTES;
        let own = if is_whole { &mut *output } else { &mut all[..K::LANES * K::DIGEST_BYTES] };
        K::equal::<W32, W64>(&lanes[..K::LANES], &shared, own);
        if !is_whole {
            output.copy_from_slice(&all[..output.len()]);
        }
    }
}

/// Hashes messages of `len` bytes each, at least one, that lie end to end; their digests fill `digests`, end to end.
pub(super) fn rows<K: Kernel>(level: Level, messages: &[u8], len: usize, digests: &mut [u8]) {
    let count = digests.len() / K::DIGEST_BYTES;
    assert!(
        (1..=K::MESSAGE_BYTES_MAX).contains(&len) && messages.len() == count * len,
        "{count} messages of {len} bytes"
    );
    level.rows::<K>(messages, len, digests);
}

/// Hashes a batch: groups of neighbours in the order of their block counts. Digests go to `out` in runs: the index of the
/// first, and those of it and its neighbours end to end.
pub(super) fn runs<K: Kernel>(level: Level, messages: &[&[u8]], out: &mut dyn FnMut(usize, &[u8])) {
    let blocks = |message: &&[u8]| K::blocks(message.len());
    let Some(first) = messages.first().map(blocks) else { return };
    let mut digests = [0; GROUP_BYTES];
    if messages.iter().all(|message| blocks(message) == first) {
        for (g, group) in messages.chunks(K::LANES).enumerate() {
            let digests = &mut digests[..group.len() * K::DIGEST_BYTES];
            level.group::<K>(group, digests);
            out(g * K::LANES, digests);
        }
        return;
    }
    let mut order: Vec<usize> = (0..messages.len()).collect();
    order.sort_by_key(|i| blocks(&messages[*i]));
    let mut group: Vec<&[u8]> = Vec::with_capacity(K::LANES);
    for indices in order.chunks(K::LANES) {
        group.clear();
        group.extend(indices.iter().map(|i| messages[*i]));
        let digests = &mut digests[..group.len() * K::DIGEST_BYTES];
        level.group::<K>(&group, digests);
        for (i, digest) in indices.iter().zip(digests.chunks_exact(K::DIGEST_BYTES)) {
            out(*i, digest);
        }
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

/// Calls a generic function with the kernel of a named hash.
macro_rules! with_named {
    ($hash:expr, $call:ident, $args:tt) => {
        match $hash {
            Hash::Sha256 => $call::<Sha256> $args,
            Hash::Sha256d => $call::<Sha256d> $args,
            Hash::Sha3_256 => $call::<Sha3_256> $args,
            Hash::Keccak256 => $call::<Keccak256> $args,
            Hash::Blake2b256 => $call::<Blake2b256> $args,
            Hash::Sm3 => $call::<Sm3> $args,
        }
    };
}

/// Hashes a batch by a hash's name: runs of 32 bytes each.
pub(super) fn named(level: Level, hash: Hash, messages: &[&[u8]], out: &mut dyn FnMut(usize, &[u8])) {
    with_named!(hash, runs, (level, messages, out));
}

/// What [`rows`] does, by a hash's name: 32 bytes each.
pub(super) fn named_rows(level: Level, hash: Hash, messages: &[u8], len: usize, digests: &mut [u8]) {
    with_named!(hash, rows, (level, messages, len, digests));
}

/// The messages as the lanes that a kernel has.
#[inline(always)]
fn lanes_of<'a, 'b, const N: usize>(messages: &'a [&'b [u8]]) -> &'a [&'b [u8]; N] {
    messages.first_chunk().expect("a message a lane")
}

/// The digests as a row a lane.
#[inline(always)]
fn rows_of<const BYTES: usize, const N: usize>(digests: &mut [u8]) -> &mut [[u8; BYTES]; N] {
    digests.as_chunks_mut().0.first_chunk_mut().expect("a digest a lane")
}

/// The words of 64 bytes from `start` on of messages of one length, zeros behind their end.
#[inline(always)]
fn words_32<W: Word32>(lanes: &[&[u8]; LANES_32], start: usize) -> [W; 16] {
    if lanes[0].len() - start >= 64 {
        W::load_blocks(&each(|lane| lanes[lane][start..].first_chunk().expect("a block's bytes")))
    } else {
        W::load_ends(&each(|lane| &lanes[lane][start..]))
    }
}

/// The words of the 64 bytes from `start` to `end`, or of as many as there are, of messages of one length, zeros behind them.
#[inline(always)]
fn words_64<W: Word64>(lanes: &[&[u8]; LANES_64], start: usize, end: usize) -> [W; 8] {
    if end - start >= 64 {
        W::load_blocks(&each(|lane| lanes[lane][start..].first_chunk().expect("a block's bytes")))
    } else {
        W::load_ends(&each(|lane| &lanes[lane][start..end]))
    }
}

/// The words of 128 bytes from `start` on of messages of one length, zeros behind their end, where nothing is loaded.
#[inline(always)]
fn words_128<W: Word64>(lanes: &[&[u8]; LANES_64], start: usize) -> [W; 16] {
    let len = lanes[0].len();
    let mut words = [W::splat(0); 16];
    for half in 0..2 {
        let start = start + 64 * half;
        if start >= len {
            break;
        }
        words[8 * half..8 * half + 8].copy_from_slice(&words_64::<W>(lanes, start, len));
    }
    words
}

/// The 64 bytes of a message from `at` on, or as many as there are.
#[inline(always)]
fn piece(message: &[u8], at: usize) -> &[u8] {
    let rest = &message[at.min(message.len())..];
    &rest[..rest.len().min(64)]
}
