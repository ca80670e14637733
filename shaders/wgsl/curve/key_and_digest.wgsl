// A key of x and y, and the digest that is signed.

@group(0) @binding(2) var<storage, read> keys: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read> digests: array<vec4<u32>>;

fn item_point(item: u32) -> MaybePoint {
    let x = words_at(keys[4u * item], keys[4u * item + 1u]);
    let y = words_at(keys[4u * item + 2u], keys[4u * item + 3u]);
    return point_of_key(forms[item] & 0x7fu, x, y);
}
