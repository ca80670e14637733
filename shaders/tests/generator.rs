//! The programs and formulas that the build turns into shaders, evaluated against big integers at the edges of their bounds.
#![allow(dead_code)]

#[path = "../build/chain.rs"]
mod chain;
#[path = "../build/edwards.rs"]
mod edwards;
#[path = "../build/field.rs"]
mod field;
#[path = "../build/formula.rs"]
mod formula;
#[path = "../build/glv.rs"]
mod glv;
#[path = "../build/program.rs"]
mod program;
#[path = "../build/weierstrass.rs"]
mod weierstrass;

use field::{Field, LIMBS, limbs, number};
use formula::{El, Formula};
use num_bigint::BigUint;
use weierstrass::Affine;

fn fields() -> Vec<Field> {
    let mut fields = Vec::new();
    for curve in [weierstrass::secp256k1(), weierstrass::p256(), weierstrass::sm2()] {
        fields.extend([curve.field, curve.order]);
    }
    let curve = edwards::ed25519();
    fields.extend([curve.field, curve.order]);
    fields
}

/// xorshift64*: limbs that are spread, the same in every run.
struct Spread(u64);

impl Spread {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Limbs within bounds: each at one of its edges or in between.
    fn limbs(&mut self, bounds: &[u64]) -> Vec<u32> {
        let limb = |bound: &u64, pick: u64| match pick % 4 {
            0 => 0,
            1 => *bound,
            _ => (pick >> 2) % (bound + 1),
        };
        bounds.iter().map(|bound| limb(bound, self.next()) as u32).collect()
    }

    fn below(&mut self, bound: &BigUint) -> BigUint {
        let digits: Vec<u32> = (0..16).map(|_| self.next() as u32).collect();
        BigUint::new(digits) % bound
    }
}

fn times(bounds: [u64; LIMBS], factor: u64) -> [u64; LIMBS] {
    bounds.map(|bound| bound * factor)
}

/// Operands: all at their largest, all zero, then spread ones.
fn operands(bounds: &[u64]) -> Vec<Vec<u32>> {
    let mut spread = Spread(bounds.iter().sum());
    let largest = bounds.iter().map(|bound| *bound as u32).collect();
    let mut all = vec![largest, vec![0; bounds.len()]];
    all.extend((0..200).map(|_| spread.limbs(bounds)));
    all
}

#[test]
fn products_are_right_at_the_edges_of_their_bounds() {
    for field in fields() {
        let widest: &[(u64, u64)] =
            if field.prime.bits() == 253 || field.prefix == "sc" { &[(1, 1), (2, 1)] } else { &[(6, 1), (2, 3)] };
        for (a, b) in widest {
            let bounds = [times(field.tight, *a), times(field.tight, *b)].concat();
            for inputs in operands(&bounds) {
                let out = field.mul.eval(&inputs);
                let (a, b) = inputs.split_at(LIMBS);
                assert_eq!(
                    field.value(&out),
                    field.value(a) * field.value(b) % &field.prime,
                    "{} {inputs:?}",
                    field.prime
                );
                assert!(out.iter().zip(field.tight).all(|(limb, tight)| u64::from(*limb) <= tight));
            }
        }
        for inputs in operands(&times(field.tight, 2)) {
            assert_eq!(field.sqr.eval(&inputs), field.mul.eval(&[inputs.clone(), inputs].concat()));
        }
    }
}

#[test]
fn sums_and_carries_keep_the_element() {
    for field in fields() {
        let two = [field.tight, field.tight].concat();
        for inputs in operands(&two) {
            let (a, b) = inputs.split_at(LIMBS);
            let (a, b) = (field.value(a), field.value(b));
            assert_eq!(field.value(&Field::addition().eval(&inputs)), (&a + &b) % &field.prime);
            assert_eq!(field.value(&field.subtraction(1).eval(&inputs)), (&a + &field.prime - &b) % &field.prime);
        }
        if field.prefix == "fe" {
            for inputs in operands(&times(field.tight, 5)) {
                let out = field.carry.eval(&inputs);
                assert_eq!(field.value(&out), field.value(&inputs));
                assert!(out.iter().zip(field.tight).all(|(limb, tight)| u64::from(*limb) <= tight));
            }
        }
    }
}

