//! The twisted Edwards curve of Ed25519: its numbers in, the WGSL of its point arithmetic and its base table out.
//!
//! -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032, section 5.1). Its addition is complete: it holds for every pair of points, those of
//! small order too, so nothing here looks for special cases.

use num_bigint::BigUint;

use crate::field::{Bounds, Field, constant, inverses, u256};
use crate::formula::{El, Formula};

/// Multiples in the base's table: 0 to 2048 times the base, for signed windows of 12 bits.
pub(crate) const BASE_MULTIPLES: usize = 2049;

pub(crate) struct Curve {
    pub(crate) field: Field,
    pub(crate) order: Field,
    pub(crate) d: BigUint,
    pub(crate) base: Affine,
}

/// x and y.
pub(crate) type Affine = (BigUint, BigUint);

pub(crate) fn ed25519() -> Curve {
    let one = BigUint::from(1_u32);
    let p = (&one << 255) - 19_u32;
    let number = |digits: &str| digits.parse::<BigUint>().expect("decimal digits");
    let order = (&one << 252) + number("27742317777372353535851937790883648493");
    let d = (&p - BigUint::from(121_665_u32)) * BigUint::from(121_666_u32).modinv(&p).expect("a prime") % &p;
    let x = number("15112221349535400772501151409588531511454012693041857206046113283949847762202");
    let y = BigUint::from(4_u32) * BigUint::from(5_u32).modinv(&p).expect("a prime") % &p;
    Curve { field: Field::new("fe", p), order: Field::new("sc", order), d, base: (x, y) }
}

impl Curve {
    /// Doubling, 4S, as RFC 8032, section 5.1.4: x = E/G, y = H/F of the sum.
    pub(crate) fn doubling(f: &mut Formula<'_>) -> [El; 4] {
        let [x, y, z] = f.point("p");
        let (a, b, zz) = (f.sqr(x), f.sqr(y), f.sqr(z));
        let c = f.double(zz);
        let h = f.add(a, b);
        let sum = f.add(x, y);
        let square = f.sqr(sum);
        let e = f.sub(h, square);
        let g = f.sub(a, b);
        let ff = f.add(c, g);
        [e, ff, g, h]
    }

    /// Adding a point prepared as (y - x, y + x, 2z, 2dt), 4M, likewise.
    pub(crate) fn addition(f: &mut Formula<'_>) -> [El; 4] {
        let [x, y, z] = f.point("p");
        let t = f.input("p.t");
        let [minus, plus, zz, dt] = ["minus", "plus", "z", "t"].map(|part| f.input(&format!("q.{part}")));
        let left = f.sub(y, x);
        let a = f.mul(left, minus);
        let right = f.add(y, x);
        let b = f.mul(right, plus);
        let c = f.mul(t, dt);
        let d = f.mul(z, zz);
        let (e, ff) = (f.sub(b, a), f.sub(d, c));
        let (g, h) = (f.add(d, c), f.add(b, a));
        [e, ff, g, h]
    }

    /// From (E, F, G, H) to extended coordinates: 4M. E and F are tight, G and H within bounds.
    pub(crate) fn completed(f: &mut Formula<'_>, [g, h]: [Bounds; 2]) -> [El; 4] {
        let (e, ff) = (f.input("c.e"), f.input("c.f"));
        let (g, h) = (f.input_within("c.g", g), f.input_within("c.h", h));
        [f.mul(e, ff), f.mul(g, h), f.mul(ff, g), f.mul(e, h)]
    }

    /// What doubling and adding leave in G and H, which are sums of two.
    pub(crate) fn completed_bounds(&self) -> [Bounds; 2] {
        let mut most = [self.field.tight; 2];
        for formula in [Self::doubling, Self::addition] {
            let mut f = Formula::new(&self.field);
            let out = formula(&mut f);
            for (most, el) in most.iter_mut().zip([out[2], out[3]]) {
                let bounds = f.bounds_of(el);
                *most = std::array::from_fn(|limb| most[limb].max(bounds[limb]));
            }
        }
        most
    }

    /// (y - x, y + x, 2z, 2dt) of a point.
    pub(crate) fn prepared(f: &mut Formula<'_>) -> [El; 4] {
        let [x, y, z] = f.point("p");
        let (t, d2) = (f.input("p.t"), f.input("TWICE_D"));
        [f.sub(y, x), f.add(y, x), f.double(z), f.mul(t, d2)]
    }

