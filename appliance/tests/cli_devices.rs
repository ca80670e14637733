//! `assay devices`, and a command computed on the software device because it was asked for by name.

mod command;

use command::{assay, assay_in};
use serde_json::{Value, json};

/// Whether somebody said by name that there is no device here.
fn is_skipped() -> bool {
    std::env::var_os("ASSAY_SKIP_GPU").is_some()
}

#[test]
fn devices_are_listed_without_being_opened() {
    let listed: Vec<Value> = assay(&["devices", "--gpu", "off", "--json"], "").code(0).json();
    let software = listed.iter().find(|device| device["kind"] == "software");
    assert!(software.is_some() || is_skipped(), "no software device; ASSAY_SKIP_GPU=1 leaves the GPU out: {listed:?}");
    for device in &listed {
        assert_eq!(device["self_test"], "not tested");
        assert!(device["name"].as_str().is_some_and(|name| !name.is_empty()), "{device}");
        assert!(device["binding_bytes_max"].as_u64().is_some_and(|bytes| bytes >= 1 << 20), "{device}");
        assert_eq!(device["operations"], json!([]));
    }
}

#[test]
fn a_software_device_computes_only_when_it_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("abc"), b"abc").expect("a file");
    let ran =
        assay_in(folder.path(), &["digest", "--algorithm", "sha256", "--backend", "gpu", "--gpu", "off", "abc"], b"");
    if ran.code == 2 {
        ran.says(&["gpu"]);
    }
    if is_skipped() {
        return;
    }
    let args = ["digest", "--algorithm", "sha256", "--backend", "gpu", "--gpu", "software", "--json", "abc"];
    let (items, summary) = assay_in(folder.path(), &args, b"").code(0).items();
    // FIPS 180-4's first example.
    assert_eq!(items[0]["value"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(summary["backends"], json!({"gpu": 1}));
}

#[test]
fn the_bench_says_where_the_time_goes_and_from_where_on_a_device_pays() {
    if is_skipped() {
        return;
    }
    let args = ["bench", "--algorithm", "sha256", "--gpu", "software", "--items", "64,5000", "--passes", "3", "--json"];
    let run = |backend| -> Vec<Value> { assay(&[&args[..], &["--backend", backend]].concat(), "").code(0).json() };
    let positive = |number: &Value| number.as_f64().is_some_and(|number| number > 0.0);
    let of_device = run("gpu");
    assert_eq!(of_device.iter().map(|row| &row["batch"]).collect::<Vec<_>>(), [64, 5_000]);
    for row in &of_device {
        let own = &row["device"];
        assert!(positive(&own["kernel_items_per_second"]) && positive(&own["transfer_items_per_second"]), "{row}");
        assert!(row["backend"] == "gpu" && row["crossover_items"].is_null(), "{row}");
    }
    for row in run("auto") {
        assert!(row["crossover_items"].as_u64().is_some_and(|items| items > 1), "{row}");
    }
}
