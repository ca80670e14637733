//! libFuzzer over [`assay_fuzz::cometbft`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::cometbft(data);
});
