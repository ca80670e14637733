//! Points in Jacobian coordinates, one in each lane, and their sums: (X, Y, Z) is (X/Z², Y/Z³).
//!
//! Every case is decided exactly. Equal points, opposite points and infinity are looked for in each addition by a test that
//! costs a few instructions, and worked out in a function of its own for the lanes that have them; all inputs are public.

use super::super::word::Word52;
use super::Curve;
use super::field::{Element, Sum, invert_all};

/// An element of a curve's field.
pub(in super::super) type Coordinate<W, C> = Element<W, <C as Curve>::Field>;

/// A point of the curve in each lane, none at infinity. Reduced.
pub(in super::super) struct Affine<W, C: Curve> {
    pub(in super::super) x: Coordinate<W, C>,
    pub(in super::super) y: Coordinate<W, C>,
}

/// A point of the curve in each lane. Reduced.
pub(in super::super) struct Jacobian<W, C: Curve> {
    pub(in super::super) x: Coordinate<W, C>,
    pub(in super::super) y: Coordinate<W, C>,
    pub(in super::super) z: Coordinate<W, C>,
    /// The lanes at infinity; their coordinates mean nothing.
    pub(in super::super) infinity: u8,
}

impl<W: Copy, C: Curve> Clone for Affine<W, C> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<W: Copy, C: Curve> Copy for Affine<W, C> {}

impl<W: Copy, C: Curve> Clone for Jacobian<W, C> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<W: Copy, C: Curve> Copy for Jacobian<W, C> {}

impl<W: Word52, C: Curve> Affine<W, C> {
    /// The base point in every lane.
    #[inline(always)]
    pub(in super::super) fn base() -> Self {
        Self { x: Element::splat(C::G[0]), y: Element::splat(C::G[1]) }
    }

    /// Lanes of `other` where the mask is set.
    #[inline(always)]
    pub(in super::super) fn select(self, mask: u8, other: Self) -> Self {
        Self { x: self.x.select(mask, other.x), y: self.y.select(mask, other.y) }
    }

    /// x³ + ax + b, reduced.
    #[inline(always)]
    pub(in super::super) fn right_side(x: Coordinate<W, C>) -> Coordinate<W, C> {
        let mut sum = Sum::of(Element::splat(C::B));
        if C::A_IS_MINUS_3 {
            sum = sum.plus_sum(Sum::minus_both(x, x)).plus_sum(Sum::minus(x));
        }
        x.square().mul_plus(x, sum)
    }

    /// The lanes that are on the curve.
    #[inline(always)]
    pub(in super::super) fn is_on_curve(self) -> u8 {
        self.y.square_plus(Sum::minus(Self::right_side(self.x))).is_zero()
    }
}

impl<W: Word52, C: Curve> Jacobian<W, C> {
    /// Minus the point whose negated coordinates are given, which are at most p.
    #[inline(always)]
    pub(in super::super) fn minus(negated: Affine<W, C>) -> Self {
        Self { x: negated.x.negate_canonical(0xff), y: negated.y, z: Element::one(), infinity: 0 }
    }

    /// What [`Jacobian::add_negated`] makes of infinity: a sum's first addition costs nothing.
    #[inline(always)]
    pub(in super::super) fn begin_negated<const N: usize>(negated: &[Affine<W, C>; N]) -> [Self; N] {
        let mut sums = [Self::minus(negated[0]); N];
        for i in 1..N {
            sums[i] = Self::minus(negated[i]);
        }
        sums
    }

