//! libFuzzer over [`assay_fuzz::der`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::der(data);
});
