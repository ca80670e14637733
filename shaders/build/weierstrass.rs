//! Short Weierstrass curves of prime order: their numbers in, the WGSL of their point arithmetic and their base table out.
//!
//! The hot loop adds and doubles in Jacobian coordinates without looking for the cases where the formulas do not hold (equal
//! or opposite points, infinity). Each such case makes Z zero, and zero it stays: doubling gives Z = 2YZ, addition Z = Z1 H.
//! So a result whose Z is not zero is right, and one whose Z is zero is computed again by the complete formulas (Renes,
//! Costello, Batina 2015, algorithm 1), which hold for every pair of points of a curve of odd order.

use num_bigint::BigUint;

use crate::field::{Field, LIMBS, constant, inverses, u256};
use crate::formula::{El, Formula};
use crate::glv::beta;

/// Odd multiples in the base's table: windows of 12 bits, digits +-1, +-3 .. +-4095.
pub(crate) const BASE_MULTIPLES: usize = 2048;
/// Words of an entry of the base's table: x, y, and two of padding, so that it is five vectors of four; where scalars are split,
/// x, y, beta x and one of padding.
const ENTRY_WORDS: usize = 20;
const ENTRY_WORDS_SPLIT: usize = 28;

/// A curve y^2 = x^3 + ax + b.
pub(crate) struct Curve {
    pub(crate) field: Field,
    pub(crate) order: Field,
    /// Whether a is 0; else it is -3.
    pub(crate) a_is_zero: bool,
    pub(crate) b: BigUint,
    pub(crate) base: (BigUint, BigUint),
    /// (p + 1) / 4 as [`crate::chain`] writes it.
    pub(crate) root: Vec<crate::chain::Link>,
}

fn hex(digits: &str) -> BigUint {
    BigUint::parse_bytes(digits.as_bytes(), 16).expect("hexadecimal digits")
}

