//! A node's life: ready, reloaded, drained.

mod peer;

use assay_appliance::node::Node;
use assay_appliance::tls::issue::Authority;
use assay_scheme::Priority;
use assay_wire::{CloseCode, NodeStatus, Status};
use peer::*;
use quinn::{Connection, RecvStream};

const WAITS: &str = "[queues.bulk]\nbatch_age_us_max = 1000000\n";

async fn waiting(served: &Served, connection: &Connection) -> RecvStream {
    let (mut send, recv) = open(connection).await;
    send.write_all(&digests(10, 32, Priority::Bulk)).await.expect("sent");
    send.finish().expect("open");
    served.metric_reaches("assay_admit_inflight_requests", 1.0).await;
    recv
}

fn application(code: CloseCode) -> Closed {
    Closed::Application(u64::from(code.code()))
}

/// What was admitted is answered; what is new is refused; then every connection is closed as done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_answers_what_was_admitted_and_refuses_what_is_new() {
    let served = Served::start(&["early", "late"], WAITS).await;
    assert!(served.get("/ready").await.0.contains("200"));
    let (early, late) = (served.connect("early").await, served.connect("late").await);
    let mut held = waiting(&served, &early).await;
    let (addr, admin) = (served.addr(), served.node.admin_addr());
    let (cert, key) = served.identity("late");
    let newcomer = Peer::new(&served.pki.node.ca).with(&cert, &key);
    let health = std::sync::Arc::clone(served.node.health());
    let drain = tokio::spawn(served.node.drain());
    while !health.is_draining() {
        tokio::task::yield_now().await;
    }
    assert_eq!(status(&exchange(&late, &digests(1, 32, Priority::Consensus)).await), Status::Draining);
    let told = exchange(&late, &status_request()).await;
    assert_eq!(NodeStatus::from_json(&told.node).expect("a document").state, "draining");
    assert!(get(admin, "/ready").await.0.contains("503"));
    assert!(get(admin, "/live").await.0.contains("200"));
    assert_eq!(closed(connect(addr, &newcomer).await).await, application(CloseCode::Draining));
    let reply = reply(&mut held).await;
    assert_eq!((status(&reply), reply.verdicts.len()), (Status::Ok, 10));
    assert_eq!(drain.await.expect("drained").cut, 0);
    assert_eq!(closed(Ok(early)).await, application(CloseCode::Done));
    assert_eq!(closed(Ok(late)).await, application(CloseCode::Done));
}

/// When its time is over, a drain tells those who still wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_out_of_time_tells_those_who_wait() {
    let served = Served::start(&["waiter"], &format!("{WAITS}[drain]\ntimeout_ms = 20\n")).await;
    let connection = served.connect("waiter").await;
    let mut held = waiting(&served, &connection).await;
    let drain = tokio::spawn(served.node.drain());
    assert_eq!(status(&reply(&mut held).await), Status::Draining);
    assert_eq!(drain.await.expect("drained").cut, 1);
    assert_eq!(closed(Ok(connection)).await, application(CloseCode::Done));
}

/// Tenants and limits change for open connections too; a tenant that is gone is closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_changes_tenants_and_limits() {
    let served = Served::start(&["stays", "goes"], "").await;
    let (stays, goes) = (served.connect("stays").await, served.connect("goes").await);
    assert_serves(&goes).await;
    let wanted = config(served.folder.path(), &served.pki, &["stays"], "[tenants.stays]\npriorities = [\"block\"]");
    served.node.reload(wanted).expect("it holds");
    assert_eq!(closed(Ok(goes)).await, application(CloseCode::Revoked));
    assert_eq!(closed(served.try_connect("goes").await).await, application(CloseCode::NoTenant));
    assert_eq!(status(&exchange(&stays, &digests(1, 32, Priority::Bulk)).await), Status::NotAllowed);
    assert_serves(&stays).await;
    // And back.
    let wanted = config(served.folder.path(), &served.pki, &["stays", "goes"], "");
    served.node.reload(wanted).expect("it holds");
    assert_serves(&served.connect("goes").await).await;
    served.node.drain().await;
}

