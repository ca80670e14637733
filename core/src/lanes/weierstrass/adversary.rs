//! Items made to go wrong: a curve over num-bigint, and signatures whose scalars somebody chose.

use assay_scheme::{Parameters, Reason, Row};
use num_bigint::BigUint;

use super::super::testing::{Odd, agree_on_odd_items, agree_on_odd_items_with_known_keys};
use super::Curve;
use super::field::Modulus;
use super::proof::big;

/// A point, or infinity.
pub(in super::super) type Point = Option<(BigUint, BigUint)>;

/// A curve in affine coordinates, one inversion an addition.
pub(in super::super) struct Plain {
    pub(in super::super) p: BigUint,
    pub(in super::super) n: BigUint,
    a: BigUint,
    b: BigUint,
    pub(in super::super) g: Point,
}

impl Plain {
    pub(in super::super) fn of<C: Curve>() -> Self {
        let p = big(C::Field::P);
        let r = if C::Field::MONTGOMERY { BigUint::from(1u8) << 260 } else { BigUint::from(1u8) };
        let r = r.modinv(&p).expect("odd p");
        let plain = |form| big(form) * &r % &p;
        let a = if C::A_IS_MINUS_3 { &p - 3u8 } else { BigUint::ZERO };
        let (b, [x, y]) = (plain(C::B), C::G.map(plain));
        Self { a, b, n: big(C::Order::P), g: Some((x, y)), p }
    }

    pub(in super::super) fn add(&self, first: &Point, second: &Point) -> Point {
        let p = &self.p;
        let (Some((x1, y1)), Some((x2, y2))) = (first, second) else { return first.clone().or(second.clone()) };
        let (rise, run) = if x1 != x2 {
            (y2 + p - y1, x2 + p - x1)
        } else if ((y1 + y2) % p) == BigUint::ZERO {
            return None;
        } else {
            (3u8 * x1 * x1 + &self.a, 2u8 * y1)
        };
        let slope = rise * run.modinv(p).expect("not zero") % p;
        let x = (&slope * &slope + 2u8 * p - x1 - x2) % p;
        let y = (slope * (x1 + p - &x) + p - y1) % p;
        Some((x, y))
    }

    pub(in super::super) fn times(&self, k: &BigUint, point: &Point) -> Point {
        let k = k % &self.n;
        (0..k.bits()).rev().fold(None, |sum, bit| {
            let sum = self.add(&sum, &sum);
            if k.bit(bit) { self.add(&sum, point) } else { sum }
        })
    }

    /// u G + v Q.
    pub(in super::super) fn combination(&self, u: &BigUint, v: &BigUint, point: &Point) -> Point {
        self.add(&self.times(u, &self.g), &self.times(v, point))
    }

    /// The point with this x and an even y.
    pub(in super::super) fn lift(&self, x: &BigUint) -> Point {
        let p = &self.p;
        let square = (x * x * x + &self.a * x + &self.b) % p;
        let y = square.modpow(&((p + 1u8) >> 2), p);
        let y = if y.bit(0) { p - y } else { y };
        ((&y * &y) % p == square).then_some((x.clone(), y))
    }

    /// The first x from here on that is a point's, or that is none.
    pub(in super::super) fn next_x(&self, from: &BigUint, of_point: bool) -> BigUint {
        (0u32..).map(|i| from + i).find(|x| self.lift(x).is_some() == of_point).expect("every other x is")
    }

    pub(in super::super) fn minus(&self, k: &BigUint) -> BigUint {
        (&self.n - k % &self.n) % &self.n
    }

    pub(in super::super) fn over(&self, a: &BigUint, b: &BigUint) -> BigUint {
        a * b.modinv(&self.n).expect("not zero") % &self.n
    }

    /// Scalars about the edges of windows, halves and the order.
    pub(in super::super) fn scalars(&self, eigenvalue: &BigUint) -> Vec<BigUint> {
        let small = [0u32, 1, 2, 3, 31, 32, 33, 8_191].map(BigUint::from);
        let large = [0, 13, 125, 130, 255].map(|bit| self.minus(&(BigUint::from(1u8) << bit)));
        let others = [eigenvalue.clone(), self.minus(eigenvalue), eigenvalue + 1u8, &self.n >> 1, &self.p % &self.n];
        [&small[..], &large, &others].concat()
    }
}

