//! From an item's bytes to its verdict under each of the three rule sets (docs/rules.md, Ed25519).
//!
//! All three demand a key that is a point's encoding and S < L. Then [S]B - [k]A is computed and encoded. Where those are R's
//! bytes, the cofactorless equation holds, and with it ZIP-215's, which is eight times it. Where they are not, it is
//! settled for ref10 and strict, which compare bytes (so an R that does not decode fails the equation), while ZIP-215
//! goes on: [8]([S]B - [k]A - R) must be the neutral point. R is then [S]B - [k]A plus one of the eight points that eight
//! times are neutral, and these sums are found among R's bytes without the square root that decoding R would take.

use std::sync::Arc;

use super::super::hash::Sha512;
use super::super::items::{Call, Failed, Item, fill};
use super::super::level::{CurveLevel, CurveWork};
use super::super::message;
use super::super::word::{LANES_64, Word52};
use super::algebra::Element;
use super::comb::{Comb, KeyTable, Layout, add_combs, key_words};
use super::curve::{Decoded, TWICE_D, decode, encodes_up_to_order_4, has_small_order, order_8_point};
use super::field::Field;
use super::point::{Affine, Completed, Projective};
use super::scalar::{Scalars, digits, is_below_order, reduce, scalars};
use super::table::{BASE_BITS, BASE_DIGITS, Base, OWN_BITS, OWN_DIGITS, Own, double, normalise};
use crate::backend::Output;

/// Groups whose points share an inversion. Fewer: more inversions. More: more memory, 1 KiB a group.
const GROUPS: usize = 64;

/// Which signatures hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// ZIP-215.
    Zip215,
    /// SUPERCOP ref10, Go.
    Ref10,
    /// As ref10, and A and R of small order refused.
    Strict,
}

/// Writes each item's verdict.
pub(super) fn verify(call: &Call<'_>, rule: Rule, out: &mut Output<'_>) {
    // k is the hash of R, A and the message as they were given (RFC 8032, section 5.1.7, step 2).
    let mut hashes = vec![[0; 64]; call.items.len()];
    let parts = |i: usize| {
        let Item { key, signature, message, .. } = call.items[i];
        [&signature[..32], key, message]
    };
    message::joined::<Sha512, 3>(call.hashes, call.items.len(), parts, &mut |i, digest| {
        hashes[i].copy_from_slice(digest);
    });
    let keys = &call.keys.ed25519;
    let found = keys.find(call.items.iter().map(|item| (item.form, item.key)));
    let [with_tables, without] = group(&found.tables);
    for (indices, base) in [(with_tables, None), (without, Some(Base::get(call.curves)))] {
        for indices in indices.chunks(GROUPS * LANES_64) {
            let (items, tables) = (&call.items, &found.tables);
            let work = Check { rule, level: call.curves, items, hashes: &hashes, tables, indices, base };
            let failed = call.curves.run(work);
            for (group, failed) in indices.chunks(LANES_64).zip(failed) {
                for (lane, i) in group.iter().enumerate() {
                    out.verdict(call.items[*i].at, failed.reason(lane).into());
                }
            }
        }
    }
    call.keys.ask(keys, &found);
}

/// The items whose keys have tables, and those without. What is left over of the former after whole groups goes with the
/// latter where their last group has room: a group less.
fn group(tables: &[Option<Arc<KeyTable>>]) -> [Vec<usize>; 2] {
    let (mut with, mut without): (Vec<_>, Vec<_>) = (0..tables.len()).partition(|i| tables[*i].is_some());
    let (over, last) = (with.len() % LANES_64, without.len() % LANES_64);
    if last > 0 && over + last <= LANES_64 {
        without.extend(with.drain(with.len() - over..));
    }
    [with, without]
}

/// Some items, in groups of eight.
struct Check<'a> {
    rule: Rule,
    level: CurveLevel,
    /// A call's.
    items: &'a [Item<'a>],
    hashes: &'a [[u8; 64]],
    tables: &'a [Option<Arc<KeyTable>>],
    /// Which of them.
    indices: &'a [usize],
    /// What to add multiples of the base point from; `None` where each item's key has a table, which comes with its own.
    base: Option<&'static Base>,
}

/// What is known of a group before its equation is.
struct Group<W> {
    /// [S]B - [k]A.
    point: Projective<Field<W>>,
    /// R's bytes, as words.
    r: [W; 4],
    failed: Failed,
}