/// SEC 2 v2, section 2.4.1.
pub(crate) fn secp256k1() -> Curve {
    Curve {
        field: Field::new("fe", hex("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f")),
        order: Field::new("sc", hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")),
        a_is_zero: true,
        b: BigUint::from(7_u32),
        base: (
            hex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
            hex("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
        ),
        root: crate::chain::SECP256K1_ROOT.to_vec(),
    }
}

/// FIPS 186-5 by way of SP 800-186, section 3.2.1.3.
pub(crate) fn p256() -> Curve {
    Curve {
        field: Field::new("fe", hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff")),
        order: Field::new("sc", hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")),
        a_is_zero: false,
        b: hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
        base: (
            hex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
            hex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
        ),
        root: crate::chain::P256_ROOT.to_vec(),
    }
}

/// GB/T 32918.5-2017, section 2.
pub(crate) fn sm2() -> Curve {
    Curve {
        field: Field::new("fe", hex("fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff")),
        order: Field::new("sc", hex("fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123")),
        a_is_zero: false,
        b: hex("28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"),
        base: (
            hex("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"),
            hex("bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"),
        ),
        root: crate::chain::sm2_root(),
    }
}

impl Curve {
    /// Doubling, 3M + 4S for a = 0, 4M + 4S for a = -3 with the slope 3(X - Z^2)(X + Z^2).
    pub(crate) fn doubling(&self, f: &mut Formula<'_>) -> [El; 3] {
        let [x, y, z] = f.point("p");
        // Half of what the formulas name, so that nothing grows far before it is multiplied.
        let yy = f.sqr(y);
        let yy2 = f.double(yy);
        let xyy2 = f.mul(x, yy2);
        let slope = if self.a_is_zero {
            let xx = f.sqr(x);
            f.triple(xx)
        } else {
            let zz = f.sqr(z);
            let (left, right) = (f.sub(x, zz), f.add(x, zz));
            let product = f.mul(left, right);
            f.triple(product)
        };
        let square = f.sqr(slope);
        // X3 = slope^2 - 8 X Y^2, Y3 = slope (4 X Y^2 - X3) - 8 Y^4, Z3 = 2 Y Z.
        let xyy4 = f.double(xyy2);
        let xyy8 = f.double(xyy4);
        let x3 = f.sub(square, xyy8);
        let x3 = f.carry(x3);
        let fall = f.sub(xyy4, x3);
        let y3 = f.mul(slope, fall);
        let yyyy4 = f.sqr(yy2);
        let yyyy8 = f.double(yyyy4);
        let y3 = f.sub(y3, yyyy8);
        let y2 = f.double(y);
        let z3 = f.mul(y2, z);
        [x3, y3, z3]
    }

    /// Adding an affine point, 8M + 3S; the last output is H = Z3 / Z1.
    pub(crate) fn mixed_addition(f: &mut Formula<'_>) -> [El; 4] {
        let [x1, y1, z1] = f.point("p");
        let (x2, y2) = (f.input("q.x"), f.input("q.y"));
        let zz = f.sqr(z1);
        let u2 = f.mul(x2, zz);
        let zzz = f.mul(z1, zz);
        let s2 = f.mul(y2, zzz);
        let h = f.sub(u2, x1);
        let r = f.sub(s2, y1);
        let hh = f.sqr(h);
        let hhh = f.mul(h, hh);
        let v = f.mul(x1, hh);
        let rr = f.sqr(r);
        let v2 = f.double(v);
        let x3 = f.sub(rr, hhh);
        let x3 = f.sub(x3, v2);
        let fall = f.sub(v, x3);
        let y3 = f.mul(r, fall);
        let rest = f.mul(y1, hhh);
        let y3 = f.sub(y3, rest);
        let z3 = f.mul(z1, h);
        [x3, y3, z3, h]
    }

    /// Complete addition in projective coordinates (x = X/Z, infinity is (0, 1, 0)): Renes, Costello, Batina 2015, algorithm 1.
    pub(crate) fn complete_addition(&self, f: &mut Formula<'_>) -> [El; 3] {
        let [x1, y1, z1] = f.point("p");
        let [x2, y2, z2] = f.point("q");
        let b3 = f.input("THRICE_B");
        // a times an element, to be subtracted: 0 or 3 times.
        let minus_a = |f: &mut Formula<'_>, el: El| (!self.a_is_zero).then(|| f.triple(el));
        let (t0, t1, t2) = (f.mul(x1, x2), f.mul(y1, y2), f.mul(z1, z2));
        let cross = |f: &mut Formula<'_>, [a1, b1, a2, b2]: [El; 4], aa: El, bb: El| {
            let (left, right) = (f.add(a1, b1), f.add(a2, b2));
            let (product, squares) = (f.mul(left, right), f.add(aa, bb));
            f.sub(product, squares)
        };
        let t3 = cross(f, [x1, y1, x2, y2], t0, t1);
        let t4 = cross(f, [x1, z1, x2, z2], t0, t2);
        let t5 = cross(f, [y1, z1, y2, z2], t1, t2);
        let b3t2 = f.mul(b3, t2);
        let low = minus_a(f, t4).map_or(b3t2, |at4| f.sub(b3t2, at4));
        let (minus, plus) = (f.sub(t1, low), f.add(t1, low));
        let y3 = f.mul(minus, plus);
        let thrice = f.triple(t0);
        let slope = minus_a(f, t2).map_or(thrice, |at2| f.sub(thrice, at2));
        let b3t4 = f.mul(b3, t4);
        let high = match minus_a(f, t2) {
            None => b3t4,
            Some(at2) => {
                // a (t0 - a t2) with a = -3.
                let inner = f.add(t0, at2);
                let inner = f.triple(inner);
                f.sub(b3t4, inner)
            }
        };
        let more = f.mul(slope, high);
        let y3 = f.add(y3, more);
        let (left, right) = (f.mul(t3, minus), f.mul(t5, high));
        let x3 = f.sub(left, right);
        let (left, right) = (f.mul(t5, plus), f.mul(t3, slope));
        let z3 = f.add(left, right);
        [x3, y3, z3]
    }

    /// y^2 as x^3 + ax + b.
    pub(crate) fn right_side(&self, f: &mut Formula<'_>) -> El {
        let (x, b) = (f.input("x"), f.input("B"));
        let xx = f.sqr(x);
        let cube = f.mul(xx, x);
        let mut sum = f.add(cube, b);
        if !self.a_is_zero {
            let thrice = f.triple(x);
            sum = f.sub(sum, thrice);
        }
        sum
    }

    /// The curve's constants and point functions as WGSL.
    pub(crate) fn text(&self) -> String {
        let field = &self.field;
        let mut text = String::from(
            "\nstruct Point {\n    x: Fe,\n    y: Fe,\n    z: Fe,\n}\n\nstruct Affine {\n    x: Fe,\n    y: Fe,\n}\n\n",
        );
        text.push_str("// The sum, and its Z over the first summand's.\nstruct Sum {\n    x: Fe,\n    y: Fe,\n    z: Fe,\n    h: Fe,\n}\n\n");
        text.push_str(&constant("B", &field.form(&self.b)));
        text.push_str(&constant("THRICE_B", &field.form(&(&self.b * 3_u32))));
        text.push_str(&constant("BASE_X", &field.form(&self.base.0)));
        text.push_str(&constant("BASE_Y", &field.form(&self.base.1)));
        let half = (&self.order.prime - 1_u32) / 2_u32;
        text.push_str(&format!("const ORDER_HALF: U256 = {};\n", u256(&half)));
        text.push_str(&format!("const FIELD_MINUS_ORDER: U256 = {};\n", u256(&(&field.prime - &self.order.prime))));
        let mut f = Formula::new(field);
        let out = self.doubling(&mut f);
        text.push_str(&f.function("point_double", "p: Point", "Point", &out));
        let mut f = Formula::new(field);
        let out = Self::mixed_addition(&mut f);
        text.push_str(&f.function("point_add_affine", "p: Point, q: Affine", "Sum", &out));
        let mut f = Formula::new(field);
        let out = self.complete_addition(&mut f);
        text.push_str(&f.function("point_add_complete", "p: Point, q: Point", "Point", &out));
        let mut f = Formula::new(field);
        let out = self.right_side(&mut f);
        text.push_str(&f.function("curve_right_side", "x: Fe", "Fe", &[out]));
        text
    }

    /// The affine group law, for tables and tests; `None` is infinity.
    pub(crate) fn add(&self, p: &Affine, q: &Affine) -> Affine {
        let prime = &self.field.prime;
        let (Some((x1, y1)), Some((x2, y2))) = (p, q) else { return p.clone().or_else(|| q.clone()) };
        let slope = if x1 != x2 {
            (y2 + prime - y1) * (x2 + prime - x1).modinv(prime).expect("x differs")
        } else if y1 == y2 && *y1 != BigUint::ZERO {
            let a = if self.a_is_zero { BigUint::ZERO } else { prime - 3_u32 };
            (x1 * x1 * 3_u32 + a) * (y1 * 2_u32).modinv(prime).expect("no point of order two")
        } else {
            return None;
        } % prime;
        let x3 = (&slope * &slope + prime + prime - x1 - x2) % prime;
        let y3 = (&slope * (x1 + prime - &x3) + prime - y1) % prime;
        Some((x3, y3))
    }

    /// Whether scalars go in halves.
    pub(crate) fn is_split(&self) -> bool {
        self.a_is_zero
    }

    /// 1, 3, 5 .. 4095 times the base: those there are, each plus twice their number times the base, until there are enough.
    pub(crate) fn base_multiples(&self) -> Vec<(BigUint, BigUint)> {
        let prime = &self.field.prime;
        let base = Some(self.base.clone());
        let mut step = self.add(&base, &base);
        let mut multiples = vec![self.base.clone()];
        while multiples.len() < BASE_MULTIPLES {
            let (x2, y2) = step.as_ref().expect("far below the order");
            let differences: Vec<BigUint> = multiples.iter().map(|(x1, _)| (x2 + prime - x1) % prime).collect();
            let sums = multiples.iter().zip(inverses(&differences, prime)).map(|((x1, y1), inverse)| {
                let slope = (y2 + prime - y1) * inverse % prime;
                let x3 = (&slope * &slope + prime + prime - x1 - x2) % prime;
                let y3 = (slope * (x1 + prime - &x3) + prime - y1) % prime;
                (x3, y3)
            });
            let sums: Vec<_> = sums.collect();
            multiples.extend(sums);
            step = self.add(&step, &step);
        }
        multiples
    }

    /// The base's table.
    pub(crate) fn base_table(&self) -> Vec<u8> {
        let mut words: Vec<u32> = Vec::new();
        for (x, y) in self.base_multiples() {
            words.extend(self.field.form(&x));
            words.extend(self.field.form(&y));
            if self.is_split() {
                words.extend(self.field.form(&(x * beta() % &self.field.prime)));
                words.extend([0; ENTRY_WORDS_SPLIT - 3 * LIMBS]);
            } else {
                words.extend([0; ENTRY_WORDS - 2 * LIMBS]);
            }
        }
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}

/// An affine point; `None` is infinity.
pub(crate) type Affine = Option<(BigUint, BigUint)>;
