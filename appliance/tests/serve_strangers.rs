//! Who may connect: certificates, protocols, tenants and numbers of connections, each refused with its documented code.

mod peer;

use std::path::Path;
use std::time::{Duration, SystemTime};

use assay_appliance::tls::issue::Authority;
use assay_wire::CloseCode;
use peer::*;
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, Issuer, KeyPair, SanType};

/// A client certificate that this authority signs for these URIs and this time, in two files.
fn client(authority: &Path, folder: &Path, uris: &[&str], until: SystemTime) -> Peer {
    std::fs::create_dir_all(folder).expect("a folder");
    let read = |file: &str| std::fs::read_to_string(authority.join(file)).expect("the authority's file");
    let signer = KeyPair::from_pem(&read("ca.key")).expect("a key");
    let issuer = Issuer::from_ca_cert_pem(&read("ca.pem"), signer).expect("an authority");
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.not_before = (until - Duration::from_secs(86_400)).into();
    params.not_after = until.into();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = uris.iter().map(|uri| SanType::URI(Ia5String::try_from(*uri).expect("ASCII"))).collect();
    let key = KeyPair::generate().expect("a key");
    let cert = params.signed_by(&key, &issuer).expect("signed");
    let (cert_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&cert_file, cert.pem()).expect("written");
    std::fs::write(&key_file, key.serialize_pem()).expect("written");
    Peer::new(&authority.join("ca.pem")).with(&cert_file, &key_file)
}

fn tomorrow() -> SystemTime {
    SystemTime::now() + Duration::from_secs(86_400)
}

fn alert(alert: u64) -> Closed {
    Closed::Transport(0x100 + alert)
}

fn application(code: CloseCode) -> Closed {
    Closed::Application(u64::from(code.code()))
}

/// RFC 8446, section 6, names the alerts; RFC 9001, section 4.8, adds them to 0x100.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_refused_with_their_code_and_counted() {
    let served = Served::start(&["known"], "").await;
    let known = served.connect("known").await;
    let authority = served.pki.authority.clone();
    let ca = served.pki.node.ca.clone();
    let (cert, key) = served.identity("known");
    let made = served.folder.path().join("made");

    let other = Authority::create(&served.folder.path().join("other"), "other", 1, false).expect("an authority");
    let foreign = other.client(&made.join("foreign"), "known", 1, false).expect("a certificate");
    let mut alpn = Peer::new(&ca).with(&cert, &key);
    alpn.alpn = vec![b"h3".to_vec()];
    let expired = SystemTime::now() - Duration::from_secs(3_600);
    let known_uri = "assay:tenant:known";
    let strangers = [
        ("alpn", alpn, alert(120)),
        ("no-certificate", Peer::new(&ca), alert(116)),
        ("certificate-expired", client(&authority, &made.join("expired"), &[known_uri], expired), alert(45)),
        ("unknown-authority", Peer::new(&ca).with(&foreign.cert, &foreign.key), alert(48)),
        ("no-tenant", client(&authority, &made.join("none"), &[], tomorrow()), application(CloseCode::NoTenant)),
        (
            "no-tenant",
            client(&authority, &made.join("two"), &[known_uri, "assay:tenant:other"], tomorrow()),
            application(CloseCode::NoTenant),
        ),
        (
            "unknown-tenant",
            client(&authority, &made.join("unknown"), &["assay:tenant:stranger"], tomorrow()),
            application(CloseCode::NoTenant),
        ),
    ];
    for (reason, stranger, code) in strangers {
        let series = format!("assay_accept_rejections_total{{reason=\"{reason}\"}}");
        let before = served.metric(&series).await;
        assert_eq!(closed(connect(served.addr(), &stranger).await).await, code, "{reason}");
        served.metric_reaches(&series, before + 1.0).await;
        assert_serves(&known).await;
    }
    let text = served.get("/metrics").await.1;
    assert!(!text.contains("stranger"), "a name that nobody configured is no label");
    served.node.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_limited_per_tenant_and_altogether() {
    let limits = "[listen]\nconnections_max = 3\nconnections_per_tenant_max = 2";
    let served = Served::start(&["many", "other"], limits).await;
    let first = served.connect("many").await;
    let second = served.connect("many").await;
    assert_serves(&second).await;
    let third = closed(served.try_connect("many").await).await;
    assert_eq!(third, application(CloseCode::TooManyConnections));
    served.metric_reaches("assay_accept_rejections_total{reason=\"tenant-full\"}", 1.0).await;
    let other = served.connect("other").await;
    assert_serves(&other).await;
    // RFC 9000, section 20.1: CONNECTION_REFUSED.
    assert_eq!(closed(served.try_connect("other").await).await, Closed::Transport(0x02));
    served.metric_reaches("assay_accept_rejections_total{reason=\"full\"}", 1.0).await;
    assert_serves(&first).await;
    first.close(code(0), b"");
    served.metric_reaches("assay_accept_closes_total{tenant=\"many\",end=\"peer\"}", 1.0).await;
    // The place is free as soon as the node has heard of the end.
    assert_serves(&served.connect("many").await).await;
    served.node.drain().await;
}

/// Streams of one direction and datagrams are not part of the protocol, and a connection that says nothing ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_for_requests_alone_and_ends_when_idle() {
    let served = Served::start(&["quiet"], "[listen]\nidle_timeout_ms = 400").await;
    let connection = served.connect("quiet").await;
    assert_serves(&connection).await;
    assert_eq!(connection.max_datagram_size(), None);
    let uni = tokio::time::timeout(LONG, connection.open_uni()).await.expect("ends with the connection");
    assert!(matches!(uni, Err(quinn::ConnectionError::TimedOut)), "{uni:?}");
    served.metric_reaches("assay_accept_closes_total{tenant=\"quiet\",end=\"idle\"}", 1.0).await;
    served.node.drain().await;
}

/// With RETRY always asked for, an honest peer proves its address and is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_proven_by_retry() {
    let served = Served::start(&["honest"], "[listen]\nretry_handshakes_min = 0").await;
    assert_serves(&served.connect("honest").await).await;
    assert!(served.metric("assay_accept_retries_total").await >= 1.0);
    served.node.drain().await;
}

/// A handshake that stops halfway holds its place no longer than the configured time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_handshake_is_given_up() {
    let served = Served::start(
        &["patient"],
        "[listen]\nhandshake_timeout_ms = 200\nhandshakes_max = 2\nretry_handshakes_min = 1",
    )
    .await;
    let stranger = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    // The first datagram of a handshake, and nothing after it: an endpoint dropped before it hears an answer.
    let relay = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let relay_addr = relay.local_addr().expect("an address");
    let (cert, key) = served.identity("patient");
    let peer = Peer::new(&served.pki.node.ca).with(&cert, &key);
    let connecting = tokio::spawn(async move { connect(relay_addr, &peer).await });
    let mut datagram = vec![0; 2_000];
    let (len, _) = tokio::time::timeout(LONG, relay.recv_from(&mut datagram)).await.expect("in time").expect("sent");
    connecting.abort();
    stranger.send_to(&datagram[..len], served.addr()).await.expect("sent");
    served.metric_reaches("assay_accept_rejections_total{reason=\"handshake-timeout\"}", 1.0).await;
    assert_serves(&served.connect("patient").await).await;
    served.node.drain().await;
}
