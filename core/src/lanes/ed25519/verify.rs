//! From an item's bytes to its verdict under each of the three rule sets (docs/rules.md, Ed25519).
//!
//! All three demand a key that is a point's encoding and S < L. Then [S]B - [k]A is computed and encoded. Where those are R's
//! bytes, the cofactorless equation holds, and with it ZIP-215's, which is eight times it. Where they are not, it is
//! settled for ref10 and strict, which compare bytes (so an R that does not decode fails the equation), while ZIP-215
//! goes on: R is decoded and [8]([S]B - [k]A - R) must be the neutral point.

use super::super::hash::Sha512;
use super::super::items::{Call, Failed, Item, fill};
use super::super::level::CurveWork;
use super::super::message;
use super::super::word::{LANES_64, Word52};
use super::algebra::Element;
use super::curve::{Decoded, TWICE_D, decode, has_small_order};
use super::field::Field;
use super::point::{Affine, Completed, Projective};
use super::scalar::{Scalars, digits, is_below_order, reduce, scalars};
use super::table::{BASE_BITS, BASE_DIGITS, Base, OWN_BITS, OWN_DIGITS, Own, normalise};
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
    let base = Base::get(call.curves);
    let at_once = GROUPS * LANES_64;
    for (items, hashes) in call.items.chunks(at_once).zip(hashes.chunks(at_once)) {
        let failed = call.curves.run(Check { rule, items, hashes, base });
        for (group, failed) in items.chunks(LANES_64).zip(failed) {
            failed.write(group, out);
        }
    }
}

/// Some items, in groups of eight.
struct Check<'a> {
    rule: Rule,
    items: &'a [Item<'a>],
    hashes: &'a [[u8; 64]],
    base: &'a Base,
}

/// What is known of a group before its equation is.
struct Group<W> {
    /// [S]B - [k]A.
    point: Projective<Field<W>>,
    /// R's bytes, as words.
    r: [W; 4],
    failed: Failed,
}

/// An item that the cofactorless equation does not hold for.
struct Left {
    item: usize,
    /// [S]B - [k]A.
    x: [u64; 4],
    y: [u64; 4],
    r: [u64; 4],
}

impl CurveWork for Check<'_> {
    type Answer = Vec<Failed>;

    #[inline(always)]
    fn run<W: Word52>(self) -> Vec<Failed> {
        let mut own = Own::new();
        let groups = self.items.chunks(LANES_64).zip(self.hashes.chunks(LANES_64));
        let groups: Vec<Group<W>> = groups.map(|(items, hashes)| self.multiply(items, hashes, &mut own)).collect();
        let points: Vec<_> = groups.iter().map(|group| group.point).collect();
        let mut left = Vec::new();
        let mut all = Vec::with_capacity(groups.len());
        for (g, (group, (x, y))) in groups.into_iter().zip(normalise(&points)).enumerate() {
            let Group { r, mut failed, .. } = group;
            failed.equation = !W::outlined(|| is_encoding(x, y, &r));
            let undecided = failed.equation & !failed.key & !failed.signature;
            if self.rule == Rule::Zip215 && undecided != 0 {
                let [x, y] = [x, y].map(|coordinate| scalars(W::outlined(|| coordinate.to_words())));
                let r = scalars(r);
                let lanes = (0..LANES_64).filter(|lane| undecided >> lane & 1 == 1);
                let items = lanes.map(|lane| (g * LANES_64 + lane, lane)).filter(|(item, _)| *item < self.items.len());
                left.extend(items.map(|(item, lane)| Left { item, x: x[lane], y: y[lane], r: r[lane] }));
            }
            all.push(failed);
        }
        for left in left.chunks(LANES_64) {
            let holds = times_cofactor::<W>(left);
            for (lane, left) in left.iter().enumerate() {
                let equation = &mut all[left.item / LANES_64].equation;
                *equation &= !((holds >> lane & 1) << (left.item % LANES_64));
            }
        }
        all
    }
}

