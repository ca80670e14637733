//! What `assay demo` sends: every line's verdict is the one that the file expects.

use assay_scheme::Row;
use assay_scheme::encoding::SignatureFormat;

use crate::harness::{Batch, unhex};
use crate::vectors::{self, Vector};

fn check(file: &Vector, row: Row, format: SignatureFormat, lines: usize) {
    let mut batch = Batch::written(row, format);
    let mut expected = Vec::new();
    for line in file.text().lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        let field = |name: &str| line[name].as_str().map(unhex);
        let message = field("message").or_else(|| field("digest")).expect("a message or a digest");
        batch.push(&field("public_key").expect("hex"), &field("signature").expect("hex"), &message);
        expected.push(line["expect"].as_bool().unwrap_or(true));
    }
    assert_eq!(expected.len(), lines);
    let found: Vec<_> = batch.verdicts().into_iter().map(|verdict| verdict.is_valid()).collect();
    assert_eq!(found, expected, "{}", row.name());
}

#[test]
fn every_line_is_as_expected() {
    check(&vectors::DEMO_BITCOIN, Row::EcdsaSecp256k1, SignatureFormat::Der, 732);
    check(&vectors::DEMO_BIP340, Row::SchnorrBip340, SignatureFormat::Raw, 19);
    check(&vectors::DEMO_GMSM, Row::Sm2Za, SignatureFormat::Der, 2);
    check(&vectors::DEMO_FISCO, Row::Sm2Za, SignatureFormat::Raw, 6);
    for row in [Row::Ed25519Zip215, Row::Ed25519Ref10, Row::Ed25519Strict] {
        check(&vectors::DEMO_COMETBFT, row, SignatureFormat::Raw, 81);
    }
}
