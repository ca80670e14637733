//! Scalars of secp256k1 in halves (Gallant, Lambert, Vanstone 2001): lambda times (x, y) is (beta x, y), so a scalar k splits
//! into r1 + r2 lambda with both below 2^128 in magnitude, and half of the doublings go.
//!
//! The digits that the loop wants are odd. A number v of l bits stands for 2v - (2^l - 1), whose digits in base 2^w are
//! 2g + 1 - 2^w, all odd. So k is first made k' = (k - C) / 2 mod n, split, and 2^128 added to both halves, where
//! C = (2^129 - 2^l + 1)(1 + lambda): then k = (2 v1 - 2^l + 1) + (2 v2 - 2^l + 1) lambda.

use num_bigint::BigUint;

use crate::field::{Field, LIMB_BITS, LIMBS, constant, function, limbs};
use crate::program::{Program, Value};

/// Limbs that are cut off a product of scalar and constant: 377 bits.
const SHIFT_LIMBS: usize = 13;

fn hex(digits: &str) -> BigUint {
    BigUint::parse_bytes(digits.as_bytes(), 16).expect("hexadecimal digits")
}

/// A third root of one mod n: libsecp256k1's choice of the two.
pub(crate) fn lambda() -> BigUint {
    hex("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72")
}

/// The third root of one mod p that goes with it.
pub(crate) fn beta() -> BigUint {
    hex("7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501ee")
}

/// The short vectors (a1, -b1) and (a2, b2) of the lattice a + b lambda = 0 mod n; all four numbers are positive, b1 negative.
pub(crate) fn lattice() -> [BigUint; 4] {
    let a1 = hex("3086d221a7d46bcde86c90e49284eb15");
    [a1.clone(), hex("e4437ed6010e88286f547fa90abfe4c3"), hex("114ca50f7a8e2f3f657c1108d9d44cfd8"), a1]
}

/// round(a g / 2^377) of a number and a constant, both of 256 bits.
pub(crate) fn rounded_product() -> Program {
    let mut p = Program::default();
    let (a, g): ([Value; LIMBS], [Value; LIMBS]) = (p.inputs(), p.inputs());
    let mut columns: Vec<Value> = (0..2 * LIMBS - 1).map(|_| p.long(0)).collect();
    columns[SHIFT_LIMBS - 1] = p.long(1 << (LIMB_BITS - 1));
    for (i, a) in a.iter().enumerate() {
        for (j, g) in g.iter().enumerate() {
            let product = p.mul(*a, *g);
            columns[i + j] = p.add(columns[i + j], product);
        }
    }
    let mut carry = p.long(0);
    for (place, column) in columns.into_iter().enumerate() {
        let sum = p.add(column, carry);
        if place >= SHIFT_LIMBS {
            let limb = p.low_bits(sum, LIMB_BITS);
            p.output(limb);
        }
        carry = p.shr(sum, LIMB_BITS);
    }
    p.output(carry);
    for _ in 2 * LIMBS - SHIFT_LIMBS..LIMBS {
        let zero = p.word(0);
        p.output(zero);
    }
    p
}

/// `sc_split(u, c)`: u in the order's form, c one of the constants `SPLIT_n` for windows that cover n bits.
pub(crate) fn text(order: &Field, field: &Field, widths: &[u32]) -> String {
    let n = &order.prime;
    let one = BigUint::from(1_u32);
    let [_, minus_b1, _, b2] = lattice();
    let mut text = String::new();
    text.push_str(&constant("BETA", &field.form(&beta())));
    let half = (n + 1_u32) / 2_u32;
    text.push_str(&constant("SPLIT_HALF", &order.form(&half)));
    text.push_str(&constant("SPLIT_OFFSET", &order.form(&(&one << 128))));
    text.push_str(&constant("SPLIT_LAMBDA", &order.form(&lambda())));
    for width in widths {
        // 2^129 - 2^l + 1 is negative.
        let digits: BigUint = (&one << *width) - (&one << 129) - 1_u32;
        let subtracted = digits * (lambda() + 1_u32) % n;
        // c is added, so that it is minus C.
        text.push_str(&constant(&format!("SPLIT_{width}"), &order.form(&subtracted)));
    }
    let scaled = |b: &BigUint| ((b << (LIMB_BITS as usize * SHIFT_LIMBS + 1)) / n + 1_u32) / 2_u32;
    text.push_str(&constant("SPLIT_G1", &limbs(&scaled(&b2))));
    text.push_str(&constant("SPLIT_G2", &limbs(&scaled(&minus_b1))));
    // In the form twice over, since what they are multiplied with is plain.
    let twice = |number: &BigUint| limbs(&((number << 522) % n));
    text.push_str(&constant("SPLIT_MINUS_B1", &twice(&minus_b1)));
    text.push_str(&constant("SPLIT_MINUS_B2", &twice(&(n - &b2))));
    text.push_str(&function("rounded_product", &["a", "g"], &rounded_product()));
    text.push_str(
        "
struct Halves {
    first: U256,
    second: U256,
}

fn sc_split(u: Fe, c: Fe) -> Halves {
    let k = sc_mul(sc_add(u, c), SPLIT_HALF);
    let plain = limbs_of(sc_leave(k));
    let c1 = rounded_product(plain, SPLIT_G1);
    let c2 = rounded_product(plain, SPLIT_G2);
    let second = sc_add(sc_mul(c1, SPLIT_MINUS_B1), sc_mul(c2, SPLIT_MINUS_B2));
    let first = sc_sub(k, sc_mul(second, SPLIT_LAMBDA));
    return Halves(sc_leave(sc_add(first, SPLIT_OFFSET)), sc_leave(sc_add(second, SPLIT_OFFSET)));
}
",
    );
    text
}
