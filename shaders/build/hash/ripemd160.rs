//! RIPEMD-160 (ISO/IEC 10118-3; Dobbertin, Bosselaers, Preneel 1996).

use std::fmt::Write as _;

use super::constants::RIPEMD160_INIT;
use super::{message_32, word};

/// Message words of the left line, round by round.
const LEFT_WORDS: [[usize; 16]; 5] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8],
    [3, 10, 14, 4, 9, 15, 8, 1, 2, 7, 0, 6, 13, 11, 5, 12],
    [1, 9, 11, 10, 0, 8, 12, 4, 13, 3, 7, 15, 14, 5, 6, 2],
    [4, 0, 5, 9, 7, 12, 2, 10, 14, 1, 3, 8, 11, 6, 15, 13],
];
/// Message words of the right line.
const RIGHT_WORDS: [[usize; 16]; 5] = [
    [5, 14, 7, 0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12],
    [6, 11, 3, 7, 0, 13, 5, 10, 14, 15, 8, 12, 4, 9, 1, 2],
    [15, 5, 1, 3, 7, 14, 6, 9, 11, 8, 12, 2, 10, 0, 4, 13],
    [8, 6, 4, 1, 3, 11, 15, 0, 5, 12, 2, 13, 9, 7, 10, 14],
    [12, 15, 10, 4, 1, 5, 8, 7, 6, 2, 13, 14, 0, 3, 9, 11],
];
/// Rotations of the left line.
const LEFT_ROTATIONS: [[u32; 16]; 5] = [
    [11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8],
    [7, 6, 8, 13, 11, 9, 7, 15, 7, 12, 15, 9, 11, 7, 13, 12],
    [11, 13, 6, 7, 14, 9, 13, 15, 14, 8, 13, 6, 5, 12, 7, 5],
    [11, 12, 14, 15, 14, 15, 9, 8, 9, 14, 5, 6, 8, 6, 5, 12],
    [9, 15, 5, 11, 6, 8, 13, 12, 5, 12, 13, 14, 11, 8, 5, 6],
];
/// Rotations of the right line.
const RIGHT_ROTATIONS: [[u32; 16]; 5] = [
    [8, 9, 9, 11, 13, 15, 15, 5, 7, 7, 8, 11, 14, 14, 12, 6],
    [9, 13, 15, 7, 12, 8, 9, 11, 7, 7, 12, 7, 6, 15, 13, 11],
    [9, 7, 15, 11, 8, 6, 6, 14, 12, 13, 5, 14, 13, 13, 7, 5],
    [15, 5, 8, 11, 14, 14, 6, 14, 6, 9, 12, 9, 12, 5, 15, 8],
    [8, 5, 12, 9, 12, 5, 14, 6, 8, 13, 6, 5, 15, 13, 11, 11],
];
const LEFT_CONSTANTS: [u32; 5] = [0, 0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xa953_fd4e];
const RIGHT_CONSTANTS: [u32; 5] = [0x50a2_8be6, 0x5c4d_d124, 0x6d70_3ef3, 0x7a6d_76e9, 0];

/// The function of a line's round, 0 to 4.
fn mix(function: usize, b: &str, c: &str, d: &str) -> String {
    match function {
        0 => format!("({b} ^ {c} ^ {d})"),
        1 => format!("(({b} & {c}) | (~{b} & {d}))"),
        2 => format!("(({b} | ~{c}) ^ {d})"),
        3 => format!("(({d} & {b}) | (~{d} & {c}))"),
        _ => format!("({b} ^ ({c} | ~{d}))"),
    }
}

pub(super) fn text() -> String {
    let mut text = String::from(
        "fn ripemd160_compress(h: array<u32, 5>, m: array<u32, 16>) -> array<u32, 5> {\n    var s = h;\n    var w = m;\n",
    );
    let mut line = |text_line: String| writeln!(text, "    {text_line}").expect("a string grows");
    for i in 0..5 {
        line(format!("var l{i} = s[{i}];"));
        line(format!("var r{i} = s[{i}];"));
    }
    for step in 0..80 {
        let (round, i) = (step / 16, step % 16);
        let lines = [
            ("l", round, LEFT_WORDS[round][i], LEFT_CONSTANTS[round], LEFT_ROTATIONS[round][i]),
            ("r", 4 - round, RIGHT_WORDS[round][i], RIGHT_CONSTANTS[round], RIGHT_ROTATIONS[round][i]),
        ];
        for (side, function, at, constant, bits) in lines {
            // The five variables move by one place a step: here their names do.
            let [a, b, c, d, e]: [String; 5] =
                std::array::from_fn(|place| format!("{side}{}", (place + 80 - step) % 5));
            let mixed = mix(function, &b, &c, &d);
            line(format!("{a} = rotate_left({a} + {mixed} + w[{at}] + {}, {bits}u) + {e};", word(constant)));
            line(format!("{c} = rotate_left({c}, 10u);"));
        }
    }
    let sum = |i: usize| format!("s[{}] + l{} + r{}", (i + 1) % 5, (i + 2) % 5, (i + 3) % 5);
    line(format!("return array<u32, 5>({});", super::list(5, sum)));
    text.push_str("}\n\n");
    text.push_str(&message_32("ripemd160", &RIPEMD160_INIT[..5], 5, false));
    text
}
