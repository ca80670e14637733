//! Addition chains: an exponent as links, each some squarings and one product; out comes a WGSL function that walks them in a
//! loop, so that a power costs a driver two multiplications to compile however long it is.

use std::fmt::Write as _;

use num_bigint::BigUint;

use crate::field::u256;

/// What a link multiplies with, and where it keeps its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum With {
    /// The value before the link's squarings.
    Itself,
    /// The base.
    Base,
    /// What was kept as A, as B.
    A,
    B,
    /// Nothing.
    One,
    /// B, the squarings being of A instead of the value.
    BAfterA,
}

/// Squarings, then a product, then whether the result is kept: 0, or 1 for A and 2 for B.
pub(crate) type Link = (u32, With, u32);

use With::{A, B, BAfterA, Base, Itself, One};

/// 31 ones, kept as A.
const ONES_31: &[Link] = &[
    (1, Base, 0),
    (1, Base, 0),
    (3, Itself, 0),
    (1, Base, 0),
    (7, Itself, 0),
    (1, Base, 0),
    (15, Itself, 0),
    (1, Base, 1),
];

/// (p + 1) / 4 = 2^254 - 2^30 - 244: 223 ones, 0, 22 ones, 0000, 11, 00.
pub(crate) const SECP256K1_ROOT: &[Link] = &[
    (1, Base, 1),
    (2, Itself, 0),
    (1, Base, 0),
    (5, Itself, 0),
    (1, Base, 0),
    (11, Itself, 2),
    (22, Itself, 0),
    (44, Itself, 0),
    (22, B, 0),
    (1, Base, 0),
    (111, Itself, 0),
    (1, Base, 0),
    (23, B, 0),
    (6, A, 0),
    (2, One, 0),
];

/// (p + 1) / 4 = 2^254 - 2^222 + 2^190 + 2^94: 32 ones, then single ones.
pub(crate) const P256_ROOT: &[Link] = &[
    (1, Itself, 0),
    (2, Itself, 0),
    (4, Itself, 0),
    (8, Itself, 0),
    (16, Itself, 0),
    (32, Base, 0),
    (96, Base, 0),
    (94, One, 0),
];

/// (p + 1) / 4 = 2^254 - 2^222 - 2^94 + 2^62: 31 ones, 0, 128 ones, then a single one.
pub(crate) fn sm2_root() -> Vec<Link> {
    let rest = [(1, Base, 0), (32, Itself, 0), (64, Itself, 2), (129, BAfterA, 0), (32, Base, 0), (62, One, 0)];
    [ONES_31, &rest].concat()
}

/// 2^252 - 3, the exponent of a square root mod 2^255 - 19: 250 ones, then 01.
pub(crate) fn ed25519_root() -> Vec<Link> {
    [ONES_31, &[(31, Itself, 0), (62, Itself, 0), (1, Base, 0), (125, Itself, 0), (2, Base, 0)]].concat()
}

/// `fn NAME(base: Fe) -> Fe`: the power. A link is one word: squarings, what to multiply with, where to keep.
pub(crate) fn function(name: &str, prefix: &str, links: &[Link]) -> String {
    let mut text = format!("\nfn {name}_link(at: u32) -> u32 {{\n    switch (at) {{\n");
    for (at, (squarings, with, keep)) in links.iter().enumerate() {
        let word = squarings | (*with as u32) << 8 | keep << 12;
        writeln!(text, "        case {at}u: {{ return {word}u; }}").expect("a string grows");
    }
    write!(
        text,
        "        default: {{ return 0u; }}
    }}
}}

fn {name}(base: Fe) -> Fe {{
    var power = base;
    var kept_a = base;
    var kept_b = base;
    for (var at = 0u; at < {}u; at += 1u) {{
        let link = {name}_link(at);
        var factor = power;
        let chosen = (link >> 8u) & 15u;
        if (chosen == {}u) {{
            factor = base;
        }} else if (chosen == {}u) {{
            factor = kept_a;
        }} else if (chosen == {}u) {{
            factor = kept_b;
        }} else if (chosen == {}u) {{
            factor = kept_b;
            power = kept_a;
        }}
        for (var i = 0u; i < (link & 255u); i += 1u) {{
            power = {prefix}_sqr(power);
        }}
        if (chosen != {}u) {{
            power = {prefix}_mul(power, factor);
        }}
        if ((link >> 12u) == 1u) {{
            kept_a = power;
        }} else if ((link >> 12u) == 2u) {{
            kept_b = power;
        }}
    }}
    return power;
}}
",
        links.len(),
        Base as u32,
        A as u32,
        B as u32,
        BAfterA as u32,
        One as u32,
    )
    .expect("a string grows");
    text
}

/// `PREFIX_inverse` by Fermat, two bits of the exponent at a time, and `PREFIX_invert`: the elements at a place of every item
/// that a thread takes (`thread`, `thread + threads` ..), none of them zero, replaced by their inverses, of which one is computed.
pub(crate) fn inversion(prefix: &str, prime: &BigUint) -> String {
    INVERSION.replace("PREFIX", prefix).replace("EXPONENT", &u256(&(prime - 2_u32)))
}

const INVERSION: &str = "
const PREFIX_MINUS_TWO: U256 = EXPONENT;

fn PREFIX_inverse(a: Fe) -> Fe {
    let square = PREFIX_sqr(a);
    let cube = PREFIX_mul(square, a);
    var power = PREFIX_ONE;
    for (var left = 128u; left > 0u; left -= 1u) {
        let at = left - 1u;
        power = PREFIX_sqr(PREFIX_sqr(power));
        let digit = (u256_word(PREFIX_MINUS_TWO, at >> 4u) >> ((at & 15u) << 1u)) & 3u;
        if (digit != 0u) {
            power = PREFIX_mul(power, fe_select(fe_select(a, square, digit == 2u), cube, digit == 3u));
        }
    }
    return power;
}

fn PREFIX_invert(thread: u32, threads: u32, at: u32) {
    var product = PREFIX_ONE;
    var item = thread;
    for (; item < parameters.items; item += threads) {
        store_fe(item, AT_PRODUCT, product);
        product = PREFIX_mul(product, load_fe(item, at));
    }
    var inverse = PREFIX_inverse(product);
    while (item > thread) {
        item -= threads;
        let own = PREFIX_mul(inverse, load_fe(item, AT_PRODUCT));
        inverse = PREFIX_mul(inverse, load_fe(item, at));
        store_fe(item, at, own);
    }
}
";

/// The exponent that links stand for.
#[cfg(test)]
pub(crate) fn exponent(links: &[Link]) -> BigUint {
    let one = BigUint::from(1_u32);
    let (mut power, mut kept_a, mut kept_b) = (one.clone(), one.clone(), one.clone());
    for (squarings, with, keep) in links {
        if *with == BAfterA {
            power = kept_a.clone();
        }
        let with = match with {
            Itself => power.clone(),
            Base => one.clone(),
            A => kept_a.clone(),
            B | BAfterA => kept_b.clone(),
            One => BigUint::ZERO,
        };
        power = (power << *squarings) + with;
        match keep {
            1 => kept_a = power.clone(),
            2 => kept_b = power.clone(),
            _ => {}
        }
    }
    power
}
