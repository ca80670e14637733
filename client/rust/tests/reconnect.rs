//! Connections that come late, go and come back, or must never come to be.

mod common;

use std::time::Duration;

use assay_client::{Client, ClientConfig, Error, NodeAddress, Options};
use assay_scheme::Parameters;
use common::{Pki, Server, Setup, ask, digests, honest, until};

/// A port of this machine that nobody listens on.
fn nobody() -> NodeAddress {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    NodeAddress { addr: socket.local_addr().expect("bound"), server_name: "localhost".into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_restarts_on_its_port_is_found_again() {
    let pki = Pki::new();
    let first = Server::start(&pki, honest()).await;
    let address = first.address.clone();
    let client = Client::connect(pki.config(vec![address.clone()])).await.expect("a connection");
    ask(&client).await.expect("an answer");
    first.stop().await;
    // Asked while the node is down: the caller only sees that it takes longer.
    let asking = client.clone();
    let asked = tokio::spawn(async move { ask(&asking).await });
    until(|| !client.health()[0].up).await;
    let second = Server::start_with(&pki, Setup { addr: address.addr, ..Setup::new(honest()) }).await;
    assert_eq!(asked.await.expect("no panic").expect("the new node").items(), 3);
    assert_eq!(second.requests(), 1);
    assert!(client.health()[0].attempts >= 2 && client.health()[0].last_error.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_that_answers_is_enough_and_the_other_is_found_later() {
    let pki = Pki::new();
    let up = Server::start(&pki, honest()).await;
    let late = nobody();
    let config = ClientConfig {
        // Attempts at the port that is silent end soon, and are made again.
        connect_timeout: Duration::from_millis(500),
        ..pki.config(vec![late.clone(), up.address.clone()])
    };
    let client = Client::connect(config).await.expect("one is enough");
    ask(&client).await.expect("an answer");
    until(|| client.health()[0].attempts >= 2).await;
    assert!(client.health()[0].last_error.as_ref().is_some_and(|why| why.contains("handshake")));
    let _late = Server::start_with(&pki, Setup { addr: late.addr, ..Setup::new(honest()) }).await;
    until(|| client.health().iter().all(|node| node.up)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_node_at_all_is_told_with_one_that_was_tried() {
    let pki = Pki::new();
    let nodes = vec![nobody(), nobody()];
    let names = nodes.iter().map(ToString::to_string).collect::<Vec<_>>();
    let config = ClientConfig { connect_timeout: Duration::from_millis(300), ..pki.config(nodes) };
    match Client::connect(config).await {
        Err(Error::Unreachable { node, why }) => {
            assert!(names.contains(&node), "{node}");
            assert!(why.contains("handshake"), "{why}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_a_connection_no_longer_than_for_its_deadline() {
    let pki = Pki::new();
    let server = Server::start(&pki, honest()).await;
    let client = Client::connect(pki.config(vec![server.address.clone()])).await.expect("a connection");
    server.stop().await;
    let options = Options::default().within(Duration::from_millis(200));
    let outcome = client.request(&digests(0, 1), &Parameters::default(), options).await;
    assert_eq!(outcome, Err(Error::DeadlineExceeded));
}

/// What is wrong is found at once, not after the timeout, and in words.
async fn refused(client_of: &Pki, trusting: &Pki, setup: Setup, name: &str) -> String {
    let server = Server::start_with(trusting, setup).await;
    let node = NodeAddress { server_name: name.into(), ..server.address.clone() };
    match Client::connect(client_of.config(vec![node])).await {
        Err(Error::Unreachable { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_do_not_fit_are_told_from_each_other() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let setup = || Setup::new(honest());
    let stranger = refused(&ours, &theirs, setup(), "localhost").await;
    assert!(stranger.contains("not signed by the authority"), "{stranger}");
    let misnamed = refused(&ours, &ours, setup(), "elsewhere.test").await;
    assert!(misnamed.contains("this client refused") && misnamed.contains("elsewhere.test"), "{misnamed}");
    let other_protocol = refused(&ours, &ours, Setup { alpn: b"h3", ..setup() }, "localhost").await;
    assert!(other_protocol.contains("protocol"), "{other_protocol}");

    // The client's half of a TLS 1.3 handshake succeeds before the node has looked at its certificate.
    let server = Server::start(&theirs, honest()).await;
    let config = ClientConfig { ca: theirs.path("ca.pem"), ..ours.config(vec![server.address.clone()]) };
    match Client::connect(config).await {
        Err(Error::Unreachable { why, .. }) => assert!(why.contains("the node refused"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_errors_come_before_any_socket() {
    let pki = Pki::new();
    let config = ClientConfig { ca: pki.path("missing.pem"), ..pki.config(vec![nobody()]) };
    assert!(matches!(Client::connect(config).await, Err(Error::Setup { what, .. }) if what.contains("missing.pem")));
    let config = ClientConfig { nodes: Vec::new(), ..pki.config(Vec::new()) };
    assert!(matches!(Client::connect(config).await, Err(Error::Setup { what, .. }) if what == "nodes"));
}
