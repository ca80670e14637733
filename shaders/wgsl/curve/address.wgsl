// The last 20 bytes of the Keccak-256 of 64 bytes: one block of the sponge.

fn store_address(item: u32, left: U256, right: U256) {
    var state: array<Wide, 25>;
    state[0] = wide(left.lo.x, left.lo.y);
    state[1] = wide(left.lo.z, left.lo.w);
    state[2] = wide(left.hi.x, left.hi.y);
    state[3] = wide(left.hi.z, left.hi.w);
    state[4] = wide(right.lo.x, right.lo.y);
    state[5] = wide(right.lo.z, right.lo.w);
    state[6] = wide(right.hi.x, right.hi.y);
    state[7] = wide(right.hi.z, right.hi.w);
    state[8] = wide(1u, 0u);
    state[16] = wide(0u, 0x80000000u);
    let digest = keccak_permute(state);
    let at = 5u * item;
    values[at] = wide_high(digest[1]);
    values[at + 1u] = wide_low(digest[2]);
    values[at + 2u] = wide_high(digest[2]);
    values[at + 3u] = wide_low(digest[3]);
    values[at + 4u] = wide_high(digest[3]);
}