impl Check<'_> {
    /// Everything up to [S]B - [k]A.
    #[inline(always)]
    fn multiply<W: Word52>(&self, items: &[Item<'_>], hashes: &[[u8; 64]], own: &mut Own) -> Group<W> {
        let items = fill(items);
        let signature = W::load_blocks(&items.map(|item| item.signature.try_into().expect("64 bytes of signature")));
        let keys = items.map(|item| {
            let mut key = [0; 64];
            key[..32].copy_from_slice(item.key);
            key
        });
        let [a0, a1, a2, a3, ..] = W::load_blocks(&std::array::from_fn(|lane| &keys[lane]));
        let hash = W::load_blocks(&fill(hashes));
        let [r0, r1, r2, r3, s0, s1, s2, s3] = signature;
        let (r, s) = ([r0, r1, r2, r3], [s0, s1, s2, s3]);

        let Decoded { x, y, refused } = decode([a0, a1, a2, a3]);
        let below = W::outlined(|| is_below_order(&s));
        let mut failed = Failed { key: refused, signature: !below, ..Failed::default() };
        if self.rule == Rule::Strict {
            failed.key |= W::outlined(|| has_small_order(y));
            failed.signature |= W::outlined(|| has_small_order(Field::from_words(r)));
        }
        // An S that is refused may have too many bits for the digits, and its point is not asked for.
        let zero = W::splat(0);
        let s = s.map(|word| zero.select(below, word));
        let k = W::outlined(|| reduce(hash));
        let one = Field::one();
        own.fill(Completed::affine(x.negate(), y, one));
        let point = multiply(&scalars(s), &scalars(k), self.base, own);
        Group { point, r, failed }
    }
}

/// [S]B + [k]P, P being the points of `own`: both scalars' digits are added on one chain of doublings.
#[inline(always)]
fn multiply<W: Word52>(s: &Scalars, k: &Scalars, base: &Base, own: &Own) -> Projective<Field<W>> {
    let s = digits::<BASE_DIGITS>(s, BASE_BITS);
    let k = digits::<OWN_DIGITS>(k, OWN_BITS);
    let (zero, one) = (Field::zero(), Field::one());
    let mut point = Completed::neutral(zero, one);
    let top = (BASE_BITS * (BASE_DIGITS - 1)).max(OWN_BITS * (OWN_DIGITS - 1));
    let mut doublings = 0;
    for position in (0..=top).rev() {
        let (base_digit, own_digit) = (position.is_multiple_of(BASE_BITS), position.is_multiple_of(OWN_BITS));
        if base_digit || own_digit {
            point = W::outlined(|| (0..doublings).fold(point, |point, _| point.double()));
            doublings = 0;
        }
        if base_digit {
            point = base.add(point, &s[position / BASE_BITS]);
        }
        if own_digit {
            point = own.add(point, &k[position / OWN_BITS]);
        }
        doublings += 1;
    }
    W::outlined(|| point.projective())
}

/// The lanes where these are the bytes of the point's encoding (RFC 8032, section 5.1.2).
#[inline(always)]
fn is_encoding<W: Word52>(x: Field<W>, y: Field<W>, bytes: &[W; 4]) -> u8 {
    let mut words = y.to_words();
    words[3] = words[3].select(x.is_odd(), words[3].or(W::splat(1 << 63)));
    words.iter().zip(bytes).fold(u8::MAX, |same, (word, byte)| same & word.equal(*byte))
}

/// The lanes where R decodes and eight times the point less R is the neutral point (ZIP-215).
#[inline(always)]
fn times_cofactor<W: Word52>(left: &[Left]) -> u8 {
    let left = fill(left);
    let words = |of: &dyn Fn(&Left) -> [u64; 4]| -> [W; 4] {
        let lanes = left.map(of);
        std::array::from_fn(|word| W::load(&lanes.map(|lane| lane[word])))
    };
    let [x, y] = [words(&|left| left.x), words(&|left| left.y)].map(Field::from_words);
    let r = decode(words(&|left| left.r));
    let one = Field::one();
    let difference = W::outlined(|| {
        let r = Affine::new(r.x, r.y, Field::splat(&TWICE_D));
        Completed::affine(x, y, one).extended().add_affine(r, u8::MAX)
    });
    let eight = W::outlined(|| (0..3).fold(difference, |point, _| point.double()).projective());
    W::outlined(|| eight.x.is_zero() & eight.y.equals(eight.z)) & !r.refused
}

#[cfg(test)]
mod tests {
    use assay_scheme::{Parameters, Reason, Row};
    use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

    use super::super::super::testing::{Odd, agree_at_every_size, agree_in_every_lane, agree_on_odd_items};

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
        }
    }

    /// S = 0 makes R = -[k]A of A's torsion: all of ZIP-215's pairs hold, and of the others some.
    #[test]
    fn all_pairs_of_small_order_points_agree() {
        use super::super::super::testing::{agree, bundle};
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
}