#[test]
fn leaving_gives_the_one_number_below_the_prime() {
    for field in fields() {
        let one = BigUint::from(1_u32);
        let p = &field.prime;
        let mut inputs = operands(&field.tight);
        for number in [BigUint::ZERO, one.clone(), p - &one, p.clone(), p + &one, p * 2_u32 - &one] {
            inputs.push(limbs(&number).to_vec());
        }
        for input in inputs {
            let out = field.left(&input);
            let out: Vec<u64> = out.iter().map(|limb| u64::from(*limb)).collect();
            assert_eq!(number(&out), field.value(&input), "{p} {input:?}");
            assert!(out[..LIMBS - 1].iter().all(|limb| *limb < 1 << 29));
        }
    }
}

/// A formula of three coordinates' inputs, evaluated on points.
fn evaluate<const N: usize>(f: &Formula<'_>, inputs: &[BigUint], out: [El; N]) -> Vec<BigUint> {
    f.eval(inputs, &out)
}

fn multiples(curve: &weierstrass::Curve) -> Vec<Affine> {
    let base = Some(curve.base.clone());
    let mut points = vec![None, base.clone()];
    while points.len() < 6 {
        points.push(curve.add(points.last().expect("a point"), &base));
    }
    let negative = |point: &Affine| point.as_ref().map(|(x, y)| (x.clone(), &curve.field.prime - y));
    let negatives: Vec<Affine> = points[1..4].iter().map(negative).collect();
    points.extend(negatives);
    points
}

#[test]
fn complete_addition_holds_for_every_pair() {
    for curve in [weierstrass::secp256k1(), weierstrass::p256(), weierstrass::sm2()] {
        let p = &curve.field.prime;
        let one = BigUint::from(1_u32);
        let projective = |point: &Affine, z: u32| match point {
            Some((x, y)) => [x * z % p, y * z % p, BigUint::from(z)],
            None => [BigUint::ZERO, one.clone() * z, BigUint::ZERO],
        };
        let mut f = Formula::new(&curve.field);
        let out = curve.complete_addition(&mut f);
        // The formula reads P, Q and three times b.
        let b3 = &curve.b * 3_u32 % p;
        for a in multiples(&curve) {
            for b in multiples(&curve) {
                let inputs = [projective(&a, 5).to_vec(), projective(&b, 7).to_vec(), vec![b3.clone()]].concat();
                let [x, y, z] = evaluate(&f, &inputs, out).try_into().expect("three");
                let got = (z != BigUint::ZERO).then(|| {
                    let inverse = z.modinv(p).expect("not zero");
                    (x * &inverse % p, y * inverse % p)
                });
                assert_eq!(got, curve.add(&a, &b));
            }
        }
    }
}

#[test]
fn jacobian_formulas_hold_or_make_z_zero() {
    for curve in [weierstrass::secp256k1(), weierstrass::p256(), weierstrass::sm2()] {
        let p = &curve.field.prime;
        let affine = |point: &[BigUint]| {
            let inverse = point[2].modinv(p).expect("not zero");
            let square = &inverse * &inverse % p;
            (&point[0] * &square % p, &point[1] * square % p * inverse % p)
        };
        let mut doubling = Formula::new(&curve.field);
        let doubled = curve.doubling(&mut doubling);
        let mut addition = Formula::new(&curve.field);
        let added = weierstrass::Curve::mixed_addition(&mut addition);
        let points: Vec<Affine> = multiples(&curve).into_iter().filter(Option::is_some).collect();
        for a in &points {
            let (x, y) = a.clone().expect("finite");
            let z = BigUint::from(3_u32);
            let jacobian = vec![x * 9_u32 % p, y * 27_u32 % p, z];
            let got = evaluate(&doubling, &jacobian, doubled);
            assert_eq!(Some(affine(&got)), curve.add(a, a));
            for b in &points {
                let (x, y) = b.clone().expect("finite");
                let inputs = [jacobian.clone(), vec![x, y]].concat();
                let got = evaluate(&addition, &inputs, added);
                let sum = curve.add(a, b);
                if a == b || sum.is_none() {
                    assert_eq!(got[2], BigUint::ZERO);
                    let mut zero = jacobian.clone();
                    zero[2] = BigUint::ZERO;
                    assert_eq!(evaluate(&doubling, &zero, doubled)[2], BigUint::ZERO, "zero it stays");
                } else {
                    assert_eq!(Some(affine(&got)), sum);
                    assert_eq!(&got[3] * 3_u32 % p, got[2], "H is Z3 over Z1");
                }
            }
        }
    }
}

