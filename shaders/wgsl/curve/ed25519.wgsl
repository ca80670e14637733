// Ed25519 (RFC 8032, section 5.1.7) under three rule sets: P = [S]B - [k]A by signed windows, encoded after one inversion for
// sixteen items and compared with R's bytes, which decides ref10 and strict. Under ZIP-215 an item whose bytes differ goes on:
// R is decoded, and 8(P - R) compared with the identity.

@group(0) @binding(2) var<storage, read> keys: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> signatures: array<vec4<u32>>;
@group(0) @binding(8) var<storage, read_write> scratch_b: array<vec4<u32>>;
@group(0) @binding(9) var<storage, read> table: array<vec4<u32>>;

const ROW_ZIP215: u32 = 0x0101u;
const ROW_STRICT: u32 = 0x0103u;

// Places in scratch_a.
const AT_STATUS: u32 = 0u;
const AT_DIGITS_BASE: u32 = 1u;
const AT_DIGITS_POINT: u32 = 9u;
const AT_SUM_X: u32 = 17u;
const AT_SUM_Y: u32 = 26u;
const AT_SUM_Z: u32 = 35u;
const AT_PRODUCT: u32 = 44u;

const GOES_ON: u32 = 0u;
const DECIDED: u32 = 1u;

// 0 to 8 times -A, each (y - x, y + x, 2z, 2dt) in nine vectors; the base's table holds 0 to 2048 times B likewise.
const ENTRIES: u32 = 9u;
const ENTRY_VECTORS: u32 = 9u;

const TOP_BIT: u32 = 0x80000000u;

// 2^11 in every twelve bits but the last four.
const BASE_OFFSET: U256 = U256(
    vec4<u32>(0x00800800u, 0x08008008u, 0x80080080u, 0x00800800u),
    vec4<u32>(0x08008008u, 0x80080080u, 0x00800800u, 0x08008008u),
);

fn signature_r(item: u32) -> U256 {
    return U256(signatures[4u * item], signatures[4u * item + 1u]);
}

fn signature_s(item: u32) -> U256 {
    return U256(signatures[4u * item + 2u], signatures[4u * item + 3u]);
}

fn key_of(item: u32) -> U256 {
    return U256(keys[2u * item], keys[2u * item + 1u]);
}

// R and A as they were given stand before the message.
const PREFIX_WORDS: u32 = 16u;

fn prefix_word(item: u32, w: u32) -> u32 {
    if (w < 8u) {
        return signatures[4u * item + (w >> 2u)][w & 3u];
    }
    return keys[2u * item + ((w - 8u) >> 2u)][w & 3u];
}

// k = SHA-512(R || A || M) mod L, as signed digits of four bits: those of k + 8, 88, 888 .., eight less each.
@compute @workgroup_size(64)
fn hash(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= parameters.items) {
        return;
    }
    let item = item_of(id.x);
    if (is_refused(item)) {
        return;
    }
    let d = sha512_message(item);
    let low = U256(vec4<u32>(d[0], d[1], d[2], d[3]), vec4<u32>(d[4], d[5], d[6], d[7]));
    let high = U256(vec4<u32>(d[8], d[9], d[10], d[11]), vec4<u32>(d[12], d[13], d[14], d[15]));
    let k = sc_leave(sc_add(sc_enter(low), sc_mul(limbs_of(high), FOLD_512)));
    store_u256(item, AT_DIGITS_POINT, u256_add(k, U256(vec4<u32>(0x88888888u), vec4<u32>(0x88888888u))));
}

struct Decoded {
    x: Fe,
    y: Fe,
    is_there: bool,
}

// Of 32 bytes (RFC 8032, section 5.1.3), but y may be p or more, and x = 0 may bear a sign.
fn decode(bytes: U256) -> Decoded {
    let sign = bytes.hi.w >> 31u;
    let y = limbs_of(U256(bytes.lo, vec4<u32>(bytes.hi.xyz, bytes.hi.w & ~TOP_BIT)));
    let yy = fe_sqr(y);
    let u = fe_carry(fe_sub(yy, fe_ONE));
    let v = fe_carry(fe_add(fe_mul(yy, D), fe_ONE));
    // x = u v^3 (u v^7)^((p - 5) / 8) is a root of u/v, or of -u/v, or there is none.
    let v3 = fe_mul(fe_sqr(v), v);
    let uv3 = fe_mul(u, v3);
    var x = fe_mul(uv3, fe_root(fe_mul(fe_mul(uv3, v3), v)));
    let vxx = fe_mul(v, fe_sqr(x));
    let is_root = fe_is_zero(fe_sub(vxx, u));
    let is_turned = fe_is_zero(fe_add(vxx, u));
    x = fe_select(x, fe_mul(x, ROOT_OF_MINUS_ONE), is_turned && !is_root);
    let odd = fe_leave(x).lo.x & 1u;
    return Decoded(fe_select(x, negative(x), odd != sign), y, is_root || is_turned);
}

