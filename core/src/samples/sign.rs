//! Keys and signatures of every row that has them, by the libraries that can sign.

use assay_scheme::Row;
use aws_lc_rs::agreement;
use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use blst::min_pk::{AggregateSignature, SecretKey, Signature};
use ed25519_dalek::Signer as _;
use secp256k1::ecdsa::RecoverableSignature;
use sm2::dsa::signature::hazmat::PrehashSigner as _;

/// The ciphersuite's domain (draft-irtf-cfrg-bls-signature-05, section 4.2.3).
const BLS_DOMAIN: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// The order of P-256 (SP 800-186, section 3.2.1.3), big-endian.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// One key that can sign for its row.
pub(super) enum Signer {
    Ed25519(ed25519_dalek::SigningKey),
    Ecdsa(secp256k1::SecretKey),
    Recoverable(secp256k1::SecretKey),
    Schnorr(secp256k1::Keypair),
    P256(EcdsaKeyPair),
    P256LowS(EcdsaKeyPair),
    Sm2Za(sm2::dsa::SigningKey),
    Sm2E(sm2::dsa::SigningKey),
    Rsa(RsaKeyPair),
    Bls(SecretKey),
    MlDsa65(Box<ml_dsa::SigningKey<ml_dsa::MlDsa65>>),
}

/// Bytes without end that only these four decide.
pub(super) fn stream(seed: u64, row: Row, what: &str, index: u64) -> blake3::OutputReader {
    let mut hasher = blake3::Hasher::new();
    for part in [seed, u64::from(row.id()), index] {
        hasher.update(&part.to_le_bytes());
    }
    hasher.update(what.as_bytes()).finalize_xof()
}

impl Signer {
    /// Key `index` of a row; `None` for rows without signatures.
    pub(super) fn new(row: Row, seed: u64, index: u64) -> Option<Self> {
        let mut secret = [0; 32];
        stream(seed, row, "key", index).fill(&mut secret);
        // Below 2^255 it is below the order of each of the curves, and it is not zero.
        secret[0] &= 0x7f;
        secret[31] |= 1;
        Some(match row {
            Row::Ed25519Zip215 | Row::Ed25519Ref10 | Row::Ed25519Strict => {
                Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&secret))
            }
            Row::EcdsaSecp256k1 | Row::EcdsaSecp256k1LowS => Self::Ecdsa(secp256k1_key(secret)),
            Row::RecoverSecp256k1 | Row::RecoverSecp256k1LowS => Self::Recoverable(secp256k1_key(secret)),
            Row::SchnorrBip340 => Self::Schnorr(secp256k1_key(secret).keypair()),
            Row::EcdsaP256 => Self::P256(p256_key(&secret)),
            Row::EcdsaP256LowS => Self::P256LowS(p256_key(&secret)),
            Row::Sm2Za => Self::Sm2Za(sm2_key(&secret)),
            Row::Sm2E => Self::Sm2E(sm2_key(&secret)),
            Row::Rsa2048Pkcs1Sha256 => {
                Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("the library makes RSA keys"))
            }
            Row::BlsMinPkPop | Row::BlsMinPkPopAggregate | Row::BlsMinPkPopFastAggregate => {
                Self::Bls(SecretKey::key_gen(&secret, &[]).expect("32 bytes are enough"))
            }
            Row::MlDsa65 => Self::MlDsa65(Box::new(ml_dsa::SigningKey::from_seed(&secret.into()))),
            Row::Sha256
            | Row::Sha256d
            | Row::Sha512
            | Row::Sha3_256
            | Row::Keccak256
            | Row::Blake3
            | Row::Blake2b256
            | Row::Sm3
            | Row::Ripemd160
            | Row::Hash160
            | Row::MerkleDuplicateLast
            | Row::MerkleRfc6962
            | Row::MerkleFiscoV3
            | Row::MerkleFiscoV2
            | Row::MerkleFlat
            | Row::MerklePatricia
            | Row::MerkleDuplicateLastProof
            | Row::MerkleRfc6962Proof
            | Row::MerkleRfc6962Consistency
            | Row::MerkleFiscoV3Proof
            | Row::MerkleFiscoV2Proof
            | Row::MerklePatriciaProof
            | Row::PowBitcoinHeader
            | Row::PowBitcoinShare => return None,
        })
    }

    /// The key as chains write it; empty where the row has none.
    pub(super) fn key(&self) -> Option<Vec<u8>> {
        Some(match self {
            Self::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            Self::Ecdsa(key) => key.public_key().serialize().to_vec(),
            Self::Recoverable(_) => return None,
            Self::Schnorr(key) => key.x_only_public_key().0.to_byte_array().to_vec(),
            Self::P256(key) | Self::P256LowS(key) => key.public_key().as_ref().to_vec(),
            Self::Sm2Za(key) | Self::Sm2E(key) => key.verifying_key().to_sec1_bytes().to_vec(),
            Self::Rsa(key) => key.public_key().as_der().expect("the library writes its own keys").as_ref().to_vec(),
            Self::Bls(key) => key.sk_to_pk().compress().to_vec(),
            Self::MlDsa65(key) => key.expanded_key().verifying_key().encode().to_vec(),
        })
    }

    /// A signature over a message; over a 32-byte digest where the row signs one.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Self::Ecdsa(key) => key.sign_ecdsa(digest(message)).serialize_compact().to_vec(),
            Self::Recoverable(key) => {
                let signature = RecoverableSignature::sign_ecdsa_recoverable(digest(message), key);
                let (v, r_s) = signature.serialize_compact();
                [r_s.as_slice(), &[v.to_u8()]].concat()
            }
            Self::Schnorr(key) => key.sign_schnorr_no_aux_rand(message).to_byte_array().to_vec(),
            Self::P256(key) => p256_sign(key, message),
            Self::P256LowS(key) => low_s(p256_sign(key, message)),
            Self::Sm2Za(key) => key.sign(message).to_bytes().to_vec(),
            Self::Sm2E(key) => key.sign_prehash(message).expect("32 bytes of digest").to_bytes().to_vec(),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .expect("the modulus has room for the padding");
                signature
            }
            Self::Bls(key) => key.sign(message, BLS_DOMAIN, &[]).compress().to_vec(),
            Self::MlDsa65(key) => {
                let signature = key.expanded_key().sign_deterministic(message, &[]);
                signature.expect("the context is not too long").encode().to_vec()
            }
        }
    }
}

