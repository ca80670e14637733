//! The ids on file: vectors/wire/registry.json is append-only. What it records must still be so; what is new in the code is
//! added with `ASSAY_BLESS=1`, and is then there for good.

use assay_scheme::quorum::Outcome;
use assay_scheme::registry::{Grouping, Messages, OPERATIONS, Operation};
use assay_scheme::{Hash, Kind, Output, Priority, Verdict};
use assay_wire::parameters::{ReplyTag, RequestTag};
use assay_wire::status::{CloseCode, Status};
use serde_json::{Map, Value, json};

use crate::{bless, hold_json, root, tables};

const FILE: &str = "vectors/wire/registry.json";

/// A row's id and shape: what a changed rule set would be a new id for.
fn row(operation: &Operation) -> Value {
    let grouping = match operation.grouping {
        Grouping::Single => "single",
        Grouping::Keys => "keys",
        Grouping::KeysAndMessages => "keys-and-messages",
        Grouping::Messages => "messages",
    };
    let (messages, hashes): (_, &[Hash]) = match operation.messages {
        Messages::Raw => ("raw", &[]),
        Messages::DigestOr(hashes) => ("digest-or", hashes),
        Messages::Leaves(hashes) => ("leaves", hashes),
    };
    json!({
        "id": operation.row.id(),
        "kind": operation.kind.name(),
        "key_len": operation.key_len,
        "signature_len": operation.signature_len,
        "forms": operation.forms,
        "grouping": grouping,
        "messages": messages,
        "hashes": hashes.iter().map(|hash| hash.name()).collect::<Vec<_>>(),
        "values": operation.values.iter().map(|(form, len)| (tables::output(*form).to_owned(), json!(len))).collect::<Map<_, _>>(),
        "user_id": operation.takes_user_id,
        "context": operation.takes_context,
    })
}

fn ids<T>(all: impl IntoIterator<Item = T>, name: impl Fn(&T) -> String, id: impl Fn(&T) -> u64) -> Value {
    Value::Object(all.into_iter().map(|each| (name(&each), id(&each).into())).collect())
}

/// Every id in the code.
fn in_code() -> Value {
    let rows: Map<String, Value> = OPERATIONS.iter().map(|each| (each.name.to_owned(), row(each))).collect();
    let verdicts = (0..=u8::MAX).filter_map(|byte| Verdict::from_byte(byte).map(|verdict| (verdict, byte)));
    let outcomes = (0..=u8::MAX).filter_map(|byte| Outcome::from_byte(byte, 0));
    json!({
        "alpn": String::from_utf8_lossy(assay_wire::ALPN),
        "request_magic": assay_wire::header::REQUEST_MAGIC,
        "reply_magic": assay_wire::header::REPLY_MAGIC,
        "header_len": assay_wire::REQUEST_HEADER_LEN,
        "kinds": ids(Kind::ALL, |kind| kind.name().into(), |kind| *kind as u64),
        "rows": rows,
        "hashes": ids(Hash::ALL, |hash| hash.name().into(), |hash| *hash as u64),
        "outputs": ids([Output::Default, Output::Address], |each| tables::output(*each).into(), |each| *each as u64),
        "priorities": ids(Priority::ALL, |each| each.name().into(), |each| *each as u64),
        "verdicts": ids(verdicts, |(verdict, _)| verdict.to_string(), |(_, byte)| u64::from(*byte)),
        "statuses": ids(Status::ALL, |each| each.name().into(), |each| u64::from(each.code())),
        "close_codes": ids(CloseCode::ALL, |each| each.name().into(), |each| u64::from(each.code())),
        "outcomes": ids(outcomes, |outcome| outcome.name().into(), |outcome| u64::from(outcome.byte())),
        "request_tags": ids(RequestTag::ALL, |each| each.name().into(), |each| **each as u64),
        "reply_tags": ids(ReplyTag::ALL, |each| each.name().into(), |each| **each as u64),
    })
}

/// What the record says and the code no longer does, by path.
fn lost(recorded: &Value, code: &Value, path: &str, lost_at: &mut Vec<String>) {
    match (recorded, code) {
        (Value::Object(recorded), Value::Object(code)) => {
            for (name, value) in recorded {
                let path = format!("{path}/{name}");
                match code.get(name) {
                    None => lost_at.push(format!("{path} is gone")),
                    Some(code) => lost(value, code, &path, lost_at),
                }
            }
        }
        (Value::Array(recorded), Value::Array(code)) => {
            let gone = recorded.iter().filter(|each| !code.contains(each));
            lost_at.extend(gone.map(|each| format!("{path} no longer has {each}")));
        }
        (recorded, code) if recorded != code => lost_at.push(format!("{path} was {recorded} and is {code}")),
        _ => {}
    }
}

#[test]
fn an_id_on_file_is_never_lost_or_changed() {
    let text = match std::fs::read_to_string(root().join(FILE)) {
        Err(error) if bless() && error.kind() == std::io::ErrorKind::NotFound => "{}".to_owned(),
        read => read.unwrap_or_else(|error| panic!("{FILE}: {error}")),
    };
    let recorded: Value = serde_json::from_str(&text).expect("registry.json is JSON");
    let mut lost_at = Vec::new();
    lost(&recorded, &in_code(), "", &mut lost_at);
    assert!(lost_at.is_empty(), "ids on file are never reused or changed; a changed rule is a new id: {lost_at:#?}");
    hold_json(FILE, &in_code());
}

#[test]
fn a_change_of_an_id_on_file_is_found() {
    let code = in_code();
    let changed = |spoil: fn(&mut Value)| {
        let mut recorded = code.clone();
        spoil(&mut recorded);
        let mut lost_at = Vec::new();
        lost(&recorded, &code, "", &mut lost_at);
        lost_at
    };
    assert!(changed(|_| ()).is_empty());
    assert_eq!(changed(|file| file["kinds"]["digest"] = 9.into()), ["/kinds/digest was 9 and is 3"]);
    assert_eq!(changed(|file| file["statuses"]["gone"] = 9.into()), ["/statuses/gone is gone"]);
    assert_eq!(changed(|file| file["rows"]["sha256"]["key_len"] = 1.into()).len(), 1);
    assert_eq!(changed(|file| file["rows"]["sm2-e"]["forms"] = json!([9])), ["/rows/sm2-e/forms no longer has 9"]);
    assert!(changed(|file| file["kinds"] = json!({})).is_empty(), "what is added is not lost");
}

#[test]
fn two_names_never_share_an_id() {
    for (list, ids) in in_code().as_object().expect("an object") {
        let Value::Object(ids) = ids else { continue };
        let id = |value: &Value| value.get("id").unwrap_or(value).as_u64().expect("an id");
        let mut seen: Vec<u64> = ids.values().map(id).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), ids.len(), "{list}");
    }
}
