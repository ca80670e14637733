//! Integers modulo L, the order of the base point (RFC 8032, section 5.1): a hash reduced, S compared, and both cut into
//! signed digits.

use super::super::word::{LANES_64, Word52};

/// L = 2^252 + c, little-endian words of 64 bits.
pub(super) const L: [u64; 4] = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 0x1000_0000_0000_0000];

/// The lowest 52 bits.
const MASK: u64 = (1 << 52) - 1;
/// c's limbs of 52 bits.
const C: [u64; 3] = [0x2_631a_5cf5_d3ed, 0xd_ea2f_79cd_6581, 0x14_def9];
/// 2^(52 k) modulo L for k from 5 to 9, limbs of 52 bits.
const POWERS: [[u64; 5]; 5] = [
    [0xf_48bd_6721_e6ed, 0x3_bab5_ac67_e45a, 0xf_ffff_eb35_e51b, 0xf_ffff_ffff_ffff, 0xfff_ffff_ffff],
    [0x2_631a_5cf5_d3ed, 0xa_cfd2_83f9_7881, 0x5_d086_32af_5dd3, 0xf_ffff_eb21_0621, 0xfff_ffff_ffff],
    [0x2_631a_5cf5_d3ed, 0xd_ea2f_79cd_6581, 0xc_e5a3_0a40_f1f9, 0x5_d086_329a_7ed9, 0xfff_eb21_0621],
    [0xc_1dcd_05d2_75e7, 0xa_ccbf_616b_c8a1, 0x3_9941_1b7c_dfa7, 0xc_e5a3_0a2c_131b, 0x86_329a_7ed9],
    [0xb_d337_f0e5_924a, 0x4_7dfa_ce78_b71c, 0x3_dcee_c744_7bda, 0x3_9941_1b7c_309a, 0x5a3_0a2c_131b],
];

/// Scalars below 2^253, a lane each, as words of 64 bits.
pub(super) type Scalars = [[u64; 4]; LANES_64];

/// The lanes where the number of these words is below L.
#[inline(always)]
pub(super) fn is_below_order<W: Word52>(words: &[W; 4]) -> u8 {
    let mut below = 0;
    for i in 0..4 {
        let order = W::splat(L[i]);
        below = words[i].less(order) | words[i].equal(order) & below;
    }
    below
}

/// Words of 64 bits as limbs of 52.
#[inline(always)]
fn limbs<W: Word52>(w: [W; 8]) -> [W; 10] {
    let mask = W::splat(MASK);
    [
        w[0].and(mask),
        w[0].shr::<52>().or(w[1].shl::<12>()).and(mask),
        w[1].shr::<40>().or(w[2].shl::<24>()).and(mask),
        w[2].shr::<28>().or(w[3].shl::<36>()).and(mask),
        w[3].shr::<16>().or(w[4].shl::<48>()).and(mask),
        w[4].shr::<4>().and(mask),
        w[4].shr::<56>().or(w[5].shl::<8>()).and(mask),
        w[5].shr::<44>().or(w[6].shl::<20>()).and(mask),
        w[6].shr::<32>().or(w[7].shl::<32>()).and(mask),
        w[7].shr::<20>(),
    ]
}

/// Carries from limb to limb, of either sign.
#[inline(always)]
fn carry<W: Word52>(z: &mut [W; 5]) {
    for i in 0..4 {
        z[i + 1] = z[i + 1].add(z[i].shr_signed::<52>());
        z[i] = z[i].and(W::splat(MASK));
    }
}