/// A group with items that the cofactorless equation does not hold for.
pub(super) struct Left<W> {
    pub(super) group: usize,
    /// [S]B - [k]A.
    pub(super) x: Field<W>,
    pub(super) y: Field<W>,
    /// R's bytes, as words.
    pub(super) r: [W; 4],
}

impl CurveWork for Check<'_> {
    type Answer = Vec<Failed>;

    #[inline(always)]
    fn run<W: Word52>(self) -> Vec<Failed> {
        let mut own = Own::new();
        let mut groups: Vec<Group<W>> = Vec::with_capacity(self.indices.len().div_ceil(LANES_64));
        for indices in self.indices.chunks(LANES_64) {
            groups.push(self.multiply(indices, &mut own));
        }
        let points: Vec<_> = groups.iter().map(|group| group.point).collect();
        let mut left = Vec::new();
        let mut all = Vec::with_capacity(groups.len());
        for (g, (group, (x, y))) in groups.into_iter().zip(normalise(&points)).enumerate() {
            let Group { r, mut failed, .. } = group;
            failed.equation = !is_encoding(x, y, &r);
            if self.rule == Rule::Zip215 && failed.equation & !failed.key & !failed.signature != 0 {
                left.push(Left { group: g, x, y, r });
            }
            all.push(failed);
        }
        for (Left { group, .. }, holds) in left.iter().zip(times_cofactor(&left)) {
            all[*group].equation &= !holds;
        }
        all
    }
}

impl Check<'_> {
    /// Everything up to [S]B - [k]A.
    #[inline(always)]
    fn multiply<W: Word52>(&self, indices: &[usize], own: &mut Own) -> Group<W> {
        let indices = fill(indices).map(|i| *i);
        let signatures: [&[u8; 64]; LANES_64] =
            indices.map(|i| self.items[i].signature.try_into().expect("64 bytes of signature"));
        let [r0, r1, r2, r3, s0, s1, s2, s3] = W::load_blocks(&signatures);
        let (r, mut s) = ([r0, r1, r2, r3], [s0, s1, s2, s3]);
        let hash = W::load_blocks(&indices.map(|i| &self.hashes[i]));

        let below = is_below_order(&s);
        let mut failed = Failed { signature: !below, ..Failed::default() };
        if self.rule == Rule::Strict {
            failed.signature |= has_small_order(Field::from_words(r));
        }
        // An S that is refused may have too many bits for the digits, and its point is not asked for.
        for word in &mut s {
            *word = W::splat(0).select(below, *word);
        }
        let (s, k) = (scalars(s), scalars(reduce(hash)));
        let point = match self.base {
            Some(base) => {
                let Decoded { x, y, refused } = decode(key_words::<W>(&indices.map(|i| self.items[i].key)));
                failed.key |= refused;
                if self.rule == Rule::Strict {
                    failed.key |= has_small_order(y);
                }
                own.fill(Completed::affine(x.negate(), y, Field::one()));
                with_own(&s, &k, base, own)
            }
            None => {
                let tables = indices.map(|i| self.tables[i].as_deref().expect("an item with a table"));
                for (lane, table) in tables.iter().enumerate() {
                    failed.key |= u8::from(self.rule == Rule::Strict && table.has_small_order) << lane;
                }
                with_combs(&s, &k, Comb::base(self.level), &tables.map(|table| &table.comb))
            }
        };
        Group { point, r, failed }
    }
}

/// [S]B + [k]P, P being the points of `own`: both scalars' digits are added on one chain of doublings.
#[inline(always)]
fn with_own<W: Word52>(s: &Scalars, k: &Scalars, base: &Base, own: &Own) -> Projective<Field<W>> {
    let s = digits::<BASE_DIGITS>(s, BASE_BITS);
    let k = digits::<OWN_DIGITS>(k, OWN_BITS);
    let mut point = Completed::neutral(Field::zero(), Field::one());
    let top = (BASE_BITS * (BASE_DIGITS - 1)).max(OWN_BITS * (OWN_DIGITS - 1));
    let mut doublings = 0;
    for position in (0..=top).rev() {
        let (base_digit, own_digit) = (position.is_multiple_of(BASE_BITS), position.is_multiple_of(OWN_BITS));
        if base_digit || own_digit {
            double(&mut point, doublings);
            doublings = 0;
        }
        if base_digit {
            base.add(&mut point, &s[position / BASE_BITS]);
        }
        if own_digit {
            own.add(&mut point, &k[position / OWN_BITS]);
        }
        doublings += 1;
    }
    projective(point)
}

