// What a pass leaves for the next: words by place and item in scratch_a, word-major, so that neighbouring threads touch
// neighbouring words.

@group(0) @binding(7) var<storage, read_write> scratch_a: array<u32>;

fn load_word(item: u32, at: u32) -> u32 {
    return scratch_a[at * parameters.items_max + item];
}

fn store_word(item: u32, at: u32, word: u32) {
    scratch_a[at * parameters.items_max + item] = word;
}

fn load_fe(item: u32, at: u32) -> Fe {
    return Fe(
        load_word(item, at),
        load_word(item, at + 1u),
        load_word(item, at + 2u),
        load_word(item, at + 3u),
        load_word(item, at + 4u),
        load_word(item, at + 5u),
        load_word(item, at + 6u),
        load_word(item, at + 7u),
        load_word(item, at + 8u),
    );
}

fn store_fe(item: u32, at: u32, a: Fe) {
    store_word(item, at, a.l0);
    store_word(item, at + 1u, a.l1);
    store_word(item, at + 2u, a.l2);
    store_word(item, at + 3u, a.l3);
    store_word(item, at + 4u, a.l4);
    store_word(item, at + 5u, a.l5);
    store_word(item, at + 6u, a.l6);
    store_word(item, at + 7u, a.l7);
    store_word(item, at + 8u, a.l8);
}

fn load_u256(item: u32, at: u32) -> U256 {
    return U256(
        vec4<u32>(load_word(item, at), load_word(item, at + 1u), load_word(item, at + 2u), load_word(item, at + 3u)),
        vec4<u32>(load_word(item, at + 4u), load_word(item, at + 5u), load_word(item, at + 6u), load_word(item, at + 7u)),
    );
}

fn store_u256(item: u32, at: u32, a: U256) {
    store_word(item, at, a.lo.x);
    store_word(item, at + 1u, a.lo.y);
    store_word(item, at + 2u, a.lo.z);
    store_word(item, at + 3u, a.lo.w);
    store_word(item, at + 4u, a.hi.x);
    store_word(item, at + 5u, a.hi.y);
    store_word(item, at + 6u, a.hi.z);
    store_word(item, at + 7u, a.hi.w);
}

// Twelve bits of the number at `place` from bit 4 `at` on; fewer where they end with a word.
fn load_window(item: u32, place: u32, at: u32) -> u32 {
    let shift = (at & 7u) << 2u;
    var bits = load_word(item, place + (at >> 3u)) >> shift;
    if (shift > 20u && at < 63u) {
        bits |= load_word(item, place + (at >> 3u) + 1u) << (32u - shift);
    }
    return bits & 0xfffu;
}
