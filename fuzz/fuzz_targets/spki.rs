//! libFuzzer over [`assay_fuzz::spki`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::spki(data);
});