/// [S]B + [k]P, P being the points that `own` are the combs of.
#[inline(always)]
fn with_combs<W: Word52>(s: &Scalars, k: &Scalars, base: &Comb, own: &[&Comb; LANES_64]) -> Projective<Field<W>> {
    let mut point = Completed::neutral(Field::zero(), Field::one());
    add_combs(&mut point, own, Layout::KEY, &digits::<{ Layout::KEY.digits() }>(k, Layout::KEY.bits()));
    let s = digits::<{ Layout::BASE.digits() }>(s, Layout::BASE.bits());
    add_combs(&mut point, &[base; LANES_64], Layout::BASE, &s);
    projective(point)
}

#[inline(always)]
fn projective<W: Word52>(point: Completed<Field<W>>) -> Projective<Field<W>> {
    W::outlined(
        #[inline(always)]
        || point.projective(),
    )
}

/// The lanes where these are the bytes of the point's encoding (RFC 8032, section 5.1.2).
#[inline(always)]
fn is_encoding<W: Word52>(x: Field<W>, y: Field<W>, bytes: &[W; 4]) -> u8 {
    let mut words = y.to_words();
    words[3] = words[3].select(x.is_odd(), words[3].or(W::splat(1 << 63)));
    let mut same = u8::MAX;
    for i in 0..4 {
        same &= words[i].equal(bytes[i]);
    }
    same
}

/// The lanes of each group where R decodes and eight times the point less R is the neutral point (ZIP-215): where R's bytes
/// are an encoding of the point plus one whose order divides 8, that is one of order 1, 2 or 4 or, more than that, a certain
/// one of order 8. One inversion for all groups.
#[inline(always)]
pub(super) fn times_cofactor<W: Word52>(left: &[Left<W>]) -> Vec<u8> {
    if left.is_empty() {
        return Vec::new();
    }
    let twice_d = Field::splat(&TWICE_D);
    let order_8 = W::outlined(
        #[inline(always)]
        || {
            let (x, y) = order_8_point();
            Completed::affine(x, y, Field::one()).extended()
        },
    );
    let mut sums = Vec::with_capacity(left.len());
    for Left { x, y, .. } in left {
        sums.push(W::outlined(
            #[inline(always)]
            || order_8.add_affine(Affine::new(*x, *y, twice_d), 0).projective(),
        ));
    }
    let mut holds = Vec::with_capacity(left.len());
    for (left, (x, y)) in left.iter().zip(normalise(&sums)) {
        holds.push(W::outlined(
            #[inline(always)]
            || encodes_up_to_order_4(&left.r, left.x, left.y) | encodes_up_to_order_4(&left.r, x, y),
        ));
    }
    holds
}

#[cfg(test)]
mod tests {
    use assay_scheme::{Parameters, Reason, Row};
    use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

    use super::super::super::keys::Table;
    use super::super::super::testing::{
        Odd, agree, agree_at_every_size, agree_in_every_lane, agree_on_odd_items, agree_on_odd_items_with_known_keys,
        agree_with_known_keys, bundle,
    };
    use super::KeyTable;

    const ROWS: [Row; 3] = [Row::Ed25519Zip215, Row::Ed25519Ref10, Row::Ed25519Strict];

    /// Every encoding of a point of small order: y of order 1, 2, 4 and 8, canonical and p more, either sign.
    fn small_order() -> Vec<[u8; 32]> {
        let hex = |text: &str| -> [u8; 32] { hex::decode(text).expect("hex").try_into().expect("32 bytes") };
        let p_plus = |n: u8| {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (0xed + n, 0x7f);
            bytes
        };
        let mut one = [0; 32];
        one[0] = 1;
        let mut minus_one = p_plus(0);
        minus_one[0] -= 1;
        let y = [
            [0; 32],
            one,
            minus_one,
            p_plus(0),
            p_plus(1),
            hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
            hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        ];
        let signed = y.map(|mut bytes| {
            bytes[31] |= 0x80;
            bytes
        });
        [y, signed].concat()
    }

    fn plus(mut bytes: [u8; 32], more: i16) -> [u8; 32] {
        bytes[0] = u8::try_from(i16::from(bytes[0]) + more).expect("no carry");
        bytes
    }

