//! The kernels: which parts each is made of, and what runs in which order.

use crate::hash::{self, Wide};

/// A piece of text.
pub(crate) enum Part {
    /// `wgsl/NAME.wgsl`.
    File(&'static str),
    /// Written by the build: its name and text.
    Generated(&'static str, String),
}

/// One kernel.
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    pub(crate) int64: bool,
    pub(crate) parts: Vec<Part>,
    /// Entry points in order, with the items that a thread takes.
    pub(crate) passes: Vec<(&'static str, u32)>,
    pub(crate) scratch_words: [u32; 2],
    pub(crate) table: Vec<u8>,
}

/// Every recipe.
pub(crate) fn all() -> Vec<Recipe> {
    let mut recipes = Vec::new();
    recipes.extend(digests());
    recipes.extend(crate::signatures::all());
    recipes
}

/// The parts that every kernel which reads messages begins with; the prefix's part follows.
pub(crate) fn message_parts() -> Vec<Part> {
    ["frame", "messages", "hash/words"].map(Part::File).into()
}

/// A kernel a hash function, two where its words have 64 bits.
fn digests() -> Vec<Recipe> {
    // Name, parts, the digest's expression, its words, whether words are wide, levels of scratch.
    type Parts = fn() -> Vec<Part>;
    let table: [(&'static str, Parts, &str, u32, bool); 10] = [
        ("sha256", || vec![hash::sha256()], "sha256_message(item)", 8, false),
        ("sha256d", || vec![hash::sha256(), Part::File("hash/sha256_again")], "sha256d_message(item)", 8, false),
        ("sha512", || vec![hash::sha512()], "sha512_message(item)", 16, true),
        ("sha3_256", || vec![hash::keccak()], "sha3_256_message(item)", 8, true),
        ("keccak256", || vec![hash::keccak()], "keccak256_message(item)", 8, true),
        ("blake3", || vec![hash::blake3(), Part::File("hash/blake3")], "blake3_message(item)", 8, false),
        ("blake2b_256", || vec![hash::blake2b()], "blake2b_256_message(item)", 8, true),
        ("sm3", || vec![hash::sm3()], "sm3_message(item)", 8, false),
        ("ripemd160", || vec![hash::ripemd160()], "ripemd160_message(item)", 5, false),
        (
            "hash160",
            || vec![hash::sha256(), Part::File("hash/sha256_again"), hash::ripemd160(), Part::File("hash/hash160")],
            "hash160_message(item)",
            5,
            false,
        ),
    ];
    let mut recipes = Vec::new();
    for (name, own, digest, words, is_wide) in table {
        let spellings: &[Option<Wide>] = if is_wide { &[Some(Wide::Pairs), Some(Wide::Native)] } else { &[None] };
        for spelling in spellings {
            let mut parts = message_parts();
            parts.push(Part::File("hash/prefix_none"));
            parts.extend(spelling.map(Wide::part));
            parts.extend(own());
            parts.push(Part::Generated("digest entry", digest_entry(digest, words)));
            let int64 = *spelling == Some(Wide::Native);
            recipes.extend(tree(name).map(|name| Recipe {
                name,
                int64,
                parts: tree_parts(spelling.map(Wide::part), own(), digest),
                passes: vec![("level", 1)],
                scratch_words: [0, 0],
                table: Vec::new(),
            }));
            recipes.push(Recipe {
                name,
                int64,
                parts,
                passes: vec![("digest", 1)],
                // Chaining values of BLAKE3's subtrees: a message on a device is at most 64 chunks.
                scratch_words: [if name == "blake3" { 8 * 8 } else { 0 }, 0],
                table: Vec::new(),
            });
        }
    }
    recipes
}

/// The kernel of a level of a tree over a hash that Merkle rules are built on.
fn tree(hash: &str) -> Option<&'static str> {
    match hash {
        "sha256" => Some("merkle_sha256"),
        "sha256d" => Some("merkle_sha256d"),
        "sha3_256" => Some("merkle_sha3_256"),
        "keccak256" => Some("merkle_keccak256"),
        "blake2b_256" => Some("merkle_blake2b_256"),
        "sm3" => Some("merkle_sm3"),
        _ => None,
    }
}

fn tree_parts(wide: Option<Part>, own: Vec<Part>, digest: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = ["frame", "hash/merkle", "hash/words"].map(Part::File).into();
    parts.extend(wide);
    parts.extend(own);
    let stores: String = (0..8).map(|i| format!("    values[item * 8u + {i}u] = digest[{i}];\n")).collect();
    let lifted: String =
        (0..8).map(|i| format!("        values[item * 8u + {i}u] = node_word(item, {i}u);\n")).collect();
    let entry = format!(
        "@compute @workgroup_size(256)
fn level(@builtin(global_invocation_id) id: vec3<u32>) {{
    let item = id.x;
    if (item >= parameters.items) {{
        return;
    }}
    if ((parameters.flags & TREE_RFC6962) != 0u && is_lone(item)) {{
{lifted}        verdict(item, VALID);
        return;
    }}
    var digest = {digest};
{stores}    verdict(item, VALID);
}}
"
    );
    parts.push(Part::Generated("level entry", entry));
    parts
}

/// The entry point of a digest kernel: a thread an item, its digest and verdict written.
fn digest_entry(digest: &str, words: u32) -> String {
    let stores: String = (0..words).map(|i| format!("    values[item * {words}u + {i}u] = digest[{i}];\n")).collect();
    format!(
        "@group(0) @binding(13) var<storage, read_write> values: array<u32>;

@compute @workgroup_size(64)
fn digest(@builtin(global_invocation_id) id: vec3<u32>) {{
    if (id.x >= parameters.items) {{
        return;
    }}
    let item = item_of(id.x);
    if (is_refused(item)) {{
        verdict(item, refusal(item));
        return;
    }}
    var digest = {digest};
{stores}    verdict(item, VALID);
}}
"
    )
}
