//! The field and scalar code of every curve against num-bigint, at the edges of its bounds, on every level.

use num_bigint::BigUint;
use proptest::prelude::*;

use super::super::level::{CurveLevel, CurveWork};
use super::super::p256::P256;
use super::super::secp256k1::{self, Secp256k1};
use super::super::sm2::Sm2;
use super::super::word::Word52;
use super::field::{Element, Modulus, Sum, invert_all};
use super::limbs::{self, LIMBS, Limbs};
use super::scalar::{self, Part};
use super::{Curve, field};

pub(super) type Eight = [Limbs; 8];

pub(in super::super) fn big(limbs: Limbs) -> BigUint {
    limbs.iter().rev().fold(BigUint::ZERO, |number, limb| (number << 52) + limb)
}

pub(in super::super) fn small(number: &BigUint) -> Limbs {
    let limb = |i: usize| (number >> (52 * i) & BigUint::from(limbs::MASK)).try_into().expect("52 bits");
    assert!(number.bits() <= 260);
    std::array::from_fn(limb)
}

pub(super) fn load<W: Word52>(numbers: &Eight) -> [W; LIMBS] {
    std::array::from_fn(|limb| W::load(&std::array::from_fn(|lane| numbers[lane][limb])))
}

pub(super) fn store<W: Word52>(limbs: [W; LIMBS]) -> Eight {
    let words = limbs.map(W::store);
    std::array::from_fn(|lane| std::array::from_fn(|limb| words[limb][lane]))
}

pub(in super::super) fn levels() -> impl Iterator<Item = CurveLevel> {
    [Some(CurveLevel::PORTABLE), CurveLevel::detect()].into_iter().flatten()
}

/// Every operation of a field on four reduced numbers a lane.
struct Operations<M>([Eight; 4], std::marker::PhantomData<M>);

impl<M: Modulus> CurveWork for Operations<M> {
    type Answer = (Vec<Eight>, Vec<u8>);

    fn run<W: Word52>(self) -> Self::Answer {
        let [a, b, c, d] = self.0.map(|numbers| Element::<W, M>::from_form(load(&numbers)));
        // Magnitudes 6 and 4.
        let (a6, b4) = (a.minus(c), b.plus(d));
        let answers = [
            W::outlined(
                #[inline(always)]
                || a.mul(b),
            ),
            W::outlined(
                #[inline(always)]
                || a6.mul(b),
            ),
            W::outlined(
                #[inline(always)]
                || b4.square(),
            ),
            W::outlined(
                #[inline(always)]
                || a6.squared().reduce_times::<1>(),
            ),
            W::outlined(
                #[inline(always)]
                || a6.product(a6).reduce_times::<8>(),
            ),
            W::outlined(
                #[inline(always)]
                || a6.product(b4).reduce_times::<2>(),
            ),
            W::outlined(
                #[inline(always)]
                || a6.product(b4).reduce_times::<3>(),
            ),
            W::outlined(
                #[inline(always)]
                || a6.product(b4).reduce_times::<4>(),
            ),
            W::outlined(
                #[inline(always)]
                || a.mul_plus(b, Sum::of(c)),
            ),
            W::outlined(
                #[inline(always)]
                || a6.mul_plus(b4, Sum::minus_8(c)),
            ),
            W::outlined(
                #[inline(always)]
                || a.square_plus(Sum::minus_both(b, c).plus(d)),
            ),
            W::outlined(
                #[inline(always)]
                || a6.product(b).plus(c, d).reduce(),
            ),
            W::outlined(
                #[inline(always)]
                || a.squared().plus_sum(Sum::minus(b)).reduce_times::<3>(),
            ),
            a6,
            b4,
            a.negate(),
            a.negated(),
            Element::from_form(a.canonical()).negate_canonical(0b1010_1010),
            a.select(0b1100_1100, b),
        ];
        let numbers = [
            a.canonical(),
            W::outlined(
                #[inline(always)]
                || a.leave(),
            ),
        ];
        let masks = vec![a.is_zero(), b.is_zero(), a.may_be_zero()];
        (answers.into_iter().map(Element::limbs).chain(numbers).map(store).collect(), masks)
    }
}

