//! BLS12-381: blst called as its users call it. Our reference backend is blst with KeyValidate on every key.

use assay_core::samples::{Sample, Spec};
use assay_scheme::Row;
use blst::BLST_ERROR;
use blst::min_pk::{PublicKey, Signature};

use crate::contest::{Case, Contestant};

const SUITE: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// The cases.
pub fn cases() -> Vec<Case> {
    vec![Case::new(Row::BlsMinPkPop, "", Spec { items: 32, ..Spec::default() }, peers)]
}

fn peers(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![Contestant::verifier("blst", samples, |sample| {
        let (Ok(key), Ok(signature)) =
            (PublicKey::from_bytes(&sample.keys[0]), Signature::from_bytes(&sample.signature))
        else {
            return false;
        };
        signature.verify(true, &sample.messages[0], SUITE, &[], &key, true) == BLST_ERROR::BLST_SUCCESS
    })]
}
