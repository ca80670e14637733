//! Points as SEC 1 (section 2.3.3) and X9.62 (section 4.3.6) write them, into a form byte and x ‖ y.

/// A point by its length and first byte: 33 bytes with 02 or 03 (compressed: x ‖ zeros), 65 bytes with 04
/// (uncompressed), 06 or 07 (hybrid: the row checks that the tag tells y's parity). Everything else is no point, the
/// one-byte infinity and 05 ‖ x included.
#[must_use]
pub fn read(key: &[u8]) -> Option<(u8, [u8; 64])> {
    let (form, coordinates) = key.split_first()?;
    let mut point = [0; 64];
    match (form, coordinates.len()) {
        (0x02 | 0x03, 32) => point[..32].copy_from_slice(coordinates),
        (0x04 | 0x06 | 0x07, 64) => point.copy_from_slice(coordinates),
        _ => return None,
    }
    Some((*form, point))
}

/// A bare x ‖ y, as FISCO BCOS writes SM2 keys.
#[must_use]
pub fn read_bare(key: &[u8]) -> Option<(u8, [u8; 64])> {
    key.try_into().ok().map(|point| (0x04, point))
}
