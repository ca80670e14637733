//! The golden frames that decode: a request or reply each, as its sender means it, before it is bytes.

use std::sync::Arc;

use assay_scheme::limits::COLUMN_ALIGN;
use assay_scheme::quorum::{Outcome, Tally, Terms};
use assay_scheme::registry::Grouping;
use assay_scheme::{Ballot, Columns, ColumnsBuilder, Hash, Keys, Output, Parameters, Priority, Reason, Row, Shape};
use assay_wire::codec::{
    Echo, Reply, encode_preload_head, encode_quorum_head, encode_reply, encode_request_head, encode_status_request,
};
use assay_wire::node::{BackendReport, NodeStatus, QueueReport};
use assay_wire::status::Status;

use crate::describe;

/// One item as its sender means it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    /// Refused in encoding.
    Refused(Reason),
    /// Put into canonical form.
    Plain { form: u8, keys: Vec<Vec<u8>>, signature: Vec<u8>, messages: Vec<Vec<u8>> },
}

/// A golden request of a row.
pub(crate) struct RequestCase {
    pub(crate) file: &'static str,
    pub(crate) shows: &'static str,
    pub(crate) row: Row,
    pub(crate) parameters: Parameters,
    pub(crate) priority: Priority,
    pub(crate) deadline_us: u32,
    pub(crate) items: Vec<Item>,
    /// Messages of one length, and offsets all the same: right, if longer than it need be.
    pub(crate) offsets: bool,
}

/// A golden reply.
pub(crate) struct ReplyCase {
    pub(crate) file: &'static str,
    pub(crate) shows: &'static str,
    pub(crate) reply: Reply,
}

/// The nonce of every golden frame.
pub(crate) const NONCE: [u8; 16] =
    [0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf];

impl RequestCase {
    fn new(file: &'static str, shows: &'static str, row: Row, items: Vec<Item>) -> Self {
        Self {
            file,
            shows,
            row,
            parameters: Parameters::default(),
            priority: Priority::Block,
            deadline_us: 0,
            items,
            offsets: false,
        }
    }

    fn hashed(self, hash: Hash) -> Self {
        Self { parameters: Parameters::hashed(hash), ..self }
    }

    fn user_id(self, id: &[u8]) -> Self {
        Self { parameters: Parameters { user_id: Some(Arc::from(id)), ..self.parameters }, ..self }
    }

    fn urgent(self, priority: Priority, deadline_us: u32) -> Self {
        Self { priority, deadline_us, ..self }
    }

    /// The frame's bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let columns = if self.offsets { with_offsets(self.row, &self.items) } else { columns(self.row, &self.items) };
        let mut bytes = encode_request_head(&columns, &self.parameters, self.priority, self.deadline_us, NONCE)
            .expect("a case's parameters fit its row");
        bytes.extend_from_slice(columns.body());
        bytes
    }
}

/// The columns of these items, as a client builds them.
pub(crate) fn columns(row: Row, items: &[Item]) -> Columns {
    let mut builder = ColumnsBuilder::new(row.operation());
    for item in items {
        match item {
            Item::Refused(reason) => builder.refuse(*reason),
            Item::Plain { form, keys, signature, messages } if row.operation().grouping == Grouping::Single => {
                builder.push(*form, keys.first().map_or(&[], |key| key), signature, &messages[0]);
            }
            Item::Plain { form, keys, signature, messages } => {
                let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
                let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
                builder.push_group(*form, &keys, signature, &messages);
            }
        }
    }
    builder.build().expect("a case's items fit a request")
}

/// The columns of a digest row with offsets, whatever the messages' lengths.
fn with_offsets(row: Row, items: &[Item]) -> Columns {
    let mut body = vec![0; items.len().next_multiple_of(COLUMN_ALIGN)];
    let mut arena = Vec::new();
    let mut offsets = 0_u32.to_le_bytes().to_vec();
    for item in items {
        let Item::Plain { messages, .. } = item else { panic!("a digest row refuses nothing here") };
        arena.extend_from_slice(&messages[0]);
        offsets.extend_from_slice(&(arena.len() as u32).to_le_bytes());
    }
    for column in [offsets, arena] {
        body.extend_from_slice(&column);
        body.resize(body.len().next_multiple_of(COLUMN_ALIGN), 0);
    }
    let shape = Shape { items: items.len() as u32, message_stride: 0 };
    Columns::parse(row.operation(), shape, Arc::new(body), 0).expect("columns")
}

