//! The generated parts of the documents: tables from the registry, worked examples from the golden frames.

use std::fmt::Write;

use assay_scheme::quorum::Outcome;
use assay_scheme::registry::{Grouping, Messages, OPERATIONS, Operation};
use assay_scheme::{Cause, Hash, Kind, Output, Priority, Reason, Verdict};
use assay_wire::limits;
use assay_wire::parameters::{ReplyTag, RequestTag};
use assay_wire::status::{CloseCode, Status};

use crate::cases;

/// A Markdown table.
fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), " :-- |".repeat(N));
    for row in rows {
        writeln!(text, "| {} |", row.join(" | ")).expect("a String takes everything");
    }
    text
}

fn code(word: impl std::fmt::Display) -> String {
    format!("`{word}`")
}

/// The word for an output form.
pub(crate) fn output(output: Output) -> &'static str {
    match output {
        Output::Default => "default",
        Output::Address => "address",
    }
}

/// Bytes of a length, or a dash for a column that is not there.
fn len(bytes: usize) -> String {
    if bytes == 0 { "–".into() } else { bytes.to_string() }
}

fn forms(operation: &Operation) -> String {
    operation.forms.iter().map(|form| format!("{form:02x}")).collect::<Vec<_>>().join(" ")
}

fn values(operation: &Operation) -> String {
    match operation.values {
        [] => "–".into(),
        [(_, width)] => width.to_string(),
        several => {
            several.iter().map(|(form, width)| format!("{} {width}", output(*form))).collect::<Vec<_>>().join(", ")
        }
    }
}

fn grouping(operation: &Operation) -> &'static str {
    match operation.grouping {
        Grouping::Single => "none",
        Grouping::Keys => "keys",
        Grouping::KeysAndMessages => "keys and messages",
        Grouping::Messages => "messages",
    }
}

fn hash_names(hashes: &[Hash]) -> String {
    if hashes == Hash::ALL { "any".into() } else { hashes.iter().map(|hash| hash.name()).collect::<Vec<_>>().join(" ") }
}

/// Whether a hash must, may or must not be named, and which.
fn hashes(operation: &Operation) -> String {
    match operation.messages {
        Messages::Raw => "none".into(),
        Messages::DigestOr(hashes) => format!("optional: {}", hash_names(hashes)),
        Messages::Leaves(hashes) => format!("required: {}", hash_names(hashes)),
    }
}

fn takes(operation: &Operation) -> String {
    let tags = [
        (operation.takes_user_id, RequestTag::UserId),
        (operation.takes_context, RequestTag::Context),
        (operation.values.len() > 1, RequestTag::Output),
    ];
    let tags: Vec<&str> = tags.into_iter().filter(|(takes, _)| *takes).map(|(_, tag)| tag.name()).collect();
    if tags.is_empty() { "–".into() } else { tags.join(", ") }
}

/// What each row's bytes are, for a codec.
pub(crate) fn rows() -> String {
    table(
        ["row", "operation", "kind", "key", "signature", "forms", "groups", "hash", "parameters", "value"],
        OPERATIONS.iter().map(|operation| {
            [
                format!("{:#06x}", operation.row.id()),
                code(operation.name),
                operation.kind.name().into(),
                len(operation.key_len),
                len(operation.signature_len),
                forms(operation),
                grouping(operation).into(),
                hashes(operation),
                takes(operation),
                values(operation),
            ]
        }),
    )
}

/// The table of operations, for whoever chooses one.
pub(crate) fn operations() -> String {
    let messages = |operation: &Operation| match operation.messages {
        Messages::Raw if operation.grouping == Grouping::KeysAndMessages => "one a key, any length".into(),
        Messages::Raw => "any length".into(),
        Messages::DigestOr(allowed) => format!("a 32-byte digest, or any length with a hash ({})", hash_names(allowed)),
        Messages::Leaves(allowed) => format!("leaves, and the tree's hash ({})", hash_names(allowed)),
    };
    table(
        ["row", "name", "kind", "key", "signature", "messages", "value", "rule", "kernel"],
        OPERATIONS.iter().map(|operation| {
            [
                format!("{:#06x}", operation.row.id()),
                code(operation.name),
                operation.kind.name().into(),
                if matches!(operation.grouping, Grouping::Keys | Grouping::KeysAndMessages) {
                    format!("n × {}", operation.key_len)
                } else {
                    len(operation.key_len)
                },
                len(operation.signature_len),
                messages(operation),
                values(operation),
                operation.rule.into(),
                operation.kernel.map_or_else(|| "–".into(), code),
            ]
        }),
    )
}

