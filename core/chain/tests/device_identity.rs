//! Devices' messages under certificates of four kinds of key, SM2's under three user ids, and what is wrong with others.

mod common;

use assay_chain::report::{Ending, What};
use assay_chain::{Detail, Options, Report};
use common::{run, run_with, vector};
use proptest::prelude::*;
use serde_json::Value;

/// 2027-01-15, within every good certificate's validity.
const TIME: u64 = 1_800_000_000;
/// The three user ids that vectors/identity/make.py signs over, by their files.
const USER_IDS: [(&str, Option<&[u8]>); 3] =
    [("default", None), ("empty", Some(b"")), ("custom", Some(b"plant-7@example.org"))];

/// The messages, a device's chain and the authority of each.
const SM2: [[&str; 3]; 3] = [
    ["sm2-default.json", "sm2-default-chain.pem", "sm2-default-root.pem"],
    ["sm2-empty.json", "sm2-empty-chain.pem", "sm2-empty-root.pem"],
    ["sm2-custom.json", "sm2-custom-chain.pem", "sm2-custom-root.pem"],
];

fn options(authority: &str, user_id: Option<&[u8]>) -> Options {
    Options {
        certificates: vec![(authority.into(), vector(&format!("identity/{authority}")))],
        time: Some(TIME),
        user_id: user_id.map(<[u8]>::to_vec),
        ..Options::default()
    }
}

fn mixed() -> Value {
    serde_json::from_slice(&vector("identity/mixed.json")).expect("JSON")
}

fn run_json(file: &Value, options: &Options) -> Report {
    run("device-identity", options, &[("messages", serde_json::to_vec(file).expect("JSON"))])
}

#[test]
fn devices_of_four_kinds_are_authenticated() {
    let report = run_json(&mixed(), &options("mixed-root.pem", None));
    assert_eq!((report.items, report.valid), (20, 20), "{:?}", report.findings);
    assert_eq!(report.checks["path"].ok, 4);
    assert_eq!(report.ending(true), Ending::AsExpected);
}

#[test]
fn what_is_not_given_is_not_evaluated() {
    let unknown = Options { time: Some(TIME), ..Options::default() };
    let report = run_json(&mixed(), &unknown);
    assert_eq!(report.not_evaluated_why["no authority is given"], 20);
    let timeless = Options { time: None, ..options("mixed-root.pem", None) };
    let report = run_json(&mixed(), &timeless);
    assert_eq!((report.valid, report.not_evaluated, report.checks["path"].ok), (0, 20, 4));
    // A message may say its own time.
    let mut file = mixed();
    for message in file["messages"].as_array_mut().expect("a list") {
        message["at"] = TIME.into();
    }
    assert_eq!(run_json(&file, &timeless).valid, 20);
    file["messages"][3]["at"] = 4_000_000_000_u64.into();
    let report = run_json(&file, &timeless);
    assert_eq!((report.valid, report.invalid), (19, 1));
    assert!(report.findings[0].why.contains("not valid after"), "{:?}", report.findings);
}

#[test]
fn sm2_chains_hold_under_their_own_user_id_alone() {
    for ((name, _), [messages, chain, root]) in USER_IDS.into_iter().zip(SM2) {
        let file = vector(&format!("identity/{messages}"));
        let chain = vector(&format!("identity/{chain}"));
        for (other, user_id) in USER_IDS {
            let options = options(root, user_id);
            let report = run("device-identity", &options, &[("messages", file.clone()), ("chain", chain.clone())]);
            assert_eq!(report.items, 7);
            if name == other {
                assert_eq!(report.valid, 7, "{:?}", report.findings);
            } else {
                assert_eq!(report.invalid, 7, "{name} under {other}");
                let chain =
                    report.findings.iter().find(|finding| finding.subject.starts_with("chain")).expect("it failed");
                assert!(
                    chain.why.contains(&format!("CN={name} pump,O=Assay: signature refused: equation")),
                    "{chain:?}"
                );
            }
        }
    }
}