/// `len` bytes that count up from `first`, so that a shifted field is seen at once.
pub(crate) fn count(first: u8, len: usize) -> Vec<u8> {
    (0..len).map(|i| first.wrapping_add(i as u8)).collect()
}

fn item(form: u8, keys: &[Vec<u8>], signature: Vec<u8>, messages: &[&[u8]]) -> Item {
    Item::Plain { form, keys: keys.to_vec(), signature, messages: messages.iter().map(|m| m.to_vec()).collect() }
}

fn digest(message: &[u8]) -> Item {
    item(0, &[], Vec::new(), &[message])
}

/// The golden requests that name a row.
pub(crate) fn requests() -> Vec<RequestCase> {
    [verify_requests(), curve_requests(), grouped_requests(), value_requests()].into_iter().flatten().collect()
}

fn verify_requests() -> Vec<RequestCase> {
    let ed25519 = |n: u8, message: &[u8]| item(0, &[count(n, 32)], count(n ^ 0x80, 64), &[message]);
    vec![
        RequestCase::new(
            "request-ed25519-variable",
            "messages of different lengths, the first of none: offsets and an arena",
            Row::Ed25519Zip215,
            vec![ed25519(0x10, b""), ed25519(0x20, b"vote"), ed25519(0x30, b"a precommit at height 7")],
        )
        .urgent(Priority::Consensus, 250_000),
        RequestCase::new(
            "request-ed25519-empty-messages",
            "every message of no bytes: offsets that are all zero, and an arena of none",
            Row::Ed25519Strict,
            vec![ed25519(0x40, b""), ed25519(0x50, b"")],
        ),
        RequestCase::new(
            "request-bip340-refused",
            "items that their encoder refused keep their place, zeroed: the key, then the signature",
            Row::SchnorrBip340,
            vec![
                ed25519(0x11, &[0xcd; 32]),
                Item::Refused(Reason::Key),
                Item::Refused(Reason::Signature),
                ed25519(0x22, &[0xce; 32]),
            ],
        ),
        RequestCase::new(
            "request-rsa2048",
            "a row with a 264-byte key entry",
            Row::Rsa2048Pkcs1Sha256,
            vec![item(0, &[count(1, 264)], count(2, 256), &[b"an invoice"])],
        ),
        RequestCase {
            parameters: Parameters { context: Some(Arc::from(&b"assay test"[..])), ..Parameters::default() },
            ..RequestCase::new(
                "request-ml-dsa-65-context",
                "a context string, and a signature column whose padding is not zero bytes long",
                Row::MlDsa65,
                vec![item(0, &[count(3, 1_952)], count(4, 3_309), &[b"message"])],
            )
        },
    ]
}

fn curve_requests() -> Vec<RequestCase> {
    let curve = |form: u8, n: u8, message: &[u8]| {
        let mut key = count(n, 64);
        if form < 4 {
            key[32..].fill(0);
        }
        item(form, &[key], count(n ^ 0x80, 64), &[message])
    };
    vec![
        RequestCase::new(
            "request-ecdsa-secp256k1-sha256d",
            "a message hash in the header; SEC1 tags in the forms: compressed, uncompressed, hybrid",
            Row::EcdsaSecp256k1,
            vec![curve(2, 0x10, b"one"), curve(4, 0x20, b"two and more"), curve(7, 0x30, b"three")],
        )
        .hashed(Hash::Sha256d)
        .urgent(Priority::Mempool, 1_000_000),
        RequestCase::new(
            "request-ecdsa-p256-low-s-digest",
            "no hash named: 32-byte digests at a fixed stride",
            Row::EcdsaP256LowS,
            vec![curve(3, 0x40, &[0xd1; 32]), curve(4, 0x50, &[0xd2; 32])],
        ),
        RequestCase::new(
            "request-sm2-za-user-id",
            "a user id of 18 bytes and its padding",
            Row::Sm2Za,
            vec![curve(4, 0x60, b"message digest")],
        )
        .user_id(b"ALICE123@YAHOO.COM"),
        RequestCase::new(
            "request-sm2-za-empty-user-id",
            "a user id of no bytes, which is not the default one",
            Row::Sm2Za,
            vec![curve(4, 0x60, b"message digest")],
        )
        .user_id(b""),
        RequestCase::new(
            "request-sm2-za-default-user-id",
            "no user id: the default one, and no parameters",
            Row::Sm2Za,
            vec![curve(4, 0x60, b"message digest")],
        ),
        RequestCase::new("request-sm2-e-sm3", "SM2 over the SM3 hash itself", Row::Sm2E, vec![curve(2, 0x70, b"abc")])
            .hashed(Hash::Sm3),
    ]
}

