// A signature of two numbers, r and s.

@group(0) @binding(3) var<storage, read> signatures: array<vec4<u32>>;

fn signature_r(item: u32) -> U256 {
    return words_at(signatures[4u * item], signatures[4u * item + 1u]);
}

fn signature_s(item: u32) -> U256 {
    return words_at(signatures[4u * item + 2u], signatures[4u * item + 3u]);
}
