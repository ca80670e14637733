// SM2 (GB/T 32918.2-2016, section 7.1): R = sG + tQ with t = r + s, valid where R's x is r - e mod n. Under sm2-za e is
// SM3(Z_A || M) and Z_A is SM3 over what is the same for the batch and the key (section 5.5); under sm2-e it is the digest.

@group(0) @binding(10) var<storage, read> extra: array<u32>;

const ROW_ZA: u32 = 0x0109u;

fn item_failure(item: u32, key_is_there: bool) -> u32 {
    if (!key_is_there) {
        return INVALID_KEY;
    }
    let r = signature_r(item);
    let s = signature_s(item);
    // t = 0 is r + s = n.
    if (!is_scalar(r) || !is_scalar(s) || u256_equal(s, u256_sub(sc_PRIME, r).value)) {
        return INVALID_SIGNATURE;
    }
    return select(0u, INVALID_MESSAGE, (forms[item] & FORM_MESSAGE_UNFIT) != 0u);
}

// Nothing is divided by.
fn item_divisor(item: u32) -> Fe {
    return sc_ONE;
}

fn item_scalars(item: u32, inverse: Fe) -> Scalars {
    let s = signature_s(item);
    return Scalars(s, sc_leave(sc_add(sc_enter(signature_r(item)), sc_enter(s))));
}

// Z_A stands before the message, as it lies in memory.
const PREFIX_WORDS: u32 = 8u;

fn prefix_word(item: u32, w: u32) -> u32 {
    return load_word(item, AT_PRODUCT + w);
}

// Byte `at` of what Z_A is the hash of, then of SM3's padding but for the length.
fn za_byte(at: u32, x: U256, y: U256) -> u32 {
    if (at < parameters.extra_bytes) {
        return (extra[at >> 2u] >> ((at & 3u) << 3u)) & 255u;
    }
    let place = at - parameters.extra_bytes;
    let shift = 24u - ((place & 3u) << 3u);
    if (place < 32u) {
        return (u256_word(x, 7u - (place >> 2u)) >> shift) & 255u;
    }
    if (place < 64u) {
        return (u256_word(y, 15u - (place >> 2u)) >> shift) & 255u;
    }
    return select(0u, 0x80u, place == 64u);
}

fn za_word(at: u32, x: U256, y: U256) -> u32 {
    return (za_byte(at, x, y) << 24u)
        | (za_byte(at + 1u, x, y) << 16u)
        | (za_byte(at + 2u, x, y) << 8u)
        | za_byte(at + 3u, x, y);
}

// At most 2 + 8191 + 128 + 64 bytes: the length in bits has 17 of them.
fn za(x: U256, y: U256) -> array<u32, 8> {
    let bytes = parameters.extra_bytes + 64u;
    let blocks = (bytes + 72u) >> 6u;
    var h = sm3_init();
    for (var block = 0u; block < blocks; block += 1u) {
        let at = block << 6u;
        var m = array<u32, 16>(
            za_word(at, x, y), za_word(at + 4u, x, y), za_word(at + 8u, x, y), za_word(at + 12u, x, y),
            za_word(at + 16u, x, y), za_word(at + 20u, x, y), za_word(at + 24u, x, y), za_word(at + 28u, x, y),
            za_word(at + 32u, x, y), za_word(at + 36u, x, y), za_word(at + 40u, x, y), za_word(at + 44u, x, y),
            za_word(at + 48u, x, y), za_word(at + 52u, x, y), za_word(at + 56u, x, y), za_word(at + 60u, x, y),
        );
        if (block + 1u == blocks) {
            m[14] = 0u;
            m[15] = bytes << 3u;
        }
        h = sm3_compress(h, m);
    }
    return h;
}

// After the key's point is known, which may have been compressed.
@compute @workgroup_size(64)
fn hash(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= parameters.items) {
        return;
    }
    let item = item_of(id.x);
    if (load_word(item, AT_STATUS) != GOES_ON) {
        return;
    }
    if (parameters.row != ROW_ZA) {
        store_u256(item, AT_KEPT, words_at(digests[2u * item], digests[2u * item + 1u]));
        return;
    }
    let point = load_entry(item, 0u);
    let z = za(fe_leave(point.x), fe_leave(point.y));
    store_u256(item, AT_PRODUCT, U256(
        vec4<u32>(swap_bytes(z[0]), swap_bytes(z[1]), swap_bytes(z[2]), swap_bytes(z[3])),
        vec4<u32>(swap_bytes(z[4]), swap_bytes(z[5]), swap_bytes(z[6]), swap_bytes(z[7])),
    ));
    let d = sm3_message(item);
    store_u256(item, AT_KEPT, words_at(vec4<u32>(d[0], d[1], d[2], d[3]), vec4<u32>(d[4], d[5], d[6], d[7])));
}

// x mod n is r - e.
fn item_x(item: u32) -> U256 {
    return sc_leave(sc_sub(sc_enter(signature_r(item)), sc_enter(load_u256(item, AT_KEPT))));
}
