//! libFuzzer over [`assay_fuzz::neo2`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::neo2(data);
});
