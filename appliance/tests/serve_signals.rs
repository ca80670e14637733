//! The command itself: its one line when it is ready, what each signal does, and its exit codes.
#![cfg(unix)]

mod peer;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use assay_appliance::tls::{Throwaway, throwaway};
use assay_scheme::Priority;
use assay_wire::{CloseCode, Status};
use peer::*;

/// A running `assay serve` and its log.
struct Served {
    child: Child,
    log: BufReader<ChildStderr>,
    addr: SocketAddr,
}

impl Drop for Served {
    fn drop(&mut self) {
        // A test that failed leaves no node behind; one that passed has none.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_config(folder: &Path, pki: &Throwaway, extra: &str) {
    let text = format!(
        "[listen]\nsockets = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\nlevel = \"debug\"\n\
         [engine]\nthreads = 1\nbackend = \"reference\"\n[tls]\nca = {:?}\ncert = {:?}\nkey = {:?}\n\
         [tenants.tenant]\n{extra}",
        pki.node.ca, pki.node.cert, pki.node.key
    );
    std::fs::write(folder.join("node.toml"), text).expect("written");
}

impl Served {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_assay"))
            .args(["serve", "--config"])
            .arg(folder.join("node.toml"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let log = BufReader::new(child.stderr.take().expect("piped"));
        let mut served = Self { child, log, addr: ([0, 0, 0, 0], 0).into() };
        let ready = served.line("ready");
        served.addr = ready["listen"].as_str().and_then(|addr| addr.parse().ok()).expect("an address");
        served
    }

    /// The log's next line with this message.
    fn line(&mut self, message: &str) -> serde_json::Value {
        let mut seen = String::new();
        loop {
            let start = seen.len();
            let read = self.log.read_line(&mut seen).expect("a line");
            assert!(read > 0, "the log ends without {message:?}: {seen}");
            let line: serde_json::Value = serde_json::from_str(&seen[start..]).expect("one JSON object a line");
            if line["message"] == message {
                return line;
            }
        }
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill is there");
        assert!(sent.success());
    }

    /// Waits for its end, and returns what else it said.
    fn end(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).expect("a log");
        (self.child.wait().expect("it ends"), rest)
    }
}

fn tenant(pki: &Throwaway) -> Peer {
    Peer::new(&pki.node.ca).with(&pki.clients[0].cert, &pki.clients[0].key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hangup_reloads_and_terminate_drains() {
    let folder = tempfile::tempdir().expect("a folder");
    let pki = throwaway(folder.path(), &["tenant"]).expect("certificates");
    write_config(folder.path(), &pki, "");
    let mut served = Served::start(folder.path());
    let connection = connect(served.addr, &tenant(&pki)).await.expect("accepted");
    assert_serves(&connection).await;
    // Every line of a request bears its id (connection, then stream), its tenant and its operation.
    let answered = served.line("answered");
    assert_eq!(answered["span"]["id"], "1-0", "{answered}");
    assert_eq!((&answered["span"]["tenant"], &answered["span"]["operation"]), (&"tenant".into(), &"sha256".into()));
    assert_eq!((&answered["status"], &answered["items"]), (&"ok".into(), &3.into()));

    write_config(folder.path(), &pki, "priorities = [\"block\"]");
    served.signal("-HUP");
    served.line("reloaded");
    assert_serves(&connection).await;
    assert_eq!(status(&exchange(&connection, &digests(1, 32, Priority::Bulk)).await), Status::NotAllowed);

    write_config(folder.path(), &pki, "prioritys = []");
    served.signal("-HUP");
    let kept = served.line("not reloaded; the node goes on as it was");
    assert!(kept["error"].as_str().is_some_and(|error| error.contains("tenants.tenant.priorities")), "{kept}");
    assert_serves(&connection).await;

    served.signal("-TERM");
    let (exit, rest) = served.end();
    assert_eq!(exit.code(), Some(0), "{rest}");
    assert!(rest.contains("\"drained\""), "{rest}");
    assert_eq!(closed(Ok(connection)).await, Closed::Application(u64::from(CloseCode::Done.code())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_exits_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let pki = throwaway(folder.path(), &["tenant"]).expect("certificates");
    write_config(folder.path(), &pki, "[queues.bulk]\nbatch_age_us_max = 1000000\n[drain]\ntimeout_ms = 3600000\n");
    let mut served = Served::start(folder.path());
    let connection = connect(served.addr, &tenant(&pki)).await.expect("accepted");
    // A frame that never ends: admitted, so the drain waits for it.
    let (mut send, _recv) = open(&connection).await;
    send.write_all(&digests(1, 32, Priority::Bulk)[..70]).await.expect("sent");
    assert_serves(&connection).await;
    served.signal("-INT");
    served.line("draining");
    served.signal("-TERM");
    let (exit, rest) = served.end();
    assert_eq!(exit.code(), Some(1), "{rest}");
}

#[test]
fn a_configuration_that_does_not_hold_is_exit_2_with_words_and_no_backtrace() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("node.toml");
    for (text, words) in [
        ("[listen]\nsocket = []\n", "unknown key listen.socket; the nearest known one is listen.sockets"),
        ("[tls]\nca = \"missing.pem\"\n", "missing.pem"),
    ] {
        std::fs::write(&file, text).expect("written");
        let ended = Command::new(env!("CARGO_BIN_EXE_assay"))
            .args(["serve", "--config"])
            .arg(&file)
            .env("RUST_BACKTRACE", "1")
            .output()
            .expect("the command runs");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(!said.contains("panicked") && !said.contains("backtrace"), "{said}");
    }
}
