// Numbers of 256 bits as eight words, the lowest first, and field elements as nine limbs of 29 bits.

struct U256 {
    lo: vec4<u32>,
    hi: vec4<u32>,
}

struct Fe {
    l0: u32,
    l1: u32,
    l2: u32,
    l3: u32,
    l4: u32,
    l5: u32,
    l6: u32,
    l7: u32,
    l8: u32,
}

const LIMB: u32 = 0x1fffffffu;

// Of any number; its top limb has 24 bits.
fn limbs_of(a: U256) -> Fe {
    return Fe(
        a.lo.x & LIMB,
        ((a.lo.x >> 29u) | (a.lo.y << 3u)) & LIMB,
        ((a.lo.y >> 26u) | (a.lo.z << 6u)) & LIMB,
        ((a.lo.z >> 23u) | (a.lo.w << 9u)) & LIMB,
        ((a.lo.w >> 20u) | (a.hi.x << 12u)) & LIMB,
        ((a.hi.x >> 17u) | (a.hi.y << 15u)) & LIMB,
        ((a.hi.y >> 14u) | (a.hi.z << 18u)) & LIMB,
        ((a.hi.z >> 11u) | (a.hi.w << 21u)) & LIMB,
        a.hi.w >> 8u,
    );
}

// Of limbs that are carried, the top one below 2^24.
fn words_of(a: Fe) -> U256 {
    return U256(
        vec4<u32>(
            a.l0 | (a.l1 << 29u),
            (a.l1 >> 3u) | (a.l2 << 26u),
            (a.l2 >> 6u) | (a.l3 << 23u),
            (a.l3 >> 9u) | (a.l4 << 20u),
        ),
        vec4<u32>(
            (a.l4 >> 12u) | (a.l5 << 17u),
            (a.l5 >> 15u) | (a.l6 << 14u),
            (a.l6 >> 18u) | (a.l7 << 11u),
            (a.l7 >> 21u) | (a.l8 << 8u),
        ),
    );
}

fn fe_select(if_not: Fe, if_so: Fe, condition: bool) -> Fe {
    return Fe(
        select(if_not.l0, if_so.l0, condition),
        select(if_not.l1, if_so.l1, condition),
        select(if_not.l2, if_so.l2, condition),
        select(if_not.l3, if_so.l3, condition),
        select(if_not.l4, if_so.l4, condition),
        select(if_not.l5, if_so.l5, condition),
        select(if_not.l6, if_so.l6, condition),
        select(if_not.l7, if_so.l7, condition),
        select(if_not.l8, if_so.l8, condition),
    );
}

fn u256_is_zero(a: U256) -> bool {
    let any = a.lo | a.hi;
    return (any.x | any.y | any.z | any.w) == 0u;
}

fn u256_equal(a: U256, b: U256) -> bool {
    return all(a.lo == b.lo) && all(a.hi == b.hi);
}

// a - b mod 2^256, and whether it fell below zero.
struct Difference {
    value: U256,
    borrow: u32,
}

fn borrowing(a: u32, b: u32, borrow: u32) -> u32 {
    return select(0u, 1u, (a < b) || ((a == b) && (borrow != 0u)));
}

fn u256_sub(a: U256, b: U256) -> Difference {
    let b0 = borrowing(a.lo.x, b.lo.x, 0u);
    let b1 = borrowing(a.lo.y, b.lo.y, b0);
    let b2 = borrowing(a.lo.z, b.lo.z, b1);
    let b3 = borrowing(a.lo.w, b.lo.w, b2);
    let b4 = borrowing(a.hi.x, b.hi.x, b3);
    let b5 = borrowing(a.hi.y, b.hi.y, b4);
    let b6 = borrowing(a.hi.z, b.hi.z, b5);
    let b7 = borrowing(a.hi.w, b.hi.w, b6);
    return Difference(
        U256(a.lo - b.lo - vec4<u32>(0u, b0, b1, b2), a.hi - b.hi - vec4<u32>(b3, b4, b5, b6)),
        b7,
    );
}

// a + b mod 2^256.
fn u256_add(a: U256, b: U256) -> U256 {
    return u256_sub(a, u256_sub(U256(vec4<u32>(0u), vec4<u32>(0u)), b).value).value;
}

fn u256_below(a: U256, b: U256) -> bool {
    return u256_sub(a, b).borrow != 0u;
}

// Word `at` of the number.
fn u256_word(a: U256, at: u32) -> u32 {
    let half = select(a.lo, a.hi, at >= 4u);
    let pair = select(half.xy, half.zw, (at & 2u) != 0u);
    return select(pair.x, pair.y, (at & 1u) != 0u);
}

fn bytes_swapped(a: vec4<u32>) -> vec4<u32> {
    let swapped = ((a & vec4<u32>(0x00ff00ffu)) << vec4<u32>(8u)) | ((a >> vec4<u32>(8u)) & vec4<u32>(0x00ff00ffu));
    return (swapped << vec4<u32>(16u)) | (swapped >> vec4<u32>(16u));
}

// Between a number and its 32 bytes, the highest first, as they lie in memory.
fn u256_big_endian(memory: U256) -> U256 {
    return U256(bytes_swapped(memory.hi).wzyx, bytes_swapped(memory.lo).wzyx);
}
