//! The group formulas over two tiny curves, every pair of points: the layer with a field of 43 elements under it.

use std::marker::PhantomData;

use super::super::level::CurveWork;
use super::super::word::Word52;
use super::field::{Element, Modulus};
use super::limbs::{LIMBS, Limbs, MASK};
use super::point::{Affine, CoZ, Jacobian};
use super::proof::levels;
use super::scalar::Part;
use super::{Curve, Tables};

/// The elements of the field.
const PRIME: u64 = 43;

/// A field of 43 elements, in the limbs of a multiple of 43 that is as long as a real prime.
#[derive(Clone, Copy)]
struct Tiny;

impl Modulus for Tiny {
    /// 2^256 - 16.
    const P: Limbs = [MASK - 15, MASK, MASK, MASK, MASK >> 4];
    const ONE: Limbs = [1, 0, 0, 0, 0];
    const ENTER: Limbs = Self::ONE;
    const MONTGOMERY: bool = false;

    fn reduce<W: Word52, const TIMES: u32, const WIDE: bool>(columns: [W; 2 * LIMBS]) -> [W; LIMBS] {
        let mut lanes = [0; 8];
        for column in columns.into_iter().rev() {
            for (lane, word) in lanes.iter_mut().zip(column.store()) {
                *lane = (*lane * ((1 << 52) % PRIME) + word % PRIME) % PRIME;
            }
        }
        let zero = W::splat(0);
        [W::load(&lanes.map(|lane| lane * u64::from(TIMES) % PRIME)), zero, zero, zero, zero]
    }
}

/// y² = x³ + 7, of order 31, or y² = x³ - 3x + 10, of order 37.
#[derive(Clone, Copy)]
struct Toy<const A_IS_MINUS_3: bool>;

impl<const A_IS_MINUS_3: bool> Curve for Toy<A_IS_MINUS_3> {
    type Field = Tiny;
    type Order = Tiny;
    const A_IS_MINUS_3: bool = A_IS_MINUS_3;
    const B: Limbs = [if A_IS_MINUS_3 { 10 } else { 7 }, 0, 0, 0, 0];
    const G: [Limbs; 2] =
        if A_IS_MINUS_3 { [[0; LIMBS], [15, 0, 0, 0, 0]] } else { [[2, 0, 0, 0, 0], [12, 0, 0, 0, 0]] };
    const PARTS: usize = 1;
    const IN_PAIRS: bool = false;
    const BITS: usize = 65;
    const BETA: Limbs = Tiny::ONE;

    fn square_roots<W: Word52>(squares: &[Element<W, Tiny>]) -> Vec<Element<W, Tiny>> {
        // x^((43 + 1) / 4).
        squares.iter().map(|square| square.power([11, 0, 0, 0, 0])).collect()
    }

    fn split<W: Word52>(_: [W; LIMBS]) -> [Part<W>; 2] {
        unreachable!("formulas alone are under test")
    }

    fn tables() -> &'static Tables {
        unreachable!("formulas alone are under test")
    }
}

/// A point in small numbers; none is infinity.
type Small = Option<(u64, u64)>;

fn inverse(x: u64) -> u64 {
    (1..PRIME).find(|y| x * y % PRIME == 1).expect("not zero")
}

/// The group's law, from its textbook.
fn add<const A_IS_MINUS_3: bool>(first: Small, second: Small) -> Small {
    let (Some((x1, y1)), Some((x2, y2))) = (first, second) else { return first.or(second) };
    let slope = if x1 != x2 {
        (y2 + PRIME - y1) * inverse((x2 + PRIME - x1) % PRIME)
    } else if (y1 + y2).is_multiple_of(PRIME) {
        return None;
    } else {
        (3 * x1 * x1 + if A_IS_MINUS_3 { PRIME - 3 } else { 0 }) * inverse(2 * y1 % PRIME)
    } % PRIME;
    let x = (slope * slope + 2 * PRIME - x1 - x2) % PRIME;
    Some((x, (slope * (x1 + PRIME - x) + PRIME - y1) % PRIME))
}

fn minus(point: Small) -> Small {
    point.map(|(x, y)| (x, (PRIME - y) % PRIME))
}

fn points<const A_IS_MINUS_3: bool>() -> Vec<Small> {
    let on_curve = |x: u64, y: u64| {
        let (a, b) = if A_IS_MINUS_3 { (PRIME - 3, 10) } else { (0, 7) };
        y * y % PRIME == (x * x * x + a * x + b) % PRIME
    };
    let all = (0..PRIME * PRIME).map(|i| (i / PRIME, i % PRIME)).filter(|(x, y)| on_curve(*x, *y)).map(Some);
    all.chain([None]).collect()
}

fn element<W: Word52>(numbers: [u64; 8]) -> Element<W, Tiny> {
    let zero = W::splat(0);
    Element::from_form([W::load(&numbers), zero, zero, zero, zero])
}

fn numbers<W: Word52>(element: Element<W, Tiny>) -> [u64; 8] {
    let limbs = element.limbs().map(W::store);
    std::array::from_fn(|lane| {
        limbs.iter().rev().fold(0, |number, limb| (number * ((1 << 52) % PRIME) + limb[lane]) % PRIME)
    })
}

/// Coordinates, zeros for infinity, each point's X and Y at its lane's Z.
fn at_z<W: Word52>(points: &[Small; 8], z: [u64; 8]) -> [Element<W, Tiny>; 3] {
    let scaled = |power: u32, of: fn((u64, u64)) -> u64| {
        element(std::array::from_fn(|lane| points[lane].map_or(3, of) * z[lane].pow(power) % PRIME))
    };
    [scaled(2, |(x, _)| x), scaled(3, |(_, y)| y), element(z)]
}

