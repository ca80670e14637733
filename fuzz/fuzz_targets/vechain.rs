//! libFuzzer over [`assay_fuzz::vechain`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::vechain(data);
});