fn negative(a: Fe) -> Fe {
    return fe_carry(fe_sub(fe_ZERO, a));
}

// The eight points of small order are those with one of five y.
fn is_small_order(y: Fe) -> bool {
    let own = fe_leave(y);
    let zero = U256(vec4<u32>(0u), vec4<u32>(0u));
    let one = U256(vec4<u32>(1u, 0u, 0u, 0u), vec4<u32>(0u));
    return u256_equal(own, zero)
        || u256_equal(own, one)
        || u256_equal(own, u256_sub(fe_PRIME, one).value)
        || u256_equal(own, EIGHTH_Y)
        || u256_equal(own, EIGHTH_Y_NEGATIVE);
}

fn store_entry(item: u32, entry: u32, p: Prepared) {
    let at = (item * ENTRIES + entry) * ENTRY_VECTORS;
    scratch_b[at] = vec4<u32>(p.minus.l0, p.minus.l1, p.minus.l2, p.minus.l3);
    scratch_b[at + 1u] = vec4<u32>(p.minus.l4, p.minus.l5, p.minus.l6, p.minus.l7);
    scratch_b[at + 2u] = vec4<u32>(p.minus.l8, p.plus.l0, p.plus.l1, p.plus.l2);
    scratch_b[at + 3u] = vec4<u32>(p.plus.l3, p.plus.l4, p.plus.l5, p.plus.l6);
    scratch_b[at + 4u] = vec4<u32>(p.plus.l7, p.plus.l8, p.z.l0, p.z.l1);
    scratch_b[at + 5u] = vec4<u32>(p.z.l2, p.z.l3, p.z.l4, p.z.l5);
    scratch_b[at + 6u] = vec4<u32>(p.z.l6, p.z.l7, p.z.l8, p.t.l0);
    scratch_b[at + 7u] = vec4<u32>(p.t.l1, p.t.l2, p.t.l3, p.t.l4);
    scratch_b[at + 8u] = vec4<u32>(p.t.l5, p.t.l6, p.t.l7, p.t.l8);
}

// The entry with this digit's magnitude, turned where the digit is negative.
fn load_operand(item: u32, of_base: bool, digit: i32) -> Prepared {
    let entry = u32(abs(digit));
    var v: array<vec4<u32>, 9>;
    if (of_base) {
        let at = entry * ENTRY_VECTORS;
        v = array<vec4<u32>, 9>(
            table[at], table[at + 1u], table[at + 2u], table[at + 3u], table[at + 4u],
            table[at + 5u], table[at + 6u], table[at + 7u], table[at + 8u],
        );
    } else {
        let at = (item * ENTRIES + entry) * ENTRY_VECTORS;
        v = array<vec4<u32>, 9>(
            scratch_b[at], scratch_b[at + 1u], scratch_b[at + 2u], scratch_b[at + 3u], scratch_b[at + 4u],
            scratch_b[at + 5u], scratch_b[at + 6u], scratch_b[at + 7u], scratch_b[at + 8u],
        );
    }
    let minus = Fe(v[0].x, v[0].y, v[0].z, v[0].w, v[1].x, v[1].y, v[1].z, v[1].w, v[2].x);
    let plus = Fe(v[2].y, v[2].z, v[2].w, v[3].x, v[3].y, v[3].z, v[3].w, v[4].x, v[4].y);
    let z = Fe(v[4].z, v[4].w, v[5].x, v[5].y, v[5].z, v[5].w, v[6].x, v[6].y, v[6].z);
    let t = Fe(v[6].w, v[7].x, v[7].y, v[7].z, v[7].w, v[8].x, v[8].y, v[8].z, v[8].w);
    let turn = digit < 0;
    return Prepared(fe_select(minus, plus, turn), fe_select(plus, minus, turn), z, fe_select(t, negative(t), turn));
}

fn item_failure(item: u32, key: Decoded) -> u32 {
    let is_strict = parameters.row == ROW_STRICT;
    if (!key.is_there || (is_strict && is_small_order(key.y))) {
        return INVALID_KEY;
    }
    var r = signature_r(item);
    r.hi.w &= ~TOP_BIT;
    if (!u256_below(signature_s(item), sc_PRIME) || (is_strict && is_small_order(limbs_of(r)))) {
        return INVALID_SIGNATURE;
    }
    return select(0u, INVALID_MESSAGE, (forms[item] & FORM_MESSAGE_UNFIT) != 0u);
}

