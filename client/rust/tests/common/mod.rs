//! A node for the client's tests: real QUIC on loopback, the reference backend behind it, and a script that says for each
//! request whether to answer or how to misbehave.

// Each test binary uses its own part of this.
#![allow(dead_code)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use assay_client::{Client, ClientConfig, Error, NodeAddress, Options};
use assay_core::backend::Output;
use assay_core::reference::Reference;
use assay_core::{Backend, Bundle, Results};
use assay_scheme::registry::OPERATIONS;
use assay_scheme::{Columns, ColumnsBuilder, Kind, Parameters, Priority, Row};
use assay_wire::codec::{Body, Reply, Request, decode_request, encode_reply};
use assay_wire::status::CloseCode;
use assay_wire::{NodeStatus, Status};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, VarInt};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SigningKey};

/// What a node does with one request.
pub(crate) enum Act {
    /// Answers it.
    Answer,
    /// Answers it after a while.
    Late(Duration),
    /// Never answers.
    Hang,
    /// Answers with this status and hint, microseconds.
    Refuse(Status, u32),
    /// Answers with a changed reply.
    Alter(Box<dyn FnOnce(&mut Reply) + Send>),
    /// Answers with changed bytes.
    Bytes(Box<dyn FnOnce(Vec<u8>) -> Vec<u8> + Send>),
    /// Sends these bytes and leaves the stream open.
    Stall(Box<dyn FnOnce(Vec<u8>) -> Vec<u8> + Send>),
    /// Gives the stream up without an answer.
    Reset,
    /// Closes the connection without an answer.
    Close(CloseCode),
    /// Sends half of the answer, then closes the connection.
    Half,
}

/// Says what to do with the `n`th request (from 0; status operations are not counted).
pub(crate) type Script = Arc<dyn Fn(usize, &Request) -> Act + Send + Sync>;

/// A script from a closure.
pub(crate) fn script(act: impl Fn(usize, &Request) -> Act + Send + Sync + 'static) -> Script {
    Arc::new(act)
}

/// Always answers.
pub(crate) fn honest() -> Script {
    script(|_, _| Act::Answer)
}

/// A test's authority, and the files it hands out.
pub(crate) struct Pki {
    dir: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let pki = Self { dir: tempfile::tempdir().expect("a temporary folder"), issuer };
        pki.put("ca.pem", &pki.issuer.pem());
        let (cert, key) = pki.issue("client.test");
        pki.put("client.pem", &cert.pem());
        pki.put("client.key", &key.serialize_pem());
        pki
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned(), "127.0.0.1".to_owned()]).expect("names");
        (params.signed_by(&key, &self.issuer).expect("a certificate"), key)
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    /// `ca.pem`, `client.pem` or `client.key`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A client's settings for these nodes.
    pub(crate) fn config(&self, nodes: Vec<NodeAddress>) -> ClientConfig {
        ClientConfig {
            // Generous: the machine that runs the tests may be busy.
            connect_timeout: Duration::from_secs(30),
            ..ClientConfig::new(nodes, self.path("ca.pem"), self.path("client.pem"), self.path("client.key"))
        }
    }

    fn server(&self, alpn: &[u8]) -> quinn::ServerConfig {
        let (cert, key) = self.issue("localhost");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("an authority");
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .expect("a verifier");
        let key = rustls_pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a certificate and its key");
        tls.alpn_protocols = vec![alpn.to_vec()];
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).expect("suites")));
        let mut transport = quinn::TransportConfig::default();
        transport.stream_receive_window(VarInt::from_u32(32 << 20));
        config.transport_config(Arc::new(transport));
        config
    }
}

/// How a test's node is set up.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) script: Script,
    pub(crate) zone: &'static str,
    pub(crate) operations: Vec<String>,
    pub(crate) alpn: &'static [u8],
    pub(crate) addr: SocketAddr,
}

impl Setup {
    pub(crate) fn new(script: Script) -> Self {
        Self {
            script,
            zone: "",
            operations: OPERATIONS.iter().map(|operation| operation.name.to_owned()).collect(),
            alpn: assay_wire::ALPN,
            addr: ([127, 0, 0, 1], 0).into(),
        }
    }
}

/// A node that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) address: NodeAddress,
    endpoint: Endpoint,
    shared: Arc<Shared>,
}

