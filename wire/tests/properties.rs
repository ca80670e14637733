//! What holds for every frame: decoding gives back what was encoded, never panics, and what decodes has one encoding.

use std::sync::Arc;

use assay_scheme::quorum::{Outcome, Tally};
use assay_scheme::registry::{Grouping, Messages, OPERATIONS};
use assay_scheme::{Operation, Output, Parameters, Priority, Reason, Row};
use assay_wire::codec::{Echo, Reply, decode_reply, decode_request, encode_reply, encode_request_head};
use assay_wire::limits::BACKENDS_MAX;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::cases::{self, Item};
use crate::describe;

fn bytes(len: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), len)
}

/// Messages of one length or of several.
fn message(stride: Option<usize>) -> BoxedStrategy<Vec<u8>> {
    match stride {
        Some(stride) => bytes(stride).boxed(),
        None => vec(any::<u8>(), 0..70).boxed(),
    }
}

fn item(operation: &'static Operation, stride: Option<usize>) -> impl Strategy<Value = Item> {
    let (keys, messages) = match operation.grouping {
        Grouping::Single => (usize::from(operation.key_len > 0)..2, 1..2),
        Grouping::Keys => (0..4, 1..2),
        Grouping::Messages if operation.key_len > 0 => (1..2, 0..4),
        Grouping::KeysAndMessages | Grouping::Messages => (0..4, 0..4),
    };
    let plain = (
        select(operation.forms),
        vec(bytes(operation.key_len), keys),
        bytes(operation.signature_len),
        vec(message(stride), messages),
    )
        .prop_map(|(form, mut keys, signature, mut messages)| {
            match operation.grouping {
                _ if operation.key_len == 0 => keys.clear(),
                Grouping::KeysAndMessages => {
                    let entries = keys.len().min(messages.len());
                    keys.truncate(entries);
                    messages.truncate(entries);
                }
                _ => {}
            }
            Item::Plain { form, keys, signature, messages }
        });
    let refused = select(vec![Reason::Key, Reason::Signature, Reason::Message]).prop_map(Item::Refused);
    prop_oneof![9 => plain, 1 => refused]
}

fn parameters(operation: &'static Operation) -> impl Strategy<Value = Parameters> {
    let hash = match operation.messages {
        Messages::Raw => Just(None).boxed(),
        Messages::DigestOr(hashes) => proptest::option::of(select(hashes)).boxed(),
        Messages::Leaves(hashes) => select(hashes).prop_map(Some).boxed(),
    };
    let some = |taken: bool, least: usize, most: usize| {
        let given = vec(any::<u8>(), least..=most).prop_map(|value| Some(Arc::from(value)));
        if taken { prop_oneof![Just(None), given].boxed() } else { Just(None).boxed() }
    };
    let outputs: Vec<Output> =
        [Output::Default, Output::Address].into_iter().filter(|form| operation.value_width(*form).is_some()).collect();
    (hash, some(operation.takes_user_id, 0, 8_191), some(operation.takes_context, 1, 255), select(outputs))
        .prop_map(|(hash, user_id, context, output)| Parameters { hash, user_id, context, output })
}

/// A row, parameters that fit it, and items of it.
fn request() -> impl Strategy<Value = (Row, Parameters, Vec<Item>)> {
    (select(OPERATIONS.iter().collect::<Vec<_>>()), proptest::option::of(1_usize..70)).prop_flat_map(
        |(operation, stride)| (Just(operation.row), parameters(operation), vec(item(operation, stride), 1..12)),
    )
}

