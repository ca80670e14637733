//! libFuzzer over [`assay_fuzz::bsn`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::bsn(data);
});
