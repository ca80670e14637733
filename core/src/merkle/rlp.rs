//! Recursive length prefix (Ethereum yellow paper, appendix B), as far as tries and indices need it. Reading takes the one
//! encoding that each item has: the shortest.

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

/// An item as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A string's bytes.
    String(&'a [u8]),
    /// A list's items, not yet read, and how many bytes the list takes with its header.
    List { payload: &'a [u8], whole_len: usize },
}

/// Takes one item off the front; `None` for what is none, is cut off, or could be said shorter.
pub(super) fn item(bytes: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let (&first, behind) = bytes.split_first()?;
    if first < 0x80 {
        return Some((Item::String(&bytes[..1]), behind));
    }
    let short = if first < 0xc0 { 0x80 } else { 0xc0 };
    let (len, behind) = match usize::from(first - short) {
        len @ 0..56 => (len, behind),
        long => {
            let (digits, behind) = behind.split_at_checked(long - 55)?;
            let len =
                digits.iter().try_fold(0_usize, |len, digit| len.checked_mul(256)?.checked_add((*digit).into()))?;
            if digits[0] == 0 || len < 56 {
                return None;
            }
            (len, behind)
        }
    };
    let (payload, rest) = behind.split_at_checked(len)?;
    match (short, payload) {
        (0x80, [byte]) if *byte < 0x80 => None,
        (0x80, _) => Some((Item::String(payload), rest)),
        _ => Some((Item::List { payload, whole_len: bytes.len() - rest.len() }, rest)),
    }
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

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        for len in [0, 1, 2, 55, 56, 255, 256, 65_536] {
            for byte in [0x00, 0x7f, 0x80] {
                let bytes = vec![byte; len];
                let mut out = Vec::new();
                string(&mut out, &bytes);
                out.push(9);
                assert_eq!(item(&out), Some((Item::String(&bytes), &[9][..])), "{len} of {byte:02x}");
                assert_eq!(
                    item(&out[..out.len() - 2]).is_some(),
                    len == 0 && out.len() > 2,
                    "{len} of {byte:02x}, cut"
                );
                let mut list = Vec::new();
                list_header(&mut list, out.len());
                list.extend_from_slice(&out);
                let whole_len = list.len();
                assert_eq!(item(&list), Some((Item::List { payload: &out, whole_len }, &[][..])));
            }
        }
        for longer in [&[0x81, 0x7f][..], &[0xb8, 55], &[0xb9, 0, 56], &[0xf8, 1, 0], &[0xbf, 0xff], &[]] {
            let bytes = [longer, &[1; 60]].concat();
            assert_eq!(item(&bytes[..if longer.is_empty() { 0 } else { bytes.len() }]), None, "{longer:02x?}");
        }
    }
}
