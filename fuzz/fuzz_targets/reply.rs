//! libFuzzer over [`assay_fuzz::reply`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::reply(data);
});
