// What every kernel shares: the batch's parameters, the items' forms, and the one way to write a verdict.

struct Parameters {
    // Items of this batch, and the most a batch has: the stride of word-major scratch.
    items: u32,
    items_max: u32,
    // Or'ed into every verdict word, so that a word of an earlier batch is never taken for one of this.
    stamp: u32,
    // The registry's row id.
    row: u32,
    // Bit 0: the values are addresses.
    flags: u32,
    // Bytes of each message; 0 where messages have offsets.
    message_stride: u32,
    // 1 where threads take items in the order's order.
    ordered: u32,
    // Bytes of what the batch carries once.
    extra_bytes: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> forms: array<u32>;
@group(0) @binding(12) var<storage, read_write> verdicts: array<u32>;

const VALID: u32 = 1u;
const INVALID_EQUATION: u32 = 2u;
const INVALID_KEY: u32 = 3u;
const INVALID_SIGNATURE: u32 = 4u;
const INVALID_MESSAGE: u32 = 5u;

const FORM_REFUSED: u32 = 0x80u;
const FORM_MESSAGE_UNFIT: u32 = 0x100u;

fn verdict(item: u32, byte: u32) {
    verdicts[item] = parameters.stamp | byte;
}

// Whether an item was refused while it was encoded; its verdict is then the form's low bits.
fn is_refused(item: u32) -> bool {
    return (forms[item] & FORM_REFUSED) != 0u;
}

fn refusal(item: u32) -> u32 {
    return forms[item] & 0x7fu;
}
