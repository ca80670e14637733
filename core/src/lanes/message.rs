//! From an item's message to the number that its signature is about: hashed in lanes, what goes before the message
//! included.

use super::hash::{self, Kernel};
use super::items::Call;
use super::level::Level;

/// Hashes `count` byte strings, each made of `parts`, and hands each digest to `out` with its index. They are written out
/// end to end once, so this holds as many bytes more as they have together.
pub(super) fn joined<'a, K: Kernel, const PARTS: usize>(
    level: Level,
    count: usize,
    parts: impl Fn(usize) -> [&'a [u8]; PARTS],
    out: &mut dyn FnMut(usize, &[u8]),
) {
    let len = |i: usize| parts(i).iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity((0..count).map(len).sum());
    let mut ends = Vec::with_capacity(count);
    for i in 0..count {
        for part in parts(i) {
            bytes.extend_from_slice(part);
        }
        ends.push(bytes.len());
    }
    let mut rest = &bytes[..];
    let mut start = 0;
    let mut messages = Vec::with_capacity(count);
    for end in ends {
        let (message, after) = rest.split_at(end - start);
        messages.push(message);
        (rest, start) = (after, end);
    }
    hash::digests::<K>(level, &messages, out);
}

/// The 32 bytes that each item's signature is about: its message's named hash, or the message itself where none is named;
/// `None` where that has another length.
pub(super) fn signed_digests(call: &Call<'_>) -> Vec<Option<[u8; 32]>> {
    let messages: Vec<&[u8]> = call.items.iter().map(|item| item.message).collect();
    let Some(hash) = call.parameters.hash else {
        return messages.into_iter().map(|message| message.try_into().ok()).collect();
    };
    let mut digests = vec![None; messages.len()];
    let mut out = |first: usize, run: &[u8]| {
        for (own, digest) in digests[first..].iter_mut().zip(run.as_chunks::<32>().0) {
            *own = Some(*digest);
        }
    };
    hash::named(call.hashes, hash, &messages, &mut out);
    digests
}

#[cfg(test)]
mod tests {
    use assay_scheme::{Hash, Parameters};

    use super::super::KnownKeys;
    use super::super::items::Item;
    use super::super::level::CurveLevel;
    use super::*;
    use crate::reference;

    #[test]
    fn parts_are_hashed_end_to_end() {
        let bytes: Vec<u8> = (0..400).map(|i| i as u8).collect();
        let cuts: Vec<[usize; 2]> = (0..40).map(|i| [i * 3 % 97, 100 + i * 7]).collect();
        let mut digests = vec![[0; 32]; cuts.len()];
        let parts = |i: usize| [&bytes[..cuts[i][0]], &bytes[cuts[i][0]..cuts[i][1]]];
        joined::<hash::Sm3, 2>(Level::PORTABLE, cuts.len(), parts, &mut |i, digest| {
            digests[i].copy_from_slice(digest);
        });
        for (cut, digest) in cuts.iter().zip(digests) {
            assert_eq!(digest, reference::hash(Hash::Sm3, &bytes[..cut[1]]));
        }
    }

    #[test]
    fn every_named_hash_is_the_references_and_other_lengths_are_no_digest() {
        let messages: Vec<Vec<u8>> = [0, 31, 32, 33, 200].map(|len| vec![7; len]).to_vec();
        let items = messages.iter().enumerate();
        let items: Vec<_> =
            items.map(|(at, message)| Item { at, form: 0, key: &[], signature: &[], message }).collect();
        let digests = |parameters: &Parameters| {
            let (curves, hashes) = (CurveLevel::PORTABLE, Level::PORTABLE);
            let keys = &KnownKeys::new(0, None);
            signed_digests(&Call { curves, hashes, keys, parameters, items: items.clone() })
        };
        for hash in Hash::ALL {
            let expected: Vec<_> = messages.iter().map(|message| Some(reference::hash(hash, message))).collect();
            assert_eq!(digests(&Parameters::hashed(hash)), expected, "{}", hash.name());
        }
        assert_eq!(digests(&Parameters::default()), [None, None, Some([7; 32]), None, None]);
    }
}
