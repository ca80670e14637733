//! DER signatures, SEQUENCE { INTEGER r, INTEGER s }, in the three readings that chains have, into r ‖ s.
//!
//! | reading | lengths | integers | bytes after s, and after the SEQUENCE |
//! | :-- | :-- | :-- | :-- |
//! | [`strict`] | one byte | not negative, shortest | refused |
//! | [`lax`] | any, the SEQUENCE's ignored | read as unsigned, padding ignored | ignored |
//! | [`trailing`] | shortest | not negative, shortest | ignored |
//!
//! None of them is told the curve: an integer of more than 32 bytes has no column and is refused, one that is zero or not
//! below the order is for the row to refuse. Each reads its input once, from the left, without recursion.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// BIP66, `IsValidSignatureEncoding`, without the hash type byte that Bitcoin appends: 8 to 72 bytes, every length one
/// byte, nothing left over.
#[must_use]
pub fn strict(signature: &[u8]) -> Option<[u8; 64]> {
    if !(8..=72).contains(&signature.len()) {
        return None;
    }
    let mut outer = Reader::new(signature);
    let mut inner = Reader::new(outer.element(SEQUENCE)?);
    let pair = pair(inner.unsigned()?, inner.unsigned()?)?;
    (inner.is_empty() && outer.is_empty()).then_some(pair)
}

/// Go's `encoding/asn1.Unmarshal` into struct { R, S *big.Int } with the rest ignored, as Fabric, XuperChain and
/// ChainMaker call it: DER up to s; what follows s inside the SEQUENCE, and what follows the SEQUENCE, is ignored. Go
/// reads a negative integer, which every caller then refuses; it is refused here.
#[must_use]
pub fn trailing(signature: &[u8]) -> Option<[u8; 64]> {
    let mut inner = Reader::new(Reader::new(signature).element(SEQUENCE)?);
    pair(inner.unsigned()?, inner.unsigned()?)
}

/// libsecp256k1's `ecdsa_signature_parse_der_lax` (contrib/lax_der_parsing.c), which Bitcoin Core reads signatures with
/// and which accepts what OpenSSL accepted before BIP66. There an integer of more than 32 bytes parses to r = s = 0, a
/// signature that never verifies; here it is refused, which is the same verdict and reason.
#[must_use]
pub fn lax(signature: &[u8]) -> Option<[u8; 64]> {
    let mut reader = Reader::new(signature);
    reader.tag(SEQUENCE)?;
    // The SEQUENCE's length is skipped, whatever it says.
    let length = reader.byte()?;
    if length & 0x80 != 0 {
        reader.take(usize::from(length & 0x7f))?;
    }
    let r = reader.lax_integer()?;
    let s = reader.lax_integer()?;
    pair(r, s)
}

/// Two unsigned integers, without their leading zeros, at 32 bytes each.
fn pair(r: &[u8], s: &[u8]) -> Option<[u8; 64]> {
    let mut pair = [0; 64];
    for (half, integer) in pair.chunks_exact_mut(32).zip([r, s]) {
        half[32_usize.checked_sub(integer.len())?..].copy_from_slice(integer);
    }
    Some(pair)
}

/// `bytes` without the zeros it begins with.
fn trim(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]
}