/// The number of 512 bits modulo L: what a hash becomes (RFC 8032, section 5.1.7, step 2). Canonical, below L.
#[inline(always)]
pub(super) fn reduce<W: Word52>(hash: [W; 8]) -> [W; 4] {
    let mask = W::splat(MASK);
    let x = limbs(hash);
    // Below 2^260 + 5 * 2^52 * L < 2^308, in columns below 2^56.
    let mut y = [x[0], x[1], x[2], x[3], x[4], W::splat(0)];
    for i in 0..5 {
        for j in 0..5 {
            let limb = W::splat(POWERS[i][j]);
            y[j] = y[j].mul_add_low(x[5 + i], limb);
            y[j + 1] = y[j + 1].mul_add_high(x[5 + i], limb);
        }
    }
    for i in 0..5 {
        y[i + 1] = y[i + 1].add(y[i].shr::<52>());
        y[i] = y[i].and(mask);
    }
    // What is over 2^252, below 2^56, times c is taken off: 2^252 is -c. y[4]'s bit 44 is 2^252.
    let over = y[4].shr::<44>().or(y[5].shl::<8>());
    y[4] = y[4].and(W::splat((1 << 44) - 1));
    let (low, high) = (over, over.shr::<52>());
    let mut product = [W::splat(0); 5];
    for j in 0..3 {
        let limb = W::splat(C[j]);
        product[j] = product[j].mul_add_low(low, limb);
        product[j + 1] = product[j + 1].mul_add_high(low, limb).mul_add_low(high, limb);
        product[j + 2] = product[j + 2].mul_add_high(high, limb);
    }
    // Above -2^181 and below 2^252: L more where it is negative makes it the canonical one.
    let mut z = product;
    for i in 0..5 {
        z[i] = y[i].sub(product[i]);
    }
    carry(&mut z);
    let is_negative = W::splat(1 << 63).and(z[4]).equal(W::splat(1 << 63));
    let order = [C[0], C[1], C[2], 0, 1 << 44];
    for i in 0..5 {
        z[i] = z[i].select(is_negative, z[i].add(W::splat(order[i])));
    }
    carry(&mut z);
    [
        z[0].or(z[1].shl::<52>()),
        z[1].shr::<12>().or(z[2].shl::<40>()),
        z[2].shr::<24>().or(z[3].shl::<28>()),
        z[3].shr::<36>().or(z[4].shl::<16>()),
    ]
}

/// Words a lane each, from words side by side.
#[inline(always)]
pub(super) fn scalars<W: Word52>(words: [W; 4]) -> Scalars {
    let words = words.map(W::store);
    std::array::from_fn(|lane| words.map(|word| word[lane]))
}

/// How many signed digits of `bits` bits (2 to 15) hold a scalar below 2^253.
pub(super) const fn digits_count(bits: usize) -> usize {
    // The highest digit has a bit to spare for the carry that comes into it.
    254_usize.div_ceil(bits)
}

/// Digits of a scalar in each lane, the lowest first: `DIGITS` of `bits` bits, from -2^(bits - 1) to 2^(bits - 1) - 1, the
/// sum of digit i times 2^(bits i) being the scalar.
pub(super) fn digits<const DIGITS: usize>(scalars: &Scalars, bits: usize) -> [[i16; LANES_64]; DIGITS] {
    debug_assert!(DIGITS == digits_count(bits));
    let mut digits = [[0; LANES_64]; DIGITS];
    for (lane, scalar) in scalars.iter().enumerate() {
        debug_assert!(scalar[3] < 1 << 61, "a scalar below 2^253");
        let mut rest = *scalar;
        let mut carry = 0;
        for digit in &mut digits {
            let value = (rest[0] & ((1 << bits) - 1)) as i32 + carry;
            for word in 0..3 {
                rest[word] = rest[word] >> bits | rest[word + 1] << (64 - bits);
            }
            rest[3] >>= bits;
            // Half of 2^bits or more becomes negative and carries.
            carry = (value + (1 << (bits - 1))) >> bits;
            digit[lane] = (value - (carry << bits)) as i16;
        }
        debug_assert!(carry == 0, "the highest digit holds the last carry");
    }
    digits
}

#[cfg(test)]
mod tests {
    use num_bigint::{BigInt, BigUint};
    use proptest::prelude::*;

    use super::super::super::level::{CurveLevel, CurveWork};
    use super::*;

    struct Reduce([[u64; 8]; 8]);

