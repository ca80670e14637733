//! The rows over P-256.

use super::super::items::Call;
use super::super::weierstrass::verify;
use super::point::P256;
use crate::backend::Output;

/// FIPS 186-5, section 6.4.2, over a digest of 32 bytes.
pub(in super::super) fn ecdsa(call: &Call<'_>, out: &mut Output<'_>) {
    verify::ecdsa::<P256>(call, &call.keys.p256, out, false);
}

/// The same with s at most n/2 (Fabric bccsp/utils/ecdsa.go).
pub(in super::super) fn ecdsa_low_s(call: &Call<'_>, out: &mut Output<'_>) {
    verify::ecdsa::<P256>(call, &call.keys.p256, out, true);
}

#[cfg(test)]
mod tests {
    use assay_scheme::Row;

    use super::super::super::keys::Table;
    use super::super::super::testing;
    use super::super::super::weierstrass::adversary::check_ecdsa;
    use super::super::super::weierstrass::comb::KeyTable;
    use super::P256;

    #[test]
    fn verdicts_agree_at_every_size_and_in_every_lane() {
        for row in [Row::EcdsaP256, Row::EcdsaP256LowS] {
            testing::agree_at_every_size(row);
            testing::agree_in_every_lane(row);
        }
    }

    #[test]
    fn verdicts_do_not_depend_on_known_keys() {
        for row in [Row::EcdsaP256, Row::EcdsaP256LowS] {
            testing::agree_with_known_keys(row, KeyTable::<P256>::BYTES, |lanes| lanes.keys.p256.counts());
        }
    }

    #[test]
    fn odd_items_have_their_reasons_in_every_lane() {
        check_ecdsa::<P256>(Row::EcdsaP256, Row::EcdsaP256LowS, false, "7");
    }
}