/// Takes elements off the front of some bytes.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    fn tag(&mut self, tag: u8) -> Option<()> {
        (self.byte()? == tag).then_some(())
    }

    /// The contents of a DER element with this tag. A length is shortest: X.690, section 10.1. Lengths from 2^24 on are
    /// refused unread: Go's reader stops at 2^23, and nothing that is read here is near either.
    pub(super) fn element(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.tag(tag)?;
        let first = self.byte()?;
        if first < 0x80 {
            return self.take(usize::from(first));
        }
        let count = usize::from(first & 0x7f);
        let bytes = self.take(count)?;
        if !(1..=3).contains(&count) || bytes[0] == 0 {
            return None;
        }
        let len = bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
        if len < 0x80 { None } else { self.take(len) }
    }

    /// A DER INTEGER that is not negative, without its leading zero (X.690, section 8.3).
    pub(super) fn unsigned(&mut self) -> Option<&'a [u8]> {
        match self.element(INTEGER)? {
            [] => None,
            [0, next, ..] if *next < 0x80 => None,
            [first, ..] if *first >= 0x80 => None,
            integer => Some(trim(integer)),
        }
    }

    /// An INTEGER as `ecdsa_signature_parse_der_lax` takes it: a length of any form whose value fits three bytes, the
    /// contents unsigned.
    fn lax_integer(&mut self) -> Option<&'a [u8]> {
        self.tag(INTEGER)?;
        let first = self.byte()?;
        let len = if first & 0x80 == 0 {
            usize::from(first)
        } else {
            let bytes = trim(self.take(usize::from(first & 0x7f))?);
            if bytes.len() > 3 {
                return None;
            }
            bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte))
        };
        self.take(len).map(trim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// r and s as their last bytes, or why not.
    fn readings(signature: &[u8]) -> [Option<(u8, u8)>; 3] {
        [strict, lax, trailing].map(|reading| reading(signature).map(|pair| (pair[31], pair[63])))
    }

    const ALL: [Option<(u8, u8)>; 3] = [Some((1, 2)); 3];
    const LAX: [Option<(u8, u8)>; 3] = [None, Some((1, 2)), None];
    const LAX_AND_TRAILING: [Option<(u8, u8)>; 3] = [None, Some((1, 2)), Some((1, 2))];
    const NONE: [Option<(u8, u8)>; 3] = [None; 3];

    #[test]
    fn the_three_readings_of_the_same_bytes() {
        let cases: [(&str, &[u8], _); 22] = [
            ("canonical", &[0x30, 6, 2, 1, 1, 2, 1, 2], ALL),
            ("bytes after the SEQUENCE", &[0x30, 6, 2, 1, 1, 2, 1, 2, 0xff], LAX_AND_TRAILING),
            ("bytes inside it after s", &[0x30, 8, 2, 1, 1, 2, 1, 2, 5, 0], LAX_AND_TRAILING),
            ("r padded", &[0x30, 7, 2, 2, 0, 1, 2, 1, 2], LAX),
            ("s padded", &[0x30, 7, 2, 1, 1, 2, 2, 0, 2], LAX),
            ("SEQUENCE too short for s", &[0x30, 5, 2, 1, 1, 2, 1, 2], LAX),
            ("SEQUENCE too long", &[0x30, 7, 2, 1, 1, 2, 1, 2], LAX),
            ("SEQUENCE in the long form", &[0x30, 0x81, 6, 2, 1, 1, 2, 1, 2], LAX),
            ("SEQUENCE of indefinite length", &[0x30, 0x80, 2, 1, 1, 2, 1, 2, 0, 0], LAX),
            ("r in the long form", &[0x30, 7, 2, 0x81, 1, 1, 2, 1, 2], LAX),
            ("r's length with a zero before it", &[0x30, 8, 2, 0x82, 0, 1, 1, 2, 1, 2], LAX),
            ("s in the long form", &[0x30, 7, 2, 1, 1, 2, 0x81, 1, 2], LAX),
            ("no bytes", &[], NONE),
            ("a SET", &[0x31, 6, 2, 1, 1, 2, 1, 2], NONE),
            ("r a BIT STRING", &[0x30, 6, 3, 1, 1, 2, 1, 2], NONE),
            ("s missing", &[0x30, 3, 2, 1, 1], NONE),
            ("s cut", &[0x30, 6, 2, 1, 1, 2, 1], NONE),
            ("r longer than the input", &[0x30, 6, 2, 9, 1, 2, 1, 2], NONE),
            ("r's length of four bytes", &[0x30, 10, 2, 0x84, 1, 0, 0, 1, 1, 2, 1, 2], NONE),
            ("a length of more bytes than there are", &[0x30, 0xff, 2, 1, 1, 2, 1, 2], NONE),
            ("r negative", &[0x30, 6, 2, 1, 0x81, 2, 1, 2], [None, Some((0x81, 2)), None]),
            ("r of no bytes", &[0x30, 5, 2, 0, 2, 1, 2], [None, Some((0, 2)), None]),
        ];
        for (what, signature, expected) in cases {
            assert_eq!(readings(signature), expected, "{what}");
        }
        // Inside the SEQUENCE enough follows s for its length to need a second byte.
        let mut long = vec![0x30, 0x81, 0x80, 2, 1, 1, 2, 1, 2];
        long.resize(3 + 0x80, 0);
        assert_eq!(readings(&long), LAX_AND_TRAILING, "a SEQUENCE of 128 bytes");
    }

    #[test]
    fn integers_of_33_bytes_are_read_without_their_zero_and_longer_ones_not_at_all() {
        let with = |r: &[u8]| {
            let mut der = vec![0x30, r.len() as u8 + 5, 2, r.len() as u8];
            der.extend_from_slice(r);
            der.extend_from_slice(&[2, 1, 2]);
            der
        };
        let mut r = [0xff; 33];
        r[0] = 0;
        assert_eq!(strict(&with(&r)).map(|pair| pair[..32] == [0xff; 32]), Some(true));
        assert_eq!(readings(&with(&r)), [Some((0xff, 2)); 3]);
        r[0] = 1;
        assert_eq!(readings(&with(&r)), NONE, "2^256 and more has no column");
        // 73 bytes: BIP66's limit is 72 before the hash type.
        assert_eq!(readings(&with(&[1; 66])), NONE);
    }

    #[test]
    fn zero_is_read_and_left_to_the_row() {
        assert_eq!(readings(&[0x30, 6, 2, 1, 0, 2, 1, 0]), [Some((0, 0)); 3]);
    }

    #[test]
    fn strict_is_a_part_of_trailing_which_is_a_part_of_lax() {
        // Every string of these lengths over the bytes that mean something.
        let alphabet = [0x00, 0x01, 0x02, 0x06, 0x30, 0x80, 0x81];
        let mut signature = [0x30, 6, 2, 1, 1, 2, 1, 2, 0];
        for a in alphabet {
            for b in alphabet {
                for c in alphabet {
                    for (i, j, k) in [(0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 5, 6), (4, 6, 7), (1, 3, 8)] {
                        let before = signature;
                        (signature[i], signature[j], signature[k]) = (a, b, c);
                        for len in 0..=signature.len() {
                            let signature = &signature[..len];
                            if let Some(pair) = strict(signature) {
                                assert_eq!(trailing(signature), Some(pair), "{signature:02x?}");
                            }
                            if let Some(pair) = trailing(signature) {
                                assert_eq!(lax(signature), Some(pair), "{signature:02x?}");
                            }
                        }
                        signature = before;
                    }
                }
            }
        }
    }
}