fn reply() -> impl Strategy<Value = Reply> {
    let items = (0_usize..40, select(vec![0, 20, 32, 64]))
        .prop_flat_map(|(items, width)| (bytes(items), bytes(items * width), Just(width)));
    let timings = any::<[u32; 3]>();
    let tally = proptest::option::of((any::<u64>(), 1..=5_u8, any::<u16>())).prop_map(|tally| {
        tally.map(|(power, byte, place)| Tally {
            power,
            outcome: Outcome::from_byte(byte, place.into()).expect("an outcome's byte"),
        })
    });
    let lists = (vec(any::<u32>(), 0..BACKENDS_MAX), vec(any::<u8>(), 0..300));
    let trailer = ("\\PC{0,400}", lists, tally, any::<Option<u64>>());
    (items, any::<u16>(), any::<(u16, u16, [u8; 16])>(), timings, trailer).prop_map(
        |((verdicts, values, width), status, (kind, row, nonce), [retry_after_us, queue_us, compute_us], trailer)| {
            // Half of the replies are answers: a refusal bears no items.
            let answered = if status % 2 == 0 {
                Reply::answer(Echo { kind, row, nonce }, verdicts, values, width)
            } else {
                Reply { status, kind, row, nonce, ..Reply::default() }
            };
            let (mut message, (backends, node), tally, tables) = trailer;
            while message.len() > 1_024 {
                message.pop();
            }
            Reply { retry_after_us, queue_us, compute_us, message, backends, node, tally, tables, ..answered }
        },
    )
}

/// A golden frame, some of whose bytes are overwritten, dropped or doubled.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let frames: Vec<Vec<u8>> = cases::frames().into_iter().map(|(_, _, bytes)| bytes).collect();
    let change = (any::<Index>(), any::<u8>(), 0..8_u8);
    (select(frames), vec(change, 1..6)).prop_map(|(mut frame, changes)| {
        for (at, byte, how) in changes {
            if frame.is_empty() {
                break;
            }
            let at = at.index(frame.len());
            match how {
                0 => frame.truncate(at),
                1 => frame.insert(at, byte),
                2 => frame[at] ^= 1 << (byte % 8),
                // Lengths and counts are near the front.
                3..=5 => {
                    let at = at % frame.len().min(64);
                    frame[at] = byte;
                }
                _ => frame[at] = byte,
            }
        }
        frame
    })
}

/// Whatever the bytes: both decoders return, and what decodes encodes to something that decodes to the same.
fn identity(frame: &[u8]) {
    if let Ok(request) = decode_request(frame) {
        let encoded = request.encode().expect("decoded parameters fit");
        assert_eq!(encoded, frame, "a request has one encoding");
    }
    if let Ok(reply) = decode_reply(frame) {
        let encoded = encode_reply(&reply);
        assert_eq!(decode_reply(&encoded).as_ref(), Ok(&reply));
        assert!(encoded.len() <= frame.len(), "only unknown tags are dropped");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_request_comes_back_as_it_went_in(
        (row, parameters, items) in request(),
        priority in select(&Priority::ALL[..]),
        deadline_us: u32,
    ) {
        let columns = cases::columns(row, &items);
        let mut frame = encode_request_head(&columns, &parameters, priority, deadline_us, cases::NONCE).expect("fits");
        frame.extend_from_slice(columns.body());
        prop_assert_eq!(frame.len() % 8, 0);
        let request = decode_request(&frame).expect("decodes");
        prop_assert_eq!(&request.parameters, &parameters);
        prop_assert_eq!(request.frame.priority, priority);
        prop_assert_eq!(request.frame.deadline_us, deadline_us);
        prop_assert_eq!(request.frame.nonce, cases::NONCE);
        prop_assert_eq!(request.frame.shape, columns.shape());
        prop_assert_eq!(request.frame.operation.map(|operation| operation.row), Some(row));
        let found = request.columns().expect("columns");
        prop_assert_eq!(describe::items(found), items);
        identity(&frame);
    }

    #[test]
    fn a_reply_comes_back_as_it_went_in(reply in reply()) {
        let frame = encode_reply(&reply);
        prop_assert_eq!(frame.len() % 8, 0);
        prop_assert_eq!(decode_reply(&frame), Ok(reply));
    }

    #[test]
    fn mutated_frames_never_panic_and_have_one_encoding(frame in mutated()) {
        identity(&frame);
    }

    #[test]
    fn random_bytes_never_panic(mut frame in vec(any::<u8>(), 0..400), magic in select(vec![None, Some(b"ASAY"), Some(b"ASAR")])) {
        if let (Some(magic), Some(head)) = (magic, frame.get_mut(..6)) {
            head[..4].copy_from_slice(magic);
            head[4..].copy_from_slice(&[64, 0]);
        }
        identity(&frame);
    }
}
