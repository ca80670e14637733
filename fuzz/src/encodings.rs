//! Keys and signatures as chains write them. Each reading is checked against a writer that is not its own: what is read
//! must be what a writer of the same rules wrote, and what such a writer wrote must be read.

use assay_scheme::ColumnsBuilder;
use assay_scheme::encoding::{Encoder, SignatureFormat, der as readings, sec1 as points, spki as keys};
use assay_scheme::registry::{Grouping, OPERATIONS};
use secp256k1::ecdsa::Signature;

/// The order of secp256k1: libsecp256k1 reads a pair that is not below it as zeros.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc,
    0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];

/// A DER element with its shortest length.
fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let len = (contents.len() as u32).to_be_bytes();
    let long = &len[len.iter().take_while(|byte| **byte == 0).count()..];
    let mut element = vec![tag];
    if contents.len() >= 0x80 {
        element.push(0x80 | long.len() as u8);
        element.extend_from_slice(long);
    } else {
        element.push(contents.len() as u8);
    }
    element.extend_from_slice(contents);
    element
}

/// A DER INTEGER that is not negative.
fn integer(number: &[u8]) -> Vec<u8> {
    let number = &number[number.iter().take_while(|byte| **byte == 0).count()..];
    let sign: &[u8] = if number.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    element(2, &[sign, number].concat())
}

fn integers(pair: &[u8; 64]) -> Vec<u8> {
    [integer(&pair[..32]), integer(&pair[32..])].concat()
}

fn signature(pair: &[u8; 64]) -> Vec<u8> {
    element(0x30, &integers(pair))
}

/// A signature in DER, in its three readings.
///
/// # Panics
/// When a reading takes what its rules do not, or refuses what they take.
pub fn der(data: &[u8]) -> u64 {
    let [strict, trailing, lax] = [readings::strict, readings::trailing, readings::lax].map(|read| read(data));
    if let Some(pair) = &strict {
        assert_eq!(signature(pair), data, "strict DER has one writing");
        assert_eq!(trailing, strict, "the trailing reading takes what the strict one takes");
    }
    if let Some(pair) = &trailing {
        assert_eq!(lax, trailing, "the lax reading takes what the trailing one takes");
        // SEQUENCE { r, s, anything }, anything.
        let count = usize::from(data[1].saturating_sub(0x80));
        let (len, rest) = data[2..].split_at(count);
        let len = len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
        let contents = &rest[..if count == 0 { usize::from(data[1]) } else { len }];
        assert!(data.starts_with(&element(0x30, contents)), "a SEQUENCE with its shortest length is in front");
        assert!(contents.starts_with(&integers(pair)), "r and s are in front in the SEQUENCE");
    }
    lax_as_libsecp256k1(data, lax);
    if let Some((pair, rest)) = data.split_first_chunk::<64>() {
        written(pair, rest);
    }
    u64::from(strict.is_some()) | u64::from(trailing.is_some()) << 1 | u64::from(lax.is_some()) << 2
}

fn lax_as_libsecp256k1(data: &[u8], lax: Option<[u8; 64]>) {
    let theirs = Signature::from_der_lax(data).ok().map(|signature| signature.serialize_compact());
    match lax {
        Some(pair) if pair[..32] < ORDER[..] && pair[32..] < ORDER[..] => assert_eq!(theirs, Some(pair)),
        Some(_) => assert_eq!(theirs, Some([0; 64]), "a number not below the order"),
        // An integer of more than 32 bytes has no column; there it makes a signature of zeros.
        None => assert!(theirs.is_none_or(|pair| pair == [0; 64])),
    }
}

/// What a writer of each reading's rules writes is read.
fn written(pair: &[u8; 64], rest: &[u8]) {
    let canonical = signature(pair);
    for read in [readings::strict, readings::trailing, readings::lax] {
        assert_eq!(read(&canonical).as_ref(), Some(pair));
    }
    let (inside, behind) = rest.split_at(rest.len() / 2);
    let trailing = [element(0x30, &[&integers(pair), inside].concat()), behind.to_vec()].concat();
    assert_eq!(readings::trailing(&trailing).as_ref(), Some(pair));
    assert_eq!(readings::strict(&trailing).is_some(), rest.is_empty());
}

/// An RSA key in DER.
///
/// # Panics
/// When a key has two writings, or a written one is not read.
pub fn spki(data: &[u8]) -> u64 {
    let column = keys::rsa2048(data);
    if let Some(column) = &column {
        assert_eq!(public_key(&column[..256], &column[256..]), data, "a key has one writing");
    }
    let Some((numbers, _)) = data.split_first_chunk::<264>() else { return u64::from(column.is_some()) };
    let (modulus, exponent) = numbers.split_at(256);
    let read = keys::rsa2048(&public_key(modulus, exponent));
    assert_eq!(
        read.as_ref(),
        (modulus[0] >= 0x80).then_some(numbers),
        "a modulus of 2,048 bits, and no other, is read"
    );
    u64::from(column.is_some()) | u64::from(read.is_some()) << 1 | 4
}

/// SubjectPublicKeyInfo { rsaEncryption NULL, BIT STRING { RSAPublicKey } }.
fn public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let algorithm = element(0x30, &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0]);
    let numbers = element(0x30, &[integer(modulus), integer(exponent)].concat());
    let bits = element(3, &[&[0], numbers.as_slice()].concat());
    element(0x30, &[algorithm, bits].concat())
}