/// Revoked: its open connection is closed, and its next handshake fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_closes_revoked_connections() {
    let served = Served::start(&["honest", "thief"], "").await;
    let (honest, thief) = (served.connect("honest").await, served.connect("thief").await);
    assert_serves(&thief).await;
    let authority = Authority::open(&served.pki.authority).expect("the authority");
    let (list, revoked) = authority.revoke(&[served.identity("thief").0], 1).expect("a list");
    assert_eq!(revoked, 1);
    let extra = format!("[tls]\ncrls = [{list:?}]");
    let wanted = config(served.folder.path(), &served.pki, &["honest", "thief"], &extra);
    served.node.reload(wanted).expect("it holds");
    assert_eq!(closed(Ok(thief)).await, application(CloseCode::Revoked));
    // RFC 8446, section 6: certificate_revoked is alert 44.
    assert_eq!(closed(served.try_connect("thief").await).await, Closed::Transport(0x100 + 44));
    served.metric_reaches("assay_accept_rejections_total{reason=\"certificate-revoked\"}", 1.0).await;
    assert_serves(&honest).await;
    assert_serves(&served.connect("honest").await).await;
    served.node.drain().await;
}

/// A node takes a renewed certificate over for new connections, and a broken one not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_renews_certificates_or_keeps_them() {
    let served = Served::start(&["tenant"], "").await;
    let presented = |connection: &Connection| {
        let chain = connection.peer_identity().expect("a certificate");
        chain.downcast::<Vec<rustls_pki_types::CertificateDer<'static>>>().expect("certificates")[0].clone()
    };
    let before = served.connect("tenant").await;
    let same = || config(served.folder.path(), &served.pki, &["tenant"], "");
    let authority = Authority::open(&served.pki.authority).expect("the authority");
    let hosts = ["localhost".to_owned()];
    authority.node(&served.folder.path().join("node"), "renewed", &hosts, 1, true).expect("a certificate");
    served.node.reload(same()).expect("it holds");
    let after = served.connect("tenant").await;
    assert_ne!(presented(&before), presented(&after));
    assert_serves(&before).await;
    std::fs::write(&served.pki.node.cert, "no certificate").expect("written");
    served.node.reload(same()).expect_err("it does not hold");
    served.metric_reaches("assay_node_reloads_total{outcome=\"failed\"}", 1.0).await;
    assert_eq!(presented(&served.connect("tenant").await), presented(&after), "the node goes on as it was");
    served.node.drain().await;
}

/// A node that cannot start says why, and leaves no socket behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_hold_stops_the_start() {
    let served = Served::start(&["tenant"], "").await;
    let mut config = config(served.folder.path(), &served.pki, &["tenant"], "");
    config.listen.sockets = vec![served.addr()];
    let error = Node::start(config).await.err().expect("the address is taken");
    assert!(error.to_string().contains(&served.addr().to_string()), "{error}");
    served.node.drain().await;
}

/// A client whose address changes is not followed there: what it sends from the new one is not answered, and its connection
/// ends when nothing has come from the old one for the idle time. It connects anew and is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_does_not_migrate() {
    let served = Served::start(&["mover"], "[listen]\nidle_timeout_ms = 1500\n").await;
    let (cert, key) = served.identity("mover");
    let peer = Peer::new(&served.pki.node.ca).with(&cert, &key);
    let socket = || std::net::UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let endpoint = quinn::Endpoint::client((std::net::Ipv4Addr::LOCALHOST, 0).into()).expect("an endpoint");
    let connection = connect_from(&endpoint, served.addr(), &peer).await.expect("accepted");
    assert_serves(&connection).await;
    endpoint.rebind(socket()).expect("another address");
    let asked = async {
        let (mut send, mut recv) = connection.open_bi().await.ok()?;
        send.write_all(&digests(1, 32, Priority::Consensus)).await.ok()?;
        send.finish().ok()?;
        recv.read_to_end(1 << 20).await.ok()
    };
    assert_eq!(tokio::time::timeout(LONG, asked).await.expect("the connection ends"), None, "answered elsewhere");
    let end = tokio::time::timeout(LONG, connection.closed()).await.expect("the connection ends");
    // The client's own time is up, or the node, whose is, no longer knows what still comes.
    assert!(matches!(end, quinn::ConnectionError::TimedOut | quinn::ConnectionError::Reset), "{end}");
    served.metric_reaches("assay_accept_closes_total{tenant=\"mover\",end=\"idle\"}", 1.0).await;
    let again = connect_from(&endpoint, served.addr(), &peer).await.expect("accepted from there");
    assert_serves(&again).await;
    served.node.drain().await;
}
