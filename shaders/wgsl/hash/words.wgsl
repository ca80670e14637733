// 32-bit words.

// `bits` is 1 to 31.
fn rotate_right(x: u32, bits: u32) -> u32 {
    return (x >> bits) | (x << (32u - bits));
}

fn rotate_left(x: u32, bits: u32) -> u32 {
    return (x << bits) | (x >> (32u - bits));
}

fn swap_bytes(x: u32) -> u32 {
    let y = ((x & 0x00ff00ffu) << 8u) | ((x >> 8u) & 0x00ff00ffu);
    return (y << 16u) | (y >> 16u);
}
