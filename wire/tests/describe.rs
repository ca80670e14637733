//! A frame in JSON, as vectors/wire/index.json has it: once from what a sender means, once from what a decoder found.

use assay_scheme::quorum::Terms;
use assay_scheme::registry::Grouping;
use assay_scheme::{Columns, Keys, Kind, Operation, Output, Parameters, Verdict};
use assay_wire::codec::{Body, Reply, Request};
use serde_json::{Map, Value, json};

use crate::cases::{Item, NONCE, RequestCase};

/// What a sender means by a request.
pub(crate) fn meant(case: &RequestCase) -> Value {
    let operation = case.row.operation();
    let mut lens = case.items.iter().flat_map(|item| match item {
        Item::Plain { messages, .. } => messages.iter().map(Vec::len).collect(),
        // A refused item's message takes the others' length; where messages are grouped it has none.
        Item::Refused(_) => Vec::new(),
    });
    let first = lens.next().unwrap_or(0);
    let stride = if case.offsets || lens.any(|len| len != first) { 0 } else { first };
    request(operation, &case.parameters, case.priority.name(), case.deadline_us, stride, &case.items)
}

/// What a decoder found in a request.
pub(crate) fn found(request_found: &Request) -> Value {
    let frame = &request_found.frame;
    assert_eq!(frame.nonce, NONCE);
    let of_items = |columns: &Columns| {
        request(
            columns.operation(),
            &request_found.parameters,
            frame.priority.name(),
            frame.deadline_us,
            frame.shape.message_stride as usize,
            &items(columns),
        )
    };
    match &request_found.body {
        Body::Items(columns) => of_items(columns),
        Body::Votes(ballot) => votes(of_items(ballot.votes()), ballot.terms(), ballot.powers()),
        Body::Keys(keys) => preload(keys, frame.priority.name(), frame.deadline_us),
        Body::Nothing => {
            assert_eq!(frame.kind, Kind::Status);
            status(frame.priority.name())
        }
    }
}

/// A request for verdicts, made one for a tally.
pub(crate) fn votes(mut request: Value, terms: &Terms, powers: &[u64]) -> Value {
    request["kind"] = "quorum".into();
    request["powers"] = json!(powers);
    request["parameters"]["terms"] = json!({
        "total": terms.total,
        "numerator": terms.numerator,
        "denominator": terms.denominator,
        "at_least": terms.at_least,
        "stop_early": terms.stop_early,
    });
    request
}

/// A preload.
pub(crate) fn preload(keys: &Keys, priority: &str, deadline_us: u32) -> Value {
    let key = |at: usize| match keys.form(at) {
        Ok(form) => json!({ "form": form, "key": hex::encode(keys.key(at)) }),
        Err(reason) => {
            assert!(keys.key(at).iter().all(|byte| *byte == 0), "a refused key's bytes are zero");
            json!({ "refused": reason.name() })
        }
    };
    json!({
        "kind": "preload",
        "operation": keys.operation().name,
        "priority": priority,
        "deadline_us": deadline_us,
        "nonce": hex::encode(NONCE),
        "keys": (0..keys.count()).map(key).collect::<Vec<_>>(),
    })
}

/// The status request.
pub(crate) fn status(priority: &str) -> Value {
    json!({ "kind": "status", "priority": priority, "nonce": hex::encode(NONCE) })
}

fn request(
    operation: &Operation,
    parameters: &Parameters,
    priority: &str,
    deadline_us: u32,
    message_stride: usize,
    items: &[Item],
) -> Value {
    let mut said = Map::new();
    if let Some(id) = &parameters.user_id {
        said.insert("user-id".into(), hex::encode(id).into());
    }
    if let Some(context) = &parameters.context {
        said.insert("context".into(), hex::encode(context).into());
    }
    if parameters.output == Output::Address {
        said.insert("output".into(), "address".into());
    }
    json!({
        "kind": operation.kind.name(),
        "operation": operation.name,
        "hash": parameters.hash.map(assay_scheme::Hash::name),
        "priority": priority,
        "deadline_us": deadline_us,
        "nonce": hex::encode(NONCE),
        "message_stride": message_stride,
        "parameters": said,
        "items": items.iter().map(item).collect::<Vec<_>>(),
    })
}

fn item(item: &Item) -> Value {
    let hexes = |list: &[Vec<u8>]| list.iter().map(hex::encode).collect::<Vec<_>>();
    match item {
        Item::Refused(reason) => json!({ "refused": reason.name() }),
        Item::Plain { form, keys, signature, messages } => json!({
            "form": form,
            "keys": hexes(keys),
            "signature": hex::encode(signature),
            "messages": hexes(messages),
        }),
    }
}

/// Every item of these columns; a refused one's bytes must be zero.
pub(crate) fn items(columns: &Columns) -> Vec<Item> {
    let operation = columns.operation();
    (0..columns.items())
        .map(|i| {
            let entries = columns.entries(i);
            let keys: Vec<Vec<u8>> = match operation.grouping {
                _ if operation.key_len == 0 => Vec::new(),
                Grouping::Single | Grouping::Messages => vec![columns.key(i).to_vec()],
                _ => entries.clone().map(|entry| columns.entry_key(entry).to_vec()).collect(),
            };
            let messages = match operation.grouping {
                Grouping::Single | Grouping::Keys => vec![columns.message(i).to_vec()],
                _ => entries.map(|entry| columns.entry_message(entry).to_vec()).collect(),
            };
            let signature = columns.signature(i).to_vec();
            match columns.form(i) {
                Ok(form) => Item::Plain { form, keys, signature, messages },
                Err(reason) => {
                    let bytes = keys.iter().chain(&messages).chain([&signature]).flatten();
                    assert!(bytes.copied().all(|byte| byte == 0), "a refused item's bytes are zero");
                    Item::Refused(reason)
                }
            }
        })
        .collect()
}

/// A reply.
pub(crate) fn reply(reply: &Reply) -> Value {
    let verdicts: Vec<String> = reply
        .verdicts
        .iter()
        .map(|byte| {
            Verdict::from_byte(*byte).map_or_else(|| format!("unknown ({byte})"), |verdict| verdict.to_string())
        })
        .collect();
    let values: Vec<String> = match reply.value_width {
        0 => Vec::new(),
        width => reply.values.chunks_exact(width).map(hex::encode).collect(),
    };
    json!({
        "status": reply.known_status().map_or_else(|| format!("unknown ({})", reply.status), |status| status.to_string()),
        "kind": reply.kind,
        "row": reply.row,
        "nonce": hex::encode(reply.nonce),
        "retry_after_us": reply.retry_after_us,
        "queue_us": reply.queue_us,
        "compute_us": reply.compute_us,
        "value_width": reply.value_width,
        "verdicts": verdicts,
        "values": values,
        "message": reply.message,
        "backends": reply.backends,
        "tally": reply.tally.map(|tally| json!({
            "power": tally.power,
            "outcome": tally.outcome.name(),
            "place": tally.outcome.place(),
        })),
        "tables": reply.tables,
        "node": if reply.node.is_empty() { Value::Null } else { serde_json::from_slice(&reply.node).expect("JSON") },
    })
}
