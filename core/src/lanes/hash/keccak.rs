//! Keccak-256 and SHA3-256 (FIPS 202): the same sponge, one domain byte apart.

use super::super::word::{LANES_64, Word32, Word64};
use super::constants::KECCAK_RC;
use super::{Kernel, fill};

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

            #[inline(always)]
            fn blocks(len: usize) -> usize {
                len / RATE + 1
            }

            #[inline(always)]
            fn run<W32: Word32, W64: Word64>(messages: &[&[u8]], out: &mut impl FnMut(usize, &[u8])) {
                hash::<W64>(messages, $domain, out);
            }
        }
    };
}

sponge!(Keccak256, 0x01);
sponge!(Sha3_256, 0x06);

#[inline(always)]
fn hash<W: Word64>(messages: &[&[u8]], domain: u8, out: &mut impl FnMut(usize, &[u8])) {
    let lanes: [&[u8]; LANES_64] = fill(messages);
    let mut tails = [[0_u8; RATE]; LANES_64];
    let mut blocks_max = 0;
    for (message, tail) in lanes.iter().zip(&mut tails) {
        let rest = &message[message.len() / RATE * RATE..];
        tail[..rest.len()].copy_from_slice(rest);
        tail[rest.len()] = domain;
        tail[RATE - 1] |= 0x80;
        blocks_max = blocks_max.max(message.len() / RATE + 1);
    }
    let mut state = [W::splat(0); 25];
    for b in 0..blocks_max {
        let mut active = 0_u8;
        let blocks: [&[u8; RATE]; LANES_64] = std::array::from_fn(|lane| {
            let full = lanes[lane].len() / RATE;
            active |= u8::from(b <= full) << lane;
            let block = if b < full { &lanes[lane][b * RATE..(b + 1) * RATE] } else { &tails[lane][..] };
            block.try_into().expect("a block's bytes")
        });
        let part = |at: usize| blocks.map(|block| block[at..at + 64].try_into().expect("64 bytes"));
        let low = W::load_blocks(&part(0));
        let high = W::load_blocks(&part(64));
        let last = W::load(&blocks.map(|block| u64::from_le_bytes(block[128..].try_into().expect("8 bytes"))));
        let mut next = state;
        for (word, new) in next.iter_mut().zip(low.into_iter().chain(high).chain([last])) {
            *word = word.xor(new);
        }
        permute(&mut next);
        if active == u8::MAX {
            state = next;
        } else {
            for (word, next) in state.iter_mut().zip(next) {
                *word = word.select(active, next);
            }
        }
    }
    let words = [state[0], state[1], state[2], state[3]].map(W::store);
    for lane in 0..messages.len() {
        let mut digest = [0; 32];
        for (bytes, word) in digest.chunks_exact_mut(8).zip(&words) {
            bytes.copy_from_slice(&word[lane].to_le_bytes());
        }
        out(lane, &digest);
    }
}

/// Keccak-f\[1600\] (section 3.3); word x + 5 y is lane (x, y).
#[inline(always)]
fn permute<W: Word64>(a: &mut [W; 25]) {
    for constant in KECCAK_RC {
        // Theta.
        let c: [W; 5] = std::array::from_fn(|x| a[x].xor3(a[x + 5], a[x + 10]).xor3(a[x + 15], a[x + 20]));
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
}
