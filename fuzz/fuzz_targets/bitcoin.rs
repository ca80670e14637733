//! libFuzzer over [`assay_fuzz::bitcoin`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::bitcoin(data);
});