fn check_field<M: Modulus>(numbers: [Eight; 4]) {
    let p = big(M::P);
    let r = if M::MONTGOMERY { BigUint::from(1u8) << 260 } else { BigUint::from(1u8) };
    let r_inverse = r.modinv(&p).expect("odd p");
    for level in levels() {
        let (answers, masks) = level.run(Operations::<M>(numbers, std::marker::PhantomData));
        for lane in 0..8 {
            let [a, b, c, d] = numbers.map(|numbers| big(numbers[lane]));
            let times = |x: &BigUint, y: &BigUint| x * y * &r_inverse;
            let minus = |x: BigUint, y: &BigUint| x + 100u32 * &p - y;
            let (a6, b4) = (minus(a.clone(), &c), &b + &d);
            let expected = [
                times(&a, &b),
                times(&a6, &b),
                times(&b4, &b4),
                times(&a6, &a6),
                8u32 * times(&a6, &a6),
                2u32 * times(&a6, &b4),
                3u32 * times(&a6, &b4),
                4u32 * times(&a6, &b4),
                times(&a, &b) + &c,
                minus(times(&a6, &b4), &(8u32 * &c)),
                minus(times(&a, &a), &(&b + &c)) + &d,
                times(&a6, &b) + times(&c, &d),
                3u32 * minus(times(&a, &a), &b),
                a6.clone(),
                b4.clone(),
                minus(BigUint::ZERO, &a),
                minus(BigUint::ZERO, &a),
                if lane % 2 == 1 { minus(BigUint::ZERO, &a) } else { a.clone() },
                if lane & 2 == 2 { b.clone() } else { a.clone() },
                a.clone(),
                times(&a, &BigUint::from(1u8)),
            ];
            assert_eq!(answers.len(), expected.len());
            for (i, (found, expected)) in answers.iter().zip(&expected).enumerate() {
                let found = big(found[lane]);
                assert_eq!(&found % &p, expected % &p, "operation {i} on {}: {a:x} {b:x} {c:x} {d:x}", level.name());
                if i + 2 >= answers.len() {
                    assert!(found < p, "operation {i} is not canonical");
                }
            }
            let is_zero = [&a, &b].map(|x| (x % &p) == BigUint::ZERO);
            assert_eq!([masks[0], masks[1]].map(|mask| mask >> lane & 1 == 1), is_zero);
            assert!(!is_zero[0] || masks[2] >> lane & 1 == 1, "zero that may not be zero");
        }
    }
}

/// The curves, for tests over all of them.
macro_rules! for_each_modulus {
    ($call:ident ( $($args:expr),* )) => {
        $call::<<Secp256k1 as Curve>::Field>($($args),*);
        $call::<<Secp256k1 as Curve>::Order>($($args),*);
        $call::<<P256 as Curve>::Field>($($args),*);
        $call::<<P256 as Curve>::Order>($($args),*);
        $call::<<Sm2 as Curve>::Field>($($args),*);
        $call::<<Sm2 as Curve>::Order>($($args),*);
    };
}

/// Numbers about the multiples of a prime below 2 p and about limbs' edges, and any others.
fn edges<M: Modulus>() -> Vec<Limbs> {
    let p = big(M::P);
    let mut edges = Vec::new();
    for multiple in [BigUint::ZERO, p.clone(), 2u32 * &p, &p >> 1, BigUint::from(1u8) << 256, BigUint::from(1u8) << 255]
    {
        for more in 0..3u32 {
            edges.push(&multiple + more);
            if multiple >= BigUint::from(more) {
                edges.push(&multiple - more);
            }
        }
    }
    for limb in 1..5 {
        edges.push((BigUint::from(1u8) << (52 * limb)) - 1u8);
        edges.push(BigUint::from(1u8) << (52 * limb));
        edges.push((BigUint::from(1u8) << 256) - (BigUint::from(1u8) << (52 * limb)));
    }
    edges.into_iter().filter(|number| *number < 2u32 * &p).map(|number| small(&number)).collect()
}

#[test]
fn fields_are_right_at_the_edges_of_their_bounds() {
    fn check<M: Modulus>() {
        let edges = edges::<M>();
        for shift in 0..edges.len() {
            let numbers =
                |step: usize| std::array::from_fn(|lane| edges[(lane * step + shift * (step + 1)) % edges.len()]);
            check_field::<M>([numbers(1), numbers(3), numbers(5), numbers(7)]);
            check_field::<M>([[edges[shift]; 8], numbers(1), [edges[shift]; 8], numbers(1)]);
        }
    }
    for_each_modulus!(check());
}

fn number() -> impl Strategy<Value = [u64; 4]> {
    any::<[u64; 4]>().prop_perturb(|mut words, mut random| {
        // Runs of ones and zeros meet carries that even bits never do.
        for word in &mut words {
            match random.random_range(0..4) {
                0 => *word = 0,
                1 => *word = u64::MAX,
                _ => {}
            }
        }
        words
    })
}

fn eight() -> impl Strategy<Value = [[u64; 4]; 8]> {
    prop::array::uniform8(number())
}

fn limbs_of(words: [u64; 4]) -> Limbs {
    let words: BigUint = words.iter().rev().fold(BigUint::ZERO, |number, word| (number << 64) + word);
    small(&words)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn fields_are_right_anywhere(numbers in prop::array::uniform4(eight())) {
        let numbers = numbers.map(|eight| eight.map(limbs_of));
        for_each_modulus!(check_field(numbers));
    }
}

/// Inverses of three numbers a lane.
struct Inverses<M>(Vec<Eight>, std::marker::PhantomData<M>);

impl<M: Modulus> CurveWork for Inverses<M> {
    type Answer = Vec<Eight>;

    fn run<W: Word52>(self) -> Vec<Eight> {
        let mut elements: Vec<_> = self.0.iter().map(|numbers| Element::<W, M>::enter(load(numbers))).collect();
        invert_all(&mut elements);
        elements.into_iter().map(|element| store(element.leave())).collect()
    }
}

