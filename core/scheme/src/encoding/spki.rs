//! RSA keys: a DER SubjectPublicKeyInfo (RFC 5280, section 4.1; RFC 3279, section 2.3.1), into modulus ‖ exponent.

use super::der::Reader;

/// Bytes of a modulus in the column.
const MODULUS_LEN: usize = 256;
/// Bytes of an exponent in the column.
const EXPONENT_LEN: usize = 8;
/// Bytes of the column's entry: the modulus and the exponent, both big-endian.
pub const COLUMN_LEN: usize = MODULUS_LEN + EXPONENT_LEN;

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
/// AlgorithmIdentifier { rsaEncryption (1.2.840.113549.1.1.1), NULL }: its contents, which RFC 3279 fixes.
const RSA_ENCRYPTION: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];

/// The column of a key with a modulus of exactly 2,048 bits and an exponent below 2^64, in its one DER encoding: no
/// trailing bytes, no bare RSAPublicKey, no other algorithm or parameters. The row refuses exponents that are none.
#[must_use]
pub fn rsa2048(key: &[u8]) -> Option<[u8; COLUMN_LEN]> {
    let mut outer = Reader::new(key);
    let mut info = Reader::new(outer.element(SEQUENCE)?);
    let algorithm = info.element(SEQUENCE)?;
    // A BIT STRING begins with how many bits of its last byte are unused.
    let (unused, public_key) = info.element(BIT_STRING)?.split_first()?;
    let mut bits = Reader::new(public_key);
    let mut numbers = Reader::new(bits.element(SEQUENCE)?);
    let (modulus, exponent) = (numbers.unsigned()?, numbers.unsigned()?);
    let nothing_left = outer.is_empty() && info.is_empty() && bits.is_empty() && numbers.is_empty();
    if !nothing_left || algorithm != RSA_ENCRYPTION || *unused != 0 {
        return None;
    }
    if modulus.len() != MODULUS_LEN || modulus[0] < 0x80 || exponent.len() > EXPONENT_LEN {
        return None;
    }
    let mut column = [0; COLUMN_LEN];
    column[..MODULUS_LEN].copy_from_slice(modulus);
    column[COLUMN_LEN - exponent.len()..].copy_from_slice(exponent);
    Some(column)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An element with its shortest length.
    fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
        let mut element = vec![tag];
        match contents.len() {
            len if len < 0x80 => element.push(len as u8),
            len if len < 0x100 => element.extend_from_slice(&[0x81, len as u8]),
            len => element.extend_from_slice(&[0x82, (len >> 8) as u8, len as u8]),
        }
        element.extend_from_slice(contents);
        element
    }

    fn info(algorithm: &[u8], modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        let numbers = element(SEQUENCE, &[element(2, modulus), element(2, exponent)].concat());
        let bits = element(BIT_STRING, &[&[0], numbers.as_slice()].concat());
        element(SEQUENCE, &[element(SEQUENCE, algorithm), bits].concat())
    }

    fn modulus() -> Vec<u8> {
        let mut modulus = vec![0xc5; MODULUS_LEN + 1];
        modulus[0] = 0;
        modulus
    }

    #[test]
    fn a_key_becomes_its_column() {
        let column = rsa2048(&info(RSA_ENCRYPTION, &modulus(), &[1, 0, 1])).expect("a key");
        assert_eq!(column[..MODULUS_LEN], modulus()[1..]);
        assert_eq!(column[MODULUS_LEN..], [0, 0, 0, 0, 0, 1, 0, 1]);
        let widest = rsa2048(&info(RSA_ENCRYPTION, &modulus(), &[&[0], [0xff; 8].as_slice()].concat()));
        assert_eq!(widest.expect("an exponent of 64 bits")[MODULUS_LEN..], [0xff; 8]);
    }

    #[test]
    fn every_cut_and_every_other_byte_of_the_frame_is_refused() {
        let key = info(RSA_ENCRYPTION, &modulus(), &[1, 0, 1]);
        for len in 0..key.len() {
            assert_eq!(rsa2048(&key[..len]), None, "cut at {len}");
        }
        assert_eq!(rsa2048(&[key.as_slice(), &[0]].concat()), None, "a trailing byte");
        let frame = key.len() - 3 - 2 - MODULUS_LEN;
        for at in (0..frame).chain(key.len() - 5..key.len() - 3) {
            for flip in 1..=u8::MAX {
                let mut spoilt = key.clone();
                spoilt[at] ^= flip;
                assert_eq!(rsa2048(&spoilt), None, "byte {at} xor {flip:02x}");
            }
        }
    }

    #[test]
    fn other_keys_are_refused() {
        let numbers = element(SEQUENCE, &[element(2, &modulus()), element(2, &[3])].concat());
        assert_eq!(rsa2048(&numbers), None, "a bare RSAPublicKey");
        let pss = [&RSA_ENCRYPTION[..10], &[10, 5, 0]].concat();
        assert_eq!(rsa2048(&info(&pss, &modulus(), &[3])), None, "RSASSA-PSS");
        assert_eq!(rsa2048(&info(&RSA_ENCRYPTION[..11], &modulus(), &[3])), None, "no parameters");
        let mut short = modulus();
        short.remove(0);
        short[0] = 0x45;
        assert_eq!(rsa2048(&info(RSA_ENCRYPTION, &short, &[3])), None, "2,047 bits");
        let mut long = modulus();
        long[0] = 1;
        assert_eq!(rsa2048(&info(RSA_ENCRYPTION, &long, &[3])), None, "2,049 bits");
        assert_eq!(rsa2048(&info(RSA_ENCRYPTION, &modulus(), &[0, 3])), None, "a padded exponent");
        assert_eq!(rsa2048(&info(RSA_ENCRYPTION, &modulus(), &[0x81])), None, "a negative exponent");
        assert_eq!(rsa2048(&info(RSA_ENCRYPTION, &modulus(), &[1; 9])), None, "an exponent of 72 bits");
    }
}