/// The short table of operations in the README.
pub(crate) fn operations_brief() -> String {
    table(
        ["kind", "operation", "rule set"],
        OPERATIONS.iter().map(|operation| [operation.kind.name().into(), code(operation.name), operation.rule.into()]),
    )
}

pub(crate) fn statuses() -> String {
    table(
        ["code", "status", "who is to blame", "connection", "retry", "meaning"],
        Status::ALL.iter().map(|status| {
            [
                status.code().to_string(),
                code(status),
                status.blame().name().into(),
                if status.closes_connection() { "closed" } else { "lives" }.into(),
                status.retry().name().into(),
                status.meaning().into(),
            ]
        }),
    )
}

pub(crate) fn close_codes() -> String {
    table(
        ["code", "name", "meaning"],
        CloseCode::ALL.iter().map(|each| [each.code().to_string(), code(each), each.meaning().into()]),
    )
}

pub(crate) fn kinds() -> String {
    let meaning = |kind| match kind {
        Kind::Verify => "A verdict for each key, signature and message.",
        Kind::Recover => "A public key or address for each signature and message.",
        Kind::Digest => "A digest for each message.",
        Kind::Merkle => "A root for each tree of leaves, or a verdict for each proof against a root.",
        Kind::Pow => "A verdict and the hash for each block header.",
        Kind::Quorum => {
            "A verdict for each vote, what they add up to, and whether it is enough. Rows of verify without groups."
        }
        Kind::Preload => "Keys whose tables are wanted ready. Rows of verify.",
        Kind::Status => "What the node offers and how busy it is. It has no rows.",
    };
    table(
        ["kind", "name", "what is asked"],
        Kind::ALL.map(|kind| [(kind as u16).to_string(), code(kind.name()), meaning(kind).into()]),
    )
}

pub(crate) fn hash_bytes() -> String {
    table(["hash", "name"], Hash::ALL.map(|hash| [(hash as u8).to_string(), code(hash.name())]))
}

pub(crate) fn outputs() -> String {
    let meaning = |form| match form {
        Output::Default => {
            "The row's first form: the 64-byte public key x ‖ y for recover, the digest or root elsewhere."
        }
        Output::Address => "The last 20 bytes of keccak256(x ‖ y).",
    };
    table(
        ["output", "name", "value"],
        [Output::Default, Output::Address]
            .map(|each| [(each as u8).to_string(), code(output(each)), meaning(each).into()]),
    )
}

pub(crate) fn priorities() -> String {
    let meaning = |priority| match priority {
        Priority::Consensus => "Votes and quorum certificates: a round waits for them.",
        Priority::Block => "A block being checked before it is accepted.",
        Priority::Mempool => "Transactions on their way into the pool.",
        Priority::Bulk => "History, audits, synchronisation: throughput matters, latency does not.",
    };
    table(
        ["priority", "name", "for"],
        Priority::ALL.map(|each| [(each as u8).to_string(), code(each.name()), meaning(each).into()]),
    )
}

pub(crate) fn verdicts() -> String {
    let meaning = |verdict| match verdict {
        Verdict::Valid => "The rule set accepts the item; for recover, digest and merkle: the value was computed.",
        Verdict::Invalid(Reason::Equation) => "Everything parses and lies in range, and the equation does not hold.",
        Verdict::Invalid(Reason::Key) => "The public key is malformed, off the curve or refused by the rule set.",
        Verdict::Invalid(Reason::Signature) => "The signature's encoding or range is refused.",
        Verdict::Invalid(Reason::Message) => "The message does not fit the row.",
        Verdict::NotEvaluated(Cause::Unwritten) => "Nobody wrote an answer.",
        Verdict::NotEvaluated(Cause::DeadlineExceeded) => "The deadline passed before the item was computed.",
        Verdict::NotEvaluated(Cause::Cancelled) => "The request was withdrawn.",
        Verdict::NotEvaluated(Cause::BackendFault) => "Every backend that serves the row failed on this item's batch.",
        Verdict::NotEvaluated(Cause::Stopped) => "The node stopped before the item was computed.",
        Verdict::NotEvaluated(Cause::NotNeeded) => {
            "The answer was certain without it: a vote behind the one that reached its threshold."
        }
    };
    let all = (0..=u8::MAX).filter_map(Verdict::from_byte);
    table(
        ["byte", "verdict", "detail", "meaning"],
        all.map(|verdict| {
            [
                verdict.to_byte().to_string(),
                verdict.name().into(),
                verdict.detail().unwrap_or("–").into(),
                meaning(verdict).into(),
            ]
        }),
    )
}

