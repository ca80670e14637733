//! Base58 (Bitcoin's alphabet) of short texts: addresses.

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Digits of the longest text read: 32 bytes have 44. It bounds the quadratic work.
const DIGITS_MAX: usize = 48;

/// The `N` bytes that a text stands for; `None` when it is no such text or stands for another number of bytes.
#[must_use]
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() > DIGITS_MAX {
        return None;
    }
    let mut bytes = [0; N];
    for digit in text.bytes() {
        let mut carry = ALPHABET.iter().position(|letter| *letter == digit)? as u32;
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    let ones = text.bytes().take_while(|digit| *digit == b'1').count();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    (ones == zeros).then_some(bytes)
}

/// The text that stands for these bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut digits: Vec<u8> = Vec::with_capacity(bytes.len() * 138 / 100 + 1);
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while carry > 0 {
            digits.push((carry % 58) as u8);
            carry /= 58;
        }
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let ones = std::iter::repeat_n(b'1', zeros);
    ones.chain(digits.iter().rev().map(|digit| ALPHABET[usize::from(*digit)])).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_texts() {
        // draft-msporny-base58, test vectors; Bitcoin's first coinbase address.
        assert_eq!(encode(b"Hello World!"), "2NEpo7TZRRrLZSi2U");
        assert_eq!(encode(&[0, 0, 0x28, 0x7f, 0xb4, 0xcd]), "11233QC4");
        assert_eq!(decode::<6>("11233QC4"), Some([0, 0, 0x28, 0x7f, 0xb4, 0xcd]));
        let genesis = decode::<25>("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa").expect("an address");
        assert_eq!(hex::encode(genesis), "0062e907b15cbf27d5425399ebf6f0fb50ebb88f18c29b7d93");
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in ["0", "l", "11233QC", "111233QC4", "zzzzzzzzzzzzzz", "\u{e4}", &"1".repeat(49)] {
            assert_eq!(decode::<6>(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes in any::<[u8; 25]>(), zeros in 0_usize..3) {
            let mut bytes = bytes;
            bytes[..zeros].fill(0);
            prop_assert_eq!(decode::<25>(&encode(&bytes)), Some(bytes));
        }
    }
}
