//! libFuzzer over [`assay_fuzz::option_files`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::option_files(data);
});
