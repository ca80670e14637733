//! Assay's compute shaders: WGSL that was composed and validated when the crate was built, and the table of kernels.
//!
//! Nothing here knows a device: the engine hands the text to one.
