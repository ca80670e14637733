// Messages of any length: where each lies in the arena, and its words at any byte offset.

@group(0) @binding(4) var<storage, read> offsets: array<u32>;
@group(0) @binding(5) var<storage, read> arena: array<u32>;
@group(0) @binding(11) var<storage, read> order: array<u32>;

// The item that thread `thread` takes.
fn item_of(thread: u32) -> u32 {
    if (parameters.ordered != 0u) {
        return order[thread];
    }
    return thread;
}

// An item's message: its first byte's place in the arena, and its length in bytes.
fn message_of(item: u32) -> vec2<u32> {
    if (parameters.message_stride != 0u) {
        return vec2<u32>(item * parameters.message_stride, parameters.message_stride);
    }
    let start = offsets[item];
    return vec2<u32>(start, offsets[item + 1u] - start);
}

// The four bytes from `at` on, the first lowest. The arena may be read eight bytes past its end.
fn arena_word(at: u32) -> u32 {
    let word = at >> 2u;
    let shift = (at & 3u) << 3u;
    let low = arena[word] >> shift;
    if (shift == 0u) {
        return low;
    }
    return low | (arena[word + 1u] << (32u - shift));
}

// Word `w` of prefix and message, then the byte `mark`, then zeros; `message` is what message_of gave.
fn input_word(item: u32, message: vec2<u32>, w: u32, mark: u32) -> u32 {
    if (w < PREFIX_WORDS) {
        return prefix_word(item, w);
    }
    let at = (w - PREFIX_WORDS) << 2u;
    if (at + 4u <= message.y) {
        return arena_word(message.x + at);
    }
    if (at > message.y) {
        return 0u;
    }
    let rest = (message.y - at) << 3u;
    // The message's last bytes, if any, and the mark behind them.
    if (rest == 0u) {
        return mark;
    }
    return (arena_word(message.x + at) & ((1u << rest) - 1u)) | (mark << rest);
}

// Sixteen words from word `w` on, as input_word gives them.
fn input_block(item: u32, message: vec2<u32>, w: u32, mark: u32) -> array<u32, 16> {
    let at = (w - PREFIX_WORDS) << 2u;
    if (w >= PREFIX_WORDS && at + 64u <= message.y && (message.x & 3u) == 0u) {
        let start = (message.x + at) >> 2u;
        return array<u32, 16>(
            arena[start], arena[start + 1u], arena[start + 2u], arena[start + 3u],
            arena[start + 4u], arena[start + 5u], arena[start + 6u], arena[start + 7u],
            arena[start + 8u], arena[start + 9u], arena[start + 10u], arena[start + 11u],
            arena[start + 12u], arena[start + 13u], arena[start + 14u], arena[start + 15u],
        );
    }
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
