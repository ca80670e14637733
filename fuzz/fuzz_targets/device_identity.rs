//! libFuzzer over [`assay_fuzz::device_identity`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::device_identity(data);
});
