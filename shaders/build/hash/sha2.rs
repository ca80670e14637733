//! SHA-256 and SHA-512 (FIPS 180-4 sections 6.2.2 and 6.4.2): one shape, two word sizes.

use std::fmt::Write as _;

use super::constants::{SHA256_INIT, SHA256_K, SHA512_INIT, SHA512_K};
use super::{list, message_32, wide, word};

/// `NAME_compress`, in terms of the functions that `wgsl/hash/NAME_sums.wgsl` writes out.
fn compress(name: &str, kind: &str, add: impl Fn(&[&str]) -> String, constants: &[String]) -> String {
    let mut text = format!(
        "fn {name}_compress(s: array<{kind}, 8>, m: array<{kind}, 16>) -> array<{kind}, 8> {{\n    var h = s;\n    var w = m;\n"
    );
    let mut line = |text_line: String| writeln!(text, "    {text_line}").expect("a string grows");
    for i in 0..8 {
        line(format!("var v{i} = h[{i}];"));
    }
    for (i, constant) in constants.iter().enumerate() {
        // The working variables move by one place a round: here their names do.
        let v = |place: usize| format!("v{}", (place + 8 * 16 - i) % 8);
        let [a, b, c, d, e, f, g, own] = std::array::from_fn(v);
        let w = |at: usize| format!("w[{}]", at % 16);
        if i >= 16 {
            let [sigma0, sigma1] = [format!("{name}_sigma0({})", w(i + 1)), format!("{name}_sigma1({})", w(i + 14))];
            line(format!("{} = {};", w(i), add(&[&w(i), &sigma0, &w(i + 9), &sigma1])));
        }
        let [sum1, choice] = [format!("{name}_sum1({e})"), format!("(({e} & {f}) ^ (~{e} & {g}))")];
        line(format!("{own} = {};", add(&[&own, constant, &w(i), &choice, &sum1])));
        line(format!("{d} = {};", add(&[&d, &own])));
        let [sum0, majority] = [format!("{name}_sum0({a})"), format!("(({a} & {b}) | ({c} & ({a} | {b})))")];
        line(format!("{own} = {};", add(&[&own, &sum0, &majority])));
    }
    let sums = list(8, |i| add(&[&format!("h[{i}]"), &format!("v{i}")]));
    line(format!("return array<{kind}, 8>({sums});"));
    text.push_str("}\n\n");
    text
}

pub(super) fn sha256() -> String {
    let constants = SHA256_K.map(word);
    let mut text = include_str!("../../wgsl/hash/sha256_sums.wgsl").to_owned();
    text.push_str(&compress("sha256", "u32", |parts| parts.join(" + "), &constants));
    text.push_str(&message_32("sha256", &SHA256_INIT, 8, true));
    text
}

pub(super) fn sha512() -> String {
    let add = |parts: &[&str]| {
        let mut parts = parts.iter().map(|part| (*part).to_owned());
        let first = parts.next().expect("a sum has parts");
        parts.fold(first, |sum, part| format!("wide_add({sum}, {part})"))
    };
    let constants = SHA512_K.map(wide);
    let mut text = include_str!("../../wgsl/hash/sha512_sums.wgsl").to_owned();
    text.push_str(&compress("sha512", "Wide", add, &constants));
    write!(
        text,
        "fn sha512_message(item: u32) -> array<u32, 16> {{
    let message = message_of(item);
    let bytes = (PREFIX_WORDS << 2u) + message.y;
    let blocks = (bytes + 144u) >> 7u;
    var h = array<Wide, 8>({init});
    for (var block = 0u; block < blocks; block += 1u) {{
        let low = input_block(item, message, block << 5u, 0x80u);
        let high = input_block(item, message, (block << 5u) + 16u, 0x80u);
        var m = array<Wide, 16>({low}, {high});
        if (block + 1u == blocks) {{
            m[15] = wide(bytes << 3u, bytes >> 29u);
        }}
        h = sha512_compress(h, m);
    }}
    return array<u32, 16>({digest});
}}
",
        init = list(8, |i| wide(SHA512_INIT[i])),
        low = list(8, |i| format!("wide(swap_bytes(low[{}]), swap_bytes(low[{}]))", 2 * i + 1, 2 * i)),
        high = list(8, |i| format!("wide(swap_bytes(high[{}]), swap_bytes(high[{}]))", 2 * i + 1, 2 * i)),
        digest = list(16, |i| {
            let half = if i % 2 == 0 { "high" } else { "low" };
            format!("swap_bytes(wide_{half}(h[{}]))", i / 2)
        }),
    )
    .expect("a string grows");
    text
}