    impl CurveWork for Reduce {
        type Answer = (Scalars, u8);

        fn run<W: Word52>(self) -> Self::Answer {
            let words = self.0.map(|words| W::load(&words));
            let low = [words[0], words[1], words[2], words[3]];
            (scalars(reduce(words)), is_below_order(&low))
        }
    }

    fn levels() -> impl Iterator<Item = CurveLevel> {
        [Some(CurveLevel::PORTABLE), CurveLevel::detect()].into_iter().flatten()
    }

    fn number(words: &[u64]) -> BigUint {
        BigUint::from_bytes_le(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())
    }

    fn words(number: &BigUint) -> [u64; 8] {
        let mut digits = number.to_u64_digits();
        digits.resize(8, 0);
        digits.try_into().expect("at most 512 bits")
    }

    /// Each lane's number, a word of all lanes after another.
    fn check(numbers: [[u64; 8]; 8]) {
        let order = number(&L);
        let side_by_side = std::array::from_fn(|word| std::array::from_fn(|lane| numbers[lane][word]));
        for level in levels() {
            let (reduced, below) = level.run(Reduce(side_by_side));
            for lane in 0..8 {
                assert_eq!(number(&reduced[lane]), number(&numbers[lane]) % &order, "{}", level.name());
                assert_eq!(below >> lane & 1 == 1, number(&numbers[lane][..4]) < order, "{}", level.name());
            }
        }
    }

    #[test]
    fn numbers_at_the_edges_reduce() {
        let order = number(&L);
        let most = number(&[u64::MAX; 8]);
        let edge = |n: usize| -> BigUint {
            let multiple = &order * (&most / &order);
            match n % 16 {
                0 => BigUint::ZERO,
                1 => BigUint::from(1_u8),
                2 => &order - 1_u8,
                3 => order.clone(),
                4 => &order + 1_u8,
                5 => &order << 1,
                6 => most.clone(),
                7 => multiple,
                8 => multiple - 1_u8,
                9 => (BigUint::from(1_u8) << 252) - 1_u8,
                10 => BigUint::from(1_u8) << 252,
                11 => BigUint::from(1_u8) << 260,
                12 => (BigUint::from(1_u8) << 512) - (BigUint::from(1_u8) << 252),
                13 => &order * &order,
                14 => &order * &order - 1_u8,
                _ => BigUint::from(1_u8) << 511,
            }
        };
        check(std::array::from_fn(|lane| words(&edge(lane))));
        check(std::array::from_fn(|lane| words(&edge(lane + 8))));
    }

    proptest! {
        #[test]
        fn numbers_reduce(numbers: [[u64; 8]; 8]) {
            check(numbers);
        }

        #[test]
        fn digits_add_up(mut scalars: [[u64; 4]; 8]) {
            scalars[0] = [u64::MAX; 4];
            scalars[1] = [0; 4];
            scalars[2] = L;
            scalars[3] = [u64::MAX, 0, u64::MAX, 0];
            for scalar in &mut scalars {
                scalar[3] &= (1 << 61) - 1;
            }
            fn check<const DIGITS: usize>(scalars: &Scalars, bits: usize) {
                let digits = digits::<DIGITS>(scalars, bits);
                for (lane, scalar) in scalars.iter().enumerate() {
                    let half = 1 << (bits - 1);
                    assert!(digits.iter().all(|digit| (-half..half).contains(&i32::from(digit[lane]))));
                    let sum = digits.iter().rev().fold(BigInt::ZERO, |sum, digit| (sum << bits) + digit[lane]);
                    assert_eq!(sum, BigInt::from(number(scalar)));
                }
            }
            check::<{ digits_count(4) }>(&scalars, 4);
            check::<{ digits_count(5) }>(&scalars, 5);
            check::<{ digits_count(8) }>(&scalars, 8);
            check::<{ digits_count(12) }>(&scalars, 12);
            check::<{ digits_count(13) }>(&scalars, 13);
        }
    }
}
