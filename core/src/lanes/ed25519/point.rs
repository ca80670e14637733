//! Points of -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032, section 5.1): the formulas, over any field they hold in.
//!
//! Hisil, Wong, Carter, Dawson, "Twisted Edwards Curves Revisited" (2008), sections 3.1 and 3.3, with a = -1. -1 is a square
//! and d is none, so they hold for all points, equal, opposite and the neutral one too (section 3). What a
//! formula gives is [`Completed`], four factors: they are multiplied into the coordinates that the next formula wants.

use super::algebra::{Element, Sum};

/// x = e / g, y = h / f: what a formula gives. X = E F, Y = G H, Z = F G, T = E H.
#[derive(Clone, Copy, Debug)]
pub(super) struct Completed<E> {
    e: E,
    f: E,
    g: E,
    h: E,
}

/// x = X / Z, y = Y / Z.
#[derive(Clone, Copy, Debug)]
pub(super) struct Projective<E> {
    pub(super) x: E,
    pub(super) y: E,
    pub(super) z: E,
}

/// x = X / Z, y = Y / Z, x y = T / Z, of X and Y only sum and difference.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extended<E> {
    /// Y + X.
    sum: E,
    /// Y - X.
    difference: E,
    z: E,
    t: E,
}

/// What is added: Y + X, Y - X, Z, 2 d T.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cached<E> {
    pub(super) sum: E,
    pub(super) difference: E,
    pub(super) z: E,
    pub(super) t2d: E,
}

/// What is added with Z = 1: y + x, y - x, 2 d x y.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine<E> {
    pub(super) sum: E,
    pub(super) difference: E,
    pub(super) t2d: E,
}

impl<E: Element> Completed<E> {
    /// The neutral point, (0, 1).
    #[inline(always)]
    pub(super) fn neutral(zero: E, one: E) -> Self {
        Self { e: zero, f: one, g: one, h: one }
    }

    /// The point (x, y).
    #[inline(always)]
    pub(super) fn affine(x: E, y: E, one: E) -> Self {
        Self { e: x, f: one, g: one, h: y }
    }

    /// The coordinates without T: 3 products.
    #[inline(always)]
    pub(super) fn projective(self) -> Projective<E> {
        let Self { e, f, g, h } = self;
        Projective { x: e.mul(f).carry(), y: g.mul(h).carry(), z: f.mul(g).carry() }
    }

    /// The coordinates for an addition: 4 products.
    #[inline(always)]
    pub(super) fn extended(self) -> Extended<E> {
        let Self { e, f, g, h } = self;
        let (x, y) = (e.mul(f), g.mul(h));
        Extended {
            sum: y.plus(x).carry(),
            difference: y.less_product(x).carry(),
            z: f.mul(g).carry(),
            t: e.mul(h).carry(),
        }
    }

    /// Twice the point: 3 products to its coordinates, 3 squares and a product.
    #[inline(always)]
    pub(super) fn double(self) -> Self {
        self.projective().double()
    }
}

impl<E: Element> Projective<E> {
    /// Twice the point. With (X + Y)^2 - X^2 - Y^2 written as 2 X Y, which costs one carry less.
    #[inline(always)]
    pub(super) fn double(self) -> Completed<E> {
        let (xx, yy, zz) = (self.x.square(), self.y.square(), self.z.square());
        let xy = self.x.mul(self.y);
        let g = yy.less_product(xx);
        Completed {
            e: xy.plus(xy).carry(),
            f: zz.plus(zz).less_difference(g).carry(),
            g: g.carry(),
            h: yy.plus(xx).carry(),
        }
    }
}

impl<E: Element> Extended<E> {
    /// The sum; in the lanes of `negative` the difference. 4 products.
    #[inline(always)]
    pub(super) fn add(self, other: Cached<E>, negative: u8) -> Completed<E> {
        let zz = self.z.mul(other.z);
        self.finish(other.sum, other.difference, other.t2d, zz.plus(zz), negative)
    }

    /// The same with Z = 1: 3 products.
    #[inline(always)]
    pub(super) fn add_affine(self, other: Affine<E>, negative: u8) -> Completed<E> {
        self.finish(other.sum, other.difference, other.t2d, self.z.widen().plus(self.z.widen()), negative)
    }

    /// The other's negative has sum and difference exchanged and T negated. `zz` is 2 Z1 Z2.
    #[inline(always)]
    fn finish(self, sum: E, difference: E, t2d: E, zz: E::Sum, negative: u8) -> Completed<E> {
        let a = self.difference.mul(difference.select(negative, sum));
        let b = self.sum.mul(sum.select(negative, difference));
        let c = self.t.mul(t2d.select(negative, t2d.negate()));
        Completed {
            e: b.less_product(a).carry(),
            f: zz.less_product(c).carry(),
            g: zz.plus(c).carry(),
            h: b.plus(a).carry(),
        }
    }

    /// What is added, given 2 d: one product more.
    #[inline(always)]
    pub(super) fn cached(self, twice_d: E) -> Cached<E> {
        let Self { sum, difference, z, t } = self;
        Cached { sum, difference, z, t2d: t.mul(twice_d).carry() }
    }
}