    /// The curve's constants and point functions as WGSL.
    pub(crate) fn text(&self) -> String {
        let (field, p) = (&self.field, &self.field.prime);
        let mut text = String::new();
        for (name, parts) in [
            ("Point", ["x", "y", "z", "t"]),
            ("Prepared", ["minus", "plus", "z", "t"]),
            ("Completed", ["e", "f", "g", "h"]),
        ] {
            let parts: Vec<String> = parts.iter().map(|part| format!("    {part}: Fe,\n")).collect();
            text.push_str(&format!("\nstruct {name} {{\n{}}}\n", parts.concat()));
        }
        text.push('\n');
        let root_of_minus_one = BigUint::from(2_u32).modpow(&((p - 1_u32) / 4_u32), p);
        text.push_str(&constant("D", &field.form(&self.d)));
        text.push_str(&constant("TWICE_D", &field.form(&(&self.d * 2_u32))));
        text.push_str(&constant("ROOT_OF_MINUS_ONE", &field.form(&root_of_minus_one)));
        text.push_str(&format!(
            "// The y of a point of order eight; the others' are its negative.\nconst EIGHTH_Y: U256 = {};\n",
            u256(&self.eighth_y())
        ));
        let negative = p - self.eighth_y();
        text.push_str(&format!("const EIGHTH_Y_NEGATIVE: U256 = {};\n", u256(&negative)));
        text.push_str(&constant("FOLD_512", &self.order.form(&((BigUint::from(1_u32) << 256) << 261))));
        for (name, parameters, formula) in [
            ("point_double", "p: Point", Self::doubling as fn(&mut Formula<'_>) -> [El; 4]),
            ("point_add", "p: Point, q: Prepared", Self::addition),
        ] {
            let mut f = Formula::new(field);
            let [e, ff, g, h] = formula(&mut f);
            let out = [f.tight(e), f.tight(ff), g, h];
            text.push_str(&f.function_as_it_is(name, parameters, "Completed", &out));
        }
        let mut f = Formula::new(field);
        let out = Self::prepared(&mut f);
        text.push_str(&f.function("point_prepare", "p: Point", "Prepared", &out));
        // One by one, since T is not always wanted.
        for (place, part) in ["x", "y", "z", "t"].into_iter().enumerate() {
            let mut f = Formula::new(field);
            let out = Self::completed(&mut f, self.completed_bounds());
            text.push_str(&f.function_of(&format!("completed_{part}"), "c: Completed", out[place]));
        }
        text.push_str(
            "
fn point_of(c: Completed) -> Point {
    return Point(completed_x(c), completed_y(c), completed_z(c), completed_t(c));
}
",
        );
        text
    }

    /// y^2 of the points of order eight solves d y^4 + 2 y^2 - 1 = 0 (doubled they have y = 0): the y that exists, smaller of two.
    pub(crate) fn eighth_y(&self) -> BigUint {
        let p = &self.field.prime;
        // 2P has y = 0 where y^2 = -x^2... found by walking: L times any point has an order that divides eight.
        let mut y = BigUint::from(2_u32);
        loop {
            if let Some(x) = self.x_of(&y) {
                let torsion = self.times(&self.order.prime, &(x, y.clone()));
                let twice = self.add(&torsion, &torsion);
                if twice.1 == BigUint::ZERO {
                    let negative = p - &torsion.1;
                    return torsion.1.min(negative);
                }
            }
            y += 1_u32;
        }
    }

    /// An x of this y, if there is one.
    fn x_of(&self, y: &BigUint) -> Option<BigUint> {
        let p = &self.field.prime;
        let yy = y * y % p;
        let square = (&yy + p - 1_u32) * (&self.d * &yy + 1_u32).modinv(p)? % p;
        let root = square.modpow(&((p + 3_u32) / 8_u32), p);
        let turned = &root * BigUint::from(2_u32).modpow(&((p - 1_u32) / 4_u32), p) % p;
        [root, turned].into_iter().find(|root| root * root % p == square)
    }

    /// The affine group law, for tables and tests.
    pub(crate) fn add(&self, (x1, y1): &Affine, (x2, y2): &Affine) -> Affine {
        let p = &self.field.prime;
        let dxy = &self.d * x1 % p * x2 % p * y1 % p * y2 % p;
        let x = (x1 * y2 + x2 * y1) * (&dxy + 1_u32).modinv(p).expect("complete") % p;
        let y = (y1 * y2 + x1 * x2) * (p + 1_u32 - &dxy).modinv(p).expect("complete") % p;
        (x, y)
    }

    fn times(&self, factor: &BigUint, point: &Affine) -> Affine {
        let mut sum = (BigUint::ZERO, BigUint::from(1_u32));
        for bit in (0..factor.bits()).rev() {
            sum = self.add(&sum, &sum);
            if factor.bit(bit) {
                sum = self.add(&sum, point);
            }
        }
        sum
    }

    /// 0 to 2048 times the base: those there are, each plus their number times the base, until there are enough.
    pub(crate) fn base_multiples(&self) -> Vec<Affine> {
        let p = &self.field.prime;
        let mut step = self.base.clone();
        let mut multiples = vec![(BigUint::ZERO, BigUint::from(1_u32))];
        while multiples.len() < BASE_MULTIPLES {
            let (x2, y2) = &step;
            let products = multiples.iter().map(|(x1, y1)| &self.d * x1 % p * x2 % p * y1 % p * y2 % p);
            let denominators: Vec<BigUint> =
                products.flat_map(|product| [&product + 1_u32, p + 1_u32 - product]).collect();
            let inverses = inverses(&denominators, p);
            let sums = multiples.iter().zip(inverses.chunks_exact(2)).map(|((x1, y1), inverses)| {
                let x = (x1 * y2 + x2 * y1) * &inverses[0] % p;
                let y = (y1 * y2 + x1 * x2) * &inverses[1] % p;
                (x, y)
            });
            let sums: Vec<_> = sums.collect();
            multiples.extend(sums);
            step = self.add(&step, &step);
        }
        multiples.truncate(BASE_MULTIPLES);
        multiples
    }

    /// The base's table, each entry (y - x, y + x, 2, 2dxy): 36 words.
    pub(crate) fn base_table(&self) -> Vec<u8> {
        let p = &self.field.prime;
        let mut words: Vec<u32> = Vec::new();
        for (x, y) in &self.base_multiples() {
            for part in [(y + p - x) % p, (y + x) % p, BigUint::from(2_u32), &self.d * 2_u32 * x % p * y % p] {
                words.extend(self.field.form(&part));
            }
        }
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}