fn grouped_requests() -> Vec<RequestCase> {
    let bls = |keys: &[u8], n: u8, messages: &[&[u8]]| {
        item(0, &keys.iter().map(|first| count(*first, 48)).collect::<Vec<_>>(), count(n, 96), messages)
    };
    let leaves = |messages: &[&[u8]]| item(0, &[], Vec::new(), messages);
    let proof = |index: u64, leaves: u64, entries: &[&[u8]]| {
        item(0, &[count(0xf0, 32)], [index.to_le_bytes(), leaves.to_le_bytes()].concat(), entries)
    };
    vec![
        RequestCase::new(
            "request-merkle-proof",
            "proofs: the root is the key, index and number of leaves the signature, the leaf and its path the messages",
            Row::MerkleRfc6962Proof,
            vec![proof(2, 3, &[b"leaf", &[7; 32]]), Item::Refused(Reason::Key), proof(0, 1, &[b""])],
        )
        .hashed(Hash::Sha256),
        RequestCase::new(
            "request-merkle-consistency",
            "two roots in one key; three nodes at a fixed stride",
            Row::MerkleRfc6962Consistency,
            vec![item(
                0,
                &[count(1, 64)],
                [3_u64.to_le_bytes(), 7_u64.to_le_bytes()].concat(),
                &[&[1; 32], &[2; 32], &[3; 32]],
            )],
        )
        .hashed(Hash::Sm3),
        RequestCase::new(
            "request-merkle-patricia-proof",
            "no signature: key, value and nodes; an empty value claims that nothing is there",
            Row::MerklePatriciaProof,
            vec![
                item(0, &[count(1, 32)], Vec::new(), &[&[0x80], b"value", b"node"]),
                item(0, &[count(2, 32)], Vec::new(), &[b"key", b""]),
            ],
        )
        .hashed(Hash::Keccak256),
        RequestCase::new(
            "request-pow-share",
            "a difficulty for a key, 80-byte headers for messages",
            Row::PowBitcoinShare,
            vec![item(0, &[65_536_u64.to_le_bytes().to_vec()], Vec::new(), &[&count(0, 80)])],
        ),
        RequestCase::new(
            "request-bls-aggregate",
            "keys and messages in groups of two, none and one",
            Row::BlsMinPkPopAggregate,
            vec![bls(&[1, 2], 0x81, &[b"a", b"bc"]), bls(&[], 0x82, &[]), bls(&[3], 0x83, &[b"def"])],
        ),
        RequestCase::new(
            "request-bls-fast-aggregate",
            "keys in groups, one message an item at a fixed stride, and a refused item between",
            Row::BlsMinPkPopFastAggregate,
            vec![bls(&[1, 2, 3], 0x81, &[&[0xe1; 32]]), Item::Refused(Reason::Key), bls(&[4], 0x82, &[&[0xe2; 32]])],
        ),
        RequestCase::new(
            "request-merkle-rfc6962",
            "trees of three leaves and of none; the leaves have different lengths",
            Row::MerkleRfc6962,
            vec![leaves(&[b"leaf", b"", b"another leaf"]), leaves(&[])],
        )
        .hashed(Hash::Sha256),
        RequestCase::new(
            "request-merkle-duplicate-last",
            "32-byte leaves at a fixed stride",
            Row::MerkleDuplicateLast,
            vec![leaves(&[&[1; 32]]), leaves(&[&[2; 32], &[3; 32], &[4; 32]])],
        )
        .hashed(Hash::Sha256d)
        .urgent(Priority::Bulk, 0),
    ]
}