#[test]
fn each_fault_of_a_certificate_is_named() {
    let report = run_with(
        "device-identity",
        &options("mixed-root.pem", None),
        &[("refused", vector("identity/refused.json"))],
        Detail::Items,
    );
    for (label, why) in [
        ("good", ""),
        ("expired", "CN=device,O=Assay: not valid after"),
        ("not-yet", "CN=device,O=Assay: not valid before"),
        ("no-authority", "CN=bad,O=Assay: issues certificates without being an authority"),
        ("no-constraints", "CN=bad,O=Assay: issues certificates without being an authority"),
        ("no-cert-sign", "CN=bad,O=Assay: its key may not sign certificates"),
        ("too-long", "CN=line,O=Assay: its path length is 0, and 1 authorities stand below it"),
        ("no-signing", "the certificate's key may not sign messages"),
        ("critical", "CN=device,O=Assay: its critical extension 1.2.3.4 is not understood here"),
        ("stranger", "CN=device,O=Assay: no path to an authority: CN=other,O=Assay is not given"),
        ("same-name", "CN=device,O=Assay: no path to an authority: CN=root,O=Assay is not given"),
        ("expired-above", "CN=bad,O=Assay: not valid after"),
    ] {
        let named = format!(" of {label} (");
        let items = [What::Valid, What::Invalid];
        let found = report.findings.iter().find(|f| f.subject.contains(&named) && items.contains(&f.what));
        let found = found.unwrap_or_else(|| panic!("{label}"));
        assert_eq!(found.what == What::Valid, why.is_empty(), "{found:?}");
        assert!(found.why.starts_with(why), "{label}: {found:?}");
    }
    assert_eq!((report.items, report.valid), (12, 1));
}

#[test]
fn a_key_identifier_left_out_does_not_save_a_forged_issuer() {
    // "same-name" has the root's name and another key; with the identifiers cut off, the signature tells.
    let file: Value = serde_json::from_slice(&vector("identity/refused.json")).expect("JSON");
    let good = file["certificates"]["good"].as_str().expect("PEM");
    let stranger = file["certificates"]["stranger"].as_str().expect("PEM");
    // The second certificate of "stranger" as the authority, and a device of the root's: no path.
    let authority = stranger.split_once("-----END CERTIFICATE-----\n").expect("two").1;
    let options = Options {
        certificates: vec![("other".into(), authority.as_bytes().to_vec())],
        time: Some(TIME),
        ..Options::default()
    };
    let report = run("device-identity", &options, &[("good", good.as_bytes().to_vec())]);
    assert_eq!(report.invalid, 1);
    assert!(report.findings.iter().any(|finding| finding.why.contains("CN=root,O=Assay is not given")));
}

#[test]
fn a_renewed_authority_is_told_by_its_signature() {
    let file: Value = serde_json::from_slice(&vector("identity/renewed.json")).expect("JSON");
    let report = run_json(&file, &options("renewed-roots.pem", None));
    assert_eq!((report.valid, report.invalid, report.checks["path"].ok), (2, 1, 2), "{:?}", report.findings);
    let forged = report.findings.iter().find(|finding| finding.what == What::Invalid).expect("one");
    assert!(
        forged.subject.contains("message 2 of forged") && forged.why.ends_with("signature refused: equation"),
        "{forged:?}"
    );
}

#[test]
fn a_file_of_certificates_with_one_name_costs_little() {
    // Two thousand copies of one authority that issued itself: no way to an authority, found in bounded steps.
    let roots = String::from_utf8(vector("identity/renewed-roots.pem")).expect("text");
    let file: Value = serde_json::from_slice(&vector("identity/renewed.json")).expect("JSON");
    let many = format!("{}{}", file["certificates"]["forged"].as_str().expect("PEM"), roots.repeat(1_000));
    let report = run("device-identity", &options("mixed-root.pem", None), &[("many", many.into_bytes())]);
    assert_eq!(report.invalid, 1);
    assert!(report.findings.iter().any(|f| f.why.contains("CN=renewed,O=Assay is not given")), "{:?}", report.findings);
}

