//! `assay evidence`: documents notarised and verified by the built command, in process and through a node, with receipts of
//! another program beside its own.

mod command;
mod peer;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use command::{Ran, assay, assay_in, vector_json};
use peer::Served;
use serde_json::{Value, json};

/// Documents of the large run.
const DOCUMENTS: usize = 1_621;

fn openssl(folder: &Path, args: &[&str]) {
    let ran = std::process::Command::new("openssl").args(args).current_dir(folder).output().expect("openssl");
    assert!(ran.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// A folder with a notary's keys and documents in `archive`.
fn prepared(documents: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    openssl(at, &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "rsa.pem"]);
    openssl(at, &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", "sm2.pem"]);
    for key in ["rsa", "sm2"] {
        let file = format!("{key}.pem");
        fs::set_permissions(at.join(&file), fs::Permissions::from_mode(0o600)).expect("permissions");
        openssl(at, &["pkey", "-in", &file, "-pubout", "-out", &format!("{key}-public.pem")]);
    }
    for number in 0..documents {
        let year = at.join(format!("archive/{}", 2000 + number % 7));
        fs::create_dir_all(&year).expect("a folder");
        fs::write(year.join(format!("{number:04}.txt")), format!("document {number}\n").repeat(number % 50))
            .expect("written");
    }
    folder
}

fn notarise(folder: &Path, key: &str, extra: &[&str]) -> Ran {
    let key = format!("{key}.pem");
    let args = ["evidence", "notarise", "--notary-key", &key, "--account", "court-7", "--business-id", "case-2041"];
    assay_in(folder, &[&args[..], &["--receipt", "case.json", "--json"], extra, &["archive"]].concat(), b"")
}

fn verify(folder: &Path, key: &str, extra: &[&str]) -> Ran {
    let key = format!("{key}-public.pem");
    let args = ["evidence", "verify", "--notary", &key, "--receipt", "case.json", "--json"];
    assay_in(folder, &[&args[..], extra, &["archive"]].concat(), b"")
}

#[test]
fn a_directory_of_1621_documents_is_notarised_and_verified() {
    let folder = prepared(DOCUMENTS);
    let at = folder.path();
    for (key, hash) in [("rsa", "sha256"), ("sm2", "sm3")] {
        let (_, made) = notarise(at, key, &["--hash", hash, "--report", "made.html"]).code(0).items();
        assert_eq!(made["documents"], json!(DOCUMENTS));
        assert!(made["requests"].as_u64().expect("a number") < 20, "many in one request: {made}");
        let page = fs::read_to_string(at.join("made.html")).expect("a page");
        assert!(page.contains("Notarised") && page.contains("2003/1501.txt"));
        let (lines, checked) = verify(at, key, &["--report", "checked.html"]).code(0).items();
        assert_eq!((lines.len(), &checked["same"], &checked["signatures_valid"]), (0, &json!(DOCUMENTS), &json!(2)));
        assert!(fs::read_to_string(at.join("checked.html")).expect("a page").contains("The evidence holds"));
        // Another notary's key, and a receipt that was changed.
        let other = if key == "rsa" { "sm2" } else { "rsa" };
        let (_, refused) = verify(at, other, &[]).code(1).items();
        assert_eq!(refused["signatures_invalid"], json!(2));
    }
    // One document changed, one gone, one new: each is named.
    fs::write(at.join("archive/2003/0010.txt"), "another text").expect("written");
    fs::remove_file(at.join("archive/2004/0011.txt")).expect("removed");
    fs::write(at.join("archive/2005/new.txt"), "new").expect("written");
    let (lines, counted) = verify(at, "sm2", &["--report", "checked.html"]).code(1).items();
    let named = |name: &str| lines.iter().find(|line| line["name"] == name).map(|line| line["standing"].clone());
    assert_eq!(named("2003/0010.txt"), Some(json!("changed")));
    assert_eq!(named("2004/0011.txt"), Some(json!("missing")));
    assert_eq!(named("2005/new.txt"), Some(json!("unlisted")));
    assert_eq!((&counted["same"], &counted["root"]), (&json!(DOCUMENTS - 2), &json!("holds")));
    let page = fs::read_to_string(at.join("checked.html")).expect("a page");
    assert!(page.contains("does not hold") && page.contains("2003/0010.txt is not the one that was notarised"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_a_node_it_comes_out_alike() {
    let served = Served::start(&["chains"], "").await;
    let (cert, key) = served.identity("chains");
    let node = format!("localhost@{}", served.addr());
    let files = [&served.pki.node.ca, &cert, &key].map(|path| path.display().to_string());
    let both = move || {
        let folder = prepared(40);
        let [ca, cert, key] = &files;
        let connect = ["--connect", &node, "--ca", ca, "--cert", cert, "--key", key];
        let here = notarise(folder.path(), "rsa", &[]).code(0).items().1;
        let there = notarise(folder.path(), "rsa", &connect).code(0).items().1;
        assert_eq!(here["root"], there["root"]);
        let (_, checked) = verify(folder.path(), "rsa", &connect).code(0).items();
        assert_eq!((&checked["same"], &checked["root"]), (&json!(40), &json!("holds")));
    };
    tokio::task::spawn_blocking(both).await.expect("no panic");
    assert!(served.replied("chains", assay_wire::Status::Ok).await > 2.0, "the node was asked");
}

#[test]
fn receipts_and_proofs_of_another_program_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let made = vector_json("evidence/made.json");
    for (name, text) in made["documents"].as_object().expect("names") {
        let path = at.join("archive").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text.as_str().expect("text")).expect("written");
    }
    for entry in made["receipts"].as_array().expect("a list") {
        fs::write(at.join("other-public.pem"), entry["notary"].as_str().expect("PEM")).expect("written");
        fs::write(at.join("case.json"), entry["receipt"].to_string()).expect("written");
        assert_eq!(verify(at, "other", &[]).code(0).items().1["same"], json!(7));
        let args = ["evidence", "prove", "--receipt", "case.json", "2024/contract-3.txt"];
        let proof = assay_in(at, &args, b"").code(0).out;
        let stated: Value = serde_json::from_str(&proof).expect("JSON");
        assert!(entry["proofs"].as_array().expect("a list").contains(&stated));
        fs::write(at.join("proof.json"), proof).expect("written");
        let check = |file: &str| {
            let args = ["evidence", "verify", "--notary", "other-public.pem", "--receipt", "proof.json", file];
            assay_in(at, &args, b"")
        };
        assert!(check("archive/2024/contract-3.txt").code(0).out.contains("the evidence holds"));
        assert!(check("archive/2024/contract-4.txt").code(1).out.contains("not the one that was notarised"));
    }
}

#[test]
fn a_key_that_others_may_read_signs_nothing() {
    let folder = prepared(2);
    let at = folder.path();
    fs::set_permissions(at.join("rsa.pem"), fs::Permissions::from_mode(0o644)).expect("permissions");
    notarise(at, "rsa", &[]).code(2).says(&["rsa.pem", "0644", "chmod 600"]);
    assert!(!at.join("case.json").exists());
    fs::write(at.join("none.pem"), "no key").expect("written");
    fs::set_permissions(at.join("none.pem"), fs::Permissions::from_mode(0o600)).expect("permissions");
    notarise(at, "none", &[]).code(2).says(&["none.pem"]);
    notarise(at, "sm2", &["--account", "a\nb"]).code(2);
    assay(&["evidence", "verify", "--receipt", "x", "y"], "").code(2).says(&["--notary"]);
}