/// A point in SEC 1.
///
/// # Panics
/// When a point has two writings.
pub fn sec1(data: &[u8]) -> u64 {
    let bare = points::read_bare(data);
    if let Some((form, point)) = &bare {
        assert!(*form == 4 && point[..] == *data);
    }
    let Some((form, point)) = points::read(data) else { return u64::from(bare.is_some()) };
    assert!(bare.is_none(), "no length is both");
    let coordinates = if form <= 3 { &point[..32] } else { &point[..] };
    assert_eq!([&[form], coordinates].concat(), data, "a point has one writing");
    assert!(form > 3 || point[32..] == [0; 32]);
    2 | u64::from(form) << 8
}

/// An item of any row in any format: byte 0 is the row, byte 1 the format, bytes 2 and 3 how the rest is cut into key,
/// signature and message. Whatever they hold, the item keeps its place and the columns are columns.
///
/// # Panics
/// When an item is lost, or one that was refused has bytes.
pub fn item(data: &[u8]) -> u64 {
    let Some(([row, format, key, rest], bytes)) = data.split_first_chunk() else { return 0 };
    let operation = &OPERATIONS[usize::from(*row) % OPERATIONS.len()];
    let format = SignatureFormat::ALL[usize::from(*format) % SignatureFormat::ALL.len()];
    let Ok(encoder) = Encoder::new(operation, format) else {
        assert!(format != SignatureFormat::Raw, "every row takes its own bytes");
        return 1;
    };
    // Lengths in steps that reach an ML-DSA key and hit the usual ones: a byte is a length, scaled where a row needs it.
    let scale = operation.key_len.max(operation.signature_len) / 256 + 1;
    let (key, bytes) = bytes.split_at((usize::from(*key) * scale).min(bytes.len()));
    let (signature, message) = bytes.split_at((usize::from(*rest) * scale).min(bytes.len()));
    let mut builder = ColumnsBuilder::new(operation);
    match operation.grouping {
        Grouping::Single => encoder.push_item(&mut builder, key, signature, message),
        Grouping::Messages if operation.key_len == 0 => {
            encoder.push_group(&mut builder, &[], signature, &[key, message]);
        }
        Grouping::Messages => encoder.push_group(&mut builder, &[key], signature, &[message]),
        _ => encoder.push_group(&mut builder, &[key, key], signature, &[message, message]),
    }
    let columns = builder.build().expect("one item within limits");
    assert_eq!(columns.items(), 1);
    let outcome = match columns.form(0) {
        Ok(form) => u64::from(form),
        Err(reason) => {
            assert!(columns.signature(0).iter().all(|byte| *byte == 0), "a refused item's bytes are zero");
            assert_eq!(columns.message_bytes(0..1), 0);
            0x80 | reason as u64
        }
    };
    u64::from(operation.row.id()) << 16 | (format as u64) << 8 | outcome
}

/// A signature in each of the three readings, and the numbers alone.
pub(crate) fn der_seeds() -> Vec<Vec<u8>> {
    let mut pair = [0x5a; 64];
    pair[32] = 0x80;
    let mut short = [0; 64];
    (short[31], short[63]) = (1, 2);
    let long_form = [&[0x30, 0x81, 6], &signature(&short)[2..]].concat();
    let trailing = [element(0x30, &[&integers(&short)[..], &[5, 0]].concat()), vec![0xff]].concat();
    let indefinite = [&[0x30, 0x80], &signature(&short)[2..], &[0, 0]].concat();
    let numbers = [&pair[..], &[7; 200]].concat();
    vec![signature(&pair), signature(&short), signature(&ORDER_TWICE), long_form, trailing, indefinite, numbers]
}

/// r and s both the order: the least that is out of range.
const ORDER_TWICE: [u8; 64] = {
    let mut pair = [0; 64];
    let mut i = 0;
    while i < 64 {
        pair[i] = ORDER[i % 32];
        i += 1;
    }
    pair
};

/// A key, and its numbers alone.
pub(crate) fn spki_seeds() -> Vec<Vec<u8>> {
    let modulus = [0xc5; 256];
    let numbers = [&modulus[..], &[0, 0, 0, 0, 0, 1, 0, 1]].concat();
    vec![public_key(&modulus, &[1, 0, 1]), public_key(&modulus, &[0xff; 8]), numbers]
}

/// A point in each form.
pub(crate) fn sec1_seeds() -> Vec<Vec<u8>> {
    let point = |form: u8, len| [vec![form], vec![0x79; len]].concat();
    vec![point(2, 32), point(3, 32), point(4, 64), point(6, 64), point(7, 64), vec![0x79; 64], vec![0], vec![]]
}

/// An item of each row in each format, its lengths right where they can be.
pub(crate) fn item_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (row, operation) in OPERATIONS.iter().enumerate() {
        let scale = operation.key_len.max(operation.signature_len) / 256 + 1;
        for format in 0..SignatureFormat::ALL.len() {
            let key = match operation.forms {
                [0] => vec![1; operation.key_len],
                _ => [vec![4], vec![1; 64]].concat(),
            };
            let signature = if format == 0 { vec![2; operation.signature_len] } else { signature(&[2; 64]) };
            let mut seed = vec![row as u8, format as u8, (key.len() / scale) as u8, (signature.len() / scale) as u8];
            seed.extend([key, signature, b"message".to_vec()].concat());
            seeds.push(seed);
        }
    }
    seeds
}
