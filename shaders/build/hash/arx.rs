//! BLAKE3's and BLAKE2b's compression functions (BLAKE3 specification, section 2.2; RFC 7693 section 3.2): one mixing
//! schedule, two word sizes.

use std::fmt::Write as _;

use super::constants::{SHA256_INIT, SHA512_INIT};
use super::{list, wide, word};

/// Where each message word goes between BLAKE3's rounds (section 2.2, table 2).
const BLAKE3_PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];

/// BLAKE2b's message word order of each round (section 2.7); rounds 10 and 11 are rounds 0 and 1 again.
const BLAKE2B_SIGMA: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/// The eight quarter rounds of a round: columns, then diagonals.
fn quarters() -> impl Iterator<Item = [usize; 4]> {
    let columns = (0..4).map(|i| [i, 4 + i, 8 + i, 12 + i]);
    columns.chain((0..4).map(|i| [i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4]))
}

pub(super) fn blake3() -> String {
    let mut text = String::from(
        "// The first eight words of the output; `counter` is the chunk's number.
fn blake3_compress(h: array<u32, 8>, block: array<u32, 16>, counter: u32, bytes: u32, flags: u32) -> array<u32, 8> {
    var s = h;
    var m = block;
",
    );
    let mut line = |text_line: String| writeln!(text, "    {text_line}").expect("a string grows");
    for i in 0..16 {
        let start = match i {
            0..8 => format!("s[{i}]"),
            8..12 => word(SHA256_INIT[i - 8]),
            12 => "counter".to_owned(),
            13 => "0u".to_owned(),
            14 => "bytes".to_owned(),
            _ => "flags".to_owned(),
        };
        line(format!("var v{i} = {start};"));
    }
    let mut order: [usize; 16] = std::array::from_fn(|i| i);
    for _ in 0..7 {
        for (q, [a, b, c, d]) in quarters().enumerate() {
            for (x, turns) in [(order[2 * q], [16, 12]), (order[2 * q + 1], [8, 7])] {
                line(format!("v{a} = v{a} + v{b} + m[{x}]; v{d} = rotate_right(v{d} ^ v{a}, {}u);", turns[0]));
                line(format!("v{c} = v{c} + v{d}; v{b} = rotate_right(v{b} ^ v{c}, {}u);", turns[1]));
            }
        }
        order = BLAKE3_PERMUTATION.map(|from| order[from]);
    }
    line(format!("return array<u32, 8>({});", list(8, |i| format!("v{i} ^ v{}", i + 8))));
    text.push_str("}\n\n");
    let init = list(8, |i| word(SHA256_INIT[i]));
    writeln!(text, "fn blake3_init() -> array<u32, 8> {{\n    return array<u32, 8>({init});\n}}")
        .expect("a string grows");
    text
}

pub(super) fn blake2b() -> String {
    let mut text = String::from(
        "// `bytes` are those worked in with this block; `last` is all ones in the last block, else zero.
fn blake2b_compress(h: array<Wide, 8>, block: array<Wide, 16>, bytes: Wide, last: Wide) -> array<Wide, 8> {
    var s = h;
    var m = block;
",
    );
    let mut line = |text_line: String| writeln!(text, "    {text_line}").expect("a string grows");
    for i in 0..16 {
        let start = match i {
            0..8 => format!("s[{i}]"),
            12 => format!("{} ^ bytes", wide(SHA512_INIT[4])),
            14 => format!("{} ^ last", wide(SHA512_INIT[6])),
            _ => wide(SHA512_INIT[i - 8]),
        };
        line(format!("var v{i} = {start};"));
    }
    for round in 0..12 {
        let sigma = &BLAKE2B_SIGMA[round % 10];
        for (q, [a, b, c, d]) in quarters().enumerate() {
            let [x, y] = [sigma[2 * q], sigma[2 * q + 1]];
            line(format!("v{a} = wide_add(wide_add(v{a}, v{b}), m[{x}]); v{d} = wide_swap_halves(v{d} ^ v{a});"));
            line(format!("v{c} = wide_add(v{c}, v{d}); v{b} = wide_rotate_right(v{b} ^ v{c}, 24u);"));
            line(format!("v{a} = wide_add(wide_add(v{a}, v{b}), m[{y}]); v{d} = wide_rotate_right(v{d} ^ v{a}, 16u);"));
            line(format!("v{c} = wide_add(v{c}, v{d}); v{b} = wide_rotate_right_far(v{b} ^ v{c}, 63u);"));
        }
    }
    line(format!("return array<Wide, 8>({});", list(8, |i| format!("s[{i}] ^ v{i} ^ v{}", i + 8))));
    text.push_str("}\n\n");
    write!(
        text,
        "fn blake2b_256_message(item: u32) -> array<u32, 8> {{
    let message = message_of(item);
    let bytes = (PREFIX_WORDS << 2u) + message.y;
    var h = array<Wide, 8>({init});
    // Counted, as in keccak_message.
    let blocks = max((bytes + 127u) >> 7u, 1u);
    for (var at = 0u; at < blocks; at += 1u) {{
        let low = input_block(item, message, at << 5u, 0u);
        let high = input_block(item, message, (at << 5u) + 16u, 0u);
        let block = array<Wide, 16>({low}, {high});
        let done = min((at + 1u) << 7u, bytes);
        let ones = select(0u, 0xffffffffu, at + 1u == blocks);
        h = blake2b_compress(h, block, wide(done, 0u), wide(ones, ones));
    }}
    return array<u32, 8>({digest});
}}
",
        // The first word of the parameter block: 32 bytes of digest, no key, fanout and depth 1 (section 2.5).
        init = list(8, |i| wide(SHA512_INIT[i] ^ if i == 0 { 0x0101_0020 } else { 0 })),
        low = list(8, |i| format!("wide(low[{}], low[{}])", 2 * i, 2 * i + 1)),
        high = list(8, |i| format!("wide(high[{}], high[{}])", 2 * i, 2 * i + 1)),
        digest = list(8, |i| format!("wide_{}(h[{}])", if i % 2 == 0 { "low" } else { "high" }, i / 2)),
    )
    .expect("a string grows");
    text
}
