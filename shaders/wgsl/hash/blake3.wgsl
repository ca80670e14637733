// BLAKE3 in hash mode, 32 bytes, for messages of any length (BLAKE3 specification, section 2): chunks from the left, and the
// chaining values of finished subtrees in scratch, where short messages never look.

const BLAKE3_CHUNK_START: u32 = 1u;
const BLAKE3_CHUNK_END: u32 = 2u;
const BLAKE3_PARENT: u32 = 4u;
const BLAKE3_ROOT: u32 = 8u;

@group(0) @binding(7) var<storage, read_write> scratch_a: array<u32>;

// Word `w` of the item's subtree `level`.
fn blake3_place(item: u32, level: u32, w: u32) -> u32 {
    return ((level << 3u) + w) * parameters.items_max + item;
}

fn blake3_push(item: u32, level: u32, value: array<u32, 8>) {
    scratch_a[blake3_place(item, level, 0u)] = value[0];
    scratch_a[blake3_place(item, level, 1u)] = value[1];
    scratch_a[blake3_place(item, level, 2u)] = value[2];
    scratch_a[blake3_place(item, level, 3u)] = value[3];
    scratch_a[blake3_place(item, level, 4u)] = value[4];
    scratch_a[blake3_place(item, level, 5u)] = value[5];
    scratch_a[blake3_place(item, level, 6u)] = value[6];
    scratch_a[blake3_place(item, level, 7u)] = value[7];
}

// The parent of the item's subtree `level` and of `right`.
fn blake3_parent(item: u32, level: u32, right: array<u32, 8>, flags: u32) -> array<u32, 8> {
    let block = array<u32, 16>(
        scratch_a[blake3_place(item, level, 0u)],
        scratch_a[blake3_place(item, level, 1u)],
        scratch_a[blake3_place(item, level, 2u)],
        scratch_a[blake3_place(item, level, 3u)],
        scratch_a[blake3_place(item, level, 4u)],
        scratch_a[blake3_place(item, level, 5u)],
        scratch_a[blake3_place(item, level, 6u)],
        scratch_a[blake3_place(item, level, 7u)],
        right[0], right[1], right[2], right[3], right[4], right[5], right[6], right[7],
    );
    return blake3_compress(blake3_init(), block, 0u, 64u, BLAKE3_PARENT | flags);
}

// The chaining value of chunk `chunk`: the bytes from 1,024 x chunk to `end`.
fn blake3_chunk(item: u32, message: vec2<u32>, chunk: u32, end: u32, root: u32) -> array<u32, 8> {
    var h = blake3_init();
    let start = chunk << 10u;
    let blocks = max((end - start + 63u) >> 6u, 1u);
    for (var at = 0u; at < blocks; at += 1u) {
        let first = start + (at << 6u);
        let flags = select(0u, BLAKE3_CHUNK_START, at == 0u)
            | select(0u, BLAKE3_CHUNK_END | root, at + 1u == blocks);
        let block = input_block(item, message, first >> 2u, 0u);
        h = blake3_compress(h, block, chunk, min(end - first, 64u), flags);
    }
    return h;
}

fn blake3_message(item: u32) -> array<u32, 8> {
    let message = message_of(item);
    let bytes = (PREFIX_WORDS << 2u) + message.y;
    if (bytes <= 1024u) {
        return blake3_chunk(item, message, 0u, bytes, BLAKE3_ROOT);
    }
    let chunks = (bytes + 1023u) >> 10u;
    for (var chunk = 0u; chunk + 1u < chunks; chunk += 1u) {
        var value = blake3_chunk(item, message, chunk, (chunk + 1u) << 10u, 0u);
        // A subtree is finished for each one that the count of chunks so far ends in.
        var level = 0u;
        while (((chunk >> level) & 1u) != 0u) {
            value = blake3_parent(item, level, value, 0u);
            level += 1u;
        }
        blake3_push(item, level, value);
    }
    // The last chunk joins the finished subtrees, the smallest first; the last to join is the root.
    var value = blake3_chunk(item, message, chunks - 1u, bytes, 0u);
    var left = chunks - 1u;
    while (left != 0u) {
        let level = firstTrailingBit(left);
        left &= left - 1u;
        value = blake3_parent(item, level, value, select(0u, BLAKE3_ROOT, left == 0u));
    }
    return value;
}