fn value_requests() -> Vec<RequestCase> {
    let recover = |v: u8, n: u8| {
        let signature = [count(n, 64), vec![v]].concat();
        item(0, &[], signature, &[&[n; 32]])
    };
    vec![
        RequestCase {
            parameters: Parameters { output: Output::Address, ..Parameters::default() },
            ..RequestCase::new(
                "request-recover-address",
                "the output form is a parameter; signatures of 65 bytes",
                Row::RecoverSecp256k1LowS,
                vec![recover(0, 0x10), recover(1, 0x20), recover(3, 0x30)],
            )
        },
        RequestCase::new(
            "request-recover-public-key",
            "the first output form is not said",
            Row::RecoverSecp256k1,
            vec![item(0, &[], count(9, 65), &[b"a signed message"])],
        )
        .hashed(Hash::Keccak256),
        RequestCase::new("request-sha256-one", "the shortest useful request", Row::Sha256, vec![digest(b"abc")]),
        RequestCase::new(
            "request-blake3-fixed",
            "messages of 32 bytes at a fixed stride: no offsets",
            Row::Blake3,
            (1..=9).map(|n| digest(&count(n << 4, 32))).collect(),
        )
        .urgent(Priority::Bulk, 4_294_967_295),
        RequestCase {
            offsets: true,
            ..RequestCase::new(
                "request-sm3-offsets",
                "messages of one length with offsets all the same: longer than it need be, and right",
                Row::Sm3,
                vec![digest(b"abcd"), digest(b"efgh")],
            )
        },
    ]
}

/// A golden request that is no batch of items: its file, what it shows, its bytes, and what its sender means.
pub(crate) struct OtherCase {
    pub(crate) file: &'static str,
    pub(crate) shows: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) meant: serde_json::Value,
}

/// The golden quorums and preloads.
pub(crate) fn others() -> Vec<OtherCase> {
    let ed25519 = |n: u8, message: &[u8]| item(0, &[count(n, 32)], count(n ^ 0x80, 64), &[message]);
    let votes = RequestCase::new(
        "",
        "",
        Row::Ed25519Zip215,
        vec![ed25519(0x10, b"vote 1"), ed25519(0x20, b"vote 2"), Item::Refused(Reason::Signature)],
    )
    .urgent(Priority::Consensus, 250_000);
    let signed = item(4, &[count(1, 64)], count(2, 64), &[b"prevote"]);
    let sm2 = RequestCase::new("", "", Row::Sm2Za, vec![signed]).user_id(b"");
    let light = Terms { total: 1_000_000, numerator: 2, denominator: 3, at_least: false, stop_early: true };
    let half = Terms { total: u64::MAX, numerator: 1, denominator: 2, at_least: true, stop_early: false };
    let quorum = |file, shows, case: RequestCase, powers: &[u64], terms| {
        let ballot = Ballot::new(columns(case.row, &case.items), powers.to_vec(), terms).expect("a case is a ballot");
        let head = encode_quorum_head(&ballot, &case.parameters, case.priority, case.deadline_us, NONCE);
        let bytes = [head.expect("a case's parameters fit its row"), ballot.votes().body().to_vec()].concat();
        OtherCase { file, shows, bytes, meant: describe::votes(describe::meant(&case), &terms, powers) }
    };
    let preload = |file, shows, keys: Keys| {
        let bytes = [encode_preload_head(&keys, Priority::Bulk, 0, NONCE), keys.body().to_vec()].concat();
        OtherCase { file, shows, bytes, meant: describe::preload(&keys, "bulk", 0) }
    };
    let (one, two) = (count(1, 64), count(0x41, 64));
    let keys = [Ok((4, &one[..])), Err(Reason::Key), Ok((3, &two[..]))];
    vec![
        quorum(
            "request-quorum-ed25519",
            "votes behind their powers; the terms of a light client: more than two thirds, and no further",
            votes,
            &[400_000, 300_000, 1],
            light,
        ),
        quorum(
            "request-quorum-sm2",
            "a row's own parameters before the terms, and the largest power",
            sm2,
            &[u64::MAX],
            half,
        ),
        preload(
            "request-preload-p256",
            "keys with their forms, one of them refused by its encoder",
            Keys::collect(Row::EcdsaP256.operation(), keys).expect("fits"),
        ),
        preload(
            "request-preload-none",
            "no keys: what was kept of this row is let go",
            Keys::collect(Row::Ed25519Zip215.operation(), []).expect("fits"),
        ),
    ]
}

/// The golden status request: its file, what it shows, its bytes.
pub(crate) fn status_request() -> (&'static str, &'static str, Vec<u8>) {
    ("request-status", "the status operation: a header that says only its nonce", encode_status_request(NONCE))
}

