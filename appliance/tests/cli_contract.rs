//! What holds for every command: exit codes, help, errors in one line, pipes and Ctrl-C.

mod command;

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use command::{assay, assay_in};

/// RFC 8032, section 7.1, test 2.
const VALID: &str = r#"{"public_key":"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c","signature":"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00","message":"72"}"#;

const VERIFY: [&str; 4] = ["verify", "--scheme", "ed25519-strict", "-"];

fn with_expect(valid: bool) -> String {
    VALID.replace(r#""message""#, &format!(r#""expect":{valid},"message""#))
}

#[test]
fn exit_codes_say_how_it_went() {
    let not_json = "{";
    for (input, code) in [
        (VALID.to_owned(), 0),
        (with_expect(true), 0),
        (with_expect(false), 1),
        (VALID.replace("\"72\"", "\"73\""), 1),
        (with_expect(false).replace("\"72\"", "\"73\""), 0),
        (format!("{VALID}\n{not_json}"), 2),
        (format!("{}\n{not_json}", with_expect(false)), 2),
        (format!("{VALID}\n{}", with_expect(false)), 1),
        (String::new(), 2),
        ("\n \n".to_owned(), 2),
    ] {
        assay(&VERIFY, &input).code(code);
    }
}

#[test]
fn usage_errors_are_one_line_with_the_culprit_and_the_remedy() {
    for (args, words) in [
        (&["verify", "-"][..], &["--scheme", "assay verify --help"][..]),
        (&["verify", "--scheme", "ed25519", "-"], &["'ed25519'", "ed25519-zip215", "assay verify --help"]),
        (&["verify", "--schema", "sm2-za", "-"], &["--schema", "--scheme"]),
        (&["verfy"], &["verfy", "verify", "assay --help"]),
        (&["verify", "--scheme", "ed25519-strict", "no-such-file"], &["no-such-file"]),
        (&["verify", "--scheme", "ed25519-strict", "."], &[".", "directory"]),
        (&["verify", "--scheme", "ed25519-strict", "--hash", "sha256", "-"], &["ed25519-strict", "--hash"]),
        (&["verify", "--scheme", "sm2-e", "--user-id", "a", "-"], &["sm2-e", "user id"]),
        (&["verify", "--scheme", "sm2-za", "--user-id-hex", "abc", "-"], &["--user-id-hex", "odd"]),
        (&["verify", "--scheme", "ed25519-strict", "--context-hex", "00", "-"], &["context", "ml-dsa-65"]),
        (&["verify", "--scheme", "schnorr-bip340", "--signature-format", "der", "-"], &["schnorr-bip340", "der"]),
        (&["verify", "--scheme", "ed25519-strict", "--connect", "localhost", "-"], &["localhost", "host:port"]),
        (&["verify", "--scheme", "ed25519-strict", "--connect", "localhost:1", "-"], &["--ca", "ASSAY_CA"]),
        (
            &["verify", "--scheme", "ed25519-strict", "--connect", "localhost:1", "--backend", "gpu", "-"],
            &["--backend gpu", "node"],
        ),
        (
            &["verify", "--scheme", "ed25519-strict", "--connect", "localhost:1", "--threads", "2", "-"],
            &["--threads", "--connect"],
        ),
        (&["recover", "--scheme", "ecdsa-p256", "-"], &["ecdsa-p256", "recover-secp256k1"]),
        (&["digest", "--algorithm", "md5", "-"], &["md5", "sha256"]),
        (&["digest", "--algorithm", "sha256", "--lines", "a", "b"], &["--lines", "one"]),
        (&["bench", "--scheme", "sm2-za", "--algorithm", "sm3"], &["--scheme", "--algorithm"]),
        (&["bench", "--seconds", "nan"], &["--seconds"]),
        (&["load", "--batch", "0", "--connect", "localhost:1"], &["--batch is 0"]),
        (&["load"], &["--connect"]),
        (&["load", "--connect", "localhost:1", "--stream", "bach=1"], &["bach", "batch"]),
        (&["status"], &["--connect"]),
        (&["completions", "csh"], &["csh", "bash"]),
    ] {
        assay(args, "").code(2).says(words);
    }
}

#[test]
fn a_demanded_backend_computes_or_the_command_refuses() {
    for backend in ["lanes", "gpu"] {
        for scheme in ["ed25519-strict", "ml-dsa-65"] {
            let ran = assay(&["verify", "--scheme", scheme, "--backend", backend, "--json", "-"], VALID);
            if ran.code == 2 {
                ran.says(&[backend]);
                continue;
            }
            let (_, summary) = ran.items();
            let computed = summary["backends"].as_object().expect("an object");
            assert_eq!(computed.keys().collect::<Vec<_>>(), [backend], "{scheme}");
        }
    }
    let (_, summary) =
        assay(&["verify", "--scheme", "ed25519-strict", "--backend", "reference", "--json", "-"], VALID).items();
    assert_eq!(summary["backends"], serde_json::json!({"reference": 1}));
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let help = assay(&["--help"], "").code(0).out;
    let commands: Vec<_> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.len() >= 12, "{commands:?}");
    for command in commands {
        for flag in ["--help", "-h"] {
            let help = assay(&[command, flag], "").code(0).out;
            assert!(help.contains("Example"), "assay {command} {flag}");
            assert!(help.contains(&format!("assay {command}")), "assay {command} {flag}");
        }
    }
    assert!(help.contains("Example"));
    assert_eq!(assay(&["--version"], "").code(0).out, format!("assay {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_know_the_commands_and_the_schemes() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = assay(&["completions", shell], "").code(0).out;
        assert!(script.contains("ed25519-zip215") && script.contains("recover"), "{shell}");
    }
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(assay(&["man"], "").code(0).out.starts_with(".ie"));
    assay_in(folder.path(), &["man", "--out", "man1"], b"").code(0);
    for page in ["assay.1", "assay-verify.1", "assay-load.1", "assay-cert-ca.1"] {
        let text = std::fs::read_to_string(folder.path().join("man1").join(page)).expect(page);
        assert!(text.contains("Example"), "{page}");
    }
    std::fs::write(folder.path().join("file"), b"").expect("a file");
    assay_in(folder.path(), &["man", "--out", "file"], b"").code(2).says(&["file"]);
}

#[test]
fn files_and_the_environment_name_the_same_client() {
    let folder = tempfile::tempdir().expect("a folder");
    let args = ["status", "--connect", "127.0.0.1:1", "--ca", "a", "--cert", "b", "--key", "c"];
    let flags = assay_in(folder.path(), &args, b"").code(2).says(&["a: "]);
    let output = Command::new(env!("CARGO_BIN_EXE_assay"))
        .current_dir(folder.path())
        .args(&args[..3])
        .env("ASSAY_CA", "a")
        .env("ASSAY_CERT", "b")
        .env("ASSAY_KEY", "c")
        .output()
        .expect("the command runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), flags.err);
}

/// A reader that has seen enough ends the command without a word.
#[test]
fn a_closed_pipe_ends_it_quietly() {
    let line = "{\"message\":\"00\"}\n".repeat(200_000);
    for args in
        [&["digest", "--algorithm", "sha256", "--lines", "-"][..], &["digest", "-a", "sm3", "--lines", "--json", "-"]]
    {
        let mut child = Command::new(env!("CARGO_BIN_EXE_assay"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let mut stdin = child.stdin.take().expect("piped");
        let text = line.clone();
        // The command may be gone before it has read everything.
        let writer = std::thread::spawn(move || drop(stdin.write_all(text.as_bytes())));
        let mut out = child.stdout.take().expect("piped");
        out.read_exact(&mut [0; 16]).expect("the first answers");
        drop(out);
        let output = child.wait_with_output().expect("it ends");
        writer.join().expect("no panic");
        assert_eq!(output.status.code(), Some(141));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_cleanly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_assay"))
        .args(["digest", "--algorithm", "sha256", "--lines", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    // It listens before it reads, so once it has read this much it listens.
    let stdin = child.stdin.as_mut().expect("piped");
    stdin.write_all("{\"message\":\"00\"}\n".repeat(20_000).as_bytes()).expect("it reads");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let status = child.wait().expect("it ends");
    let mut err = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
    assert_eq!((status.code(), err.as_str()), (Some(130), ""));
}

/// docs/cli.md is complete: every command, and every argument of those it explains.
#[test]
fn the_guide_names_every_command_and_argument() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md")).expect("the guide");
    for command in ["status", "verify", "recover", "digest", "bench", "load", "completions", "man"] {
        assert!(guide.contains(&format!("$ assay {command} ")) || guide.contains(&format!("| assay {command} ")));
        let help = assay(&[command, "--help"], "").code(0).out;
        let flags = help.lines().filter_map(|line| {
            let line = line.trim_start();
            // A short name may stand before the long one.
            let long = line.split_once(", ").filter(|(short, _)| short.len() == 2).map_or(line, |(_, long)| long);
            long.split(' ').next()
        });
        let flags: Vec<_> = flags.collect();
        assert!(flags.contains(&"--help"), "{flags:?}");
        for flag in flags.into_iter().filter(|flag| flag.starts_with("--") && !["--help", "--version"].contains(flag)) {
            assert!(guide.contains(flag), "docs/cli.md says nothing of {flag} of assay {command}");
        }
    }
    for command in ["demo", "serve", "cert", "config"] {
        assert!(guide.contains(&format!("$ assay {command}")), "{command}");
    }
}
