//! The numbers, points and encodings where implementations go wrong, as 32 bytes in the row's own byte order.

use std::sync::LazyLock;

use assay_scheme::Row;

use crate::mutate::Random;

type Edges = Vec<[u8; 32]>;

/// A curve's prime and order, big-endian hex (SEC 2; SP 800-186; GB/T 32918.5; RFC 8032).
const SECP256K1: [&str; 2] = [
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
];
const P256: [&str; 2] = [
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
];
const SM2: [&str; 2] = [
    "fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff",
    "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123",
];
const ED25519: [&str; 2] = [
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed",
    "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed",
];

/// The y coordinates of the points of small order, little-endian with either sign bit (those of order 8 are not integers
/// with a short name; "Taming the many EdDSAs", table 2).
const ED25519_ORDER_8: [&str; 2] = [
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];

/// Whether an encoding, canonical or not, is that of a point of small order: y is 0, 1, -1 or one of the above, plus p where
/// that fits ("Taming the many EdDSAs", table 2). With y = 1 and y = -1 x is 0, whose sign nobody looks at.
pub fn is_of_small_order(point: &[u8]) -> bool {
    static ENCODINGS: LazyLock<Edges> = LazyLock::new(|| {
        let one = plus([0; 32], 1);
        let p = number(ED25519[0]);
        let integers = [[0; 32], one, plus(p, -1), p, plus(p, 1)].map(reversed);
        integers.into_iter().chain(ED25519_ORDER_8.map(number)).collect()
    });
    ENCODINGS.iter().any(|y| y[..31] == point[..31] && y[31] == point[31] & 0x7f)
}

fn number(hex: &str) -> [u8; 32] {
    let digit = |i: usize| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex digits");
    std::array::from_fn(digit)
}

/// `number` plus `delta`, modulo 2^256.
fn plus(mut number: [u8; 32], delta: i64) -> [u8; 32] {
    let mut carry = i128::from(delta);
    for byte in number.iter_mut().rev() {
        carry += i128::from(*byte);
        *byte = carry.rem_euclid(256) as u8;
        carry = carry.div_euclid(256);
    }
    number
}

/// Half of it, rounded down.
fn half(number: [u8; 32]) -> [u8; 32] {
    std::array::from_fn(|i| number[i] >> 1 | if i == 0 { 0 } else { number[i - 1] << 7 })
}

fn of_curve([prime, order]: [&str; 2]) -> Edges {
    let mut edges = Vec::new();
    for centre in [[0; 32], number(prime), number(order), half(number(order)), [0xff; 32]] {
        edges.extend((-2..=2).map(|delta| plus(centre, delta)));
    }
    edges
}

fn of_ed25519() -> Edges {
    let mut edges: Edges = of_curve(ED25519).into_iter().map(reversed).collect();
    edges.extend(ED25519_ORDER_8.map(number));
    let signed = edges.clone().into_iter().map(|mut edge| {
        edge[31] ^= 0x80;
        edge
    });
    edges.extend(signed.collect::<Edges>());
    edges
}

fn reversed(mut number: [u8; 32]) -> [u8; 32] {
    number.reverse();
    number
}

static OF_SECP256K1: LazyLock<Edges> = LazyLock::new(|| of_curve(SECP256K1));
static OF_P256: LazyLock<Edges> = LazyLock::new(|| of_curve(P256));
static OF_SM2: LazyLock<Edges> = LazyLock::new(|| of_curve(SM2));
static OF_ED25519: LazyLock<Edges> = LazyLock::new(of_ed25519);

fn edges(row: Row) -> &'static [[u8; 32]] {
    match row {
        Row::Ed25519Zip215 | Row::Ed25519Ref10 | Row::Ed25519Strict => &OF_ED25519,
        Row::EcdsaP256 | Row::EcdsaP256LowS => &OF_P256,
        Row::Sm2Za | Row::Sm2E => &OF_SM2,
        _ => &OF_SECP256K1,
    }
}

/// For r, or R's encoding.
pub fn first_half(row: Row) -> &'static [[u8; 32]] {
    edges(row)
}

/// For s.
pub fn second_half(row: Row) -> &'static [[u8; 32]] {
    edges(row)
}

/// For a key's coordinate or encoding.
pub fn keys(row: Row) -> &'static [[u8; 32]] {
    edges(row)
}

/// Another signature that is related to this one: s replaced by n - s, which is valid where high S is, and s + n (s + L),
/// which is valid nowhere.
pub fn related(row: Row, signature: &mut [u8], random: &mut Random) {
    let little_endian = matches!(row, Row::Ed25519Zip215 | Row::Ed25519Ref10 | Row::Ed25519Strict);
    let order = match row {
        Row::Ed25519Zip215 | Row::Ed25519Ref10 | Row::Ed25519Strict => ED25519[1],
        Row::EcdsaP256 | Row::EcdsaP256LowS => P256[1],
        Row::Sm2Za | Row::Sm2E => SM2[1],
        _ => SECP256K1[1],
    };
    let half: &mut [u8] = &mut signature[32..64];
    let mut s: [u8; 32] = half.as_ref().try_into().expect("32 bytes");
    if little_endian {
        s.reverse();
    }
    let negate = random.one_in(2);
    let mut carry = 0_i32;
    for (byte, n) in s.iter_mut().zip(number(order)).rev() {
        carry += if negate { i32::from(n) - i32::from(*byte) } else { i32::from(*byte) + i32::from(n) };
        *byte = carry.rem_euclid(256) as u8;
        carry = carry.div_euclid(256);
    }
    if little_endian {
        s.reverse();
    }
    half.copy_from_slice(&s);
}
