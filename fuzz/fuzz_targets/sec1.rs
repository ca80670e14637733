//! libFuzzer over [`assay_fuzz::sec1`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::sec1(data);
});
