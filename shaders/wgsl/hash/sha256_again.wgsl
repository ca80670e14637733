// A SHA-256 digest as the one block of another hash.

// The digest's words big-endian, in the machine's order.
fn sha256_digest_block(digest: array<u32, 8>) -> array<u32, 16> {
    var d = digest;
    return array<u32, 16>(
        swap_bytes(d[0]), swap_bytes(d[1]), swap_bytes(d[2]), swap_bytes(d[3]),
        swap_bytes(d[4]), swap_bytes(d[5]), swap_bytes(d[6]), swap_bytes(d[7]),
        0x80000000u, 0u, 0u, 0u, 0u, 0u, 0u, 256u,
    );
}

fn sha256d_message(item: u32) -> array<u32, 8> {
    var h = sha256_compress(sha256_init(), sha256_digest_block(sha256_message(item)));
    return array<u32, 8>(
        swap_bytes(h[0]), swap_bytes(h[1]), swap_bytes(h[2]), swap_bytes(h[3]),
        swap_bytes(h[4]), swap_bytes(h[5]), swap_bytes(h[6]), swap_bytes(h[7]),
    );
}