    /// 2 P of each. With a = 0 the tangent's slope is 3X² / 2YZ, with a = -3 it is 3(X - Z²)(X + Z²) / 2YZ. Infinity stays
    /// there. One product of every point comes before the next of any: they do not wait for each other.
    #[inline(always)]
    fn doubled<const N: usize>(points: [Self; N]) -> [Self; N] {
        let mut doubled = points;
        let [mut slope, mut yy, mut s] = [[Element::one(); N]; 3];
        for (i, Self { x, z, .. }) in points.into_iter().enumerate() {
            slope[i] = if C::A_IS_MINUS_3 {
                let zz = z.square();
                x.minus(zz).product(x.plus(zz)).reduce_times::<3>()
            } else {
                x.squared().reduce_times::<3>()
            };
        }
        for i in 0..N {
            yy[i] = points[i].y.square();
        }
        for i in 0..N {
            s[i] = points[i].x.product(yy[i]).reduce_times::<4>();
        }
        for i in 0..N {
            doubled[i].x = slope[i].square_plus(Sum::minus_both(s[i], s[i]));
        }
        for i in 0..N {
            doubled[i].z = points[i].y.product(points[i].z).reduce_times::<2>();
        }
        for yy in &mut yy {
            *yy = yy.square();
        }
        for i in 0..N {
            doubled[i].y = slope[i].mul_plus(s[i].minus(doubled[i].x), Sum::minus_8(yy[i]));
        }
        doubled
    }

    /// Doubles each point `times` times.
    #[inline(always)]
    pub(in super::super) fn double<const N: usize>(points: &mut [Self; N], times: usize) {
        W::outlined(
            #[inline(always)]
            || {
                for _ in 0..times {
                    *points = Self::doubled(*points);
                }
            },
        );
    }

    /// Each point becomes -(P + Q), Q's negated coordinates given: nx = -x and ny = -y, each at most p or reduced. With these
    /// signs every term is added, none subtracted:
    ///
    /// H = X + nx Z², R = Y + ny Z³, V = X H²: X₃ = R² + H³ - 2V, Y₃ = R (X₃ - V) + Y H³, Z₃ = Z H.
    #[inline(always)]
    pub(in super::super) fn add_negated<const N: usize>(points: &mut [Self; N], negated: &[Affine<W, C>; N]) {
        W::outlined(
            #[inline(always)]
            || {
                let mut sums = *points;
                let [mut a, mut h, mut b, mut r, mut v] = [[Element::one(); N]; 5];
                for i in 0..N {
                    a[i] = points[i].z.square();
                }
                for i in 0..N {
                    h[i] = a[i].mul_plus(negated[i].x, Sum::of(points[i].x));
                }
                for i in 0..N {
                    b[i] = points[i].z.mul(a[i]);
                }
                // H², for which Z² has served.
                for i in 0..N {
                    a[i] = h[i].square();
                }
                for i in 0..N {
                    r[i] = b[i].mul_plus(negated[i].y, Sum::of(points[i].y));
                }
                for i in 0..N {
                    v[i] = points[i].x.mul(a[i]);
                }
                // H³, for which Z³ has served.
                for i in 0..N {
                    b[i] = h[i].mul(a[i]);
                }
                for i in 0..N {
                    sums[i].x = r[i].square_plus(Sum::minus_both(v[i], v[i]).plus(b[i]));
                }
                for i in 0..N {
                    sums[i].z = points[i].z.mul(h[i]);
                }
                for i in 0..N {
                    sums[i].y = r[i].product(sums[i].x.minus(v[i])).plus(points[i].y, b[i]).reduce();
                }
                for i in 0..N {
                    if h[i].may_be_zero() | points[i].infinity != 0 {
                        sums[i].settle(&points[i], &negated[i], h[i], r[i]);
                    }
                }
                *points = sums;
            },
        );
    }

    /// The lanes of an addition where the formulas do not hold: infinity in `before`, and points of one x.
    #[inline(always)]
    fn settle(&mut self, before: &Self, negated: &Affine<W, C>, h: Coordinate<W, C>, r: Coordinate<W, C>) {
        W::outlined(
            #[inline(always)]
            || {
                let same_x = h.is_zero() & !before.infinity;
                let same = same_x & r.is_zero();
                self.infinity = same_x & !same;
                let [mut doubled] = Self::doubled([*before]);
                doubled.y = doubled.y.negated();
                self.replace(same, &doubled);
                let canonical = Affine { x: Element::from_form(negated.x.canonical()), y: negated.y };
                self.replace(before.infinity, &Self::minus(canonical));
            },
        );
    }

