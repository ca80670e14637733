//! Numbers of five limbs, radix 2^52, least significant first: constants worked out while compiling, and what lanes of such
//! limbs share whatever they are reduced by.

use super::super::word::Word52;

/// Limbs of a number of 260 bits.
pub(in super::super) const LIMBS: usize = 5;
/// Bits of a limb.
const BITS: u32 = 52;
/// The largest limb.
pub(in super::super) const MASK: u64 = (1 << BITS) - 1;

/// One number of five limbs.
pub(in super::super) type Limbs = [u64; LIMBS];

/// Thirty-two bytes from their hex.
pub(in super::super) const fn bytes(hex: &str) -> [u8; 32] {
    const fn nibble(digit: u8) -> u8 {
        match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => panic!("a lower-case hex digit"),
        }
    }
    let digits = hex.as_bytes();
    assert!(digits.len() == 64, "32 bytes");
    let mut bytes = [0; 32];
    let mut i = 0;
    while i < 32 {
        bytes[i] = nibble(digits[2 * i]) << 4 | nibble(digits[2 * i + 1]);
        i += 1;
    }
    bytes
}

/// A number from its 32 big-endian bytes.
pub(in super::super) const fn number(bytes: [u8; 32]) -> Limbs {
    let mut limbs = [0; LIMBS];
    let mut i = 0;
    while i < 64 {
        let byte = bytes[31 - i / 2];
        let nibble = if i % 2 == 0 { byte & 15 } else { byte >> 4 };
        limbs[i / 13] |= (nibble as u64) << (4 * (i % 13));
        i += 1;
    }
    limbs
}

/// A number from its 64 hex digits.
pub(in super::super) const fn from_hex(hex: &str) -> Limbs {
    number(bytes(hex))
}

/// a + b, without a limit on the top limb but the word's.
pub(in super::super) const fn plus(a: Limbs, b: Limbs) -> Limbs {
    let mut sum = [0; LIMBS];
    let (mut i, mut carry) = (0, 0);
    while i < LIMBS {
        let limb = a[i] + b[i] + carry;
        (sum[i], carry) = if i < LIMBS - 1 { (limb & MASK, limb >> BITS) } else { (limb, 0) };
        i += 1;
    }
    sum
}

/// a - b, a >= b.
pub(in super::super) const fn minus(a: Limbs, b: Limbs) -> Limbs {
    let mut difference = [0; LIMBS];
    let (mut i, mut borrow) = (0, 0);
    while i < LIMBS {
        let limb = a[i] as i64 - b[i] as i64 + borrow;
        (difference[i], borrow) = if i < LIMBS - 1 { (limb as u64 & MASK, limb >> BITS) } else { (limb as u64, 0) };
        i += 1;
    }
    difference
}

/// Whether a < b.
pub(in super::super) const fn is_less(a: Limbs, b: Limbs) -> bool {
    let mut i = LIMBS;
    while i > 0 {
        i -= 1;
        if a[i] != b[i] {
            return a[i] < b[i];
        }
    }
    false
}

/// factor * a, without a limit on the top limb but the word's.
pub(in super::super) const fn times(factor: u64, a: Limbs) -> Limbs {
    let mut product = [0; LIMBS];
    let mut i = 0;
    while i < factor {
        product = plus(product, a);
        i += 1;
    }
    product
}

/// 2^exponent mod p.
pub(in super::super) const fn power_of_two(exponent: u32, p: Limbs) -> Limbs {
    let mut power = [1, 0, 0, 0, 0];
    let mut i = 0;
    while i < exponent {
        power = plus(power, power);
        if !is_less(power, p) {
            power = minus(power, p);
        }
        i += 1;
    }
    power
}

/// -1/p mod 2^52, p odd.
pub(in super::super) const fn minus_inverse(p: Limbs) -> u64 {
    // Newton's step doubles the bits that are right, from the 3 of p itself.
    let mut inverse = p[0];
    let mut i = 0;
    while i < 5 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(p[0].wrapping_mul(inverse)));
        i += 1;
    }
    inverse.wrapping_neg() & MASK
}

/// `multiple` * p with 2^(52 + `spare`) lent to each of the lower limbs by the next, so that 2^`spare` numbers of strict
/// limbs can be subtracted limb by limb without a limb going below zero, as far as the top limb reaches.
pub(in super::super) const fn lent(multiple: u64, spare: u32, p: Limbs) -> Limbs {
    let mut limbs = times(multiple, p);
    let mut i = 0;
    while i < LIMBS {
        if i < LIMBS - 1 {
            limbs[i] += 1 << (BITS + spare);
        }
        if i > 0 {
            limbs[i] -= 1 << spare;
        }
        i += 1;
    }
    limbs
}

