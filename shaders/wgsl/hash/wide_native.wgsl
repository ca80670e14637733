// 64-bit words where the device has them.

alias Wide = u64;

fn wide(low: u32, high: u32) -> Wide {
    return u64(low) | (u64(high) << 32u);
}

fn wide_low(x: Wide) -> u32 {
    return u32(x & 0xfffffffflu);
}

fn wide_high(x: Wide) -> u32 {
    return u32(x >> 32u);
}

fn wide_add(x: Wide, y: Wide) -> Wide {
    return x + y;
}

// `bits` is 1 to 31.
fn wide_rotate_right(x: Wide, bits: u32) -> Wide {
    return (x >> bits) | (x << (64u - bits));
}

// `bits` is 33 to 63.
fn wide_rotate_right_far(x: Wide, bits: u32) -> Wide {
    return (x >> bits) | (x << (64u - bits));
}

fn wide_swap_halves(x: Wide) -> Wide {
    return (x >> 32u) | (x << 32u);
}

// `bits` is 1 to 31.
fn wide_shift_right(x: Wide, bits: u32) -> Wide {
    return x >> bits;
}
