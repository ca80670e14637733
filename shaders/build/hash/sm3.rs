//! SM3 (GB/T 32905-2016 section 5.3).

use std::fmt::Write as _;

use super::constants::{SM3_INIT, SM3_T};
use super::{list, message_32, word};

pub(super) fn text() -> String {
    let mut text = include_str!("../../wgsl/hash/sm3_mixes.wgsl").to_owned();
    text.push_str(
        "fn sm3_compress(s: array<u32, 8>, m: array<u32, 16>) -> array<u32, 8> {\n    var h = s;\n    var w = m;\n",
    );
    let mut line = |text_line: String| writeln!(text, "    {text_line}").expect("a string grows");
    for (i, name) in ["a", "b", "c", "d", "e", "f", "g", "k"].into_iter().enumerate() {
        line(format!("var {name} = h[{i}];"));
    }
    for (j, constant) in SM3_T.into_iter().enumerate() {
        let w = |at: usize| format!("w[{}]", at % 16);
        line(format!("let r{j} = rotate_left(a, 12u);"));
        line(format!("let s{j} = rotate_left(r{j} + e + {}, 7u);", word(constant)));
        let [ff, gg] =
            if j < 16 { ["a ^ b ^ c", "e ^ f ^ g"] } else { ["(a & b) | (c & (a | b))", "(e & f) | (~e & g)"] };
        line(format!("let t{j} = ({ff}) + d + (s{j} ^ r{j}) + ({} ^ {});", w(j), w(j + 4)));
        line(format!("let v{j} = ({gg}) + k + s{j} + {};", w(j)));
        line(format!("d = c; c = rotate_left(b, 9u); b = a; a = t{j};"));
        line(format!("k = g; g = rotate_left(f, 19u); f = e; e = sm3_p0(v{j});"));
        // W_j makes room for W_{j+16}; the last that is used is W_67.
        if j < 52 {
            line(format!(
                "{} = sm3_p1({} ^ {} ^ rotate_left({}, 15u)) ^ rotate_left({}, 7u) ^ {};",
                w(j),
                w(j),
                w(j + 7),
                w(j + 13),
                w(j + 3),
                w(j + 10)
            ));
        }
    }
    let names = ["a", "b", "c", "d", "e", "f", "g", "k"];
    line(format!("return array<u32, 8>({});", list(8, |i| format!("h[{i}] ^ {}", names[i]))));
    text.push_str("}\n\n");
    text.push_str(&message_32("sm3", &SM3_INIT, 8, true));
    text
}
