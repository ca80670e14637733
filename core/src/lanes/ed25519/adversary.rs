//! Points of mixed order: the curve over num-bigint, and what ZIP-215 makes of every R about a point.

use assay_scheme::{Parameters, Reason, Row};
use num_bigint::BigUint;
use sha2::{Digest, Sha512};

use super::super::level::{CurveLevel, CurveWork};
use super::super::testing::{Odd, agree_on_odd_items, agree_on_odd_items_with_known_keys};
use super::super::word::{LANES_64, Word52};
use super::field::Field;
use super::verify::{Left, times_cofactor};

type Point = (BigUint, BigUint);

/// The curve in affine coordinates (RFC 8032, section 5.1), two inversions an addition.
struct Plain {
    p: BigUint,
    order: BigUint,
    d: BigUint,
}

fn number(bytes: &[u8]) -> BigUint {
    BigUint::from_bytes_le(bytes)
}

/// Thirty-two bytes, little-endian.
fn bytes(number: &BigUint) -> [u8; 32] {
    let mut bytes = number.to_bytes_le();
    bytes.resize(32, 0);
    bytes.try_into().expect("32 bytes")
}

fn flipped(mut encoding: [u8; 32]) -> [u8; 32] {
    encoding[31] ^= 0x80;
    encoding
}

impl Plain {
    fn new() -> Self {
        let p = (BigUint::from(1u8) << 255) - 19u8;
        let d = (&p - 121_665u32) * BigUint::from(121_666u32).modinv(&p).expect("not zero") % &p;
        Self { d, order: number(super::scalar::L.map(u64::to_le_bytes).as_flattened()), p }
    }

    fn base(&self) -> Point {
        let y = 4u8 * BigUint::from(5u8).modinv(&self.p).expect("not zero") % &self.p;
        self.decode(&bytes(&y)).expect("the base point")
    }

    fn over(&self, a: BigUint, b: BigUint) -> BigUint {
        a * b.modinv(&self.p).expect("the law is complete") % &self.p
    }

    fn add(&self, (x1, y1): &Point, (x2, y2): &Point) -> Point {
        let p = &self.p;
        let product = &self.d * (x1 * x2 % p) * (y1 * y2 % p) % p;
        (self.over(x1 * y2 + x2 * y1, &product + 1u8), self.over(y1 * y2 + x1 * x2, p + 1u8 - &product))
    }

    fn minus(&self, (x, y): &Point) -> Point {
        ((&self.p - x) % &self.p, y.clone())
    }

    fn times(&self, k: &BigUint, point: &Point) -> Point {
        let mut sum = (BigUint::ZERO, BigUint::from(1u8));
        for bit in (0..k.bits()).rev() {
            sum = self.add(&sum, &sum);
            if k.bit(bit) {
                sum = self.add(&sum, point);
            }
        }
        sum
    }

    fn encode(&self, (x, y): &Point) -> [u8; 32] {
        let canonical = bytes(y);
        if x.bit(0) { flipped(canonical) } else { canonical }
    }

    /// As ZIP-215 has it: any y, and any sign on x = 0.
    fn decode(&self, encoding: &[u8; 32]) -> Option<Point> {
        let p = &self.p;
        let mut words = *encoding;
        words[31] &= 0x7f;
        let y = number(&words) % p;
        let yy = &y * &y % p;
        let square = self.over(&yy + p - 1u8, &self.d * &yy + 1u8);
        let root_of_minus_1 = BigUint::from(2u8).modpow(&((p - 1u8) >> 2), p);
        let x = square.modpow(&((p + 3u8) >> 3), p);
        let x = if &x * &x % p == square { x } else { x * root_of_minus_1 % p };
        let sign = encoding[31] >> 7 == 1;
        let signed = if x.bit(0) == sign { x.clone() } else { (p - &x) % p };
        (&x * &x % p == square).then_some((signed, y))
    }

    /// The eight points of small order, multiples of one of order 8.
    fn torsion(&self) -> Vec<Point> {
        let hex = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
        let encoding = hex::decode(hex).expect("hex").try_into().expect("32 bytes");
        let generator = self.decode(&encoding).expect("a point");
        (0..8u8).map(|k| self.times(&BigUint::from(k), &generator)).collect()
    }

    fn is_neutral_eightfold(&self, point: &Point) -> bool {
        self.times(&BigUint::from(8u8), point) == (BigUint::ZERO, BigUint::from(1u8))
    }
}

/// A point, and what stands for R.
type Pair = (Point, [u8; 32]);

/// Some of them.
struct Pairs<'a>(&'a [Pair]);

impl CurveWork for Pairs<'_> {
    type Answer = Vec<bool>;

    fn run<W: Word52>(self) -> Vec<bool> {
        let load = |eight: &[Pair], of: fn(&Pair) -> [u8; 32]| -> [W; 4] {
            std::array::from_fn(|word| {
                W::load(&std::array::from_fn(|lane| {
                    let bytes = of(&eight[lane]);
                    u64::from_le_bytes(bytes[8 * word..8 * word + 8].try_into().expect("8 bytes"))
                }))
            })
        };
        let groups = self.0.chunks_exact(LANES_64).enumerate().map(|(group, eight)| Left {
            group,
            x: Field::<W>::from_words(load(eight, |((x, _), _)| bytes(x))),
            y: Field::from_words(load(eight, |((_, y), _)| bytes(y))),
            r: load(eight, |(_, r)| *r),
        });
        let groups: Vec<_> = groups.collect();
        let holds = times_cofactor(&groups);
        holds.into_iter().flat_map(|mask| (0..LANES_64).map(move |lane| mask >> lane & 1 == 1)).collect()
    }
}

