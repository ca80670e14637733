//! ML-DSA-65: contexts, and which check refuses.

use assay_scheme::Row;
use ml_dsa::{MlDsa65, SigningKey};

use crate::harness::{Batch, EQUATION, KEY, SIGNATURE, VALID};

/// A key and a signature of `message` under `context`.
pub(crate) fn signed(seed: u8, message: &[u8], context: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let key = SigningKey::<MlDsa65>::from_seed(&[seed; 32].into());
    let signature = key.expanded_key().sign_deterministic(message, context).expect("a context of at most 255 bytes");
    (key.expanded_key().verifying_key().encode().to_vec(), signature.encode().to_vec())
}

#[test]
fn contexts_are_signed() {
    let longest = [7; 255];
    for signer in [&b""[..], b"ctx", &longest] {
        let (key, signature) = signed(1, b"message", signer);
        for context in [&b""[..], b"ctx", &longest] {
            let mut batch = Batch::new(Row::MlDsa65).context(context);
            batch.push(&key, &signature, b"message");
            assert_eq!(batch.verdicts(), [if context == signer { VALID } else { EQUATION }]);
        }
        let mut batch = Batch::new(Row::MlDsa65);
        batch.push(&key, &signature, b"message");
        assert_eq!(batch.verdicts(), [if signer.is_empty() { VALID } else { EQUATION }], "no context is the empty one");
    }
}

#[test]
fn encodings_that_are_refused_before_the_equation() {
    let (key, signature) = signed(2, b"message", b"");
    let spoilt = |at: usize, byte: u8| {
        let mut signature = signature.clone();
        signature[at] = byte;
        signature
    };
    // 48 bytes of c~, five polynomials of z at 20 bits a coefficient, 55 positions of the hint and six counts.
    let (z, hint, counts) = (48, 48 + 3_200, 48 + 3_200 + 55);
    let ones = usize::from(signature[counts + 5]);
    let mut batch = Batch::new(Row::MlDsa65);
    batch.push(&key, &signature, b"message");
    batch.push(&key, &signature, b"another");
    batch.push(&key, &spoilt(0, signature[0] ^ 1), b"message");
    batch.push(&key, &spoilt(counts + 5, 56), b"message");
    batch.push(&key, &spoilt(counts, signature[counts + 5] + 1), b"message");
    assert!(ones < 55, "room for something left over");
    batch.push(&key, &spoilt(hint + 54, 1), b"message");
    // gamma_1 - z = 0: z is gamma_1, which is not short.
    let mut long = signature.clone();
    long[z..z + 3].copy_from_slice(&[0, 0, signature[z + 2] & 0xf0]);
    batch.push(&key, &long, b"message");
    batch.push(&key, &signature[1..], b"message");
    batch.push(&key[1..], &signature[1..], b"message");
    let expected = [VALID, EQUATION, EQUATION, SIGNATURE, SIGNATURE, SIGNATURE, SIGNATURE, SIGNATURE, KEY];
    assert_eq!(batch.verdicts(), expected);
}
