//! Recursive length prefix (Ethereum yellow paper, appendix B), as far as tries and indices need it.

/// Bytes that `RLP(index)` takes at most.
pub(super) const INDEX_BYTES_MAX: usize = 9;

/// `RLP(index)` and its length.
pub(super) fn index(index: usize) -> ([u8; INDEX_BYTES_MAX], usize) {
    let mut out = [0; INDEX_BYTES_MAX];
    let value = index as u64;
    if value == 0 {
        out[0] = 0x80;
        return (out, 1);
    }
    if value < 0x80 {
        out[0] = value as u8;
        return (out, 1);
    }
    let len = 8 - value.leading_zeros() as usize / 8;
    out[0] = 0x80 + len as u8;
    out[1..=len].copy_from_slice(&value.to_be_bytes()[8 - len..]);
    (out, 1 + len)
}

/// Appends the header of a payload of `len` bytes: `short` is 0x80 for a string and 0xc0 for a list.
fn header(out: &mut Vec<u8>, short: u8, len: usize) {
    if len < 56 {
        out.push(short + len as u8);
    } else {
        let bytes = (len as u64).to_be_bytes();
        let skip = (len as u64).leading_zeros() as usize / 8;
        out.push(short + 55 + (8 - skip) as u8);
        out.extend_from_slice(&bytes[skip..]);
    }
}

/// Appends a string.
pub(super) fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes {
        [byte] if *byte < 0x80 => out.push(*byte),
        _ => {
            header(out, 0x80, bytes.len());
            out.extend_from_slice(bytes);
        }
    }
}

/// Bytes that a string takes.
pub(super) fn string_len(bytes: &[u8]) -> usize {
    match bytes {
        [byte] if *byte < 0x80 => 1,
        _ => header_len(bytes.len()) + bytes.len(),
    }
}

/// Bytes of the header of a payload of `len` bytes.
pub(super) fn header_len(len: usize) -> usize {
    if len < 56 { 1 } else { 1 + 8 - (len as u64).leading_zeros() as usize / 8 }
}

/// Appends a list's header, before its items.
pub(super) fn list_header(out: &mut Vec<u8>, payload_len: usize) {
    header(out, 0xc0, payload_len);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_the_string_of_its_shortest_bytes() {
        for value in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, u32::MAX as usize] {
            let bytes = (value as u64).to_be_bytes();
            let mut out = Vec::new();
            string(&mut out, &bytes[(value as u64).leading_zeros() as usize / 8..]);
            let (rlp, len) = index(value);
            assert_eq!(rlp[..len], out, "{value}");
        }
    }

    #[test]
    fn lengths_announced_are_lengths_written() {
        for len in [0, 1, 2, 55, 56, 255, 256, 65_535, 65_536] {
            for byte in [0x00, 0x7f, 0x80] {
                let mut out = Vec::new();
                string(&mut out, &vec![byte; len]);
                assert_eq!(out.len(), string_len(&vec![byte; len]), "{len} of {byte:02x}");
            }
            let mut out = Vec::new();
            list_header(&mut out, len);
            assert_eq!(out.len(), header_len(len));
        }
    }
}
