//! libFuzzer over [`assay_fuzz::chainmaker`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::chainmaker(data);
});