#[test]
fn bits_behind_a_signature_are_not_passed_over() {
    use assay_chain::identity::pem;
    use base64::Engine;
    let file: Value = serde_json::from_slice(&vector("identity/refused.json")).expect("JSON");
    let mut der =
        pem::blocks(file["certificates"]["good"].as_str().expect("PEM").as_bytes()).expect("PEM")[0].bytes.clone();
    // The signature's BIT STRING ends the certificate: its SEQUENCE begins behind the count of unused bits.
    let at = der.windows(2).rposition(|two| two[0] == 0 && two[1] == 0x30).expect("a signature");
    der[at] = 1;
    let report = run("device-identity", &options("mixed-root.pem", None), &[("unused", der.clone())]);
    assert_eq!(report.invalid, 1, "{:?}", report.findings);
    assert!(report.findings.iter().any(|finding| finding.why.contains("its signature is not whole bytes")));
    der[at] = 0;
    let text = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----",
        base64::engine::general_purpose::STANDARD.encode(der)
    );
    assert_eq!(run("device-identity", &options("mixed-root.pem", None), &[("good", text.into_bytes())]).valid, 1);
}

#[test]
fn broken_files_are_told() {
    for (bytes, why) in [
        (&b""[..], "at byte 0"),
        (b"{\"certificates\":{}}", "missing field `messages`"),
        (b"{\"certificates\":{\"a\":\"x\"},\"messages\":[]}", "certificate \"a\""),
        (
            b"{\"certificates\":{},\"messages\":[{\"certificate\":\"a\",\"message\":\"\",\"signature\":\"\"}]}",
            "has no certificate \"a\"",
        ),
        (b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----", "a certificate"),
    ] {
        let report = run("device-identity", &options("mixed-root.pem", None), &[("broken", bytes.to_vec())]);
        assert_eq!((report.items, report.unreadable), (0, 1));
        assert!(report.findings[0].why.contains(why), "{:?}", report.findings);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_message_is_refused_and_named(at in 0_usize..20, field in 0_usize..2, byte in 0_usize..4_096, bit in 0_u8..8) {
        let mut file = mixed();
        let field = ["message", "signature"][field];
        let text = &mut file["messages"][at][field];
        let mut bytes = hex::decode(text.as_str().expect("hex")).expect("hex");
        let byte = byte % bytes.len();
        bytes[byte] ^= 1 << bit;
        *text = hex::encode(bytes).into();
        let report = run_json(&file, &options("mixed-root.pem", None));
        prop_assert_eq!((report.valid, report.invalid), (19, 1), "{:?}", report.findings);
        let named = format!("message {at} of ");
        prop_assert!(report.findings[0].subject.contains(&named), "{:?}", report.findings);
    }

    #[test]
    fn a_spoilt_certificate_is_never_good(which in 0_usize..4, at in 0_usize..8_192, bit in 0_u8..8) {
        use assay_chain::identity::pem;
        use base64::Engine;
        let mut file = mixed();
        let label = ["camera", "meter", "tracker", "valve"][which];
        let text = file["certificates"][label].as_str().expect("PEM").to_owned();
        let mut blocks = pem::blocks(text.as_bytes()).expect("PEM");
        let block = at % blocks.len();
        let bytes = &mut blocks[block].bytes;
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let spoilt: String = blocks.iter().map(|block| {
            format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", encode(&block.bytes))
        }).collect();
        file["certificates"][label] = spoilt.into();
        let report = run_json(&file, &options("mixed-root.pem", None));
        // Unreadable, or every message of the device refused with its certificate; the others' stay.
        if report.unreadable == 0 {
            let bad = report.invalid + report.not_evaluated;
            prop_assert_eq!((report.valid, bad), (15, 5), "{:?}", report.findings);
            prop_assert!(report.findings.iter().filter(|f| f.what == What::Invalid).all(|f| f.subject.contains(label)));
        } else {
            prop_assert!(report.findings[0].why.contains(label), "{:?}", report.findings);
        }
    }
}
