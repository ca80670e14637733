//! `assay cert` as an operator uses it.

use std::path::{Path, PathBuf};

use assay_appliance::config::{CrlsExpired, TlsConfig};
use assay_appliance::tls::{ServerTls, tenant_of};
use assert_cmd::Command;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

fn cert(folder: &Path, args: &str) -> assert_cmd::assert::Assert {
    Command::new(env!("CARGO_BIN_EXE_assay")).current_dir(folder).arg("cert").args(args.split(' ')).assert()
}

fn out(assert: &assert_cmd::assert::Assert) -> (String, String) {
    let output = assert.get_output();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (text(&output.stdout), text(&output.stderr))
}

fn config(folder: &Path, crls: Vec<PathBuf>) -> TlsConfig {
    let node = folder.join("pki/node1");
    TlsConfig {
        ca: node.join("ca.pem"),
        cert: node.join("cert.pem"),
        key: node.join("key.pem"),
        crls,
        crls_expired: CrlsExpired::Refuse,
    }
}

#[test]
fn three_commands_make_a_set_up_that_works() {
    let folder = tempfile::tempdir().expect("a folder");
    // The working folder as the system knows it, which is what an absolute path begins with.
    let at = &folder.path().canonicalize().expect("it is there");
    let (said, _) = out(&cert(at, "ca --out pki/ca").success());
    assert!(said.contains("pki/ca/ca.pem") && said.contains("next:  assay cert node --ca pki/ca"), "{said}");
    let (said, _) =
        out(&cert(at, "node --ca pki/ca --host localhost --host 127.0.0.1 --host ::1 --out pki/node1").success());
    assert!(
        said.contains(&format!("key = \"{}\"", at.join("pki/node1/key.pem").display()))
            && said.contains("next:  assay cert client"),
        "{said}"
    );
    let (said, _) = out(&cert(at, "client --ca pki/ca --tenant exchange --out pki/exchange").success());
    assert!(said.contains("[tenants.exchange]") && said.contains("next:  assay serve"), "{said}");

    ServerTls::load(&config(at, Vec::new())).expect("the node's files are right");
    let client = CertificateDer::from_pem_file(at.join("pki/exchange/cert.pem")).expect("a certificate");
    assert_eq!(tenant_of(&[client]).as_deref(), Ok("exchange"));

    let (said, _) = out(&cert(at, "revoke --ca pki/ca pki/exchange/cert.pem").success());
    assert!(
        said.contains("1 revoked") && said.contains(&format!("crls = [\"{}\"]", at.join("pki/ca/crl.pem").display())),
        "{said}"
    );
    ServerTls::load(&config(at, vec![at.join("pki/ca/crl.pem")])).expect("the list is this authority's");
}

#[cfg(unix)]
#[test]
fn keys_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    cert(at, "ca --out ca").success();
    cert(at, "node --ca ca --host localhost --out node").success();
    cert(at, "client --ca ca --tenant a --out a").success();
    for key in ["ca/ca.key", "node/key.pem", "a/key.pem"] {
        let mode = std::fs::metadata(at.join(key)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    // An authority whose key others can read signs nothing more.
    std::fs::set_permissions(at.join("ca/ca.key"), std::fs::Permissions::from_mode(0o644)).expect("permissions");
    let (_, told) = out(&cert(at, "client --ca ca --tenant b --out b").code(2));
    assert!(told.contains("chmod 600 ca/ca.key"), "{told}");
    assert!(!at.join("b").exists());
}

#[test]
fn nothing_is_overwritten_unasked() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    cert(at, "ca --out ca").success();
    cert(at, "node --ca ca --host localhost --out node").success();
    let read = |file: &str| std::fs::read(at.join(file)).expect("a file");
    let (ca, key) = (read("ca/ca.key"), read("node/key.pem"));
    for (args, file) in [("ca --out ca", "ca/ca.key"), ("node --ca ca --host localhost --out node", "node/key.pem")] {
        let (said, told) = out(&cert(at, args).code(2));
        assert!(said.is_empty() && told.contains(file) && told.contains("--force"), "{told}");
    }
    assert_eq!((read("ca/ca.key"), read("node/key.pem")), (ca, key.clone()));
    cert(at, "node --ca ca --host localhost --out node --force").success();
    assert_ne!(read("node/key.pem"), key);
    // One of three files is enough to refuse, and then none is written.
    std::fs::create_dir(at.join("half")).expect("a folder");
    std::fs::write(at.join("half/ca.pem"), "mine").expect("a file");
    cert(at, "node --ca ca --host localhost --out half").code(2);
    assert!(!at.join("half/key.pem").exists());
    assert_eq!(read("half/ca.pem"), b"mine");
}

#[test]
fn mistakes_are_told_and_leave_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    cert(at, "ca --out ca").success();
    let cases = [
        ("client --ca ca --tenant Exchange --out x", "--tenant Exchange: a tenant's name is"),
        ("node --ca ca --host not_a..host --out x", "--host not_a..host: neither a DNS name nor an IP address"),
        ("node --ca ca --out x", "--host"),
        ("client --ca nowhere --tenant a --out x", "assay cert ca --out DIR"),
        ("client --ca ca --tenant a --out x --days 0", "--days"),
        ("revoke --ca ca nowhere.pem", "nowhere.pem"),
        ("revoke --ca nowhere", "nowhere"),
    ];
    for (args, wanted) in cases {
        let (_, told) = out(&cert(at, args).code(2));
        assert!(told.contains(wanted), "{args}: {told}");
        assert!(!at.join("x").exists(), "{args}");
    }
    let (_, told) = out(&cert(at, "ca --out ca/ca.pem/below").code(2));
    assert!(told.contains("ca/ca.pem/below"), "{told}");
}

#[test]
fn an_authority_revokes_only_what_it_signed() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    cert(at, "ca --out ca").success();
    cert(at, "ca --out other").success();
    cert(at, "client --ca other --tenant a --out a").success();
    let (_, told) = out(&cert(at, "revoke --ca ca a/cert.pem").code(2));
    assert!(told.contains("a/cert.pem") && told.contains("did not sign"), "{told}");
    assert!(!at.join("ca/crl.pem").exists());
    // A list that is not its own is not built upon.
    cert(at, "revoke --ca other a/cert.pem").success();
    std::fs::copy(at.join("other/crl.pem"), at.join("ca/crl.pem")).expect("copied");
    let (_, told) = out(&cert(at, "revoke --ca ca").code(2));
    assert!(told.contains("ca/crl.pem"), "{told}");
    // A new authority in the old one's place starts with no list.
    cert(at, "ca --out other --force").success();
    assert!(!at.join("other/crl.pem").exists());
}

#[test]
fn help_shows_examples() {
    for args in ["--help", "ca --help", "node --help", "client --help", "revoke --help"] {
        let folder = tempfile::tempdir().expect("a folder");
        let (said, _) = out(&cert(folder.path(), args).success());
        assert!(said.contains("Example"), "{args}");
    }
}
