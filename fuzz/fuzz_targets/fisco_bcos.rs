//! libFuzzer over [`assay_fuzz::fisco_bcos`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::fisco_bcos(data);
});
