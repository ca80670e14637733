// Nothing stands before the message.

const PREFIX_WORDS: u32 = 0u;

fn prefix_word(item: u32, w: u32) -> u32 {
    return 0u;
}
