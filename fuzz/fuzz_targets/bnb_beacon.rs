//! libFuzzer over [`assay_fuzz::bnb_beacon`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::bnb_beacon(data);
});
