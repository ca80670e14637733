//! PEM text (RFC 7468, lax: any line width, any text around) into its blocks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::input::InputError;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it says to be: `CERTIFICATE`, `PUBLIC KEY`.
    pub label: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Whether there is a block's beginning anywhere.
#[must_use]
pub fn is_pem(bytes: &[u8]) -> bool {
    find(bytes, BEGIN).is_some()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Every block, in order. Text outside blocks is passed over, as Go's `encoding/pem` does.
///
/// # Errors
/// Where a block has no end or is not base64.
pub fn blocks(text: &[u8]) -> Result<Vec<Block>, InputError> {
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(start) = find(&text[at..], BEGIN) {
        let begin = at + start;
        let head = begin + BEGIN.len();
        let label_len =
            find(&text[head..], DASHES).ok_or_else(|| InputError::new(begin, "PEM: a label without its end"))?;
        let label = std::str::from_utf8(&text[head..head + label_len])
            .map_err(|_| InputError::new(head, "PEM: a label that is not text"))?;
        let body = head + label_len + DASHES.len();
        let body_len =
            find(&text[body..], END).ok_or_else(|| InputError::new(begin, "PEM: a block without its end"))?;
        let tail = body + body_len + END.len();
        let closes = [label.as_bytes(), DASHES].concat();
        if !text[tail..].starts_with(&closes) {
            return Err(InputError::new(tail, "PEM: a block ends with another label than it began with"));
        }
        let digits: Vec<u8> =
            text[body..body + body_len].iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let bytes = STANDARD.decode(digits).map_err(|error| InputError::new(body, format!("PEM: {error}")))?;
        blocks.push(Block { label: label.to_owned(), bytes });
        at = tail + closes.len();
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_other_text() {
        let text = b"subject=x\n-----BEGIN A-----\nAQID\r\n-----END A-----\ntext\n-----BEGIN B C-----\n BA==\n-----END B C-----";
        let found = blocks(text).expect("two blocks");
        assert_eq!(found[0], Block { label: "A".into(), bytes: vec![1, 2, 3] });
        assert_eq!(found[1], Block { label: "B C".into(), bytes: vec![4] });
        assert_eq!(blocks(b"nothing"), Ok(vec![]));
    }

    #[test]
    fn broken_blocks_are_told_with_their_byte() {
        for (text, at) in [
            (&b"-----BEGIN A"[..], 0),
            (b" -----BEGIN A-----\nAQID", 1),
            (b"-----BEGIN A-----\nAQID\n-----END B-----", 32),
            (b"-----BEGIN A-----\nAQ?D\n-----END A-----", 17),
            (b"-----BEGIN \xff-----\n-----END \xff-----", 11),
        ] {
            assert_eq!(blocks(text).expect_err("broken").offset, at, "{}", String::from_utf8_lossy(text));
        }
    }
}