#[test]
fn inverses_are_right() {
    fn check<M: Modulus>() {
        let p = big(M::P);
        let mut edges = edges::<M>();
        edges.retain(|number| big(*number) % &p != BigUint::ZERO && big(*number).bits() <= 256);
        let numbers: Vec<Eight> = edges.chunks_exact(8).map(|eight| eight.try_into().expect("eight")).collect();
        for level in levels() {
            let found = level.run(Inverses::<M>(numbers.clone(), std::marker::PhantomData));
            for (number, inverse) in numbers.as_flattened().iter().zip(found.as_flattened()) {
                assert_eq!(big(*number) * big(*inverse) % &p, BigUint::from(1u8), "{}", level.name());
            }
        }
    }
    for_each_modulus!(check());
}

/// A scalar's parts and their digits of both widths.
struct Split<C>(Eight, std::marker::PhantomData<C>);

type Digits = Vec<scalar::Digit>;

impl<C: Curve> CurveWork for Split<C> {
    type Answer = [(Eight, u8, Digits, Digits); 2];

    fn run<W: Word52>(self) -> Self::Answer {
        C::split(load::<W>(&self.0)).map(|part: Part<W>| {
            let (five, thirteen) =
                (scalar::digits::<W, 5, 47>(part, C::BITS / 5), scalar::digits::<W, 13, 39>(part, C::BITS / 13));
            (store(part.number), part.negative, five, thirteen)
        })
    }
}

fn check_split<C: Curve>(eigenvalue: &str, numbers: Eight) {
    let n = big(C::Order::P);
    let eigenvalue = BigUint::parse_bytes(eigenvalue.as_bytes(), 16).expect("hex");
    let numbers = numbers.map(|number| small(&(big(number) % &n)));
    for level in levels() {
        let parts = level.run(Split::<C>(numbers, std::marker::PhantomData));
        for lane in 0..8 {
            let mut sums = [BigUint::ZERO, BigUint::ZERO, BigUint::ZERO];
            for (part, (number, negative, five, thirteen)) in parts.iter().take(C::PARTS).enumerate() {
                let factor = if part == 0 { BigUint::from(1u8) } else { eigenvalue.clone() };
                let number = big(number[lane]);
                assert!(number.bit(0) && number.bits() <= C::BITS as u64, "{number:x}");
                let number = if negative >> lane & 1 == 1 { &n - number } else { number };
                sums[0] += number * &factor;
                for (sum, digits, width) in [(1, five, 5), (2, thirteen, 13)] {
                    for (i, digit) in digits.iter().enumerate() {
                        let value = ((2 * digit.index[lane] + 1) * &factor) << (width * i);
                        let minus = digit.negative >> lane & 1 == 1;
                        sums[sum] += if minus { &n - value % &n } else { value };
                    }
                }
            }
            for sum in sums {
                assert_eq!(sum % &n, big(numbers[lane]), "{}", level.name());
            }
        }
    }
}

fn check_splits(numbers: Eight) {
    check_split::<Secp256k1>(secp256k1::EIGENVALUE, numbers);
    check_split::<P256>("1", numbers);
    check_split::<Sm2>("1", numbers);
}

#[test]
fn scalars_are_their_digits_at_the_edges() {
    let all =
        [edges::<<Secp256k1 as Curve>::Order>(), edges::<<P256 as Curve>::Order>(), edges::<<Sm2 as Curve>::Order>()];
    for eight in all.concat().windows(8) {
        check_splits(eight.try_into().expect("eight"));
    }
}

proptest! {
    #[test]
    fn scalars_are_their_digits(numbers in eight()) {
        check_splits(numbers.map(limbs_of));
    }
}

/// A square root of each lane, and what stands for one.
struct Root<C>(Eight, std::marker::PhantomData<C>);

impl<C: Curve> CurveWork for Root<C> {
    type Answer = Eight;

    fn run<W: Word52>(self) -> Eight {
        let square = Element::<W, C::Field>::enter(load(&self.0)).square();
        store(C::square_roots(&[square]).remove(0).square().leave())
    }
}

#[test]
fn constants_and_roots_are_what_they_are_called() {
    fn check<C: Curve>() {
        let p = big(C::Field::P);
        assert_eq!(C::Field::ONE, field::form::<C::Field>([1, 0, 0, 0, 0]));
        assert_eq!(C::Order::ONE, field::form::<C::Order>([1, 0, 0, 0, 0]));
        let beta = C::BETA;
        let numbers: Eight = std::array::from_fn(|lane| [lane as u64 + 2, 77, lane as u64, 0, 5]);
        for level in levels() {
            let squares = level.run(Root::<C>(numbers, std::marker::PhantomData));
            for lane in 0..8 {
                assert_eq!(big(squares[lane]), big(numbers[lane]).pow(2) % &p);
            }
        }
        if C::PARTS == 2 {
            let beta = big(beta);
            assert_eq!(beta.modpow(&BigUint::from(3u8), &p), BigUint::from(1u8));
        } else {
            assert_eq!(beta, C::Field::ONE);
        }
    }
    check::<Secp256k1>();
    check::<P256>();
    check::<Sm2>();
}