pub(crate) fn request_tags() -> String {
    let row = |tag: &RequestTag| [(*tag as u16).to_string(), code(tag.name()), tag.meaning().into()];
    table(["tag", "name", "value"], RequestTag::ALL.iter().map(row))
}

pub(crate) fn reply_tags() -> String {
    let row = |tag: &ReplyTag| [(*tag as u16).to_string(), code(tag.name()), tag.meaning().into()];
    table(["tag", "name", "value"], ReplyTag::ALL.iter().map(row))
}

pub(crate) fn limit_values() -> String {
    use assay_scheme::limits as scheme;
    let row = |what: &str, most: usize, unit: &str| [what.to_owned(), most.to_string(), unit.to_owned()];
    table(
        ["limit", "at most", "unit"],
        [
            row("items of a request", scheme::ITEMS_MAX as usize, "items"),
            row("`body_len` of a request", scheme::BODY_BYTES_MAX as usize, "bytes"),
            row("`params_len`", limits::PARAMETERS_BYTES_MAX as usize, "bytes"),
            row("user id", scheme::USER_ID_BYTES_MAX, "bytes"),
            row("context", scheme::CONTEXT_BYTES_MAX, "bytes"),
            row("a whole request", limits::REQUEST_BYTES_MAX, "bytes"),
            row("`value_width`", limits::VALUE_BYTES_MAX as usize, "bytes"),
            row("`trailer_len`", limits::TRAILER_BYTES_MAX as usize, "bytes"),
            row("message of a reply", limits::MESSAGE_BYTES_MAX, "bytes"),
            row("backends counted in a reply", limits::BACKENDS_MAX, "backends"),
            row("status document", limits::NODE_BYTES_MAX, "bytes"),
            row("a whole reply", limits::REPLY_BYTES_MAX, "bytes"),
        ],
    )
}

const REQUEST_FIELDS: &[(usize, &str)] = &[
    (4, "magic \"ASAY\""),
    (2, "header_len"),
    (2, "kind"),
    (2, "row"),
    (1, "hash"),
    (1, "priority"),
    (4, "flags"),
    (4, "items"),
    (4, "params_len"),
    (4, "deadline_us"),
    (4, "message_stride"),
    (8, "body_len"),
    (16, "nonce"),
    (8, "reserved"),
];

const REPLY_FIELDS: &[(usize, &str)] = &[
    (4, "magic \"ASAR\""),
    (2, "header_len"),
    (2, "status"),
    (2, "kind"),
    (2, "row"),
    (4, "value_width"),
    (4, "items"),
    (4, "retry_after_us"),
    (4, "queue_us"),
    (4, "compute_us"),
    (8, "body_len"),
    (16, "nonce"),
    (4, "trailer_len"),
    (4, "reserved"),
];

/// A golden frame in hex, field by field; `behind` names what follows the header and must end where the frame does.
fn dump(file: &str, header: &[(usize, &str)], behind: &[(usize, &str)]) -> String {
    let (_, _, bytes) = cases::frames().into_iter().find(|(name, ..)| *name == file).expect("a golden frame");
    let mut text = format!("```text\nvectors/wire/{file}.bin, {} bytes\n\n", bytes.len());
    let mut at = 0;
    for (len, label) in header.iter().chain(behind) {
        for (line, chunk) in bytes[at..at + len].chunks(16).enumerate() {
            let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
            let label = if line == 0 { *label } else { "" };
            let line = format!("{:04x}  {:<47}  {label}", at + 16 * line, hex.join(" "));
            writeln!(text, "{}", line.trim_end()).expect("a String takes everything");
        }
        at += len;
    }
    assert_eq!(at, bytes.len(), "{file}: the example names every byte");
    text + "```\n"
}

pub(crate) fn example_digest() -> String {
    let behind =
        [(1, "forms: 1 item, form 0"), (7, "padding"), (3, "messages: \"abc\", at a stride of 3"), (5, "padding")];
    dump("request-sha256-one", REQUEST_FIELDS, &behind)
}

pub(crate) fn example_ed25519() -> String {
    let behind = [
        (3, "forms: 3 items, form 0 each"),
        (5, "padding"),
        (32, "keys: item 0"),
        (32, "item 1"),
        (32, "item 2"),
        (64, "signatures: item 0"),
        (64, "item 1"),
        (64, "item 2"),
        (16, "offsets: 0, 0, 4, 27"),
        (4, "messages: item 0 has none; item 1, \"vote\""),
        (23, "item 2, \"a precommit at height 7\""),
        (5, "padding"),
    ];
    dump("request-ed25519-variable", REQUEST_FIELDS, &behind)
}