/// Thirty-two bytes, big-endian.
pub(in super::super) fn bytes(number: &BigUint) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    [vec![0; 32 - bytes.len()], bytes].concat()
}

/// Two numbers of 32 bytes.
pub(in super::super) fn pair(a: &BigUint, b: &BigUint) -> Vec<u8> {
    [bytes(a), bytes(b)].concat()
}

/// A point's two.
pub(in super::super) fn column(point: &Point) -> Vec<u8> {
    let (x, y) = point.as_ref().expect("a point");
    pair(x, y)
}

pub(in super::super) fn item(what: &'static str, form: u8, key: Vec<u8>, signature: Vec<u8>, message: Vec<u8>) -> Odd {
    Odd { what, form, key, signature, message, verdict: Ok(()) }
}

impl Odd {
    pub(in super::super) fn fails(self, reason: Reason) -> Self {
        Self { verdict: Err(reason), ..self }
    }
}

/// Signatures over chosen u and v: e = u s and r = v s, r being the x of u G + v Q.
fn chosen(curve: &Plain, eigenvalue: &BigUint) -> Vec<Odd> {
    let scalars = curve.scalars(eigenvalue);
    let mut odd = Vec::new();
    for (i, key) in [BigUint::from(1u8), eigenvalue.clone()].iter().enumerate() {
        let point = curve.times(key, &curve.g);
        for (j, v) in scalars.iter().enumerate().skip(1) {
            // Every u would be many; those that make the sum small or nothing are always among them.
            let small = (0..4u32).map(|k| (curve.minus(&(v * key)) + k) % &curve.n);
            for u in small.chain([scalars[(i + j) % scalars.len()].clone()]) {
                let sum = curve.combination(&u, v, &point);
                let r = sum.as_ref().map_or(BigUint::from(5u8), |(x, _)| x % &curve.n);
                let s = curve.over(&r, v);
                let e = &u * &s % &curve.n;
                let item = item("chosen scalars", 4, column(&point), pair(&r, &s), bytes(&e));
                odd.push(if sum.is_none() { item.fails(Reason::Equation) } else { item });
            }
        }
    }
    odd
}

