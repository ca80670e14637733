//! Writes the hash functions' rounds as unrolled WGSL with constant indices: rolled loops over private arrays run many times
//! slower. What surrounds the rounds (blocks, padding, entry points) is written by hand in `wgsl/hash`.
//!
//! Each part gives a compression function over arrays in the machine's order, and `NAME_message(item)`: the digest of prefix
//! and message, as words that lie as the digest's bytes do.

mod arx;
mod keccak;
mod ripemd160;
mod sha2;
mod sm3;

// The lanes' twins use the same table.
#[path = "../../../core/src/lanes/hash/constants.rs"]
mod constants;

use crate::recipes::Part;

/// How a 64-bit word is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wide {
    /// As `u64`, where the device has it.
    Native,
    /// As a pair of u32, the lower first.
    Pairs,
}

impl Wide {
    /// The operations both spellings offer under one name.
    pub(crate) fn part(self) -> Part {
        Part::File(match self {
            Self::Native => "hash/wide_native",
            Self::Pairs => "hash/wide_pairs",
        })
    }
}

pub(crate) fn sha256() -> Part {
    Part::Generated("hash/sha256", sha2::sha256())
}

pub(crate) fn sha512() -> Part {
    Part::Generated("hash/sha512", sha2::sha512())
}

pub(crate) fn sm3() -> Part {
    Part::Generated("hash/sm3", sm3::text())
}

pub(crate) fn ripemd160() -> Part {
    Part::Generated("hash/ripemd160", ripemd160::text())
}

pub(crate) fn keccak() -> Part {
    Part::Generated("hash/keccak", keccak::text())
}

/// The permutation alone.
pub(crate) fn keccak_permutation() -> Part {
    Part::Generated("hash/keccak_permute", keccak::permutation())
}

pub(crate) fn blake3() -> Part {
    Part::Generated("hash/blake3_compress", arx::blake3())
}

pub(crate) fn blake2b() -> Part {
    Part::Generated("hash/blake2b", arx::blake2b())
}

/// `a[0], a[1], …` with `each` written for each index.
fn list(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).map(each).collect::<Vec<_>>().join(", ")
}

/// A 32-bit literal.
fn word(value: u32) -> String {
    format!("{value:#010x}u")
}

/// A 64-bit literal in both spellings' constructor.
fn wide(value: u64) -> String {
    format!("wide({:#010x}u, {:#010x}u)", value as u32, value >> 32)
}

/// `NAME_message` of a hash over 64-byte blocks of 32-bit words (Merkle-Damgård strengthening with the length in bits).
fn message_32(name: &str, init: &[u32], digest_words: usize, big_endian: bool) -> String {
    let count = init.len();
    let turn = if big_endian { "swap_bytes" } else { "" };
    let [high, low] = if big_endian { [14, 15] } else { [15, 14] };
    format!(
        "fn {name}_init() -> array<u32, {count}> {{
    return array<u32, {count}>({init});
}}

fn {name}_message(item: u32) -> array<u32, {digest_words}> {{
    let message = message_of(item);
    let bytes = (PREFIX_WORDS << 2u) + message.y;
    let blocks = (bytes + 72u) >> 6u;
    var h = {name}_init();
    for (var block = 0u; block < blocks; block += 1u) {{
        let input = input_block(item, message, block << 4u, 0x80u);
        var m = array<u32, 16>({input});
        if (block + 1u == blocks) {{
            m[{high}] = bytes >> 29u;
            m[{low}] = bytes << 3u;
        }}
        h = {name}_compress(h, m);
    }}
    return array<u32, {digest_words}>({digest});
}}
",
        init = list(count, |i| word(init[i])),
        input = list(16, |i| format!("{turn}(input[{i}])")),
        digest = list(digest_words, |i| format!("{turn}(h[{i}])")),
    )
}