    /// Items with what they are under ZIP-215, ref10 and strict.
    fn odd() -> Vec<(Odd, [Result<(), Reason>; 3])> {
        use Reason::{Equation, Key, Signature};
        let signing = SigningKey::from_bytes(&[9; 32]);
        let message = b"odd".to_vec();
        let signature = signing.sign(&message).to_bytes();
        let (key, r, s) = (signing.verifying_key().to_bytes(), &signature[..32], &signature[32..]);
        let order: [u8; 32] = super::super::scalar::L.map(u64::to_le_bytes).concat().try_into().expect("32 bytes");
        let s_plus_order: Vec<u8> = {
            let mut carry = 0;
            let add = |(a, b): (&u8, &u8)| {
                let sum = u16::from(*a) + u16::from(*b) + carry;
                carry = sum >> 8;
                sum as u8
            };
            s.iter().zip(&order).map(add).collect()
        };
        let off_curve = (0..=u8::MAX)
            .map(|first| plus([0; 32], i16::from(first)))
            .find(|bytes| VerifyingKey::from_bytes(bytes).is_err())
            .expect("half of all bytes are no point");
        let mut cases = Vec::new();
        let mut case = |what, key: &[u8], r: &[u8], s: &[u8], verdicts| {
            let (key, signature, message) = (key.to_vec(), [r, s].concat(), message.clone());
            cases.push((Odd { what, form: 0, key, signature, message, verdict: Ok(()) }, verdicts));
        };
        case("as signed", &key, r, s, [Ok(()); 3]);
        case("S + L", &key, r, &s_plus_order, [Err(Signature); 3]);
        case("S = L", &key, r, &order, [Err(Signature); 3]);
        case("S = L - 1", &key, r, &plus(order, -1), [Err(Equation); 3]);
        case("S = L + 1", &key, r, &plus(order, 1), [Err(Signature); 3]);
        case("S = 2^256 - 1", &key, r, &[0xff; 32], [Err(Signature); 3]);
        case("S = 0", &key, r, &[0; 32], [Err(Equation); 3]);
        case("A is no point", &off_curve, r, s, [Err(Key); 3]);
        case("A is no point and S = L", &off_curve, r, &order, [Err(Key); 3]);
        case("R is no point", &key, &off_curve, s, [Err(Equation); 3]);
        case("R is no point and S = L", &key, &off_curve, &order, [Err(Signature); 3]);
        case("R's other sign", &key, &[&r[..31], &[r[31] ^ 0x80]].concat(), s, [Err(Equation); 3]);
        for point in small_order() {
            let strict = Err(Signature);
            case("R of small order", &key, &point, s, [Err(Equation), Err(Equation), strict]);
            case("R of small order and S = L", &key, &point, &order, [Err(Signature); 3]);
            case("A of small order", &point, r, s, [Err(Equation), Err(Equation), Err(Key)]);
        }
        cases
    }

    #[test]
    fn odd_items_have_their_reasons_in_every_lane() {
        for (rule, row) in ROWS.into_iter().enumerate() {
            let odd: Vec<_> = odd().into_iter().map(|(odd, verdicts)| Odd { verdict: verdicts[rule], ..odd }).collect();
            agree_on_odd_items(row, &Parameters::default(), &odd);
            agree_on_odd_items_with_known_keys(row, &Parameters::default(), &odd);
        }
    }

    /// S = 0 makes R = -[k]A of A's torsion: all of ZIP-215's pairs hold, and of the others some.
    #[test]
    fn all_pairs_of_small_order_points_agree() {
        for row in ROWS {
            let mut columns = assay_scheme::ColumnsBuilder::new(row.operation());
            for a in small_order() {
                for r in small_order() {
                    columns.push(0, &a, &[r, [0; 32]].concat(), b"Zcash");
                }
            }
            let bundle = bundle(&Parameters::default(), columns);
            agree(&bundle, 0..bundle.items());
        }
    }

    #[test]
    fn every_size_agrees() {
        ROWS.into_iter().for_each(agree_at_every_size);
    }

    #[test]
    fn one_bad_and_one_good_item_agree_in_every_lane() {
        ROWS.into_iter().for_each(agree_in_every_lane);
    }

    #[test]
    fn verdicts_do_not_depend_on_known_keys() {
        for row in ROWS {
            agree_with_known_keys(row, KeyTable::BYTES, |lanes| lanes.keys.ed25519.counts());
        }
    }
}
