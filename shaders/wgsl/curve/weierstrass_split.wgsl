// The scalar loop over secp256k1 with both scalars in halves: half of the doublings, twice the additions, the second half's
// multiples being those of the first with x times beta. Before it, the halves' digits and the multiples in affine coordinates.

@group(0) @binding(9) var<storage, read> table: array<vec4<u32>>;

// Five words for each half: of the point's scalar, then of the base's.
const AT_DIGITS: u32 = 19u;
const HALF_WORDS: u32 = 5u;

@compute @workgroup_size(64)
fn expand(@builtin(global_invocation_id) id: vec3<u32>) {
    let item = id.x;
    if (item >= parameters.items || load_word(item, AT_STATUS) != GOES_ON) {
        return;
    }
    let scalars = item_scalars(item, load_fe(item, AT_DIVISOR));
    for (var which = 0u; which < 2u; which += 1u) {
        var scalar = scalars.point;
        if (which == 1u) {
            scalar = scalars.base;
        }
        let halves = sc_split(sc_enter(scalar), SPLIT_132);
        store_half(item, 2u * which, halves.first);
        store_half(item, 2u * which + 1u, halves.second);
    }

    // 1 / Z of each entry from the next one's: Z grew by H. The first is affine as it is.
    var inverse = load_fe(item, AT_TABLE_Z);
    for (var left = ENTRIES; left > 0u; left -= 1u) {
        let entry = left - 1u;
        if (entry == 0u) {
            inverse = fe_ONE;
        }
        let point = load_entry(item, entry);
        let h = load_entry_third(item, entry);
        let square = fe_sqr(inverse);
        let x = fe_mul(point.x, square);
        let y = fe_mul(fe_mul(point.y, square), inverse);
        store_entry(item, entry, x, y, fe_mul(x, BETA));
        inverse = fe_mul(inverse, h);
    }
}

// A half has at most 129 bits.
fn store_half(item: u32, half: u32, a: U256) {
    let at = AT_DIGITS + HALF_WORDS * half;
    store_word(item, at, a.lo.x);
    store_word(item, at + 1u, a.lo.y);
    store_word(item, at + 2u, a.lo.z);
    store_word(item, at + 3u, a.lo.w);
    store_word(item, at + 4u, a.hi.x);
}

// What half `half` adds at window `at` of four bits: +-1, +-3 .. +-15 times the point, or, at every third window, +-1, +-3 ..
// +-4095 times the base.
fn operand(item: u32, half: u32, at: u32) -> Affine {
    let of_base = half >= 2u;
    let window = load_window(item, AT_DIGITS + HALF_WORDS * half, at);
    let digit = select(window & 15u, window, of_base);
    let middle = select(8u, 2048u, of_base);
    let negative = digit < middle;
    let entry = select(digit - middle, middle - 1u - digit, negative);
    var a: vec4<u32>;
    var b: vec4<u32>;
    var c: vec4<u32>;
    var d: vec4<u32>;
    var e: vec4<u32>;
    var f: vec4<u32>;
    var g: vec4<u32>;
    if (of_base) {
        let place = entry * ENTRY_VECTORS;
        a = table[place];
        b = table[place + 1u];
        c = table[place + 2u];
        d = table[place + 3u];
        e = table[place + 4u];
        f = table[place + 5u];
        g = table[place + 6u];
    } else {
        let place = (item * ENTRIES + entry) * ENTRY_VECTORS;
        a = scratch_b[place];
        b = scratch_b[place + 1u];
        c = scratch_b[place + 2u];
        d = scratch_b[place + 3u];
        e = scratch_b[place + 4u];
        f = scratch_b[place + 5u];
        g = scratch_b[place + 6u];
    }
    let point = affine_of(a, b, c, d, e);
    let x = fe_select(point.x, third_of(e, f, g), (half & 1u) != 0u);
    return Affine(x, fe_select(point.y, fe_carry(fe_sub(fe_ZERO, point.y)), negative));
}

@compute @workgroup_size(64)
fn multiply(@builtin(global_invocation_id) id: vec3<u32>) {
    let item = id.x;
    if (item >= parameters.items || load_word(item, AT_STATUS) != GOES_ON) {
        return;
    }
    let first = operand(item, 0u, 32u);
    var sum = Point(first.x, first.y, fe_ONE);
    // Windows until one where the base is added: 30, 27 .. 0.
    var until = 2u;
    for (var left = 33u; left > 0u; left -= 1u) {
        let at = left - 1u;
        let is_first = left == 33u;
        for (var i = select(0u, 4u, is_first); i < 4u; i += 1u) {
            sum = point_double(sum);
        }
        let halves = select(2u, 4u, until == 0u);
        until = select(until - 1u, 2u, until == 0u);
        for (var half = select(0u, 1u, is_first); half < halves; half += 1u) {
            let next = point_add_affine(sum, operand(item, half, at));
            sum = Point(next.x, next.y, next.z);
        }
    }
    store_sum(item, sum);
}
