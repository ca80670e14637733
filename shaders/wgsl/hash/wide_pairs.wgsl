// 64-bit words as pairs of 32-bit words, the lower first.

alias Wide = vec2<u32>;

fn wide(low: u32, high: u32) -> Wide {
    return vec2<u32>(low, high);
}

fn wide_low(x: Wide) -> u32 {
    return x.x;
}

fn wide_high(x: Wide) -> u32 {
    return x.y;
}

fn wide_add(x: Wide, y: Wide) -> Wide {
    let low = x.x + y.x;
    return vec2<u32>(low, x.y + y.y + select(0u, 1u, low < x.x));
}

// `bits` is 1 to 31.
fn wide_rotate_right(x: Wide, bits: u32) -> Wide {
    return (x >> vec2<u32>(bits)) | (x.yx << vec2<u32>(32u - bits));
}

// `bits` is 33 to 63.
fn wide_rotate_right_far(x: Wide, bits: u32) -> Wide {
    return (x.yx >> vec2<u32>(bits - 32u)) | (x << vec2<u32>(64u - bits));
}

fn wide_swap_halves(x: Wide) -> Wide {
    return x.yx;
}

// `bits` is 1 to 31.
fn wide_shift_right(x: Wide, bits: u32) -> Wide {
    return vec2<u32>((x.x >> bits) | (x.y << (32u - bits)), x.y >> bits);
}
