//! The signature kernels' recipes: fields and formulas of a curve, the passes it shares with others, and the rule's own text.

use crate::hash::{self, Wide};
use crate::recipes::{Part, Recipe, message_parts};
use crate::weierstrass::{self, Curve};
use crate::{chain, edwards, glv};

/// Items whose inversions one thread makes into one.
const SHARED: u32 = 16;

/// Every signature kernel. The passes that compare x alone end without an inversion.
pub(crate) fn all() -> Vec<Recipe> {
    let secp256k1 = weierstrass::secp256k1();
    let p256 = weierstrass::p256();
    let by_x = "curve/weierstrass_finish";
    let by_point = "curve/weierstrass_finish_affine";
    let dividing = ["prepare", "invert", "expand", "multiply"];
    vec![
        ed25519(),
        kernel("secp256k1_ecdsa_verify", &secp256k1, ecdsa(0x0105), by_x, &dividing),
        kernel("p256_ecdsa_verify", &p256, ecdsa(0x0108), by_x, &dividing),
        kernel(
            "sm2_verify",
            &weierstrass::sm2(),
            sm2(),
            by_x,
            &["prepare", "hash", "invert_table", "expand", "multiply"],
        ),
        kernel(
            "secp256k1_schnorr_verify",
            &secp256k1,
            schnorr(),
            by_point,
            &["prepare", "hash", "invert_table", "expand", "multiply"],
        ),
        kernel("secp256k1_recover", &secp256k1, recover(0x0202), by_point, &dividing),
    ]
}

/// The id of the row that refuses a high S.
fn low_s(row: u32) -> Part {
    Part::Generated("row", format!("const ROW_LOW_S: u32 = {row}u;\n"))
}

fn ecdsa(row: u32) -> Vec<Part> {
    let mut parts = vec![Part::File("frame"), low_s(row)];
    parts.extend(["curve/key_and_digest", "curve/signature", "curve/ecdsa"].map(Part::File));
    parts
}

fn sm2() -> Vec<Part> {
    let mut parts = message_parts();
    parts.push(hash::sm3());
    parts.extend(["curve/key_and_digest", "curve/signature", "curve/sm2"].map(Part::File));
    parts
}

fn schnorr() -> Vec<Part> {
    let mut parts = message_parts();
    parts.push(hash::sha256());
    parts.extend(["curve/signature", "curve/schnorr"].map(Part::File));
    parts
}

fn recover(row: u32) -> Vec<Part> {
    let mut parts: Vec<Part> = ["frame", "hash/words"].map(Part::File).into();
    parts.extend([Wide::Native.part(), hash::keccak_permutation(), Part::File("curve/address")]);
    parts.extend([low_s(row), Part::File("curve/recover")]);
    parts
}

/// A kernel over a short Weierstrass curve.
fn kernel(name: &'static str, curve: &Curve, rule: Vec<Part>, finish: &'static str, passes: &[&'static str]) -> Recipe {
    let mut parts = rule;
    parts.extend(["curve/number", "curve/scratch"].map(Part::File));
    parts.push(Part::Generated("field", curve.field.text()));
    parts.push(Part::Generated("order", curve.order.text()));
    parts.push(Part::Generated("curve", curve.text()));
    parts.push(Part::Generated("root", chain::function("fe_root", "fe", &curve.root)));
    parts.push(Part::Generated("field inversion", chain::inversion("fe", &curve.field.prime)));
    parts.push(Part::Generated("order inversion", chain::inversion("sc", &curve.order.prime)));
    let scalar_loop = if curve.is_split() {
        parts.push(Part::Generated("halves", glv::text(&curve.order, &curve.field, &[132])));
        "curve/weierstrass_split"
    } else {
        "curve/weierstrass_whole"
    };
    parts.extend(["curve/weierstrass_prepare", scalar_loop, "curve/weierstrass_complete", finish].map(Part::File));
    let mut passes = passes.to_vec();
    if finish == "curve/weierstrass_finish_affine" {
        passes.push("invert_sum");
    }
    passes.extend(["finish", "complete"]);
    Recipe {
        name,
        int64: true,
        parts,
        passes: passes.into_iter().map(|entry| (entry, items_per_thread(entry))).collect(),
        // As weierstrass_prepare.wgsl lays them out.
        scratch_words: [54, 8 * 7 * 4],
        table: curve.base_table(),
    }
}

fn items_per_thread(entry: &str) -> u32 {
    if entry.starts_with("invert") { SHARED } else { 1 }
}

/// The three Ed25519 rows.
fn ed25519() -> Recipe {
    let curve = edwards::ed25519();
    let mut parts = message_parts();
    parts.extend([Wide::Native.part(), hash::sha512()]);
    parts.extend(["curve/number", "curve/scratch"].map(Part::File));
    parts.push(Part::Generated("field", curve.field.text()));
    parts.push(Part::Generated("order", curve.order.text()));
    parts.push(Part::Generated("curve", curve.text()));
    parts.push(Part::Generated("root", chain::function("fe_root", "fe", &chain::ed25519_root())));
    parts.push(Part::Generated("field inversion", chain::inversion("fe", &curve.field.prime)));
    parts.push(Part::File("curve/ed25519"));
    let passes = ["hash", "prepare", "multiply", "invert", "finish"];
    Recipe {
        name: "ed25519_verify",
        int64: true,
        parts,
        passes: passes.into_iter().map(|entry| (entry, items_per_thread(entry))).collect(),
        // As ed25519.wgsl lays them out.
        scratch_words: [53, 9 * 9 * 4],
        table: curve.base_table(),
    }
}
