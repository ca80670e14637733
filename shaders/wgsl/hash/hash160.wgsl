// RIPEMD-160 of SHA-256.

fn hash160_message(item: u32) -> array<u32, 5> {
    var d = sha256_message(item);
    let block = array<u32, 16>(
        d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7], 0x80u, 0u, 0u, 0u, 0u, 0u, 256u, 0u,
    );
    return ripemd160_compress(ripemd160_init(), block);
}