    /// Becomes minus itself.
    #[inline(always)]
    pub(in super::super) fn negate(&mut self) {
        self.y = self.y.negated();
    }

    /// Lanes of `other` where the mask is set.
    #[inline(always)]
    pub(in super::super) fn replace(&mut self, mask: u8, other: &Self) {
        self.x = self.x.select(mask, other.x);
        self.y = self.y.select(mask, other.y);
        self.z = self.z.select(mask, other.z);
        self.infinity = self.infinity & !mask | other.infinity & mask;
    }
}

/// The points' own coordinates and the lanes at infinity, whose coordinates mean nothing.
#[inline(always)]
pub(in super::super) fn affine<W: Word52, C: Curve>(points: &[Jacobian<W, C>]) -> Vec<(Affine<W, C>, u8)> {
    let mut inverses: Vec<_> = points.iter().map(|point| point.z.select(point.infinity, Element::one())).collect();
    invert_all(&mut inverses);
    let mut answers = Vec::with_capacity(points.len());
    for (point, inverse) in points.iter().zip(inverses) {
        answers.push(W::outlined(
            #[inline(always)]
            || {
                let square = inverse.square();
                let affine = Affine { x: point.x.mul(square), y: point.y.mul(square.mul(inverse)) };
                (affine, point.infinity)
            },
        ));
    }
    answers
}

/// A sum of points that share Z, and what it multiplied their Z by: the step of a table of multiples (Meloni's addition).
pub(in super::super) struct CoZ<W, C: Curve> {
    /// The point that is added again and again, at the sum's Z.
    step: Affine<W, C>,
    /// The sum's X and Y.
    pub(in super::super) sum: Affine<W, C>,
    /// The sum's Z by the Z before.
    pub(in super::super) ratio: Coordinate<W, C>,
}

impl<W: Word52, C: Curve> CoZ<W, C> {
    /// P and 2 P at the same Z, which is `ratio` = 2y by P's own Z of one. P is not at infinity and its order is not two.
    #[inline(always)]
    pub(in super::super) fn new(point: &Affine<W, C>) -> Self {
        W::outlined(
            #[inline(always)]
            || {
                let Affine { x, y } = *point;
                let yy = y.square();
                let s = x.product(yy).reduce_times::<4>();
                let y4 = yy.squared().reduce_times::<8>();
                let square = x.squared();
                let slope = if C::A_IS_MINUS_3 { square.plus_sum(Sum::minus(Element::one())) } else { square };
                let slope = slope.reduce_times::<3>();
                let x2 = slope.square_plus(Sum::minus_both(s, s));
                let y2 = slope.mul_plus(s.minus(x2), Sum::minus(y4));
                Self { step: Affine { x: x2, y: y2 }, sum: Affine { x: s, y: y4 }, ratio: y.plus(y) }
            },
        )
    }

    /// The next sum: with the step once more. The two have different x.
    ///
    /// D = X₁ - X₂, W₁ = X₁ D², W₂ = X₂ D², A = Y₁ (W₁ - W₂): X₃ = (Y₁ - Y₂)² - W₁ - W₂,
    /// Y₃ = (Y₁ - Y₂)(W₁ - X₃) - A, Z₃ = Z D, and the step is (W₁, A) at Z₃.
    #[inline(always)]
    pub(in super::super) fn add(&mut self) {
        W::outlined(
            #[inline(always)]
            || {
                let (step, sum) = (self.step, self.sum);
                let ratio = step.x.minus(sum.x);
                let square = ratio.squared().reduce_times::<1>();
                let w1 = step.x.mul(square);
                let w2 = sum.x.mul(square);
                let rise = step.y.minus(sum.y);
                let x = rise.square_plus(Sum::minus_both(w1, w2));
                let a = step.y.mul(w1.minus(w2));
                let y = rise.mul_plus(w1.minus(x), Sum::minus(a));
                *self = Self { step: Affine { x: w1, y: a }, sum: Affine { x, y }, ratio };
            },
        );
    }
}
