//! The commands that ask nodes: `--connect`, `assay status`, `assay load`; and `assay bench`.

mod command;
mod peer;

use std::path::Path;

use assay_scheme::registry::OPERATIONS;
use command::{Ran, assay, assay_in};
use peer::Served;
use serde_json::{Value, json};

/// RFC 8032, section 7.1, test 2.
const VALID: &str = r#"{"public_key":"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c","signature":"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00","message":"72"}"#;

/// The arguments that name this node, and this tenant's files.
fn connect(served: &Served, tenant: &str) -> Vec<String> {
    let (cert, key) = served.identity(tenant);
    let path = |path: &Path| path.display().to_string();
    let node = format!("localhost@{}", served.addr());
    let (ca, cert, key) = (path(&served.pki.node.ca), path(&cert), path(&key));
    ["--connect", &node, "--ca", &ca, "--cert", &cert, "--key", &key].map(str::to_owned).to_vec()
}

/// Runs the command beside the node.
async fn run(args: &[&str], more: &[String], stdin: &str) -> Ran {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).chain(more.iter().cloned()).collect();
    let stdin = stdin.to_owned();
    let run = move || assay(&args.iter().map(String::as_str).collect::<Vec<_>>(), &stdin);
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_shows_a_node_and_says_when_one_is_not_there() {
    let served = Served::start(&["ops"], "[node]\nzone = \"hall 3\"").await;
    let node = connect(&served, "ops");
    let text = run(&["status"], &node, "").await.code(0).out;
    for words in [": ready, version ", "zone hall 3", "reference", "serving", "consensus", "ed25519-zip215"] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    let gone = [
        "--connect".to_owned(),
        "localhost@127.0.0.1:9".to_owned(),
        "--connect-timeout-ms".to_owned(),
        "300".to_owned(),
    ];
    let both: Vec<_> = node.iter().chain(&gone).cloned().collect();
    let ran = run(&["status", "--json"], &both, "").await.code(1);
    let lines = ran.json();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["status"]["state"], &lines[0]["status"]["zone"]), (&json!("ready"), &json!("hall 3")));
    assert_eq!(lines[0]["status"]["operations"].as_array().map(Vec::len), Some(OPERATIONS.len()));
    assert!(
        lines[1]["status"].is_null() && lines[1]["error"].as_str().is_some_and(|error| error.contains("127.0.0.1:9"))
    );
    served.node.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_not_there_or_refuses_is_never_an_answer() {
    let served = Served::start(&["known", "late"], "").await;
    let mut gone = connect(&served, "known");
    gone[1] = "localhost@127.0.0.1:9".to_owned();
    gone.extend(["--connect-timeout-ms".to_owned(), "300".to_owned()]);
    let verify = ["verify", "--scheme", "ed25519-strict", "-"];
    run(&verify, &gone, VALID).await.code(2).says(&["127.0.0.1:9"]);
    let mut wrong_name = connect(&served, "known");
    wrong_name[1] = format!("elsewhere@{}", served.addr());
    run(&verify, &wrong_name, VALID).await.code(2).says(&["elsewhere"]);
    // A deadline that has passed before the batch arrives.
    let items = format!("{VALID}\n").repeat(4_000);
    let mut hurried = connect(&served, "known");
    hurried.extend(["--deadline-ms".to_owned(), "1".to_owned(), "--json".to_owned()]);
    let ran = run(&verify, &hurried, &items).await.code(1);
    let (lines, summary) = ran.items();
    assert!(summary["not_evaluated"].as_u64().is_some_and(|count| count > 0), "{summary}");
    let missed = lines.iter().find(|line| line["verdict"] == "not-evaluated").expect("one without a verdict");
    assert_eq!(missed["reason"], json!("deadline-exceeded"));
    served.node.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_hashed_by_a_node_as_far_as_they_fit() {
    let served = Served::start(&["hasher"], "").await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("small"), b"abc").expect("a file");
    std::fs::write(folder.path().join("large"), vec![0; 17 * 1024 * 1024]).expect("a file");
    let args: Vec<String> = ["digest", "-a", "sha256", "--json", "small", "large"]
        .map(str::to_owned)
        .into_iter()
        .chain(connect(&served, "hasher"))
        .collect();
    let ran = tokio::task::spawn_blocking(move || {
        assay_in(folder.path(), &args.iter().map(String::as_str).collect::<Vec<_>>(), b"")
    });
    let ran = ran.await.expect("no panic").code(2).says(&["large", "--connect"]);
    let (items, summary) = ran.items();
    assert_eq!(items[0]["value"], json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    assert_eq!((&items[1]["verdict"], &summary["unreadable"]), (&json!("unreadable"), &json!(1)));
    served.node.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_counts_what_a_node_answers() {
    let served = Served::start(&["load"], "").await;
    let node = connect(&served, "load");
    let load = ["load", "--seconds", "1", "--warmup-seconds", "0", "--json"];
    let closed =
        ["--scheme", "sha256=2,schnorr-bip340=1", "--batch", "64", "--bad-share", "0.25", "--connections", "2"];
    let args: Vec<_> = load.iter().chain(&closed).copied().collect();
    let lines = run(&args, &node, "").await.code(0).json();
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!((&line["wrong"], &line["not_evaluated"], &line["unanswered"]), (&json!(0), &json!(0), &json!(0)));
    let (requests, items) = (line["requests"].as_u64().expect("a count"), line["items"].as_u64().expect("a count"));
    assert!(requests > 0 && items == requests * 64, "{line}");
    assert_eq!(line["statuses"], json!({"ok": requests}));
    for times in ["latency_us", "added_us", "queue_us", "compute_us", "late_us"] {
        let at = |name: &str| line[times][name].as_u64().unwrap_or_else(|| panic!("{times} {name}"));
        let all = ["p50", "p90", "p99", "p99.9", "max"].map(at);
        assert!(all.is_sorted(), "{times} {all:?}");
    }

    let streams = [
        "--stream",
        "name=votes,priority=consensus,scheme=ed25519-zip215,batch=10,rate=20",
        "--stream",
        "name=history,batch=100,scheme=recover-secp256k1+sm3,in-flight=2",
    ];
    let args: Vec<_> = load.iter().chain(&streams).copied().collect();
    let lines = run(&args, &node, "").await.code(0).json();
    let names: Vec<_> = lines.iter().map(|line| line["stream"].as_str().expect("a name")).collect();
    assert_eq!(names, ["votes", "history"]);
    // An open loop sends at its rate, however fast the answers are.
    assert_eq!(lines[0]["requests"], json!(20));
    served.node.drain().await;
}

/// A stream that a node refuses is counted by its status and is not as expected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_counts_refusals_by_their_status() {
    let served = Served::start(&["poor"], "[tenants.poor]\nitems_per_second = 100\nburst_items = 65536").await;
    let node = connect(&served, "poor");
    let args = ["load", "--seconds", "1", "--warmup-seconds", "0", "--json", "--scheme", "sha256", "--batch", "1000"];
    // Some are answered and the rest refused for the tenant's rate: that is a node doing as it should.
    let lines = run(&args, &node, "").await.code(0).json();
    let statuses = &lines[0]["statuses"];
    assert!(statuses["quota-rate"].as_u64().is_some_and(|count| count > 0), "{statuses}");
    let text = run(&args[..5].iter().chain(&args[6..]).copied().collect::<Vec<_>>(), &node, "").await.out;
    assert!(text.contains("quota-rate") && text.contains("p99.9"), "{text}");
    served.node.drain().await;
}

#[test]
fn bench_measures_every_operation() {
    let args = ["bench", "--items", "3", "--group", "2", "--passes", "2", "--threads", "1", "--json"];
    let lines = assay(&args, "").code(0).json();
    let names: Vec<_> = lines.iter().map(|line| line["operation"].as_str().expect("a name")).collect();
    assert_eq!(names, OPERATIONS.iter().map(|operation| operation.name).collect::<Vec<_>>());
    for line in &lines {
        let number = |name: &str| line[name].as_f64().unwrap_or_else(|| panic!("{name} of {line}"));
        assert!(number("items_per_second") >= number("items_per_second_median"), "{line}");
        assert!(number("items_per_second_median") > 0.0, "{line}");
        assert_eq!((number("batch"), number("threads"), number("passes")), (3.0, 1.0, 2.0), "{line}");
        assert!(line["backend"].as_str().is_some_and(|backend| !backend.is_empty()), "{line}");
    }
}

#[test]
fn bench_shows_one_operation_to_people_and_refuses_a_backend_that_is_not_here() {
    let text = assay(&["bench", "--algorithm", "sm3", "--items", "100", "--passes", "3"], "").code(0).out;
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("operation") && lines[1].starts_with("sm3"), "{text}");
    for backend in ["lanes", "gpu"] {
        let ran = assay(&["bench", "--scheme", "ml-dsa-65", "--backend", backend, "--items", "2", "--json"], "");
        if ran.code == 2 {
            ran.says(&[backend]);
        } else {
            let lines: Vec<Value> = ran.code(0).json();
            assert_eq!(lines[0]["backend"], json!(backend));
        }
    }
}
