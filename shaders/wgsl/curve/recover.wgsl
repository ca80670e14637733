// ECDSA public key recovery over secp256k1 (SEC 1 v2, section 4.1.6): Q = (s/r) R - (e/r) G, R being the point whose x is r, or
// r + n where v has bit 1, and whose y has the parity of v's bit 0.

@group(0) @binding(3) var<storage, read> signatures: array<u32>;
@group(0) @binding(6) var<storage, read> digests: array<vec4<u32>>;
@group(0) @binding(13) var<storage, read_write> values: array<u32>;

// 65 bytes, padded to whole words.
const SIGNATURE_WORDS: u32 = 17u;
const OUTPUT_ADDRESS: u32 = 1u;

fn signature_words(at: u32) -> U256 {
    return words_at(
        vec4<u32>(signatures[at], signatures[at + 1u], signatures[at + 2u], signatures[at + 3u]),
        vec4<u32>(signatures[at + 4u], signatures[at + 5u], signatures[at + 6u], signatures[at + 7u]),
    );
}

fn signature_r(item: u32) -> U256 {
    return signature_words(SIGNATURE_WORDS * item);
}

fn signature_s(item: u32) -> U256 {
    return signature_words(SIGNATURE_WORDS * item + 8u);
}

fn signature_v(item: u32) -> u32 {
    return signatures[SIGNATURE_WORDS * item + 16u] & 255u;
}

fn item_point(item: u32) -> MaybePoint {
    let r = signature_r(item);
    let v = signature_v(item);
    let is_high = (v & 2u) != 0u;
    let high = u256_add(r, sc_PRIME);
    var found = point_of_x(U256(select(r.lo, high.lo, is_high), select(r.hi, high.hi, is_high)), v & 1u);
    found.is_there = found.is_there && v < 4u && (!is_high || u256_below(r, FIELD_MINUS_ORDER));
    return found;
}

fn item_failure(item: u32, point_is_there: bool) -> u32 {
    let s = signature_s(item);
    let too_high = parameters.row == ROW_LOW_S && u256_below(ORDER_HALF, s);
    if (!is_scalar(signature_r(item)) || !is_scalar(s) || too_high || !point_is_there) {
        return INVALID_SIGNATURE;
    }
    return select(0u, INVALID_MESSAGE, (forms[item] & FORM_MESSAGE_UNFIT) != 0u);
}

fn item_divisor(item: u32) -> Fe {
    return sc_enter(signature_r(item));
}

fn item_scalars(item: u32, inverse: Fe) -> Scalars {
    let e = words_at(digests[2u * item], digests[2u * item + 1u]);
    return Scalars(
        sc_leave(sc_sub(sc_ZERO, sc_mul(sc_enter(e), inverse))),
        sc_leave(sc_mul(sc_enter(signature_s(item)), inverse)),
    );
}

fn store_value(at: u32, a: vec4<u32>) {
    values[at] = a.x;
    values[at + 1u] = a.y;
    values[at + 2u] = a.z;
    values[at + 3u] = a.w;
}

// x || y, or the last 20 bytes of its Keccak-256 (Ethereum yellow paper, appendix F).
fn conclude(item: u32, x: U256, y: U256) {
    let left = u256_big_endian(x);
    let right = u256_big_endian(y);
    if ((parameters.flags & OUTPUT_ADDRESS) != 0u) {
        store_address(item, left, right);
    } else {
        store_value(16u * item, left.lo);
        store_value(16u * item + 4u, left.hi);
        store_value(16u * item + 8u, right.lo);
        store_value(16u * item + 12u, right.hi);
    }
    verdict(item, VALID);
}