@compute @workgroup_size(64)
fn prepare(@builtin(global_invocation_id) id: vec3<u32>) {
    let item = id.x;
    if (item >= parameters.items) {
        return;
    }
    let key = decode(key_of(item));
    var failure = item_failure(item, key);
    if (is_refused(item)) {
        failure = refusal(item);
    }
    if (failure != 0u) {
        verdict(item, failure);
        store_word(item, AT_STATUS, DECIDED);
        // So that the shared inversion meets no zero.
        store_fe(item, AT_SUM_Z, fe_ONE);
        return;
    }
    store_word(item, AT_STATUS, GOES_ON);
    // Signed digits of twelve bits, 2048 less each; the last has four and no sign.
    store_u256(item, AT_DIGITS_BASE, u256_add(signature_s(item), BASE_OFFSET));
    let x = negative(key.x);
    var sum = Point(x, key.y, fe_ONE, fe_mul(x, key.y));
    let once = point_prepare(sum);
    store_entry(item, 0u, Prepared(fe_ONE, fe_ONE, fe_add(fe_ONE, fe_ONE), fe_ZERO));
    store_entry(item, 1u, once);
    for (var entry = 2u; entry < ENTRIES; entry += 1u) {
        sum = point_of(point_add(sum, once));
        store_entry(item, entry, point_prepare(sum));
    }
}

@compute @workgroup_size(64)
fn multiply(@builtin(global_invocation_id) id: vec3<u32>) {
    let item = id.x;
    if (item >= parameters.items || load_word(item, AT_STATUS) != GOES_ON) {
        return;
    }
    var sum = Point(fe_ZERO, fe_ONE, fe_ONE, fe_ZERO);
    var c: Completed;
    // Windows until one where the base is added: 63, 60 .. 0.
    var until = 0u;
    for (var left = 64u; left > 0u; left -= 1u) {
        let at = left - 1u;
        for (var i = select(0u, 4u, left == 64u); i < 4u; i += 1u) {
            c = point_double(sum);
            sum.x = completed_x(c);
            sum.y = completed_y(c);
            sum.z = completed_z(c);
        }
        // Only an addition reads T; before the first it is the identity's, zero.
        sum.t = completed_t(c);
        let additions = select(1u, 2u, until == 0u);
        until = select(until - 1u, 2u, until == 0u);
        // A digit of k, and every third time a digit of S.
        for (var i = 0u; i < additions; i += 1u) {
            let of_base = i == 1u;
            let window = load_window(item, select(AT_DIGITS_POINT, AT_DIGITS_BASE, of_base), at);
            var digit = i32(window & 15u) - 8;
            if (of_base) {
                digit = i32(window) - select(2048, 0, at == 63u);
            }
            c = point_add(sum, load_operand(item, of_base, digit));
            sum.x = completed_x(c);
            sum.y = completed_y(c);
            sum.z = completed_z(c);
            if (i + 1u < additions) {
                sum.t = completed_t(c);
            }
        }
    }
    store_fe(item, AT_SUM_X, sum.x);
    store_fe(item, AT_SUM_Y, sum.y);
    store_fe(item, AT_SUM_Z, sum.z);
}

@compute @workgroup_size(64)
fn invert(@builtin(global_invocation_id) id: vec3<u32>) {
    let threads = (parameters.items + 15u) >> 4u;
    if (id.x >= threads) {
        return;
    }
    fe_invert(id.x, threads, AT_SUM_Z);
}

// Whether 8(P - R) is the identity, P being affine.
fn is_equal_up_to_cofactor(x: Fe, y: Fe, r: Decoded) -> bool {
    let rx = negative(r.x);
    let turned = point_prepare(Point(rx, r.y, fe_ONE, fe_mul(rx, r.y)));
    var c = point_add(Point(x, y, fe_ONE, fe_mul(x, y)), turned);
    for (var i = 0u; i < 3u; i += 1u) {
        c = point_double(point_of(c));
    }
    let point = point_of(c);
    return fe_is_zero(point.x) && fe_is_zero(fe_sub(point.y, point.z));
}

@compute @workgroup_size(64)
fn finish(@builtin(global_invocation_id) id: vec3<u32>) {
    let item = id.x;
    if (item >= parameters.items || load_word(item, AT_STATUS) != GOES_ON) {
        return;
    }
    let inverse = load_fe(item, AT_SUM_Z);
    let x = fe_mul(load_fe(item, AT_SUM_X), inverse);
    let y = fe_mul(load_fe(item, AT_SUM_Y), inverse);
    var bytes = fe_leave(y);
    bytes.hi.w |= fe_leave(x).lo.x << 31u;
    let r = signature_r(item);
    var equal = u256_equal(bytes, r);
    if (!equal && parameters.row == ROW_ZIP215) {
        let decoded = decode(r);
        equal = decoded.is_there && is_equal_up_to_cofactor(x, y, decoded);
    }
    verdict(item, select(INVALID_EQUATION, VALID, equal));
}