struct Shared {
    setup: Setup,
    requests: AtomicUsize,
    log: Mutex<Vec<(Priority, u32, usize)>>,
}

impl Server {
    /// A node that follows this script.
    pub(crate) async fn start(pki: &Pki, script: Script) -> Self {
        Self::start_with(pki, Setup::new(script)).await
    }

    pub(crate) async fn start_with(pki: &Pki, setup: Setup) -> Self {
        let config = pki.server(setup.alpn);
        // A port that was just given up may take a moment to come free.
        let mut tries = 0;
        let endpoint = loop {
            match Endpoint::server(config.clone(), setup.addr) {
                Ok(endpoint) => break endpoint,
                Err(error) if tries == 200 => panic!("{error}"),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let addr = endpoint.local_addr().expect("a socket");
        let shared = Arc::new(Shared { setup, requests: AtomicUsize::new(0), log: Mutex::default() });
        let (accepting, at) = (endpoint.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            while let Some(incoming) = accepting.accept().await {
                let shared = Arc::clone(&at);
                tokio::spawn(async move {
                    let Ok(connection) = incoming.await else { return };
                    while let Ok((send, recv)) = connection.accept_bi().await {
                        tokio::spawn(serve(connection.clone(), send, recv, Arc::clone(&shared)));
                    }
                });
            }
        });
        Self { address: NodeAddress { addr, server_name: "localhost".into() }, endpoint, shared }
    }

    /// Requests met so far, status operations not counted.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Priority, deadline in microseconds and items of each request met.
    pub(crate) fn log(&self) -> Vec<(Priority, u32, usize)> {
        self.shared.log.lock().expect("no panics").clone()
    }

    /// Closes every connection and gives the port up.
    pub(crate) async fn stop(self) {
        self.endpoint.close(VarInt::from_u32(CloseCode::Done.code()), b"done");
        self.endpoint.wait_idle().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.endpoint.close(VarInt::from_u32(CloseCode::Done.code()), b"done");
    }
}

async fn serve(connection: Connection, mut send: quinn::SendStream, mut recv: quinn::RecvStream, shared: Arc<Shared>) {
    let Ok(bytes) = recv.read_to_end(32 << 20).await else { return };
    let request = decode_request(&bytes).expect("the client speaks the protocol");
    if request.frame.kind == Kind::Status {
        let node = NodeStatus {
            version: "test".into(),
            state: "ready".into(),
            zone: shared.setup.zone.into(),
            operations: shared.setup.operations.clone(),
            ..NodeStatus::default()
        };
        let _ = send.write_all(&encode_reply(&Reply::node_status(request.frame.echo(), &node))).await;
        let _ = send.finish();
        return;
    }
    let n = shared.requests.fetch_add(1, Ordering::SeqCst);
    let items = request.columns().map_or(0, Columns::items);
    shared.log.lock().expect("no panics").push((request.frame.priority, request.frame.deadline_us, items));
    let act = (shared.setup.script)(n, &request);
    let bytes = match act {
        Act::Answer => encode_reply(&answer(request).await),
        Act::Late(pause) => {
            tokio::time::sleep(pause).await;
            encode_reply(&answer(request).await)
        }
        Act::Refuse(status, hint) => encode_reply(&Reply::refusal(request.frame.echo(), status, "", hint)),
        Act::Alter(alter) => {
            let mut reply = answer(request).await;
            alter(&mut reply);
            encode_reply(&reply)
        }
        Act::Bytes(change) => change(encode_reply(&answer(request).await)),
        Act::Hang => return std::future::pending().await,
        Act::Stall(change) => {
            let _ = send.write_all(&change(encode_reply(&answer(request).await))).await;
            return std::future::pending().await;
        }
        Act::Reset => {
            let _ = send.reset(VarInt::from_u32(0));
            return;
        }
        Act::Close(code) => return connection.close(VarInt::from_u32(code.code()), code.name().as_bytes()),
        Act::Half => {
            let bytes = encode_reply(&answer(request).await);
            let _ = send.write_all(&bytes[..bytes.len() / 2]).await;
            // Let it arrive: what is closed at once may take the data with it.
            tokio::time::sleep(Duration::from_millis(20)).await;
            return connection.close(VarInt::from_u32(0), b"");
        }
    };
    let _ = send.write_all(&bytes).await;
    let _ = send.finish();
    let _ = send.stopped().await;
}

async fn answer(request: Request) -> Reply {
    tokio::task::spawn_blocking(move || {
        let echo = request.frame.echo();
        let mut results = truth(request.columns().expect("a batch"), &request.parameters);
        let items = results.items() as u32;
        let mut tally = None;
        if let Body::Votes(ballot) = &request.body {
            results.verdicts.truncate(ballot.looked_at());
            tally = Some(ballot.tally(&results.verdicts));
            results.verdicts = ballot.all_verdicts(results.verdicts);
        }
        Reply {
            tally,
            queue_us: 7,
            compute_us: 8,
            backends: vec![items],
            ..Reply::answer(echo, results.verdicts, results.values, results.width)
        }
    })
    .await
    .expect("the reference does not panic")
}

/// What the reference backend says.
pub(crate) fn truth(columns: &Columns, parameters: &Parameters) -> Results {
    let bundle = Bundle::new(parameters.clone(), vec![columns.clone()]).expect("fitting parameters");
    let mut results = Results::unwritten(bundle.items(), bundle.value_width());
    let out = Output { verdicts: &mut results.verdicts, values: &mut results.values, width: results.width };
    Reference::new().compute(&bundle, 0..columns.items(), out).expect("the reference computes every row");
    results
}

/// `items` different messages under SHA-256, counted from `first`.
pub(crate) fn digests(first: usize, items: usize) -> Columns {
    let mut builder = ColumnsBuilder::new(Row::Sha256.operation());
    for item in first..first + items {
        builder.push(0, &[], &[], format!("message {item}").as_bytes());
    }
    builder.build().expect("a batch")
}

/// `items` Ed25519 votes, those in `bad` with a spoilt signature.
pub(crate) fn votes(items: usize, bad: &[usize]) -> Columns {
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
    let public = rcgen::PublicKeyData::der_bytes(&key).to_vec();
    let mut builder = ColumnsBuilder::new(Row::Ed25519Zip215.operation());
    for item in 0..items {
        let message = format!("precommit at height 7 by validator {item}");
        let mut signature = key.sign(message.as_bytes()).expect("a signature");
        if bad.contains(&item) {
            signature[0] ^= 1;
        }
        builder.push(0, &public, &signature, message.as_bytes());
    }
    builder.build().expect("a batch")
}

/// One node with this script, and a client of it alone.
pub(crate) async fn one_node(act: impl Fn(usize, &Request) -> Act + Send + Sync + 'static) -> (Pki, Server, Client) {
    let pki = Pki::new();
    let server = Server::start(&pki, script(act)).await;
    let client = Client::connect(pki.config(vec![server.address.clone()])).await.expect("a connection");
    (pki, server, client)
}

/// Two nodes, of which the one that is asked first misbehaves that once, and a client of both.
pub(crate) async fn two_nodes(
    act: impl Fn() -> Act + Send + Sync + 'static,
    change: impl FnOnce(&mut ClientConfig),
) -> (Pki, [Server; 2], Client) {
    let pki = Pki::new();
    let met = AtomicUsize::new(0);
    let once = script(move |_, _| if met.fetch_add(1, Ordering::SeqCst) == 0 { act() } else { Act::Answer });
    let servers = [Server::start(&pki, Arc::clone(&once)).await, Server::start(&pki, once).await];
    let mut config = pki.config(servers.iter().map(|server| server.address.clone()).collect());
    change(&mut config);
    let client = Client::connect(config).await.expect("a connection");
    all_up(&client).await;
    (pki, servers, client)
}

/// Requests each of two nodes met, the fewer first.
pub(crate) fn met(servers: &[Server; 2]) -> [usize; 2] {
    let mut met = [servers[0].requests(), servers[1].requests()];
    met.sort_unstable();
    met
}

/// Waits until every node is connected.
pub(crate) async fn all_up(client: &Client) {
    until(|| client.health().iter().all(|node| node.up)).await;
}

/// Waits until something holds; the test's own timeout ends a wait that never ends.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asks for one batch of digests as bulk.
pub(crate) async fn ask(client: &Client) -> Result<assay_client::Answer, Error> {
    client.request(&digests(0, 3), &Parameters::default(), Options::default()).await
}
