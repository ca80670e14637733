// ECDSA (SEC 1 v2, section 4.1.4; FIPS 186-5, section 6.4.2): R = (e/s) G + (r/s) Q, valid where R's x is r mod n.

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

// x mod n.
fn item_x(item: u32) -> U256 {
    return signature_r(item);
}