/// The keys and the signature of an item: one key's, or an aggregate of `count` keys' from `first` on, over one message
/// or one each.
pub(super) fn sign(signers: &[Signer], first: usize, count: usize, messages: &[Vec<u8>]) -> (Vec<Vec<u8>>, Vec<u8>) {
    if signers.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let group = || (first..first + count).map(|i| &signers[i % signers.len()]);
    let keys = group().filter_map(Signer::key).collect();
    let messages = messages.iter().cycle();
    if count == 1 {
        let signature = group().zip(messages).map(|(signer, message)| signer.sign(message)).next();
        return (keys, signature.unwrap_or_default());
    }
    let signatures: Vec<_> = group()
        .zip(messages)
        .map(|(signer, message)| {
            let bytes = signer.sign(message);
            Signature::uncompress(&bytes).expect("the library reads its own signatures")
        })
        .collect();
    let signatures: Vec<_> = signatures.iter().collect();
    let aggregate = AggregateSignature::aggregate(&signatures, false).expect("not empty");
    (keys, aggregate.to_signature().compress().to_vec())
}

fn digest(message: &[u8]) -> secp256k1::Message {
    secp256k1::Message::from_digest(message.try_into().expect("rows over secp256k1 sign 32 bytes"))
}

fn secp256k1_key(secret: [u8; 32]) -> secp256k1::SecretKey {
    secp256k1::SecretKey::from_secret_bytes(secret).expect("in range")
}

fn sm2_key(secret: &[u8; 32]) -> sm2::dsa::SigningKey {
    sm2::dsa::SigningKey::from_slice("1234567812345678", secret).expect("in range, and the id is short")
}

fn p256_key(secret: &[u8; 32]) -> EcdsaKeyPair {
    let key = agreement::PrivateKey::from_private_key(&agreement::ECDH_P256, secret).expect("in range");
    let public = key.compute_public_key().expect("a private key has a public one");
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, secret, public.as_ref()).expect("they belong together")
}

fn p256_sign(key: &EcdsaKeyPair, digest: &[u8]) -> Vec<u8> {
    let digest = Digest::import_less_safe(digest, &SHA256).expect("32 bytes");
    key.sign_digest(&digest).expect("the key is P-256's, the digest SHA-256's").as_ref().to_vec()
}

/// (r, s) with s replaced by n - s where that is smaller: the same signature (SEC 1 v2, section 4.1.3, note).
fn low_s(mut signature: Vec<u8>) -> Vec<u8> {
    let s: [u8; 32] = signature[32..].try_into().expect("r and s have 32 bytes each");
    let mut negated = [0; 32];
    let mut borrow = 0;
    for i in (0..32).rev() {
        let difference = i16::from(P256_ORDER[i]) - i16::from(s[i]) - borrow;
        borrow = i16::from(difference < 0);
        negated[i] = difference.rem_euclid(256) as u8;
    }
    if negated < s {
        signature[32..].copy_from_slice(&negated);
    }
    signature
}
