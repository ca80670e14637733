// Schnorr signatures over secp256k1 (BIP-340, Verification): R = sG - eP, valid where R is finite, its y even and its x r.

@group(0) @binding(2) var<storage, read> keys: array<vec4<u32>>;

// SHA-256 of the tag, twice, then r, then the key's x, then the message.
const PREFIX_WORDS: u32 = 32u;

// SHA-256("BIP0340/challenge") as it lies in memory.
const TAG_FIRST: vec4<u32> = vec4<u32>(0x7a2db57bu, 0x3258ef9fu, 0x7abfb13eu, 0x82b37d40u);
const TAG_SECOND: vec4<u32> = vec4<u32>(0xd8f2f3d2u, 0x4f22b11bu, 0x8f51fe49u, 0x7cd3486du);

fn prefix_word(item: u32, w: u32) -> u32 {
    if (w < 16u) {
        return select(TAG_FIRST, TAG_SECOND, (w & 4u) != 0u)[w & 3u];
    }
    if (w < 24u) {
        return signatures[4u * item + ((w - 16u) >> 2u)][w & 3u];
    }
    return keys[2u * item + ((w - 24u) >> 2u)][w & 3u];
}

@compute @workgroup_size(64)
fn hash(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= parameters.items) {
        return;
    }
    let item = item_of(id.x);
    if (is_refused(item)) {
        return;
    }
    let d = sha256_message(item);
    store_u256(item, AT_KEPT, words_at(vec4<u32>(d[0], d[1], d[2], d[3]), vec4<u32>(d[4], d[5], d[6], d[7])));
}

fn item_point(item: u32) -> MaybePoint {
    return point_of_x(words_at(keys[2u * item], keys[2u * item + 1u]), 0u);
}

fn item_failure(item: u32, key_is_there: bool) -> u32 {
    if (!key_is_there) {
        return INVALID_KEY;
    }
    if (!u256_below(signature_r(item), fe_PRIME) || !u256_below(signature_s(item), sc_PRIME)) {
        return INVALID_SIGNATURE;
    }
    return select(0u, INVALID_MESSAGE, (forms[item] & FORM_MESSAGE_UNFIT) != 0u);
}

// Nothing is divided by.
fn item_divisor(item: u32) -> Fe {
    return sc_ONE;
}

fn item_scalars(item: u32, inverse: Fe) -> Scalars {
    let e = sc_enter(load_u256(item, AT_KEPT));
    return Scalars(signature_s(item), sc_leave(sc_sub(sc_ZERO, e)));
}

fn conclude(item: u32, x: U256, y: U256) {
    let holds = u256_equal(x, signature_r(item)) && (y.lo.x & 1u) == 0u;
    verdict(item, select(INVALID_EQUATION, VALID, holds));
}
