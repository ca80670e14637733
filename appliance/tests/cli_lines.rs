//! `assay verify`, `recover` and `digest --lines`: lines in, answers out, each in its place.

mod command;

use assay_core::samples::{self, Sample, Spec};
use assay_scheme::{Kind, Operation, Row};
use command::{Ran, assay};
use serde_json::{Value, json};

/// A sample as a line.
fn line(operation: &Operation, sample: &Sample) -> Value {
    let text = |parts: &[Vec<u8>], array: bool| {
        let parts: Vec<_> = parts.iter().map(hex::encode).collect();
        if array { json!(parts) } else { json!(parts[0]) }
    };
    use assay_scheme::registry::{Grouping, Messages};
    let message = if matches!(operation.messages, Messages::DigestOr(_)) { "digest" } else { "message" };
    let keys = operation.grouping != Grouping::Single;
    let mut line = json!({ message: text(&sample.messages, operation.grouping == Grouping::KeysAndMessages) });
    if operation.kind == Kind::Verify {
        line["public_key"] = text(&sample.keys, keys);
    }
    if operation.kind != Kind::Digest {
        line["signature"] = json!(hex::encode(&sample.signature));
        line["expect"] = json!(sample.valid);
    }
    line
}

fn lines(row: Row, spec: &Spec) -> Vec<Value> {
    let operation = row.operation();
    samples::samples(operation, spec).iter().map(|sample| line(operation, sample)).collect()
}

