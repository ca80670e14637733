// The scalar loop of a short Weierstrass kernel: base scalar times the base plus point scalar times the item's point, in windows
// of eight and of four bits; and the same by complete formulas for the few items whose sum met a case the loop leaves out.

@group(0) @binding(9) var<storage, read> table: array<vec4<u32>>;

const BASE_ENTRY_VECTORS: u32 = 5u;

fn load_base(entry: u32) -> Affine {
    let at = entry * BASE_ENTRY_VECTORS;
    return affine_of(table[at], table[at + 1u], table[at + 2u], table[at + 3u], table[at + 4u]);
}

fn turned(point: Affine, turn: bool) -> Affine {
    return Affine(point.x, fe_select(point.y, fe_carry(fe_sub(fe_ZERO, point.y)), turn));
}

// The digit in window `at` of four bits: +-1, +-3 .. +-15 times the item's point.
fn point_operand(item: u32, at: u32, sign: bool) -> Affine {
    let digit = (load_word(item, AT_DIGITS_POINT + (at >> 3u)) >> ((at & 7u) << 2u)) & 15u;
    let negative = digit < 8u;
    return turned(load_entry(item, select(digit - 8u, 7u - digit, negative)), negative != sign);
}

// The digit in window `at` of eight bits: +-1, +-3 .. +-255 times the base.
fn base_operand(item: u32, at: u32, sign: bool) -> Affine {
    let digit = (load_word(item, AT_DIGITS_BASE + (at >> 2u)) >> ((at & 3u) << 3u)) & 255u;
    let negative = digit < 128u;
    return turned(load_base(select(digit - 128u, 127u - digit, negative)), negative != sign);
}

@compute @workgroup_size(64)
fn multiply(@builtin(global_invocation_id) id: vec3<u32>) {
    let item = id.x;
    if (item >= parameters.items || load_word(item, AT_STATUS) != GOES_ON) {
        return;
    }
    let signs = load_word(item, AT_SIGNS);
    let base_sign = (signs & 1u) != 0u;
    let point_sign = (signs & 2u) != 0u;
    let first = point_operand(item, 63u, point_sign);
    var sum = Point(first.x, first.y, fe_ONE);
    for (var left = 63u; left > 0u; left -= 1u) {
        let at = left - 1u;
        for (var i = 0u; i < 4u; i += 1u) {
            sum = point_double(sum);
        }
        let additions = 2u - (at & 1u);
        for (var i = 0u; i < additions; i += 1u) {
            var operand: Affine;
            if (i == 0u) {
                operand = point_operand(item, at, point_sign);
            } else {
                operand = base_operand(item, at >> 1u, base_sign);
            }
            let next = point_add_affine(sum, operand);
            sum = Point(next.x, next.y, next.z);
        }
    }
    // Z is zero if an addition met equal or opposite points, once and for all.
    if (fe_is_zero(sum.z)) {
        store_word(item, AT_STATUS, NEEDS_COMPLETE);
        store_fe(item, AT_SUM_Z, fe_ONE);
        return;
    }
    store_fe(item, AT_SUM_X, sum.x);
    store_fe(item, AT_SUM_Z, sum.z);
    store_sum_y(item, sum.y);
}

// Bit `at` of the odd number that the digits at `place` stand for.
fn digits_bit(item: u32, place: u32, at: u32) -> bool {
    if (at == 0u) {
        return true;
    }
    return ((load_word(item, place + ((at - 1u) >> 5u)) >> ((at - 1u) & 31u)) & 1u) != 0u;
}

// The sum in projective coordinates, of an item that needs it; bit by bit, one addition in the text.
fn complete_sum(item: u32) -> Point {
    let signs = load_word(item, AT_SIGNS);
    let base = turned(load_base(0u), (signs & 1u) != 0u);
    let point = turned(load_entry(item, 0u), (signs & 2u) != 0u);
    var sum = Point(fe_ZERO, fe_ONE, fe_ZERO);
    for (var left = 256u; left > 0u; left -= 1u) {
        for (var step = 0u; step < 3u; step += 1u) {
            var operand = sum;
            if (step == 1u) {
                if (!digits_bit(item, AT_DIGITS_BASE, left - 1u)) {
                    continue;
                }
                operand = Point(base.x, base.y, fe_ONE);
            } else if (step == 2u) {
                if (!digits_bit(item, AT_DIGITS_POINT, left - 1u)) {
                    continue;
                }
                operand = Point(point.x, point.y, fe_ONE);
            }
            sum = point_add_complete(sum, operand);
        }
    }
    return sum;
}