/// The same number in every lane.
#[inline(always)]
pub(in super::super) fn splat<W: Word52>(limbs: Limbs) -> [W; LIMBS] {
    let mut words = [W::splat(0); LIMBS];
    for (word, limb) in words.iter_mut().zip(limbs) {
        *word = W::splat(limb);
    }
    words
}

/// Lanes of `b` where the mask is set, else of `a`.
#[inline(always)]
pub(in super::super) fn select<W: Word52>(a: [W; LIMBS], mask: u8, b: [W; LIMBS]) -> [W; LIMBS] {
    let mut chosen = a;
    for (word, b) in chosen.iter_mut().zip(b) {
        *word = word.select(mask, b);
    }
    chosen
}

/// Carries limbs of less than 2^63 each, as signed numbers, into strict ones below 2^52. The number itself is not below
/// zero and below 2^260, or the top limb keeps what does not fit.
#[inline(always)]
pub(in super::super) fn carry<W: Word52>(mut limbs: [W; LIMBS]) -> [W; LIMBS] {
    let mask = W::splat(MASK);
    for i in 0..LIMBS - 1 {
        limbs[i + 1] = limbs[i + 1].add(limbs[i].shr_signed::<BITS>());
        limbs[i] = limbs[i].and(mask);
    }
    limbs
}

/// a - b of strict limbs modulo 2^260, and the lanes where a >= b.
#[inline(always)]
pub(in super::super) fn difference<W: Word52>(a: [W; LIMBS], b: [W; LIMBS]) -> ([W; LIMBS], u8) {
    let mut limbs = a;
    for (word, b) in limbs.iter_mut().zip(b) {
        *word = word.sub(b);
    }
    let mut limbs = carry(limbs);
    let borrow = limbs[LIMBS - 1].shr_signed::<BITS>();
    limbs[LIMBS - 1] = limbs[LIMBS - 1].and(W::splat(MASK));
    (limbs, borrow.equal(W::splat(0)))
}

/// The lanes whose strict limbs are exactly this number's.
#[inline(always)]
pub(in super::super) fn equal<W: Word52>(a: [W; LIMBS], number: Limbs) -> u8 {
    let mut mask = 0xff;
    for (word, limb) in a.iter().zip(number) {
        mask &= word.equal(W::splat(limb));
    }
    mask
}

/// The lanes where both have the same strict limbs.
#[inline(always)]
pub(in super::super) fn same<W: Word52>(a: [W; LIMBS], b: [W; LIMBS]) -> u8 {
    let mut mask = 0xff;
    for i in 0..LIMBS {
        mask &= a[i].equal(b[i]);
    }
    mask
}

/// Four 64-bit words, least significant first, as limbs.
#[inline(always)]
pub(in super::super) fn from_words<W: Word52>(words: [W; 4]) -> [W; LIMBS] {
    let [a, b, c, d] = words;
    let mask = W::splat(MASK);
    [
        a.and(mask),
        a.shr::<52>().or(b.shl::<12>()).and(mask),
        b.shr::<40>().or(c.shl::<24>()).and(mask),
        c.shr::<28>().or(d.shl::<36>()).and(mask),
        d.shr::<16>(),
    ]
}

/// Strict limbs of a number below 2^256 as four 64-bit words.
#[inline(always)]
pub(in super::super) fn to_words<W: Word52>(limbs: [W; LIMBS]) -> [W; 4] {
    let [a, b, c, d, e] = limbs;
    debug_assert_eq!(e.less(W::splat(1 << 48)), 0xff, "a number below 2^256");
    [
        a.or(b.shl::<52>()),
        b.shr::<12>().or(c.shl::<40>()),
        c.shr::<24>().or(d.shl::<28>()),
        d.shr::<36>().or(e.shl::<16>()),
    ]
}

/// Two numbers of 32 big-endian bytes from the 64 bytes of each lane's block.
#[inline(always)]
pub(in super::super) fn from_bytes<W: Word52>(blocks: &[&[u8; 64]; 8]) -> [[W; LIMBS]; 2] {
    let mut words = W::load_blocks(blocks);
    for word in &mut words {
        *word = word.swap_bytes();
    }
    let [a, b, c, d, e, f, g, h] = words;
    [from_words([d, c, b, a]), from_words([h, g, f, e])]
}

/// Two numbers below 2^256 as 64 bytes a lane, each number big-endian.
#[inline(always)]
pub(in super::super) fn to_bytes<W: Word52>(numbers: [[W; LIMBS]; 2]) -> [[u8; 64]; 8] {
    let mut bytes = [[0; 64]; 8];
    for (n, number) in numbers.into_iter().enumerate() {
        for (w, word) in to_words(number).into_iter().enumerate() {
            let at = 32 * n + 8 * (3 - w);
            for (bytes, word) in bytes.iter_mut().zip(word.store()) {
                bytes[at..at + 8].copy_from_slice(&word.to_be_bytes());
            }
        }
    }
    bytes
}
