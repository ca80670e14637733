//! Items made backwards from their equation, so that an attacker's choice meets what honest items never do: equal and opposite
//! points inside the sum, a sum at infinity, scalars at the order's edges, keys and numbers at the field's edges.

use assay_scheme::{Parameters, Row};
use num_bigint::BigUint;

use crate::harness::{Batch, run};

/// y^2 = x^3 + ax + b mod p, with a base of order n.
struct Curve {
    p: BigUint,
    n: BigUint,
    a: BigUint,
    b: BigUint,
    base: (BigUint, BigUint),
}

type Point = Option<(BigUint, BigUint)>;

fn number(hex: &str) -> BigUint {
    BigUint::parse_bytes(hex.as_bytes(), 16).expect("hexadecimal digits")
}

fn bytes(number: &BigUint) -> [u8; 32] {
    let digits = number.to_bytes_be();
    let mut bytes = [0; 32];
    bytes[32 - digits.len()..].copy_from_slice(&digits);
    bytes
}

/// SEC 2 v2, section 2.4.1.
fn secp256k1() -> Curve {
    Curve {
        p: number("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"),
        n: number("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"),
        a: BigUint::ZERO,
        b: BigUint::from(7_u32),
        base: (
            number("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
            number("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
        ),
    }
}

/// SP 800-186, section 3.2.1.3.
fn p256() -> Curve {
    let p = number("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
    Curve {
        a: &p - 3_u32,
        p,
        n: number("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
        b: number("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
        base: (
            number("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
            number("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
        ),
    }
}

/// GB/T 32918.5-2017, section 2.
fn sm2() -> Curve {
    let p = number("fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff");
    Curve {
        a: &p - 3_u32,
        p,
        n: number("fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123"),
        b: number("28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"),
        base: (
            number("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"),
            number("bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"),
        ),
    }
}

impl Curve {
    fn add(&self, left: &Point, right: &Point) -> Point {
        let p = &self.p;
        let (Some((x1, y1)), Some((x2, y2))) = (left, right) else { return left.clone().or_else(|| right.clone()) };
        let slope = if x1 != x2 {
            (y2 + p - y1) * (x2 + p - x1).modinv(p).expect("x differs")
        } else if y1 == y2 {
            (x1 * x1 * 3_u32 + &self.a) * (y1 * 2_u32).modinv(p).expect("an odd order")
        } else {
            return None;
        } % p;
        let x = (&slope * &slope + p + p - x1 - x2) % p;
        let y = (slope * (x1 + p - &x) + p - y1) % p;
        Some((x, y))
    }

    fn times_base(&self, factor: &BigUint) -> Point {
        let (mut sum, base) = (None, Some(self.base.clone()));
        for bit in (0..factor.bits()).rev() {
            sum = self.add(&sum, &sum);
            if factor.bit(bit) {
                sum = self.add(&sum, &base);
            }
        }
        sum
    }

    fn y_of(&self, x: &BigUint) -> Option<BigUint> {
        let square = (x * x * x + &self.a * x + &self.b) % &self.p;
        let root = square.modpow(&((&self.p + 1_u32) / 4_u32), &self.p);
        (&root * &root % &self.p == square).then_some(root)
    }

    /// Scalars whose digits are all alike, alternate, or lie at an edge.
    fn scalars(&self) -> Vec<BigUint> {
        let n = &self.n;
        let one = BigUint::from(1_u32);
        let lambda = number("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72") % n;
        let mut scalars: Vec<BigUint> = [1_u32, 2, 3, 15, 16, 17, 255, 256].map(BigUint::from).into();
        scalars.extend([n - 1_u32, n - 2_u32, n - 15_u32, (n + 1_u32) / 2_u32, lambda.clone(), n - lambda]);
        scalars.extend([&one << 128, (&one << 128) - 1_u32, (&one << 255) % n, ((&one << 256) - 1_u32) % n]);
        scalars
    }

    /// Secret keys whose multiples meet the base's within a window.
    fn secrets(&self) -> Vec<BigUint> {
        let n = &self.n;
        let small = [1_u32, 2].map(BigUint::from);
        let half = (n + 1_u32) / 2_u32;
        let lambda = number("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72") % n;
        let mut secrets: Vec<BigUint> = small.iter().flat_map(|small| [small.clone(), n - small]).collect();
        secrets.extend([half, lambda.clone(), n - lambda, number("1234567890abcdef1234567890abcdef1234567890abcdef")]);
        secrets
    }

    /// Pairs (u1, u2) for a secret: the second from a few, the first also such that the sum is infinity, doubles at its end, or
    /// is the base itself.
    fn pairs(&self, secret: &BigUint) -> Vec<(BigUint, BigUint)> {
        let n = &self.n;
        let scalars = self.scalars();
        let mut pairs = Vec::new();
        for (place, u2) in scalars.iter().enumerate() {
            let product = u2 * secret % n;
            pairs.push((n - &product, u2.clone()));
            pairs.push((product.clone(), u2.clone()));
            pairs.push(((n + 1_u32 - product) % n, u2.clone()));
            pairs.push((scalars[(place * 7 + 3) % scalars.len()].clone(), u2.clone()));
            pairs.push((BigUint::ZERO, u2.clone()));
        }
        pairs
    }
}

fn column(key: &Point) -> Vec<u8> {
    let (x, y) = key.as_ref().expect("a finite key");
    [bytes(x), bytes(y)].concat()
}

fn pair(r: &BigUint, s: &BigUint) -> Vec<u8> {
    [bytes(r), bytes(s)].concat()
}

/// r of a sum: its x mod n, or anything where it is infinity.
fn r_of(curve: &Curve, sum: &Point) -> BigUint {
    sum.as_ref().map_or(BigUint::from(5_u32), |(x, _)| x % &curve.n)
}

/// Runs a batch on every backend; how many of its items are valid.
fn valid(batch: Batch) -> usize {
    batch.verdicts().iter().filter(|verdict| verdict.is_valid()).count()
}

#[test]
fn ecdsa_sums_that_meet_equal_opposite_and_no_points() {
    for (curve, row) in [(secp256k1(), Row::EcdsaSecp256k1), (p256(), Row::EcdsaP256)] {
        let mut batch = Batch::new(row);
        let mut finite = 0;
        for secret in curve.secrets() {
            let key = curve.times_base(&secret);
            for (u1, u2) in curve.pairs(&secret) {
                let sum = curve.times_base(&((&u1 + &u2 * &secret) % &curve.n));
                let r = r_of(&curve, &sum);
                let s = &r * u2.modinv(&curve.n).expect("a prime") % &curve.n;
                let e = u1 * &s % &curve.n;
                batch.push_column(4, &column(&key), &pair(&r, &s), &bytes(&e));
                finite += usize::from(sum.is_some());
            }
        }
        assert_eq!(valid(batch), finite, "{}", row.name());
    }
}

#[test]
fn sm2_sums_that_meet_equal_opposite_and_no_points() {
    let curve = sm2();
    let n = &curve.n;
    let mut batch = Batch::new(Row::Sm2E);
    let mut finite = 0;
    for secret in curve.secrets() {
        let key = curve.times_base(&secret);
        for (s, t) in curve.pairs(&secret) {
            let r = (&t + n - &s) % n;
            if s == BigUint::ZERO || r == BigUint::ZERO {
                continue;
            }
            let sum = curve.times_base(&((&s + &t * &secret) % n));
            let e = (&r + n - r_of(&curve, &sum)) % n;
            batch.push_column(4, &column(&key), &pair(&r, &s), &bytes(&e));
            finite += usize::from(sum.is_some());
        }
    }
    assert_eq!(valid(batch), finite);
}

#[test]
fn recovered_sums_that_meet_equal_opposite_and_no_points() {
    let curve = secp256k1();
    let n = &curve.n;
    for output in [assay_scheme::Output::Default, assay_scheme::Output::Address] {
        let mut batch = Batch::new(Row::RecoverSecp256k1).output(output);
        let mut finite = 0;
        for secret in curve.secrets() {
            // R = secret G, and Q = u1 G + u2 R with u1 = -e/r, u2 = s/r.
            let (x, y) = curve.times_base(&secret).expect("a finite point");
            let r = &x % n;
            let v = u8::from(y.bit(0)) | u8::from(x >= *n) << 1;
            for (u1, u2) in curve.pairs(&secret) {
                let (s, e) = (&u2 * &r % n, (n - &u1) % n * &r % n);
                let mut signature = pair(&r, &s);
                signature.push(v);
                batch.push_column(0, &[], &signature, &bytes(&e));
                finite += usize::from((u1 + u2 * &secret) % n != BigUint::ZERO);
            }
        }
        assert_eq!(valid(batch), finite);
    }
}

/// A number at every edge: 0, 1, and one below, at and above both the order and the prime, and the largest.
fn edges(curve: &Curve) -> Vec<BigUint> {
    let one = BigUint::from(1_u32);
    let mut edges = vec![BigUint::ZERO, one.clone(), (&one << 256) - 1_u32, &curve.n >> 1, (&curve.n >> 1) + 1_u32];
    for bound in [&curve.n, &curve.p] {
        edges.extend([bound - 1_u32, bound.clone(), bound + 1_u32]);
    }
    edges
}

#[test]
fn numbers_at_the_edges() {
    let rows = [
        (secp256k1(), vec![Row::EcdsaSecp256k1, Row::EcdsaSecp256k1LowS]),
        (p256(), vec![Row::EcdsaP256, Row::EcdsaP256LowS]),
        (sm2(), vec![Row::Sm2E, Row::Sm2Za]),
    ];
    for (curve, rows) in rows {
        let key = column(&curve.times_base(&BigUint::from(7_u32)));
        for row in rows {
            let mut batch = Batch::new(row);
            for r in edges(&curve) {
                for s in edges(&curve) {
                    batch.push_column(4, &key, &pair(&r, &s), &bytes(&r));
                    batch.push_column(4, &key, &pair(&r, &s), &bytes(&s)[..31]);
                }
            }
            batch.verdicts();
        }
    }
    let curve = secp256k1();
    let x = bytes(&curve.times_base(&BigUint::from(7_u32)).expect("finite").0);
    let mut schnorr = Batch::new(Row::SchnorrBip340);
    let mut recover = Batch::new(Row::RecoverSecp256k1LowS);
    for r in edges(&curve) {
        for s in edges(&curve) {
            schnorr.push_column(0, &x, &pair(&r, &s), b"");
            for v in 0..5 {
                recover.push_column(0, &[], &[pair(&r, &s), vec![v]].concat(), &bytes(&s));
            }
        }
    }
    schnorr.verdicts();
    recover.verdicts();
}

#[test]
fn keys_at_the_edges() {
    let rows = [(secp256k1(), Row::EcdsaSecp256k1), (p256(), Row::EcdsaP256), (sm2(), Row::Sm2E), (sm2(), Row::Sm2Za)];
    for (curve, row) in rows {
        let signature = pair(&BigUint::from(3_u32), &BigUint::from(5_u32));
        let mut coordinates: Vec<BigUint> = edges(&curve);
        coordinates.extend((2_u32..8).flat_map(|x| [BigUint::from(x), &curve.p + x]));
        coordinates.push(curve.base.0.clone());
        coordinates.retain(|x| x.bits() <= 256);
        let mut batch = Batch::new(row);
        for x in &coordinates {
            let root = curve.y_of(&(x % &curve.p)).unwrap_or(BigUint::from(1_u32));
            for form in row.operation().forms {
                for y in [BigUint::ZERO, root.clone(), &curve.p - &root, &root + &curve.p] {
                    if y.bits() <= 256 {
                        batch.push_column(*form, &pair(x, &y), &signature, &[1; 32]);
                    }
                }
            }
        }
        batch.verdicts();
    }
    let mut batch = Batch::new(Row::SchnorrBip340);
    for x in edges(&secp256k1()) {
        batch.push_column(0, &bytes(&x), &pair(&BigUint::from(3_u32), &BigUint::from(5_u32)), b"edges");
    }
    batch.verdicts();
}

/// The challenge of BIP-340 over r, the key's x and a message.
fn challenge(curve: &Curve, r: &BigUint, x: &BigUint, message: &[u8]) -> BigUint {
    use sha2::{Digest as _, Sha256};
    let tag = Sha256::digest(b"BIP0340/challenge");
    let mut hash = Sha256::new();
    for part in [&tag[..], &tag[..], &bytes(r), &bytes(x), message] {
        hash.update(part);
    }
    BigUint::from_bytes_be(&hash.finalize()) % &curve.n
}

#[test]
fn schnorr_sums_with_odd_y_and_at_infinity() {
    let curve = secp256k1();
    let n = &curve.n;
    let mut batch = Batch::new(Row::SchnorrBip340);
    let mut holds = 0;
    for (place, nonce) in curve.scalars().iter().chain([&BigUint::ZERO]).enumerate() {
        for secret in curve.secrets() {
            let (x, y) = curve.times_base(&secret).expect("finite");
            // The key that is verified has an even y.
            let secret = if y.bit(0) { n - &secret } else { secret };
            let sum = curve.times_base(nonce);
            let r = sum.as_ref().map_or(BigUint::from(1_u32), |(x, _)| x.clone());
            let message = vec![7; place * 5];
            let s = (nonce + challenge(&curve, &r, &x, &message) * secret) % n;
            batch.push_column(0, &bytes(&x), &pair(&r, &s), &message);
            holds += usize::from(sum.is_some_and(|(_, y)| !y.bit(0)));
        }
    }
    assert_eq!(valid(batch), holds);
}

#[test]
fn good_and_bad_items_side_by_side_at_every_size() {
    use assay_core::samples::{Spec, columns, parameters, samples};
    for row in
        [Row::Ed25519Zip215, Row::EcdsaSecp256k1, Row::SchnorrBip340, Row::EcdsaP256, Row::Sm2Za, Row::RecoverSecp256k1]
    {
        let operation = row.operation();
        for items in [1, 63, 64, 65, 257] {
            let made = samples(operation, &Spec { items, spoil_every: 3, seed: items as u64, ..Spec::default() });
            let parameters: Parameters = parameters(operation);
            let results = run(parameters, columns(operation, &made));
            for (item, sample) in made.iter().enumerate() {
                assert!(sample.agrees(results.verdict(item)), "{} {item} of {items}", row.name());
            }
        }
    }
}