fn from_z<W: Word52>(x: Element<W, Tiny>, y: Element<W, Tiny>, z: Element<W, Tiny>, infinity: u8) -> [Small; 8] {
    let [x, y, z] = [x, y, z].map(numbers);
    std::array::from_fn(|lane| {
        (infinity >> lane & 1 == 0).then(|| {
            let inverse = inverse(z[lane]);
            let square = inverse * inverse % PRIME;
            (x[lane] * square % PRIME, y[lane] * (square * inverse % PRIME) % PRIME)
        })
    })
}

/// Eight sums, what they double to, and eight tables of multiples.
struct Sums<const A_IS_MINUS_3: bool> {
    first: [Small; 8],
    second: [Small; 8],
    z: [u64; 8],
    marker: PhantomData<()>,
}

impl<const A_IS_MINUS_3: bool> CurveWork for Sums<A_IS_MINUS_3> {
    /// -(P + Q), 2 P, and 3 Q to 29 Q.
    type Answer = (([Small; 8], [Small; 8]), Vec<[Small; 8]>);

    fn run<W: Word52>(self) -> Self::Answer {
        let [x, y, z] = at_z::<W>(&self.first, self.z);
        let infinity = (0..8).fold(0, |mask, lane| mask | u8::from(self.first[lane].is_none()) << lane);
        let [second_x, second_y, _] = at_z::<W>(&self.second, [1; 8]);
        let second = Affine::<W, Toy<A_IS_MINUS_3>> { x: second_x, y: second_y };
        assert_eq!(second.is_on_curve(), 0xff);
        let mut sum = [Jacobian::<W, Toy<A_IS_MINUS_3>> { x, y, z, infinity }];
        let mut double = sum;
        Jacobian::add_negated(&mut sum, &[Affine { x: second.x.negated(), y: second.y.negated() }]);
        Jacobian::double(&mut double, 1);
        let [sum, double] = [sum[0], double[0]].map(|point| from_z(point.x, point.y, point.z, point.infinity));
        let mut co_z = CoZ::new(&second);
        let mut z = numbers(co_z.ratio);
        let mut multiples = Vec::new();
        for _ in 0..14 {
            co_z.add();
            let ratio = numbers(co_z.ratio);
            z = std::array::from_fn(|lane| z[lane] * ratio[lane] % PRIME);
            multiples.push(from_z(co_z.sum.x, co_z.sum.y, element(z), 0));
        }
        ((sum, double), multiples)
    }
}

fn check<const A_IS_MINUS_3: bool>(order: usize) {
    let points = points::<A_IS_MINUS_3>();
    assert_eq!(points.len(), order);
    let pairs = points.iter().flat_map(|first| points.iter().flatten().map(|second| (*first, Some(*second))));
    let pairs: Vec<(Small, Small)> = pairs.collect();
    for level in levels() {
        for (i, _) in pairs.iter().enumerate().step_by(8) {
            let at = |lane: usize| pairs[(i + lane) % pairs.len()];
            let (first, second) = (std::array::from_fn(|lane| at(lane).0), std::array::from_fn(|lane| at(lane).1));
            let z = std::array::from_fn(|lane| ((i + 5 * lane) as u64) % (PRIME - 1) + 1);
            let work = Sums::<A_IS_MINUS_3> { first, second, z, marker: PhantomData };
            let ((sums, doubles), multiples) = level.run(work);
            for lane in 0..8 {
                let (p, q) = (first[lane], second[lane]);
                assert_eq!(sums[lane], minus(add::<A_IS_MINUS_3>(p, q)), "{p:?} and {q:?}");
                assert_eq!(doubles[lane], add::<A_IS_MINUS_3>(p, p), "twice {p:?}");
                let twice = add::<A_IS_MINUS_3>(q, q);
                let mut multiple = q;
                for found in &multiples {
                    multiple = add::<A_IS_MINUS_3>(multiple, twice);
                    assert_eq!(found[lane], multiple, "a multiple of {q:?}");
                }
            }
        }
    }
}

#[test]
fn every_sum_on_a_tiny_curve_is_right() {
    check::<false>(31);
    check::<true>(37);
}

#[test]
fn every_x_of_a_tiny_curve_is_lifted_or_refused() {
    struct Lift<const A_IS_MINUS_3: bool>([u64; 8]);
    impl<const A_IS_MINUS_3: bool> CurveWork for Lift<A_IS_MINUS_3> {
        type Answer = (u8, [u64; 8]);
        fn run<W: Word52>(self) -> Self::Answer {
            let (y, failed) = super::verify::lift::<W, Toy<A_IS_MINUS_3>>(&[element(self.0)], &[0]).remove(0);
            (failed, numbers(y))
        }
    }
    fn check<const A_IS_MINUS_3: bool>() {
        let points = points::<A_IS_MINUS_3>();
        for level in levels() {
            for x in 0..PRIME {
                let (failed, y) = level.run(Lift::<A_IS_MINUS_3>([x; 8]));
                let is_point = points.iter().flatten().any(|point| point.0 == x);
                assert_eq!(failed, if is_point { 0 } else { 0xff }, "{x}");
                assert!(!is_point || points.contains(&Some((x, y[0]))), "{x}");
            }
        }
    }
    check::<false>();
    check::<true>();
}
