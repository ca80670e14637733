// One level of a binary tree: nodes of 32 bytes in, a parent for each pair out. It gives the hashes their input in place of
// messages.wgsl: an item is a parent, its message is its children.

@group(0) @binding(5) var<storage, read> arena: array<u32>;
@group(0) @binding(13) var<storage, read_write> values: array<u32>;

const PREFIX_WORDS: u32 = 0u;

// Bits of `flags`: RFC 6962 section 2.1 (0x01 stands before two children, a lone node is lifted as it is), and FISCO BCOS v3
// (a lone node is hashed alone). Without them a lone node is paired with itself.
const TREE_RFC6962: u32 = 1u;
const TREE_FISCO_V3: u32 = 2u;

// The nodes of the level below stand in `message_stride`.
fn is_lone(item: u32) -> bool {
    return 2u * item + 1u == parameters.message_stride;
}

// Word `i`, below 16, of an item's children.
fn node_word(item: u32, i: u32) -> u32 {
    let child = min(2u * item + (i >> 3u), parameters.message_stride - 1u);
    return arena[(child << 3u) + (i & 7u)];
}

fn message_of(item: u32) -> vec2<u32> {
    var bytes = 64u;
    if ((parameters.flags & TREE_RFC6962) != 0u) {
        bytes = 65u;
    }
    if ((parameters.flags & TREE_FISCO_V3) != 0u && is_lone(item)) {
        bytes = 32u;
    }
    return vec2<u32>(item, bytes);
}

fn input_word(item: u32, message: vec2<u32>, w: u32, mark: u32) -> u32 {
    if ((parameters.flags & TREE_RFC6962) == 0u) {
        let at = w << 2u;
        if (at < message.y) {
            return node_word(item, w);
        }
        return select(0u, mark, at == message.y);
    }
    if (w > 16u) {
        return 0u;
    }
    // The prefix moves every byte by one.
    var low = 0x01u;
    if (w > 0u) {
        low = node_word(item, w - 1u) >> 24u;
    }
    var high = mark;
    if (w < 16u) {
        high = node_word(item, w);
    }
    return low | (high << 8u);
}

fn input_block(item: u32, message: vec2<u32>, w: u32, mark: u32) -> array<u32, 16> {
    return array<u32, 16>(
        input_word(item, message, w, mark), input_word(item, message, w + 1u, mark),
        input_word(item, message, w + 2u, mark), input_word(item, message, w + 3u, mark),
        input_word(item, message, w + 4u, mark), input_word(item, message, w + 5u, mark),
        input_word(item, message, w + 6u, mark), input_word(item, message, w + 7u, mark),
        input_word(item, message, w + 8u, mark), input_word(item, message, w + 9u, mark),
        input_word(item, message, w + 10u, mark), input_word(item, message, w + 11u, mark),
        input_word(item, message, w + 12u, mark), input_word(item, message, w + 13u, mark),
        input_word(item, message, w + 14u, mark), input_word(item, message, w + 15u, mark),
    );
}
