//! libFuzzer over [`assay_fuzz::bsc`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::bsc(data);
});