/// R under the points' own encodings, their signs turned over, y of p and more, and points that are not near.
fn about(curve: &Plain, point: &Point, near: &Point) -> Vec<Pair> {
    let own = curve.encode(near);
    let mut all = vec![own, flipped(own), bytes(&(&curve.p - &near.1))];
    let more = &near.1 + &curve.p;
    if more.bits() <= 255 {
        all.extend([bytes(&more), flipped(bytes(&more))]);
    }
    all.push(curve.encode(&curve.add(near, &curve.base())));
    all.into_iter().map(|encoding| (point.clone(), encoding)).collect()
}

#[test]
fn every_encoding_of_a_near_point_is_found_and_no_other() {
    let curve = Plain::new();
    let torsion = curve.torsion();
    assert!(torsion.iter().all(|point| curve.is_neutral_eightfold(point)));
    let small_y = (0..19u8).filter_map(|y| curve.decode(&bytes(&BigUint::from(y))));
    let random = (1..4u8).map(|k| curve.times(&(&curve.order / (k + 2)), &curve.base()));
    let starts: Vec<Point> = small_y.chain(random).collect();
    assert!(starts.len() > 8);
    let mut pairs = Vec::new();
    for start in &starts {
        // The sums with torsion are a coset each, which every one of its points must find whole.
        for (i, more) in torsion.iter().enumerate() {
            let near = curve.add(start, more);
            for from in [0, i, (3 * i + 1) % 8] {
                pairs.extend(about(&curve, &curve.add(start, &torsion[from]), &near));
            }
        }
    }
    for y in 19..40u8 {
        pairs.push((starts[y as usize % starts.len()].clone(), bytes(&BigUint::from(y))));
    }
    pairs.truncate(pairs.len() / LANES_64 * LANES_64);
    let mut expected = Vec::new();
    let (mut accepted, mut accepted_over_p) = (0, 0);
    for (point, encoding) in &pairs {
        let holds =
            curve.decode(encoding).is_some_and(|r| curve.is_neutral_eightfold(&curve.add(point, &curve.minus(&r))));
        let mut y = *encoding;
        y[31] &= 0x7f;
        accepted += usize::from(holds);
        accepted_over_p += usize::from(holds && number(&y) >= curve.p);
        expected.push(holds);
    }
    assert!(accepted > pairs.len() / 8 && accepted < pairs.len() / 2 && accepted_over_p > 20);
    let levels = [Some(CurveLevel::PORTABLE), CurveLevel::detect()];
    for level in levels.into_iter().flatten() {
        for _ in 0..LANES_64 {
            let found = level.run(Pairs(&pairs));
            let differ = (0..pairs.len()).find(|i| found[*i] != expected[*i]);
            assert_eq!(differ.map(|i| (&pairs[i], expected[i])), None, "{}", level.name());
            pairs.rotate_left(1);
            expected.rotate_left(1);
        }
    }
}

/// Signatures whose key and R are points of large order plus one of small order each: under ZIP-215 all hold.
#[test]
fn signatures_of_mixed_order_agree_in_every_lane() {
    let curve = Plain::new();
    let torsion = curve.torsion();
    let (secret, nonce) = (&curve.order / 3u8, &curve.order / 7u8);
    let (key, r) = (curve.times(&secret, &curve.base()), curve.times(&nonce, &curve.base()));
    let message = b"of mixed order".to_vec();
    let mut items = Vec::new();
    // A point's torsion, each of the eight, meets each of the eight lanes.
    for (n, is_own) in (0..128).map(|n| (n, n < 64)) {
        let (i, place) = (n / 8 % 8, (n / 8 + n) % 8);
        let key = curve.encode(&curve.add(&key, &torsion[i]));
        let own = curve.encode(&curve.add(&r, &torsion[place]));
        let (what, r) = if is_own { ("mixed orders", own) } else { ("R's other sign", flipped(own)) };
        let k = number(&Sha512::digest([&r[..], &key, &message].concat())) % &curve.order;
        let s = (&nonce + &k * &secret) % &curve.order;
        // Without the cofactor, R is [S]B - [k]A itself: its torsion is minus k times the key's.
        let multiple = usize::try_from(&k % 8u8).expect("below 8");
        let is_exact = is_own && (multiple * i + place).is_multiple_of(8);
        let verdict = |holds: bool| if holds { Ok(()) } else { Err(Reason::Equation) };
        let (key, signature, message) = (key.to_vec(), [r, bytes(&s)].concat(), message.clone());
        let odd = Odd { what, form: 0, key, signature, message, verdict: Ok(()) };
        items.push((odd, verdict(is_own), verdict(is_exact)));
    }
    for row in [Row::Ed25519Zip215, Row::Ed25519Ref10, Row::Ed25519Strict] {
        let with = |(odd, cofactor, exact): &(Odd, _, _)| Odd {
            verdict: if row == Row::Ed25519Zip215 { *cofactor } else { *exact },
            ..odd.clone()
        };
        let odd: Vec<_> = items.iter().map(with).collect();
        agree_on_odd_items(row, &Parameters::default(), &odd);
        agree_on_odd_items_with_known_keys(row, &Parameters::default(), &odd);
    }
}
