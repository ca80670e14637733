// ECDSA (SEC 1 v2, section 4.1.4; FIPS 186-5, section 6.4.2): R = (e/s) G + (r/s) Q, valid where R's x is r mod n.

@group(0) @binding(2) var<storage, read> keys: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> signatures: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read> digests: array<vec4<u32>>;

fn signature_r(item: u32) -> U256 {
    return words_at(signatures[4u * item], signatures[4u * item + 1u]);
}

fn signature_s(item: u32) -> U256 {
    return words_at(signatures[4u * item + 2u], signatures[4u * item + 3u]);
}

fn item_point(item: u32) -> MaybePoint {
    let x = words_at(keys[4u * item], keys[4u * item + 1u]);
    let y = words_at(keys[4u * item + 2u], keys[4u * item + 3u]);
    return point_of_key(forms[item] & 0x7fu, x, y);
}

// A number from 1 to n - 1.
fn is_scalar(a: U256) -> bool {
    return !u256_is_zero(a) && u256_below(a, sc_PRIME);
}

fn item_failure(item: u32, key_is_there: bool) -> u32 {
    if (!key_is_there) {
        return INVALID_KEY;
    }
    let s = signature_s(item);
    let too_high = parameters.row == ROW_LOW_S && u256_below(ORDER_HALF, s);
    if (!is_scalar(signature_r(item)) || !is_scalar(s) || too_high) {
        return INVALID_SIGNATURE;
    }
    return select(0u, INVALID_MESSAGE, (forms[item] & FORM_MESSAGE_UNFIT) != 0u);
}

fn item_divisor(item: u32) -> Fe {
    return sc_enter(signature_s(item));
}

fn item_scalars(item: u32, inverse: Fe) -> Scalars {
    let e = words_at(digests[2u * item], digests[2u * item + 1u]);
    return Scalars(
        sc_leave(sc_mul(sc_enter(e), inverse)),
        sc_leave(sc_mul(sc_enter(signature_r(item)), inverse)),
    );
}

// x is X over `divisor`: compared without dividing, as r and, where it is below p, as r + n.
fn conclude(item: u32, x: Fe, divisor: Fe) {
    let r = signature_r(item);
    var equal = fe_is_zero(fe_sub(fe_mul(fe_enter(r), divisor), x));
    if (!equal && u256_below(r, FIELD_MINUS_ORDER)) {
        equal = fe_is_zero(fe_sub(fe_mul(fe_enter(u256_add(r, sc_PRIME)), divisor), x));
    }
    verdict(item, select(INVALID_EQUATION, VALID, equal));
}
