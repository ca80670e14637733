//! Keccak-256 and SHA3-256 (FIPS 202): the same sponge, one domain byte apart.

use super::super::word::{LANES_64, Word32, Word64, each};
use super::constants::KECCAK_RC;
use super::{Kernel, lanes_of, piece, rows_of, words_64};

/// Bytes absorbed at once: 1,600 - 2 x 256 bits.
const RATE: usize = 136;

/// Keccak-256 with the padding from before FIPS 202.
pub(in super::super) struct Keccak256;

/// SHA3-256.
pub(in super::super) struct Sha3_256;

macro_rules! sponge {
    ($name:ident, $domain:literal) => {
        impl Kernel for $name {
            const LANES: usize = LANES_64;
            const DIGEST_BYTES: usize = 32;

            #[inline(always)]
            fn blocks(len: usize) -> usize {
                len / RATE + 1
            }

            type Shared = ();

            #[inline(always)]
            fn shared(_len: usize) {}

            #[inline(always)]
            fn equal<W32: Word32, W64: Word64>(messages: &[&[u8]], (): &(), digests: &mut [u8]) {
                squeeze(&equal::<W64>(lanes_of(messages), $domain), digests);
            }

            #[inline(always)]
            fn mixed<W32: Word32, W64: Word64>(messages: &[&[u8]], digests: &mut [u8]) {
                squeeze(&mixed::<W64>(lanes_of(messages), $domain), digests);
            }
        }
    };
}

sponge!(Keccak256, 0x01);
sponge!(Sha3_256, 0x06);

/// The state after messages of one length: what follows them is the same in every lane, and where they end nothing is loaded.
#[inline(always)]
fn equal<W: Word64>(lanes: &[&[u8]; LANES_64], domain: u8) -> [W; 25] {
    let len = lanes[0].len();
    let mut state = [W::splat(0); 25];
    for b in 0..=len / RATE {
        for (at, word) in [(0, 0), (64, 8), (128, 16)] {
            let start = b * RATE + at;
            let end = len.min((b + 1) * RATE);
            if start >= end {
                break;
            }
            if at == 128 {
                state[word] = state[word].xor(W::load(&each(|lane| self::word(lanes[lane], start))));
                break;
            }
            let words = words_64::<W>(lanes, start, end);
            for w in 0..8 {
                state[word + w] = state[word + w].xor(words[w]);
            }
        }
        if b == len / RATE {
            let rest = len % RATE;
            let mut endings = [0; RATE / 8];
            endings[rest / 8] = u64::from(domain) << (8 * (rest % 8));
            endings[RATE / 8 - 1] ^= 0x80 << 56;
            for w in 0..RATE / 8 {
                state[w] = state[w].xor(W::splat(endings[w]));
            }
        }
        permute(&mut state);
    }
    state
}

/// The same of messages of any lengths.
#[inline(always)]
fn mixed<W: Word64>(lanes: &[&[u8]; LANES_64], domain: u8) -> [W; 25] {
    let mut blocks_max = 0;
    for message in lanes {
        blocks_max = blocks_max.max(message.len() / RATE + 1);
    }
    let mut state = [W::splat(0); 25];
    for b in 0..blocks_max {
        let (mut active, mut closed) = (0_u8, [0_u64; LANES_64]);
        // What follows a message: the domain at its end and the last bit of its last block, word by word.
        let mut endings = [[0_u64; LANES_64]; RATE / 8];
        for (lane, message) in lanes.iter().enumerate() {
            let last = message.len() / RATE;
            active |= u8::from(b <= last) << lane;
            if b == last {
                let rest = message.len() % RATE;
                endings[rest / 8][lane] = u64::from(domain) << (8 * (rest % 8));
                closed[lane] = 0x80 << 56;
            }
        }
        let start = b * RATE;
        let low = W::load_ends(&each(|lane| piece(lanes[lane], start)));
        let high = W::load_ends(&each(|lane| piece(lanes[lane], start + 64)));
        let last = W::load(&each(|lane| word(lanes[lane], start + 128)));
        let block: [W; RATE / 8] = each(|w| match w {
            0..8 => low[w],
            8..16 => high[w - 8],
            _ => last.xor(W::load(&closed)),
        });
        let mut next = state;
        for w in 0..RATE / 8 {
            next[w] = next[w].xor3(block[w], W::load(&endings[w]));
        }
        permute(&mut next);
        state = each(|i| state[i].select(active, next[i]));
    }
    state
}

/// The digest of each lane.
#[inline(always)]
fn squeeze<W: Word64>(state: &[W; 25], digests: &mut [u8]) {
    W::store_half_rows(&each(|i| state[i]), rows_of(digests));
}

/// The eight bytes of a message from `at` on as a word, zeros beyond its end.
#[inline(always)]
fn word(message: &[u8], at: usize) -> u64 {
    let rest = &message[at.min(message.len())..];
    match rest.first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// Keccak-f\[1600\] (section 3.3); word x + 5 y is lane (x, y). Six rounds in a row: where words come to lie between rounds is
/// then seldom undone by moving them.
#[inline(always)]
fn permute<W: Word64>(a: &mut [W; 25]) {
    for constants in KECCAK_RC.chunks_exact(6) {
        round(a, constants[0]);
        round(a, constants[1]);
        round(a, constants[2]);
        round(a, constants[3]);
        round(a, constants[4]);
        round(a, constants[5]);
    }
}

/// A round with its constant.
#[inline(always)]
fn round<W: Word64>(a: &mut [W; 25], constant: u64) {
    // Theta.
    let c: [W; 5] = each(|x| a[x].xor3(a[x + 5], a[x + 10]).xor3(a[x + 15], a[x + 20]));
    for x in 0..5 {
        let (left, right) = (c[(x + 4) % 5], c[(x + 1) % 5].rotl::<1>());
        for y in 0..5 {
            a[x + 5 * y] = a[x + 5 * y].xor3(left, right);
        }
    }
    // Rho and pi: lane (x, y) goes to (y, 2 x + 3 y).
    let b = [
        a[0],
        a[6].rotl::<44>(),
        a[12].rotl::<43>(),
        a[18].rotl::<21>(),
        a[24].rotl::<14>(),
        a[3].rotl::<28>(),
        a[9].rotl::<20>(),
        a[10].rotl::<3>(),
        a[16].rotl::<45>(),
        a[22].rotl::<61>(),
        a[1].rotl::<1>(),
        a[7].rotl::<6>(),
        a[13].rotl::<25>(),
        a[19].rotl::<8>(),
        a[20].rotl::<18>(),
        a[4].rotl::<27>(),
        a[5].rotl::<36>(),
        a[11].rotl::<10>(),
        a[17].rotl::<15>(),
        a[23].rotl::<56>(),
        a[2].rotl::<62>(),
        a[8].rotl::<55>(),
        a[14].rotl::<39>(),
        a[15].rotl::<41>(),
        a[21].rotl::<2>(),
    ];
    // Chi and iota.
    for y in 0..5 {
        for x in 0..5 {
            a[5 * y + x] = b[5 * y + x].chi(b[5 * y + (x + 1) % 5], b[5 * y + (x + 2) % 5]);
        }
    }
    a[0] = a[0].xor(W::splat(constant));
}
