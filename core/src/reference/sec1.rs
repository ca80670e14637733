//! Key columns of the Weierstrass curves, back to SEC 1 (section 2.3.3), and scalars in their range.

use assay_scheme::Reason;

/// A public key in SEC 1 form: 33 bytes compressed, 65 bytes uncompressed or hybrid.
pub(super) struct Sec1 {
    bytes: [u8; 65],
    len: usize,
}

impl Sec1 {
    /// The key whose column holds x ‖ y, or x ‖ zeros when `form` says compressed. Bytes behind a compressed x would be
    /// a second name for the same key, so they are refused.
    pub(super) fn read(form: u8, key: &[u8]) -> Result<Self, Reason> {
        let (coordinates, len) = match form {
            0x02 | 0x03 if key[32..].iter().all(|byte| *byte == 0) => (&key[..32], 33),
            0x04 | 0x06 | 0x07 => (key, 65),
            _ => return Err(Reason::Key),
        };
        let mut bytes = [0; 65];
        bytes[0] = form;
        bytes[1..len].copy_from_slice(coordinates);
        Ok(Self { bytes, len })
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The order of a group, big-endian, and half of it rounded down.
pub(super) struct Order {
    pub(super) n: [u8; 32],
    pub(super) half: [u8; 32],
}

impl Order {
    /// Whether r and s of a 64-byte signature lie in 1..n-1.
    pub(super) fn contains_both(&self, signature: &[u8]) -> bool {
        let in_range = |scalar: &[u8]| scalar.iter().any(|byte| *byte != 0) && *scalar < self.n[..];
        in_range(&signature[..32]) && in_range(&signature[32..64])
    }

    /// Whether s of a 64-byte signature is at most n/2.
    pub(super) fn low_s(&self, signature: &[u8]) -> bool {
        signature[32..64] <= self.half[..]
    }

    /// Whether the row takes a signature's r and s.
    pub(super) fn check(&self, signature: &[u8], low_s: bool) -> Result<(), Reason> {
        if self.contains_both(signature) && (!low_s || self.low_s(signature)) { Ok(()) } else { Err(Reason::Signature) }
    }
}

/// Thirty-two bytes from their hex, in constants.
pub(super) const fn hex32(hex: &str) -> [u8; 32] {
    const fn nibble(digit: u8) -> u8 {
        match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => panic!("a lower-case hex digit"),
        }
    }
    let digits = hex.as_bytes();
    assert!(digits.len() == 64);
    let mut bytes = [0; 32];
    let mut i = 0;
    while i < 32 {
        bytes[i] = nibble(digits[2 * i]) << 4 | nibble(digits[2 * i + 1]);
        i += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_key_has_one_column() {
        let mut key = [0; 64];
        key[0] = 9;
        assert_eq!(Sec1::read(2, &key).map(|key| key.as_slice().len()), Ok(33));
        assert_eq!(Sec1::read(4, &key).map(|key| key.as_slice().len()), Ok(65));
        key[63] = 1;
        assert_eq!(Sec1::read(3, &key).map(|_| ()), Err(Reason::Key));
        assert_eq!(Sec1::read(5, &key).map(|_| ()), Err(Reason::Key));
        assert_eq!(Sec1::read(0, &key).map(|_| ()), Err(Reason::Key));
    }
}
