// The scalar loop of a short Weierstrass kernel: base scalar times the base plus point scalar times the item's point, in windows
// of twelve and of four bits over whole scalars; and before it, the scalars' digits and the multiples in affine coordinates.

@group(0) @binding(9) var<storage, read> table: array<vec4<u32>>;

// The scalars as digits, and their signs: bit 0 the base's, bit 1 the point's.
const AT_DIGITS_BASE: u32 = 28u;
const AT_DIGITS_POINT: u32 = 36u;
const AT_SIGNS: u32 = 44u;

// An odd number k below 2^256, or order - k with the sign turned, as digits: those of v = (k + 2^256 - 1) / 2 in base 2^w, a
// digit g standing for 2g + 1 - 2^w, odd and never zero.
fn store_digits(item: u32, at: u32, scalar: U256) -> u32 {
    let even = (scalar.lo.x & 1u) == 0u;
    let turned = u256_sub(sc_PRIME, scalar).value;
    let lo = select(scalar.lo, turned.lo, even);
    let hi = select(scalar.hi, turned.hi, even);
    store_u256(item, at, U256((lo >> vec4<u32>(1u)) | (vec4<u32>(lo.yzw, hi.x) << vec4<u32>(31u)), (hi >> vec4<u32>(1u)) | (vec4<u32>(hi.yzw, 1u) << vec4<u32>(31u))));
    return select(0u, 1u, even);
}

@compute @workgroup_size(64)
fn expand(@builtin(global_invocation_id) id: vec3<u32>) {
    let item = id.x;
    if (item >= parameters.items || load_word(item, AT_STATUS) != GOES_ON) {
        return;
    }
    let scalars = item_scalars(item, load_fe(item, AT_DIVISOR));
    let base_sign = store_digits(item, AT_DIGITS_BASE, scalars.base);
    let point_sign = store_digits(item, AT_DIGITS_POINT, scalars.point);
    store_word(item, AT_SIGNS, base_sign | (point_sign << 1u));

    // 1 / Z of each entry from the next one's: Z grew by H.
    var inverse = load_fe(item, AT_TABLE_Z);
    for (var entry = ENTRIES - 1u; entry > 0u; entry -= 1u) {
        let point = load_entry(item, entry);
        let h = load_entry_third(item, entry);
        let square = fe_sqr(inverse);
        let y = fe_mul(fe_mul(point.y, square), inverse);
        store_entry(item, entry, fe_mul(point.x, square), y, h);
        inverse = fe_mul(inverse, h);
    }
}

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

// The digit in the twelve bits from window `at` of four on: +-1, +-3 .. +-4095 times the base; the last has four bits.
fn base_operand(item: u32, at: u32, sign: bool) -> Affine {
    let digit = load_window(item, AT_DIGITS_BASE, at);
    let middle = select(2048u, 8u, at == 63u);
    let negative = digit < middle;
    return turned(load_base(select(digit - middle, middle - 1u - digit, negative)), negative != sign);
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
    // Windows until one where the base is added: 63, 60 .. 0.
    var until = 0u;
    for (var left = 64u; left > 0u; left -= 1u) {
        let at = left - 1u;
        let is_first = left == 64u;
        for (var i = select(0u, 4u, is_first); i < 4u; i += 1u) {
            sum = point_double(sum);
        }
        let additions = select(1u, 2u, until == 0u);
        until = select(until - 1u, 2u, until == 0u);
        for (var i = select(0u, 1u, is_first); i < additions; i += 1u) {
            var operand: Affine;
            if (i == 0u) {
                operand = point_operand(item, at, point_sign);
            } else {
                operand = base_operand(item, at, base_sign);
            }
            let next = point_add_affine(sum, operand);
            sum = Point(next.x, next.y, next.z);
        }
    }
    store_sum(item, sum);
}