/// Everything else that ECDSA may meet, around one signature that holds.
fn around(curve: &Plain, hybrid: bool) -> Vec<Odd> {
    let (one, max) = (BigUint::from(1u8), (BigUint::from(1u8) << 256) - 1u8);
    let (p, n) = (&curve.p, &curve.n);
    let key = curve.times(&BigUint::from(77u8), &curve.g);
    let (x, y) = key.clone().expect("a point");
    let nonce = BigUint::from(1_234_567u32);
    let r = curve.times(&nonce, &curve.g).expect("a point").0 % n;
    let signed = |e: &BigUint| pair(&r, &curve.over(&(e + 77u8 * &r), &nonce));
    let e = BigUint::from(99u8);
    let (good, digest) = (signed(&e), bytes(&e));
    let with = |what, form, key: Vec<u8>| item(what, form, key, good.clone(), digest.clone());
    let parity = u8::from(y.bit(0));
    let compressed = pair(&x, &BigUint::ZERO);
    let no_x = curve.next_x(&one, false);
    let mut odd = vec![
        with("as it is", 4, column(&key)),
        with("compressed", 2 + parity, compressed.clone()),
        with("the other y", 3 - parity, compressed).fails(Reason::Equation),
        with("bytes behind x", 2 + parity, column(&key)).fails(Reason::Key),
        with("minus the key", 4, pair(&x, &(p - &y))).fails(Reason::Equation),
        with("off the curve", 4, pair(&x, &(&y ^ &one))).fails(Reason::Key),
        with("nothing", 4, vec![0; 64]).fails(Reason::Key),
        with("no point's x", 2, pair(&no_x, &BigUint::ZERO)).fails(Reason::Key),
        with("x of p", 3, pair(p, &BigUint::ZERO)).fails(Reason::Key),
        with("all ones", 4, vec![0xff; 64]).fails(Reason::Key),
    ];
    // A point whose x or y fits 256 bits with p added.
    let low_x = curve.next_x(&BigUint::ZERO, true);
    if &low_x + p <= max {
        odd.push(with("x of more than p", 2, pair(&(&low_x + p), &BigUint::ZERO)).fails(Reason::Key));
        let y = curve.lift(&low_x).expect("a point").1;
        odd.push(with("x of more than p, with y", 4, pair(&(&low_x + p), &y)).fails(Reason::Key));
    }
    if hybrid {
        odd.push(with("hybrid", 6 + parity, column(&key)));
        odd.push(with("hybrid, wrong parity", 7 - parity, column(&key)).fails(Reason::Key));
    }
    let s = BigUint::from_bytes_be(&good[32..]);
    for (what, edge) in [("0", BigUint::ZERO), ("n", n.clone()), ("n + 1", n + 1u8), ("all ones", max.clone())] {
        let out = [pair(&edge, &s), pair(&r, &edge), pair(&edge, &edge)];
        odd.extend(
            out.map(|signature| item(what, 4, column(&key), signature, digest.clone()).fails(Reason::Signature)),
        );
    }
    for edge in [one.clone(), n - 1u8, n >> 1, (n >> 1) + 1u8, p % n] {
        let inside = [pair(&edge, &s), pair(&r, &edge), pair(&edge, &edge)];
        odd.extend(inside.map(|s| item("in range", 4, column(&key), s, digest.clone()).fails(Reason::Equation)));
    }
    for edge in [p - 1u8, p.clone(), p + 1u8].into_iter().filter(|edge| edge >= n && *edge <= max) {
        odd.push(item("about p", 4, column(&key), pair(&edge, &s), digest.clone()).fails(Reason::Signature));
    }
    for e in [BigUint::ZERO, n.clone(), n + 1u8, n - 1u8, max.clone()] {
        odd.push(item("an edge for a digest", 4, column(&key), signed(&e), bytes(&e)));
    }
    for len in [0, 31, 33, 64] {
        odd.push(item("no digest", 4, column(&key), good.clone(), vec![1; len]).fails(Reason::Message));
        odd.push(item("nor a signature", 4, column(&key), vec![0; 64], vec![1; len]).fails(Reason::Signature));
        odd.push(item("nor a key", 4, vec![9; 64], vec![0; 64], vec![1; len]).fails(Reason::Key));
    }
    odd.push(x_above_order(curve, &nonce));
    odd
}

/// A signature whose point has an x of n and more: the key is worked out from the point.
fn x_above_order(curve: &Plain, nonce: &BigUint) -> Odd {
    let x = curve.next_x(&(&curve.n + 1u8), true);
    assert!(x < curve.p);
    let (r, s, u) = (&x - &curve.n, nonce.clone(), BigUint::from(3u8));
    let minus_u = curve.times(&curve.minus(&u), &curve.g);
    let key = curve.times(&curve.over(&s, &r), &curve.add(&curve.lift(&x), &minus_u));
    item("x of n and more", 4, column(&key), pair(&r, &s), bytes(&(&u * &s % &curve.n)))
}

/// Whether s is above n/2.
fn is_high(curve: &Plain, odd: &Odd) -> bool {
    BigUint::from_bytes_be(&odd.signature[32..64]) > &curve.n >> 1
}

/// The odd items of an ECDSA row.
pub(in super::super) fn check_ecdsa<C: Curve>(any_s: Row, low_s: Row, hybrid: bool, eigenvalue: &str) {
    let curve = Plain::of::<C>();
    let eigenvalue = BigUint::parse_bytes(eigenvalue.as_bytes(), 16).expect("hex");
    let mut odd = around(&curve, hybrid);
    odd.extend(chosen(&curve, &eigenvalue));
    agree_on_odd_items(any_s, &Parameters::default(), &odd);
    agree_on_odd_items_with_known_keys(any_s, &Parameters::default(), &odd);
    for item in &mut odd {
        let checked_before = matches!(item.verdict, Err(Reason::Key | Reason::Signature));
        if is_high(&curve, item) && !checked_before {
            item.verdict = Err(Reason::Signature);
        }
    }
    agree_on_odd_items(low_s, &Parameters::default(), &odd);
    agree_on_odd_items_with_known_keys(low_s, &Parameters::default(), &odd);
}
