//! RIPEMD-160 (ISO/IEC 10118-3; Dobbertin, Bosselaers, Preneel 1996).

use super::super::unroll::unroll16;
use super::super::word::{Word32, each};
use super::Md32;
use super::constants::RIPEMD160_INIT;

/// RIPEMD-160.
pub(in super::super) struct Ripemd160;

/// Message words of the left line, round by round.
const LEFT_WORDS: [[usize; 16]; 5] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8],
    [3, 10, 14, 4, 9, 15, 8, 1, 2, 7, 0, 6, 13, 11, 5, 12],
    [1, 9, 11, 10, 0, 8, 12, 4, 13, 3, 7, 15, 14, 5, 6, 2],
    [4, 0, 5, 9, 7, 12, 2, 10, 14, 1, 3, 8, 11, 6, 15, 13],
];
/// Message words of the right line.
const RIGHT_WORDS: [[usize; 16]; 5] = [
    [5, 14, 7, 0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12],
    [6, 11, 3, 7, 0, 13, 5, 10, 14, 15, 8, 12, 4, 9, 1, 2],
    [15, 5, 1, 3, 7, 14, 6, 9, 11, 8, 12, 2, 10, 0, 4, 13],
    [8, 6, 4, 1, 3, 11, 15, 0, 5, 12, 2, 13, 9, 7, 10, 14],
    [12, 15, 10, 4, 1, 5, 8, 7, 6, 2, 13, 14, 0, 3, 9, 11],
];
/// Rotations of the left line.
const LEFT_ROTATIONS: [[u32; 16]; 5] = [
    [11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8],
    [7, 6, 8, 13, 11, 9, 7, 15, 7, 12, 15, 9, 11, 7, 13, 12],
    [11, 13, 6, 7, 14, 9, 13, 15, 14, 8, 13, 6, 5, 12, 7, 5],
    [11, 12, 14, 15, 14, 15, 9, 8, 9, 14, 5, 6, 8, 6, 5, 12],
    [9, 15, 5, 11, 6, 8, 13, 12, 5, 12, 13, 14, 11, 8, 5, 6],
];
/// Rotations of the right line.
const RIGHT_ROTATIONS: [[u32; 16]; 5] = [
    [8, 9, 9, 11, 13, 15, 15, 5, 7, 7, 8, 11, 14, 14, 12, 6],
    [9, 13, 15, 7, 12, 8, 9, 11, 7, 7, 12, 7, 6, 15, 13, 11],
    [9, 7, 15, 11, 8, 6, 6, 14, 12, 13, 5, 14, 13, 13, 7, 5],
    [15, 5, 8, 11, 14, 14, 6, 14, 6, 9, 12, 9, 12, 5, 15, 8],
    [8, 5, 12, 9, 12, 5, 14, 6, 8, 13, 6, 5, 15, 13, 11, 11],
];
const LEFT_CONSTANTS: [u32; 5] = [0, 0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xa953_fd4e];
const RIGHT_CONSTANTS: [u32; 5] = [0x50a2_8be6, 0x5c4d_d124, 0x6d70_3ef3, 0x7a6d_76e9, 0];

impl Md32 for Ripemd160 {
    const INIT: [u32; 8] = RIPEMD160_INIT;
    const DIGEST_WORDS: usize = 5;
    const BIG_ENDIAN: bool = false;

    #[inline(always)]
    fn compress<W: Word32>(state: &mut [W; 8], block: &mut [W; 16]) {
        let start = [state[0], state[1], state[2], state[3], state[4]];
        let (mut left, mut right) = (start, start);
        (left, right) = round::<W, 0>(left, right, block);
        (left, right) = round::<W, 1>(left, right, block);
        (left, right) = round::<W, 2>(left, right, block);
        (left, right) = round::<W, 3>(left, right, block);
        (left, right) = round::<W, 4>(left, right, block);
        let [a, b, c, d, e] = start;
        state[0] = b.add(left[2]).add(right[3]);
        state[1] = c.add(left[3]).add(right[4]);
        state[2] = d.add(left[4]).add(right[0]);
        state[3] = e.add(left[0]).add(right[1]);
        state[4] = a.add(left[1]).add(right[2]);
    }

    type Schedule = [u32; 16];

    #[inline(always)]
    fn schedule(block: &[u32; 16]) -> [u32; 16] {
        *block
    }

    #[inline(always)]
    fn compress_shared<W: Word32>(state: &mut [W; 8], schedule: &[u32; 16]) {
        Self::compress(state, &mut each(|w| W::splat(schedule[w])));
    }
}

/// Sixteen steps of both lines.
#[inline(always)]
fn round<W: Word32, const R: usize>(mut left: [W; 5], mut right: [W; 5], block: &[W; 16]) -> ([W; 5], [W; 5]) {
    unroll16!(I, {
        let word = block[LEFT_WORDS[R][I]].add(W::splat(LEFT_CONSTANTS[R]));
        left = line(left, R, word, LEFT_ROTATIONS[R][I]);
        let word = block[RIGHT_WORDS[R][I]].add(W::splat(RIGHT_CONSTANTS[R]));
        right = line(right, 4 - R, word, RIGHT_ROTATIONS[R][I]);
    });
    (left, right)
}

/// One step of a line with the round function `function`, 0 to 4.
#[inline(always)]
fn line<W: Word32>([a, b, c, d, e]: [W; 5], function: usize, word: W, rotation: u32) -> [W; 5] {
    let mixed = match function {
        0 => b.xor3(c, d),
        1 => b.choose(c, d),
        2 => b.or(c.not()).xor(d),
        3 => d.choose(b, c),
        _ => b.xor(c.or(d.not())),
    };
    let t = rotate(a.add(mixed).add(word), rotation).add(e);
    [e, t, b, c.rotl::<10>(), d]
}

/// A rotation whose count is known once the rounds are unrolled.
#[inline(always)]
fn rotate<W: Word32>(word: W, bits: u32) -> W {
    match bits {
        5 => word.rotl::<5>(),
        6 => word.rotl::<6>(),
        7 => word.rotl::<7>(),
        8 => word.rotl::<8>(),
        9 => word.rotl::<9>(),
        11 => word.rotl::<11>(),
        12 => word.rotl::<12>(),
        13 => word.rotl::<13>(),
        14 => word.rotl::<14>(),
        _ => word.rotl::<15>(),
    }
}
