//! The one place where the graphics library is told to trust a shader.

#![allow(unsafe_code, reason = "unchecked shaders are asked for through an unsafe function")]

use wgpu::{Device, ShaderModule, ShaderModuleDescriptor, ShaderRuntimeChecks};

/// A module whose loads, stores and loops are not checked at run time.
pub(super) fn create_unchecked(device: &Device, descriptor: ShaderModuleDescriptor<'_>) -> ShaderModule {
    // SAFETY: the text is one of assay-shaders' kernels, validated by naga when it was built. Every entry point returns
    // at once for threads past `parameters.items`; the buffers behind the bindings hold `items_max` items or more
    // (`stage.rs` and `tree.rs` lay them out, `slot.rs` binds exactly those ranges); every loop is bounded by a message's length,
    // which the layout was made from. The same texts pass the same tests with all checks on.
    unsafe { device.create_shader_module_trusted(descriptor, ShaderRuntimeChecks::unchecked()) }
}
