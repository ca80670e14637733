// GB/T 32905-2016 section 4.4.

fn sm3_p0(x: u32) -> u32 {
    return x ^ rotate_left(x, 9u) ^ rotate_left(x, 17u);
}

fn sm3_p1(x: u32) -> u32 {
    return x ^ rotate_left(x, 15u) ^ rotate_left(x, 23u);
}