fn text(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn verify(scheme: &str, lines: &[Value]) -> Ran {
    assay(&["verify", "--scheme", scheme, "--json", "-"], &text(lines))
}

/// One item of each verify and recover row, valid and spoiled, through the command.
#[test]
fn every_row_is_reached_by_its_name() {
    let spec = Spec { items: 4, spoil_every: 2, group: 3, ..Spec::default() };
    for operation in Operation::of_kind(Kind::Verify).chain(Operation::of_kind(Kind::Recover)) {
        let command = operation.kind.name();
        let ran = assay(&[command, "--scheme", operation.name, "--json", "-"], &text(&lines(operation.row, &spec)));
        let (items, summary) = ran.code(0).items();
        let verdicts: Vec<_> = items.iter().map(|item| item["verdict"].as_str().expect("a verdict")).collect();
        assert_eq!(verdicts, ["valid", "invalid", "valid", "invalid"], "{}", operation.name);
        assert_eq!((&summary["items"], &summary["valid"], &summary["invalid"]), (&json!(4), &json!(2), &json!(2)));
        let value = items[0].get("value").and_then(Value::as_str).map(str::len);
        assert_eq!(value, (operation.kind == Kind::Recover).then_some(128), "{}", operation.name);
    }
}

#[test]
fn json_lines_keep_their_shape() {
    let mut lines = lines(Row::Ed25519Ref10, &Spec { items: 3, spoil_every: 3, ..Spec::default() });
    lines[0]["expect"] = json!(false);
    let (items, summary) = verify("ed25519-ref10", &lines).code(1).items();
    assert_eq!(
        items,
        [
            json!({"index": 0, "verdict": "valid", "reason": null}),
            json!({"index": 1, "verdict": "valid", "reason": null}),
            json!({"index": 2, "verdict": "invalid", "reason": "equation"}),
        ]
    );
    let seconds = summary["seconds"].as_f64().expect("a number");
    assert!(seconds > 0.0 && seconds < 120.0);
    let counts = ["items", "valid", "invalid", "not_evaluated", "mismatches", "malformed"].map(|name| &summary[name]);
    assert_eq!(counts.map(|count| count.as_u64()), [3, 2, 1, 0, 1, 0].map(Some));
    assert_eq!(summary["backends"].as_object().map(|all| all.values().filter_map(Value::as_u64).sum()), Some(3_u64));
}

/// Malformed lines are named with number and field, keep their place, and do not keep the rest from its answer.
#[test]
fn malformed_lines_are_named_and_the_rest_still_runs() {
    let good = lines(Row::Ed25519Zip215, &Spec { items: 2, ..Spec::default() });
    let with = |name: &str, value: Value| {
        let mut line = good[0].clone();
        line[name] = value;
        line.to_string()
    };
    let without = |name: &str| {
        let mut line = good[0].clone();
        line.as_object_mut().expect("an object").remove(name);
        line.to_string()
    };
    let cases = [
        ("{\"public_key\":".to_owned(), None),
        ("[]".to_owned(), None),
        ("\"text\"".to_owned(), None),
        (with("pubkey", json!("00")), Some("pubkey")),
        (without("public_key"), Some("public_key")),
        (without("signature"), Some("signature")),
        (without("message"), Some("message")),
        (with("signature", json!("abc")), Some("signature")),
        (with("signature", json!("zz")), Some("signature")),
        (with("message", json!(7)), Some("message")),
        (with("message", json!(["00"])), Some("message")),
        (with("digest", json!("00")), Some("digest")),
        (with("expect", json!("yes")), Some("expect")),
    ];
    let mut input = format!("{}\n\n", good[0]);
    for (line, _) in &cases {
        input.push_str(&format!("{line}\n"));
    }
    input.push_str(&good[1].to_string());
    let ran = assay(&["verify", "--scheme", "ed25519-zip215", "--json", "-"], &input).code(2);
    let told: Vec<_> = ran.err.lines().collect();
    assert_eq!(told.len(), cases.len());
    let (items, summary) = ran.items();
    assert_eq!(items.len(), cases.len() + 2);
    for (index, item) in items.iter().enumerate() {
        assert_eq!(item["index"], json!(index));
    }
    assert_eq!((&items[0]["verdict"], &items[cases.len() + 1]["verdict"]), (&json!("valid"), &json!("valid")));
    for (number, (line, field)) in cases.iter().enumerate() {
        let item = &items[number + 1];
        assert_eq!((&item["line"], &item["field"]), (&json!(number + 3), &json!(field)), "{line}");
        assert!(item["error"].as_str().is_some_and(|error| !error.is_empty()), "{line}");
        let words =
            format!("assay: error: line {}: {}", number + 3, field.map_or(String::new(), |f| format!("field {f}: ")));
        assert!(told[number].starts_with(&words), "{} for {line}", told[number]);
    }
    assert_eq!((&summary["items"], &summary["malformed"]), (&json!(2), &json!(cases.len())));
}

#[test]
fn bytes_of_a_wrong_length_are_an_answer_not_an_input_error() {
    for (row, digest) in [(Row::EcdsaP256, true), (Row::Ed25519Strict, false), (Row::BlsMinPkPop, false)] {
        let good = &lines(row, &Spec { items: 1, ..Spec::default() })[0];
        let mut cases =
            vec![("public_key", "", "key"), ("public_key", "0011", "key"), ("signature", "0x", "signature")];
        if digest {
            cases.extend([("digest", "", "message"), ("digest", "00", "message")]);
        }
        let items: Vec<_> = cases
            .iter()
            .map(|(field, value, _)| {
                let mut line = good.clone();
                line[field] = json!(value);
                line
            })
            .collect();
        let (items, summary) = verify(row.name(), &items).code(1).items();
        for (item, (_, _, reason)) in items.iter().zip(&cases) {
            assert_eq!((&item["verdict"], &item["reason"]), (&json!("invalid"), &json!(reason)), "{}", row.name());
        }
        assert_eq!(summary["malformed"], json!(0));
    }
}

#[test]
fn hashes_are_named_or_digests_given() {
    let good = lines(Row::EcdsaSecp256k1, &Spec { items: 1, ..Spec::default() }).remove(0);
    let mut message = good.clone();
    message["message"] = message["digest"].take();
    message.as_object_mut().expect("an object").remove("digest");
    let (items, _) = verify("ecdsa-secp256k1", &[message.clone()]).code(2).items();
    assert_eq!(items[0]["field"], json!("message"));
    let hashed = |line: &Value| {
        assay(&["verify", "--scheme", "ecdsa-secp256k1", "--hash", "keccak256", "--json", "-"], &line.to_string())
    };
    assert_eq!(hashed(&good).code(2).items().0[0]["field"], json!("digest"));
    let (items, _) = hashed(&message).code(1).items();
    assert_eq!((&items[0]["verdict"], &items[0]["reason"]), (&json!("invalid"), &json!("equation")));
}

#[test]
fn aggregates_take_arrays() {
    let rows = [Row::BlsMinPkPopAggregate, Row::BlsMinPkPopFastAggregate];
    for row in rows {
        let good = lines(row, &Spec { items: 1, group: 3, ..Spec::default() }).remove(0);
        let mut none = good.clone();
        none["public_key"] = json!([]);
        if row == Row::BlsMinPkPopAggregate {
            none["message"] = json!([]);
        }
        let mut short = good.clone();
        short["public_key"][1] = json!("00");
        let mut single = good.clone();
        single["public_key"] = single["public_key"][0].take();
        let (items, summary) = verify(row.name(), &[good, none, short, single]).code(2).items();
        let verdicts: Vec<_> = items.iter().map(|item| item["verdict"].as_str()).collect();
        assert_eq!(verdicts, [Some("valid"), Some("invalid"), Some("invalid"), None], "{}", row.name());
        assert_eq!((&items[2]["reason"], &items[3]["field"]), (&json!("key"), &json!("public_key")));
        assert_eq!(summary["malformed"], json!(1));
    }
    let mut uneven = lines(Row::BlsMinPkPopAggregate, &Spec { items: 1, group: 3, ..Spec::default() }).remove(0);
    uneven["message"].as_array_mut().expect("an array").pop();
    assert_eq!(verify("bls12381-minpk-pop-aggregate", &[uneven]).code(1).items().0[0]["reason"], json!("message"));
}

#[test]
fn user_ids_are_text_or_hex() {
    let good = text(&lines(Row::Sm2Za, &Spec { items: 1, ..Spec::default() }));
    for (args, code) in [
        (&[][..], 0),
        (&["--user-id", "1234567812345678"], 0),
        (&["--user-id-hex", "31323334353637383132333435363738"], 0),
        (&["--user-id", ""], 1),
        (&["--user-id", "another"], 1),
    ] {
        let args: Vec<_> = ["verify", "--scheme", "sm2-za"].iter().chain(args).chain(&["-"]).copied().collect();
        assay(&args, &good).code(code);
    }
    let long = "00".repeat(8_192);
    assay(&["verify", "--scheme", "sm2-za", "--user-id-hex", &long, "-"], &good).code(2).says(&["8191"]);
}

#[test]
fn people_see_what_is_unexpected_and_a_summary() {
    let mut lines = lines(Row::SchnorrBip340, &Spec { items: 40, ..Spec::default() });
    let ran = assay(&["verify", "--scheme", "schnorr-bip340", "-"], &text(&lines)).code(0);
    assert!(ran.out.starts_with("40 items: 40 valid, 0 invalid, 0 not evaluated; all as expected\n"), "{}", ran.out);
    assert_eq!(ran.err, "");
    for line in &mut lines[5..35] {
        line["expect"] = json!(false);
    }
    let ran = assay(&["verify", "--scheme", "schnorr-bip340", "-"], &text(&lines)).code(1);
    assert!(ran.out.starts_with("item 5 (line 6): valid, invalid was expected\n"), "{}", ran.out);
    assert_eq!(ran.out.lines().filter(|line| line.starts_with("item ")).count(), 20);
    assert!(ran.out.contains("10 more unexpected items; --all"), "{}", ran.out);
    let ran = assay(&["verify", "--scheme", "schnorr-bip340", "--all", "-"], &text(&lines)).code(1);
    assert_eq!(ran.out.lines().filter(|line| line.starts_with("item ")).count(), 30);
}

#[test]
fn recover_prints_values_line_by_line() {
    let mut lines = lines(Row::RecoverSecp256k1, &Spec { items: 3, ..Spec::default() });
    lines[1]["signature"] = json!("00".repeat(65));
    lines[1]["expect"] = json!(false);
    let keys = assay(&["recover", "--scheme", "recover-secp256k1", "-"], &text(&lines)).code(0);
    let out: Vec<_> = keys.out.lines().map(str::to_owned).collect();
    assert_eq!((out.len(), out[0].len(), out[1].as_str()), (3, 128, "invalid (signature)"));
    assert!(keys.err.starts_with("3 items: 2 valid, 1 invalid"), "{}", keys.err);
    // The same key in its three forms, and another one.
    let odd = u8::from_str_radix(&out[0][127..], 16).expect("hex") & 1;
    for (expect, code) in [
        (out[0].clone(), 0),
        (format!("0x04{}", out[0]), 0),
        (format!("0{}{}", 2 + odd, &out[0][..64]), 0),
        (format!("0{}{}", 3 - odd, &out[0][..64]), 1),
        (out[2].clone(), 1),
        ("00".to_owned(), 2),
    ] {
        lines[0]["expect"] = json!(expect);
        assay(&["recover", "--scheme", "recover-secp256k1", "-"], &lines[0].to_string()).code(code);
    }
    let addresses =
        assay(&["recover", "--scheme", "recover-secp256k1", "--output", "address", "-"], &lines[2].to_string()).code(0);
    assert_eq!(addresses.out.trim().len(), 40);
}

/// More lines than several chunks hold, in and out in the same order; and an item as large as a request.
#[test]
fn large_inputs_stream_in_order() {
    let many: String = (0..40_000).map(|i| format!("{{\"message\":\"{i:08x}\"}}\n")).collect();
    let ran = assay(&["digest", "--algorithm", "sha256", "--lines", "-"], &many).code(0);
    let digests: Vec<_> = ran.out.lines().collect();
    assert_eq!(digests.len(), 40_000);
    for i in [0_u32, 1, 16_383, 16_384, 39_999] {
        use sha2::Digest as _;
        assert_eq!(digests[i as usize], hex::encode(sha2::Sha256::digest(i.to_be_bytes())), "{i}");
    }
    let large = |bytes: usize| format!("{{\"message\":\"00\"}}\n{{\"message\":\"{}\"}}\n", "ab".repeat(bytes));
    let fits = assay(&["digest", "-a", "sm3", "--lines", "--json", "-"], &large(16 * 1024 * 1024 - 4_096)).code(0);
    assert_eq!(fits.items().1["valid"], json!(2));
    let too_large = assay(&["digest", "-a", "sm3", "--lines", "--json", "-"], &large(16 * 1024 * 1024 + 1)).code(2);
    let (items, summary) = too_large.items();
    assert_eq!((&items[1]["line"], &summary["valid"]), (&json!(2), &json!(1)));
}