/// The golden replies.
pub(crate) fn replies() -> Vec<ReplyCase> {
    let echo = |row: Row| Echo { kind: row.operation().kind as u16, row: row.id(), nonce: NONCE };
    let answer = |row: Row, verdicts: &[u8], values: Vec<u8>, width| {
        let reply = Reply::answer(echo(row), verdicts.to_vec(), values, width);
        Reply { queue_us: 420, compute_us: 87, ..reply }
    };
    let case = |file, shows, reply| ReplyCase { file, shows, reply };
    vec![
        case(
            "reply-verdicts",
            "one of each: valid, and invalid by equation, key, signature and message",
            answer(Row::EcdsaSecp256k1, &[1, 2, 3, 4, 5], Vec::new(), 0),
        ),
        case(
            "reply-not-evaluated",
            "items without a verdict, under the status ok: their causes",
            answer(Row::Ed25519Zip215, &[1, 0, 128, 129, 130, 131], Vec::new(), 0),
        ),
        case(
            "reply-digests",
            "values of 32 bytes, and items computed by two backends",
            Reply {
                backends: vec![1, 0, 2],
                ..answer(Row::Sha256, &[1, 1, 1], [count(0, 32), count(0x40, 32), count(0x80, 32)].concat(), 32)
            },
        ),
        case(
            "reply-addresses",
            "values of 20 bytes and their padding; a value without a valid verdict is zeros",
            answer(Row::RecoverSecp256k1LowS, &[1, 4, 1], [count(1, 20), vec![0; 20], count(2, 20)].concat(), 20),
        ),
        case(
            "reply-busy",
            "a refusal with words and a hint when to come again",
            Reply::refusal(echo(Row::Ed25519Zip215), Status::Busy, "the queue of consensus is full", 15_000),
        ),
        case(
            "reply-bad-magic",
            "a refusal of bytes that were no request: nothing to repeat",
            Reply::refusal(Echo::default(), Status::BadMagic, "not a request of assay/1", 0),
        ),
        case(
            "reply-unknown-status",
            "a status of a later version: its hundred says who is to blame",
            Reply {
                status: 399,
                ..Reply::refusal(echo(Row::Sha256), Status::Busy, "too much of something new", 1_000)
            },
        ),
        case(
            "reply-quorum",
            "a verdict a vote, and what they add up to; the vote behind the threshold was not needed",
            Reply { tally: Some(Tally { power: 700_000, outcome: Outcome::Reached }), ..quorum_answer(&[1, 1, 132]) },
        ),
        case(
            "reply-quorum-duplicate",
            "a quorum that a vote refuses: its place, from 0",
            Reply {
                tally: Some(Tally { power: 2, outcome: Outcome::DuplicateSigner(2) }),
                ..quorum_answer(&[1, 1, 1])
            },
        ),
        case(
            "reply-preload",
            "a verdict a key, and the bytes of the tables that are ready",
            Reply {
                tables: Some(24_576),
                ..Reply::answer(Echo { kind: 7, row: Row::EcdsaP256.id(), nonce: NONCE }, vec![1, 3, 1], Vec::new(), 0)
            },
        ),
        case("reply-status", "the status operation's document", Reply::node_status(status_echo(), &node())),
    ]
}

fn quorum_answer(verdicts: &[u8]) -> Reply {
    Reply::answer(Echo { kind: 6, row: Row::Ed25519Zip215.id(), nonce: NONCE }, verdicts.to_vec(), Vec::new(), 0)
}

fn status_echo() -> Echo {
    Echo { kind: 8, row: 0, nonce: NONCE }
}

fn node() -> NodeStatus {
    NodeStatus {
        version: "0.1.0".into(),
        state: "ready".into(),
        zone: "hall 2, row 7".into(),
        capacity: [("sha256".to_owned(), 6_000_000.0)].into(),
        kinds: vec!["verify".into(), "digest".into(), "quorum".into(), "status".into()],
        operations: vec!["ed25519-zip215".into(), "sha256".into()],
        backends: vec![BackendReport { name: "reference".into(), serving: true, items: 42, note: "2 cores".into() }],
        queues: [("consensus".to_owned(), QueueReport { items: 0, limit: 65_536 })].into(),
        uptime_s: 12.5,
        items_max: 65_536,
        body_bytes_max: 16_777_216,
    }
}

/// The bytes of every golden frame that decodes, with its file and what it shows.
pub(crate) fn frames() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let requests = requests().into_iter().map(|case| (case.file, case.shows, case.encode()));
    let others = others().into_iter().map(|case| (case.file, case.shows, case.bytes));
    let replies = replies().into_iter().map(|case| (case.file, case.shows, encode_reply(&case.reply)));
    requests.chain(others).chain([status_request()]).chain(replies).collect()
}