#[test]
fn edwards_formulas_hold() {
    let curve = edwards::ed25519();
    let p = &curve.field.prime;
    let mut points = vec![(BigUint::ZERO, BigUint::from(1_u32)), (BigUint::ZERO, p - 1_u32), curve.base.clone()];
    points.push(curve.add(&points[1], &curve.base));
    points.push(curve.add(&points[3], &curve.base));
    let extended = |(x, y): &edwards::Affine, z: u32| vec![x * z % p, y * z % p, BigUint::from(z), x * y * z % p];
    let complete = |efgh: Vec<BigUint>| {
        let mut f = Formula::new(&curve.field);
        let out = edwards::Curve::completed(&mut f, curve.completed_bounds());
        let point = evaluate(&f, &efgh, out);
        let inverse = point[2].modinv(p).expect("complete");
        let affine = (&point[0] * &inverse % p, &point[1] * &inverse % p);
        assert_eq!(&point[0] * &point[1] % p, &point[2] * &point[3] % p, "T = XY/Z");
        affine
    };
    for a in &points {
        let mut f = Formula::new(&curve.field);
        let out = edwards::Curve::doubling(&mut f);
        assert_eq!(complete(evaluate(&f, &extended(a, 5)[..3], out)), curve.add(a, a));
        for b in &points {
            let mut f = Formula::new(&curve.field);
            let out = edwards::Curve::prepared(&mut f);
            let inputs = [extended(b, 7), vec![&curve.d * 2_u32 % p]].concat();
            let prepared = evaluate(&f, &inputs, out);
            let mut f = Formula::new(&curve.field);
            let out = edwards::Curve::addition(&mut f);
            assert_eq!(complete(evaluate(&f, &[extended(a, 5), prepared].concat(), out)), curve.add(a, b));
        }
    }
}

#[test]
fn chains_are_the_exponents_they_say() {
    let quarter = |field: &Field| (&field.prime + 1_u32) / 4_u32;
    for curve in [weierstrass::secp256k1(), weierstrass::p256(), weierstrass::sm2()] {
        assert_eq!(chain::exponent(&curve.root), quarter(&curve.field));
    }
    let p = edwards::ed25519().field.prime;
    assert_eq!(chain::exponent(&chain::ed25519_root()), (p - 5_u32) / 8_u32);
}

#[test]
fn halves_are_short_and_make_the_scalar_whole() {
    let curve = weierstrass::secp256k1();
    let n = &curve.order.prime;
    let one = BigUint::from(1_u32);
    assert_eq!(glv::lambda().modpow(&BigUint::from(3_u32), n), one);
    assert_eq!(glv::beta().modpow(&BigUint::from(3_u32), &curve.field.prime), one);
    let [a1, minus_b1, a2, b2] = glv::lattice();
    assert_eq!((&a1 + (n - minus_b1) * glv::lambda()) % n, BigUint::ZERO);
    assert_eq!((&a2 + b2 * glv::lambda()) % n, BigUint::ZERO);
    // lambda G = (beta x, y).
    let mut sum: Affine = None;
    for bit in (0..256).rev() {
        sum = curve.add(&sum, &sum);
        if glv::lambda().bit(bit) {
            sum = curve.add(&sum, &Some(curve.base.clone()));
        }
    }
    assert_eq!(sum, Some((&curve.base.0 * glv::beta() % &curve.field.prime, curve.base.1.clone())));
    let program = glv::rounded_product();
    let mut spread = Spread(5);
    let largest = BigUint::from(2_u32).pow(256);
    for _ in 0..200 {
        let (a, g) = (spread.below(&largest), spread.below(&largest));
        let out = program.eval(&[limbs(&a), limbs(&g)].concat());
        let out: Vec<u64> = out.iter().map(|limb| u64::from(*limb)).collect();
        let rounded: BigUint = (a * g + (BigUint::from(1_u32) << 376)) >> 377;
        assert_eq!(number(&out), rounded);
    }
}
