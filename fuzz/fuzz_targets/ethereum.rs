//! libFuzzer over [`assay_fuzz::ethereum`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::ethereum(data);
});
