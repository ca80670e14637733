//! The rows over SM2: with Z_A, and with e.

use super::super::hash::Sm3;
use super::super::items::{Call, Failed, Item, fill};
use super::super::level::{CurveWork, Level};
use super::super::message::{joined, signed_digests};
use super::super::weierstrass::combine::{Terms, combine};
use super::super::weierstrass::limbs::{self, LIMBS};
use super::super::weierstrass::scalar::{negated, sum};
use super::super::weierstrass::verify::{ITEMS_MAX, has_x, keys, numbers, s_max, signatures};
use super::super::weierstrass::{Curve, point::Affine};
use super::super::word::Word52;
use super::point::{PARAMETERS, Sm2};
use crate::backend::Output;

type Order = <Sm2 as Curve>::Order;

/// GB/T 32918.2-2016, section 7, with Z_A of section 5.5 over the batch's user id.
pub(in super::super) fn with_za(call: &Call<'_>, out: &mut Output<'_>) {
    let user_id = call.parameters.user_id_or_default();
    // ENTL, in bits, fits 16 bits: parameters hold no longer user id.
    let entl = u16::try_from(8 * user_id.len()).expect("a user id of at most 8,191 bytes");
    let prefix = [&entl.to_be_bytes()[..], user_id, PARAMETERS.as_flattened()].concat();
    for items in call.items.chunks(ITEMS_MAX) {
        write(call, items, Signed::WithZa { prefix: &prefix, hashes: call.hashes }, out);
    }
}

/// The same from step B5 on, e being the message or its named hash.
pub(in super::super) fn with_e(call: &Call<'_>, out: &mut Output<'_>) {
    let digests = signed_digests(call);
    for (items, digests) in call.items.chunks(ITEMS_MAX).zip(digests.chunks(ITEMS_MAX)) {
        write(call, items, Signed::Given(digests), out);
    }
}

fn write(call: &Call<'_>, items: &[Item<'_>], signed: Signed<'_>, out: &mut Output<'_>) {
    for (group, failed) in items.chunks(8).zip(call.curves.run(Verify { items, signed })) {
        failed.write(group, out);
    }
}

/// Where e comes from.
enum Signed<'a> {
    /// It is given.
    Given(&'a [Option<[u8; 32]>]),
    /// SM3 of Z_A and the message, Z_A being SM3 of the prefix and the key.
    WithZa { prefix: &'a [u8], hashes: Level },
}

/// Verification over some groups.
struct Verify<'a> {
    items: &'a [Item<'a>],
    signed: Signed<'a>,
}

impl CurveWork for Verify<'_> {
    type Answer = Vec<Failed>;

    #[inline(always)]
    fn run<W: Word52>(self) -> Vec<Failed> {
        let groups = self.items.len().div_ceil(8);
        let (mut failed, mut terms) = (Vec::with_capacity(groups), Vec::with_capacity(groups));
        let mut r = Vec::with_capacity(groups);
        for group in self.items.chunks(8) {
            let group = fill(group);
            let (point, key) = keys::<W, Sm2>(&group);
            // B1, B2: r and s in 1..n-1.
            let ([own_r, s], out_of_range) = signatures::<W, Sm2>(&group, const { s_max::<Sm2>(false) });
            // B5: t = r + s, which is not zero.
            let t = W::outlined(
                #[inline(always)]
                || sum::<W, Order>(own_r, s),
            );
            let signature = out_of_range | limbs::equal(t, [0; LIMBS]);
            failed.push(Failed { key, signature, message: 0, equation: 0 });
            terms.push(Terms { base: s, key: t, point });
            r.push(own_r);
        }
        let hashed;
        let digests = match self.signed {
            Signed::Given(digests) => digests,
            // B3, B4.
            Signed::WithZa { prefix, hashes } => {
                hashed = with_prefix(hashes, prefix, self.items, &terms);
                &hashed
            }
        };
        // B6: s G + t P.
        let sums = combine::<W, Sm2>(&terms);
        let groups = failed.iter_mut().zip(digests.chunks(8));
        for ((failed, digests), (sum_point, r)) in groups.zip(sums.iter().zip(r)) {
            let (e, message) = numbers::<W, Sm2>(&fill(digests));
            failed.message = message;
            // B7: e + x = r mod n, so x = r - e.
            let x = W::outlined(
                #[inline(always)]
                || sum::<W, Order>(r, negated::<W, Order>(e)),
            );
            failed.equation = !has_x(sum_point, x);
        }
        failed
    }
}

/// e of each item.
#[inline(always)]
fn with_prefix<W: Word52>(
    hashes: Level,
    prefix: &[u8],
    items: &[Item<'_>],
    terms: &[Terms<W, Sm2>],
) -> Vec<Option<[u8; 32]>> {
    let mut keys = Vec::with_capacity(8 * terms.len());
    for Terms { point: Affine { x, y }, .. } in terms {
        keys.extend(W::outlined(
            #[inline(always)]
            || limbs::to_bytes([x.leave(), y.leave()]),
        ));
    }
    let mut za = vec![[0; 32]; items.len()];
    joined::<Sm3, 2>(hashes, items.len(), |i| [prefix, &keys[i]], &mut |i, digest| za[i].copy_from_slice(digest));
    let mut e = vec![None; items.len()];
    let parts = |i: usize| [&za[i][..], items[i].message];
    joined::<Sm3, 2>(hashes, items.len(), parts, &mut |i, digest| e[i] = digest.try_into().ok());
    e
}

#[cfg(test)]
mod tests {
    use assay_scheme::Row;

    use super::super::super::testing;

    #[test]
    fn verdicts_agree_at_every_size_and_in_every_lane() {
        for row in [Row::Sm2Za, Row::Sm2E] {
            testing::agree_at_every_size(row);
            testing::agree_in_every_lane(row);
        }
    }
}
