//! Hash functions, many messages at once.

use assay_core::samples::{Sample, Spec};
use assay_scheme::Row;
use bitcoin_hashes::Hash as _;
use blake2::digest::consts::U32;
use blake3::platform::Platform;
use sha2::Digest as _;

use crate::contest::{Answers, Case, Contestant};

/// Messages of a batch.
const MESSAGES: usize = 4_096;

/// The cases.
pub fn cases() -> Vec<Case> {
    let case = |row: Row, message_bytes: usize, peers: for<'a> fn(&'a [Sample]) -> Vec<Contestant<'a>>| {
        let spec = Spec { items: MESSAGES, message_bytes, ..Spec::default() };
        Case::new(row, &format!("{message_bytes} B"), spec, peers)
    };
    vec![
        case(Row::Sha256, 64, sha256),
        case(Row::Sha256, 1_000, sha256_any),
        case(Row::Sha256d, 80, sha256d),
        case(Row::Sha512, 64, sha512),
        case(Row::Keccak256, 64, keccak256),
        case(Row::Sha3_256, 64, sha3_256),
        case(Row::Blake3, 64, blake3_64),
        case(Row::Blake3, 1_000, blake3_any),
        case(Row::Blake2b256, 64, blake2b_256),
        case(Row::Sm3, 64, sm3),
        case(Row::Ripemd160, 32, ripemd160),
        case(Row::Hash160, 33, hash160),
    ]
}

/// 64-byte messages end to end, as hashtree takes them.
fn joined(samples: &[Sample]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.messages[0].iter().copied()).collect()
}

fn sha256(samples: &[Sample]) -> Vec<Contestant<'_>> {
    // It hashes messages of exactly 64 bytes, the padding's block built in.
    hashtree_rs::init();
    let chunks = joined(samples);
    let mut contestants = sha256_any(samples);
    contestants.push(Contestant::peer("hashtree-rs", move || {
        let mut digests = vec![0; chunks.len() / 2];
        hashtree_rs::hash(&mut digests, &chunks, chunks.len() / 64);
        digests
    }));
    contestants
}

fn sha256_any(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![
        Contestant::hasher("sha2", samples, sha2::Sha256::digest),
        Contestant::hasher("ring", samples, |m| ring::digest::digest(&ring::digest::SHA256, m)),
        Contestant::hasher("aws-lc-rs", samples, |m| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, m)),
        Contestant::hasher("openssl", samples, openssl::sha::sha256),
        Contestant::hasher("bitcoin_hashes", samples, |m| bitcoin_hashes::sha256::Hash::hash(m).to_byte_array()),
    ]
}

fn sha256d(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![
        Contestant::hasher("sha2 twice", samples, |m| sha2::Sha256::digest(sha2::Sha256::digest(m))),
        Contestant::hasher("bitcoin_hashes", samples, |m| bitcoin_hashes::sha256d::Hash::hash(m).to_byte_array()),
    ]
}

fn sha512(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![
        Contestant::hasher("sha2", samples, sha2::Sha512::digest),
        Contestant::hasher("ring", samples, |m| ring::digest::digest(&ring::digest::SHA512, m)),
        Contestant::hasher("aws-lc-rs", samples, |m| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, m)),
        Contestant::hasher("openssl", samples, openssl::sha::sha512),
    ]
}

fn tiny(mut hasher: impl tiny_keccak::Hasher, message: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    hasher.update(message);
    hasher.finalize(&mut digest);
    digest
}

fn keccak256(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![
        Contestant::hasher("sha3", samples, sha3::Keccak256::digest),
        Contestant::hasher("tiny-keccak", samples, |m| tiny(tiny_keccak::Keccak::v256(), m)),
    ]
}

fn sha3_256(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![
        Contestant::hasher("sha3", samples, sha3::Sha3_256::digest),
        Contestant::hasher("tiny-keccak", samples, |m| tiny(tiny_keccak::Sha3::v256(), m)),
    ]
}

fn blake3_any(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![Contestant::hasher("blake3", samples, |m| *blake3::hash(m).as_bytes())]
}

/// The crate's hidden entry for many inputs of one block. Flags: chunk start, chunk end and root (BLAKE3, section 2.2).
fn blake3_64(samples: &[Sample]) -> Vec<Contestant<'_>> {
    const FLAGS: u8 = 1 | 2 | 8;
    const IV: [u32; 8] =
        [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
    let platform = Platform::detect();
    let mut contestants = blake3_any(samples);
    contestants.push(Contestant::peer("blake3 hash_many", move || {
        let inputs: Vec<&[u8; 64]> =
            samples.iter().map(|sample| sample.messages[0][..].try_into().expect("64 bytes")).collect();
        let mut digests: Answers = vec![0; 32 * inputs.len()];
        platform.hash_many(&inputs, &IV, 0, blake3::IncrementCounter::No, FLAGS, 0, 0, &mut digests);
        digests
    }));
    contestants
}

fn blake2b_256(samples: &[Sample]) -> Vec<Contestant<'_>> {
    let mut parameters = blake2b_simd::Params::new();
    parameters.hash_length(32);
    vec![
        Contestant::hasher("blake2", samples, blake2::Blake2b::<U32>::digest),
        Contestant::peer("blake2b_simd many", move || {
            let mut jobs: Vec<_> = samples
                .iter()
                .map(|sample| blake2b_simd::many::HashManyJob::new(&parameters, &sample.messages[0]))
                .collect();
            blake2b_simd::many::hash_many(jobs.iter_mut());
            jobs.iter().flat_map(|job| job.to_hash().as_bytes().to_vec()).collect()
        }),
    ]
}

fn sm3(samples: &[Sample]) -> Vec<Contestant<'_>> {
    let openssl_sm3 = openssl::hash::MessageDigest::from_name("SM3").expect("openssl has SM3");
    vec![
        Contestant::hasher("sm3", samples, sm3::Sm3::digest),
        Contestant::hasher("openssl", samples, move |m| openssl::hash::hash(openssl_sm3, m).expect("it hashes")),
    ]
}

fn ripemd160(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![
        Contestant::hasher("ripemd", samples, ripemd::Ripemd160::digest),
        Contestant::hasher("bitcoin_hashes", samples, |m| bitcoin_hashes::ripemd160::Hash::hash(m).to_byte_array()),
    ]
}

fn hash160(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![
        Contestant::hasher("ripemd of sha2", samples, |m| ripemd::Ripemd160::digest(sha2::Sha256::digest(m))),
        Contestant::hasher("bitcoin_hashes", samples, |m| bitcoin_hashes::hash160::Hash::hash(m).to_byte_array()),
    ]
}
