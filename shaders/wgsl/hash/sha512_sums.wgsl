// FIPS 180-4 section 4.1.3.

fn sha512_sum0(x: Wide) -> Wide {
    return wide_rotate_right(x, 28u) ^ wide_rotate_right_far(x, 34u) ^ wide_rotate_right_far(x, 39u);
}

fn sha512_sum1(x: Wide) -> Wide {
    return wide_rotate_right(x, 14u) ^ wide_rotate_right(x, 18u) ^ wide_rotate_right_far(x, 41u);
}

fn sha512_sigma0(x: Wide) -> Wide {
    return wide_rotate_right(x, 1u) ^ wide_rotate_right(x, 8u) ^ wide_shift_right(x, 7u);
}

fn sha512_sigma1(x: Wide) -> Wide {
    return wide_rotate_right(x, 19u) ^ wide_rotate_right_far(x, 61u) ^ wide_shift_right(x, 6u);
}