pub(crate) fn example_user_id() -> String {
    let behind = [
        (2, "tag 1, user-id"),
        (2, "len 18"),
        (18, "\"ALICE123@YAHOO.COM\""),
        (2, "padding"),
        (1, "forms: 1 item, form 04"),
        (7, "padding"),
        (64, "keys: x ‖ y"),
        (64, "signatures: r ‖ s"),
        (14, "messages: \"message digest\", at a stride of 14"),
        (2, "padding"),
    ];
    dump("request-sm2-za-user-id", REQUEST_FIELDS, &behind)
}

pub(crate) fn example_reply() -> String {
    let behind = [
        (3, "verdicts: valid, valid, valid"),
        (5, "padding"),
        (32, "values: item 0"),
        (32, "item 1"),
        (32, "item 2"),
        (2, "tag 2, backends"),
        (2, "len 12"),
        (12, "1 item by backend 0, 0 by 1, 2 by 2"),
    ];
    dump("reply-digests", REPLY_FIELDS, &behind)
}

pub(crate) fn example_proof() -> String {
    let behind = [
        (3, "forms: item 1 was refused in encoding, its key"),
        (5, "padding"),
        (16, "groups: 0, 2, 2, 3"),
        (32, "keys: item 0's root"),
        (32, "item 1, zeros"),
        (32, "item 2's root"),
        (16, "signatures: item 0, index 2 of 3 leaves"),
        (16, "item 1, zeros"),
        (16, "item 2, index 0 of 1 leaf"),
        (16, "offsets: 0, 4, 36, 36"),
        (4, "messages: item 0's leaf, \"leaf\""),
        (32, "item 0's path, one node; item 2's leaf has no bytes, and it has no path"),
        (4, "padding"),
    ];
    dump("request-merkle-proof", REQUEST_FIELDS, &behind)
}

pub(crate) fn example_quorum() -> String {
    let behind = [
        (2, "tag 5, terms"),
        (2, "len 26"),
        (8, "total 1,000,000"),
        (8, "numerator 2"),
        (8, "denominator 3"),
        (1, "at_least: no, the fraction must be exceeded"),
        (1, "stop_early: yes"),
        (2, "padding"),
        (24, "powers: 400,000, 300,000, 1"),
        (3, "forms: item 2 was refused in encoding, its signature"),
        (5, "padding"),
        (32, "keys: item 0"),
        (32, "item 1"),
        (32, "item 2, zeros"),
        (64, "signatures: item 0"),
        (64, "item 1"),
        (64, "item 2, zeros"),
        (6, "messages: \"vote 1\", at a stride of 6"),
        (6, "\"vote 2\""),
        (6, "item 2, zeros"),
        (6, "padding"),
    ];
    dump("request-quorum-ed25519", REQUEST_FIELDS, &behind)
}

pub(crate) fn example_tally() -> String {
    let behind = [
        (3, "verdicts: valid, valid, not needed"),
        (5, "padding"),
        (2, "tag 5, tally"),
        (2, "len 13"),
        (8, "power 700,000"),
        (1, "outcome 1, reached"),
        (4, "place: no vote alone"),
        (7, "padding"),
    ];
    dump("reply-quorum", REPLY_FIELDS, &behind)
}

pub(crate) fn example_preload() -> String {
    let behind = [
        (3, "forms: 04, one refused, 03"),
        (5, "padding"),
        (64, "keys: x ‖ y"),
        (64, "refused in encoding, zeros"),
        (64, "x ‖ y"),
    ];
    dump("request-preload-p256", REQUEST_FIELDS, &behind)
}

/// What a ballot may come to.
pub(crate) fn outcomes() -> String {
    let meaning = |outcome| match outcome {
        Outcome::Reached => "Every vote looked at is valid, each by a signer of its own, and their power is enough.",
        Outcome::NotEnough => "They are, and their power is not enough.",
        Outcome::InvalidVote(_) => "The vote at this place is invalid, which alone refuses the whole.",
        Outcome::DuplicateSigner(_) => {
            "The signer of the vote at this place has voted before, which alone refuses the whole."
        }
        Outcome::NotEvaluated(_) => "The vote at this place has no verdict, so that nothing can be said.",
    };
    table(
        ["outcome", "name", "meaning"],
        (0..=u8::MAX)
            .filter_map(|byte| Outcome::from_byte(byte, 0))
            .map(|each| [each.byte().to_string(), code(each.name()), meaning(each).into()]),
    )
}

pub(crate) fn example_refusal() -> String {
    let behind = [(2, "tag 1, message"), (2, "len 30"), (30, "\"the queue of consensus is full\""), (6, "padding")];
    dump("reply-busy", REPLY_FIELDS, &behind)
}