impl<E: Element> Affine<E> {
    /// From (x, y) and 2 d.
    #[inline(always)]
    pub(super) fn new(x: E, y: E, twice_d: E) -> Self {
        let xy = x.mul(y).carry();
        Self { sum: y.plus(x), difference: y.minus(x), t2d: xy.mul(twice_d).carry() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The field of 13 elements, where -1 = 5^2 and 2 is no square: the curve with d = 2.
    const P: u64 = 13;
    const D: u64 = 2;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Tiny(u64);

    impl Element for Tiny {
        type Sum = Self;
        fn mul(self, other: Self) -> Self {
            Self(self.0 * other.0 % P)
        }
        fn square(self) -> Self {
            Element::mul(self, self)
        }
        fn widen(self) -> Self {
            self
        }
        fn negate(self) -> Self {
            Self((P - self.0) % P)
        }
        fn select(self, mask: u8, other: Self) -> Self {
            if mask & 1 == 1 { other } else { self }
        }
    }

    impl Sum for Tiny {
        type Element = Self;
        fn plus(self, other: Self) -> Self {
            Self((self.0 + other.0) % P)
        }
        fn less_product(self, product: Self) -> Self {
            Self((self.0 + P - product.0) % P)
        }
        fn less_difference(self, difference: Self) -> Self {
            Sum::less_product(self, difference)
        }
        fn carry(self) -> Self {
            self
        }
    }

    fn inverse(x: Tiny) -> Tiny {
        (0..P).map(Tiny).find(|y| Element::mul(x, *y) == Tiny(1)).expect("not zero")
    }

    fn points() -> Vec<(Tiny, Tiny)> {
        let on_curve = |x: u64, y: u64| (y * y + (P - 1) * x * x) % P == (1 + D * x * x * y * y) % P;
        let all = (0..P).flat_map(|x| (0..P).map(move |y| (x, y)));
        all.filter(|(x, y)| on_curve(*x, *y)).map(|(x, y)| (Tiny(x), Tiny(y))).collect()
    }

    /// The affine addition law (section 2 of the paper), one inversion a coordinate.
    fn sum((x1, y1): (Tiny, Tiny), (x2, y2): (Tiny, Tiny)) -> (Tiny, Tiny) {
        let mul = |a: Tiny, b: Tiny| Element::mul(a, b);
        let product = mul(Tiny(D), mul(mul(x1, x2), mul(y1, y2)));
        let x = mul(Sum::plus(mul(x1, y2), mul(x2, y1)), inverse(Sum::plus(Tiny(1), product)));
        let y = mul(Sum::plus(mul(y1, y2), mul(x1, x2)), inverse(Sum::less_product(Tiny(1), product)));
        (x, y)
    }

    fn affine(point: Projective<Tiny>) -> (Tiny, Tiny) {
        let z = inverse(point.z);
        (Element::mul(point.x, z), Element::mul(point.y, z))
    }

    /// The point, every way of writing its coordinates with another Z.
    fn all_forms((x, y): (Tiny, Tiny)) -> impl Iterator<Item = Completed<Tiny>> {
        let scaled = move |s: u64, t: u64| Completed {
            e: Element::mul(x, Tiny(s)),
            g: Tiny(s),
            h: Element::mul(y, Tiny(t)),
            f: Tiny(t),
        };
        (1..P).flat_map(move |s| (1..P).map(move |t| scaled(s, t)))
    }

    #[test]
    fn every_sum_on_a_tiny_curve_is_right() {
        let twice_d = Tiny(2 * D % P);
        let points = points();
        assert!(points.len() > 8 && points.contains(&(Tiny(0), Tiny(1))));
        for p in &points {
            for form in all_forms(*p) {
                assert_eq!(affine(form.projective()), *p);
                assert_eq!(affine(form.double().projective()), sum(*p, *p));
            }
            for q in &points {
                let minus_q = (Element::negate(q.0), q.1);
                let p = Completed::affine(Element::mul(p.0, Tiny(3)), p.1, Tiny(1));
                let p = Completed { g: Tiny(3), ..p };
                let pq = affine(p.projective());
                for form in all_forms(*q) {
                    let q_cached = form.extended().cached(twice_d);
                    assert_eq!(affine(p.extended().add(q_cached, 0).projective()), sum(pq, *q));
                    assert_eq!(affine(p.extended().add(q_cached, 1).projective()), sum(pq, minus_q));
                }
                let q_affine = Affine::new(q.0, q.1, twice_d);
                assert_eq!(affine(p.extended().add_affine(q_affine, 0).projective()), sum(pq, *q));
                assert_eq!(affine(p.extended().add_affine(q_affine, 1).projective()), sum(pq, minus_q));
            }
        }
        let neutral = Completed::neutral(Tiny(0), Tiny(1));
        assert_eq!(affine(neutral.double().projective()), (Tiny(0), Tiny(1)));
    }
}
