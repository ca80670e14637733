//! Keccak-f\[1600\] (FIPS 202 section 3.3) and the sponge of 136 bytes a block; word x + 5 y is lane (x, y).

use std::fmt::Write as _;

use super::constants::KECCAK_RC;
use super::{list, wide};

/// How far rho turns each lane to the left (section 3.2.2, table 2).
const ROTATIONS: [u32; 25] =
    [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14];

/// A rotation to the left.
fn rotate(value: &str, bits: u32) -> String {
    match bits {
        0 => value.to_owned(),
        32 => format!("wide_swap_halves({value})"),
        1..32 => format!("wide_rotate_right_far({value}, {}u)", 64 - bits),
        _ => format!("wide_rotate_right({value}, {}u)", 64 - bits),
    }
}

/// The permutation and, over it, the two hash functions.
pub(super) fn text() -> String {
    let mut text = permutation();
    text.push_str(&messages());
    text
}

/// `keccak_permute`.
pub(super) fn permutation() -> String {
    let mut text = String::from("fn keccak_permute(state: array<Wide, 25>) -> array<Wide, 25> {\n    var s = state;\n");
    let mut line = |text_line: String| writeln!(text, "    {text_line}").expect("a string grows");
    for i in 0..25 {
        line(format!("var a{i} = s[{i}];"));
    }
    for (round, constant) in KECCAK_RC.into_iter().enumerate() {
        // Theta.
        for x in 0..5 {
            let column = (0..5).map(|y| format!("a{}", x + 5 * y)).collect::<Vec<_>>().join(" ^ ");
            line(format!("let c{round}_{x} = {column};"));
        }
        for x in 0..5 {
            let right = rotate(&format!("c{round}_{}", (x + 1) % 5), 1);
            line(format!("let d{round}_{x} = c{round}_{} ^ {right};", (x + 4) % 5));
        }
        // Rho and pi: lane (x, y) goes to (y, 2 x + 3 y).
        for y in 0..5 {
            for x in 0..5 {
                let to = y + 5 * ((2 * x + 3 * y) % 5);
                let turned = rotate(&format!("(a{} ^ d{round}_{x})", x + 5 * y), ROTATIONS[x + 5 * y]);
                line(format!("let b{round}_{to} = {turned};"));
            }
        }
        // Chi and iota.
        for y in 0..5 {
            for x in 0..5 {
                let b = |x: usize| format!("b{round}_{}", x % 5 + 5 * y);
                let iota = if x + y == 0 { format!(" ^ {}", wide(constant)) } else { String::new() };
                line(format!("a{} = {} ^ (~{} & {}){iota};", x + 5 * y, b(x), b(x + 1), b(x + 2)));
            }
        }
    }
    line(format!("return array<Wide, 25>({});", list(25, |i| format!("a{i}"))));
    text.push_str("}\n\n");
    text
}

fn messages() -> String {
    format!(
        "fn keccak_message(item: u32, domain: u32) -> array<u32, 8> {{
    let message = message_of(item);
    let bytes = (PREFIX_WORDS << 2u) + message.y;
    var state: array<Wide, 25>;
    // Counted, because on one driver threads that leave a loop in its middle lose what the others go on to write.
    let blocks = bytes / 136u + 1u;
    for (var block = 0u; block < blocks; block += 1u) {{
        let first = block * 34u;
        let low = input_block(item, message, first, domain);
        let high = input_block(item, message, first + 16u, domain);
        let last_low = input_word(item, message, first + 32u, domain);
        var last_high = input_word(item, message, first + 33u, domain);
        // The sponge's padding ends in the last block's last bit; a message that fills a block has one more.
        if (block + 1u == blocks) {{
            last_high ^= 0x80000000u;
        }}
        {absorb_low}
        {absorb_high}
        state[16] ^= wide(last_low, last_high);
        state = keccak_permute(state);
    }}
    return array<u32, 8>({digest});
}}

fn keccak256_message(item: u32) -> array<u32, 8> {{
    return keccak_message(item, 0x01u);
}}

fn sha3_256_message(item: u32) -> array<u32, 8> {{
    return keccak_message(item, 0x06u);
}}
",
        absorb_low = absorb("low", 0),
        absorb_high = absorb("high", 8),
        digest = list(8, |i| format!("wide_{}(state[{}])", if i % 2 == 0 { "low" } else { "high" }, i / 2)),
    )
}

fn absorb(half: &str, first: usize) -> String {
    let each = |i: usize| format!("state[{}] ^= wide({half}[{}], {half}[{}]);", first + i, 2 * i, 2 * i + 1);
    (0..8).map(each).collect::<Vec<_>>().join("\n        ")
}
