//! Recipes in, kernels out: composes each shader's text from its parts, has naga validate it, so that a broken one fails the
//! build with one line naming the part and the line, and writes the table that the crate includes.

mod chain;
mod check;
mod compose;
mod edwards;
mod field;
mod formula;
mod glv;
mod hash;
mod program;
mod recipes;
mod signatures;
mod weierstrass;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=wgsl");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names the output folder"));
    let mut table = String::from("/// Every kernel.\npub static KERNELS: &[Kernel] = &[\n");
    for recipe in recipes::all() {
        match build(&recipe, &out) {
            Ok(entry) => table.push_str(&entry),
            // One is enough: a part that many kernels share would be named once for each.
            Err(error) => return println!("cargo::error={error}"),
        }
    }
    table.push_str("];\n");
    std::fs::write(out.join("kernels.rs"), table).expect("the output folder can be written");
}

/// Composes, checks and writes one kernel; its row of the table.
fn build(recipe: &recipes::Recipe, out: &Path) -> Result<String, String> {
    let composed = compose::compose(recipe)?;
    let checked = check::check(recipe, &composed)?;
    let file = format!("{}{}", recipe.name, if recipe.int64 { ".int64" } else { "" });
    std::fs::write(out.join(format!("{file}.wgsl")), &composed.text).map_err(|error| format!("{file}: {error}"))?;
    std::fs::write(out.join(format!("{file}.table")), &recipe.table).map_err(|error| format!("{file}: {error}"))?;
    let mut entry = String::new();
    let place = |extension: &str| format!("concat!(env!(\"OUT_DIR\"), \"/{file}.{extension}\")");
    write!(
        entry,
        "    Kernel {{ name: {:?}, int64: {}, source: include_str!({}), table: include_bytes!({}),\n        scratch_words: {:?}, passes: &[",
        recipe.name,
        recipe.int64,
        place("wgsl"),
        place("table"),
        recipe.scratch_words,
    )
    .expect("a string grows");
    for pass in &checked.passes {
        write!(
            entry,
            "Pass {{ entry: {:?}, workgroup: {}, items_per_thread: {} }}, ",
            pass.entry, pass.workgroup, pass.items_per_thread
        )
        .expect("a string grows");
    }
    write!(entry, "], bindings: &[").expect("a string grows");
    for binding in &checked.bindings {
        write!(entry, "Binding {{ role: Role::{}, writable: {} }}, ", binding.role, binding.writable)
            .expect("a string grows");
    }
    entry.push_str("] },\n");
    Ok(entry)
}
