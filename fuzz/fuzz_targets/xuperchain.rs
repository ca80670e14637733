//! libFuzzer over [`assay_fuzz::xuperchain`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::xuperchain(data);
});
