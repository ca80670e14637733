//! A node on loopback and peers that speak to it with plain QUIC: what they send is up to the test, byte by byte.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use assay_appliance::config::Config;
use assay_appliance::node::Node;
use assay_appliance::tls::{Throwaway, throwaway};
use assay_scheme::{Columns, ColumnsBuilder, Parameters, Priority, Row};
use assay_wire::codec::{decode_reply, encode_request_head, encode_status_request};
use assay_wire::{Reply, Status};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, ConnectionError, Endpoint, RecvStream, SendStream, VarInt};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// Longer than anything here takes on a busy machine: a test that waits so long has failed.
pub const LONG: Duration = Duration::from_secs(60);

/// A node with certificates of its own, and the folder they lie in.
pub struct Served {
    pub node: Node,
    pub pki: Throwaway,
    pub folder: TempDir,
    tenants: Vec<String>,
    _alone: MutexGuard<'static, ()>,
}

/// The metrics are the process's, so one node at a time is asked for its own.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The configuration of a test's node: small, on ports the system chooses, with these keys over it.
pub fn config(folder: &Path, pki: &Throwaway, tenants: &[&str], extra: &str) -> Config {
    let mut sections = vec![
        ("listen".to_owned(), "sockets = [\"127.0.0.1:0\"]\n".to_owned()),
        ("admin".to_owned(), "listen = \"127.0.0.1:0\"\n".to_owned()),
        ("engine".to_owned(), "threads = 2\nnice = 0\nbackend = \"reference\"\n".to_owned()),
        ("tls".to_owned(), format!("ca = {:?}\ncert = {:?}\nkey = {:?}\n", pki.node.ca, pki.node.cert, pki.node.key)),
    ];
    sections.extend(tenants.iter().map(|tenant| (format!("tenants.{tenant}"), String::new())));
    let mut section = String::new();
    for line in extra.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
            if !sections.iter().any(|(known, _)| *known == section) {
                sections.push((section.clone(), String::new()));
            }
            continue;
        }
        let (_, keys) = sections.iter_mut().find(|(name, _)| *name == section).expect("a section before its keys");
        keys.push_str(line);
        keys.push('\n');
    }
    let text: String = sections.iter().map(|(name, keys)| format!("[{name}]\n{keys}")).collect();
    Config::parse(&text, &folder.join("node.toml")).expect("the test's configuration holds")
}

impl Served {
    /// Starts a node that serves these tenants, with `extra` laid over its configuration.
    pub async fn start(tenants: &[&str], extra: &str) -> Self {
        let alone = ALONE.lock().await;
        let folder = tempfile::tempdir().expect("a folder");
        let pki = throwaway(folder.path(), tenants).expect("certificates");
        let node = Node::start(config(folder.path(), &pki, tenants, extra)).await.expect("the node starts");
        let tenants = tenants.iter().map(|tenant| (*tenant).to_owned()).collect();
        Self { node, pki, folder, tenants, _alone: alone }
    }

    pub fn addr(&self) -> SocketAddr {
        self.node.addrs()[0]
    }

    /// The files of a tenant's client.
    pub fn identity(&self, tenant: &str) -> (PathBuf, PathBuf) {
        let place = self.tenants.iter().position(|known| known == tenant).expect("a tenant of this node");
        let identity = &self.pki.clients[place];
        (identity.cert.clone(), identity.key.clone())
    }

    /// A connection of this tenant.
    pub async fn connect(&self, tenant: &str) -> Connection {
        self.try_connect(tenant).await.expect("the node accepts its tenant")
    }

    pub async fn try_connect(&self, tenant: &str) -> Result<Connection, ConnectionError> {
        let (cert, key) = self.identity(tenant);
        connect(self.addr(), &Peer::new(&self.pki.node.ca).with(&cert, &key)).await
    }

    /// What the admin listener answers at this path: its status line and its body.
    pub async fn get(&self, path: &'static str) -> (String, String) {
        get(self.node.admin_addr(), path).await
    }

    /// The value of the metrics' line that begins with `series`, 0 where there is none.
    pub async fn metric(&self, series: &str) -> f64 {
        let (_, text) = self.get("/metrics").await;
        metric(&text, series)
    }

    /// The sum of a tenant's refusals and answers with this status, over all operations.
    pub async fn replied(&self, tenant: &str, status: Status) -> f64 {
        let (_, text) = self.get("/metrics").await;
        let series = format!("assay_reply_requests_total{{tenant=\"{tenant}\",");
        let status = format!("status=\"{}\"}} ", status.name());
        text.lines()
            .filter(|line| line.starts_with(&series))
            .filter_map(|line| line.split_once(&status))
            .map(|(_, value)| value.parse::<f64>().expect("a number"))
            .sum()
    }

    /// Waits until nothing is admitted any more: whatever became of the requests, what they held has been returned.
    pub async fn nothing_in_flight(&self) {
        let returned = tokio::time::timeout(LONG, async {
            while self.metric("assay_admit_inflight_requests").await > 0.0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(returned.await.is_ok(), "requests stay in flight");
        assert_eq!(self.metric("assay_admit_inflight_bytes").await, 0.0);
    }

    /// Waits until a metric is at least so large: what the node counts behind a reply is counted soon, not before.
    pub async fn metric_reaches(&self, series: &str, least: f64) {
        let reached = tokio::time::timeout(LONG, async {
            while self.metric(series).await < least {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(reached.await.is_ok(), "{series} stays below {least}: {}", self.metric(series).await);
    }
}

/// The value of the line that is `series`, 0 where there is none.
pub fn metric(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().expect("a number"))
}

/// One HTTP request, one answer.
pub async fn get(addr: SocketAddr, path: &'static str) -> (String, String) {
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(addr)?;
        stream.set_read_timeout(Some(LONG))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        std::io::Result::Ok(answer)
    });
    let answer = asked.await.expect("not cancelled").expect("the admin listener answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

/// How a peer presents itself.
pub struct Peer {
    roots: rustls::RootCertStore,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    pub alpn: Vec<Vec<u8>>,
    pub name: String,
    /// Bytes it lets the node send ahead of its reading.
    pub window: Option<u32>,
}

impl Peer {
    /// A peer that trusts this authority and has no certificate.
    pub fn new(ca: &Path) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca).expect("an authority")).expect("an authority");
        Self {
            roots,
            identity: None,
            alpn: vec![assay_wire::ALPN.to_vec()],
            name: "localhost".to_owned(),
            window: None,
        }
    }

    /// The same with a certificate.
    pub fn with(mut self, cert: &Path, key: &Path) -> Self {
        let chain = CertificateDer::pem_file_iter(cert).expect("a file").map(|der| der.expect("a certificate"));
        let key = PrivateKeyDer::from_pem_file(key).expect("a key");
        self.identity = Some((chain.collect(), key));
        self
    }

    fn config(&self) -> quinn::ClientConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_root_certificates(self.roots.clone());
        let mut tls = match &self.identity {
            Some((chain, key)) => {
                builder.with_client_auth_cert(chain.clone(), key.clone_key()).expect("a certificate and its key")
            }
            None => builder.with_no_client_auth(),
        };
        tls.alpn_protocols.clone_from(&self.alpn);
        quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).expect("suites")))
    }
}

/// Connects, from an endpoint of its own.
pub async fn connect(addr: SocketAddr, peer: &Peer) -> Result<Connection, ConnectionError> {
    connect_from(&Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).expect("a socket"), addr, peer).await
}

/// Connects from this endpoint.
pub async fn connect_from(endpoint: &Endpoint, addr: SocketAddr, peer: &Peer) -> Result<Connection, ConnectionError> {
    let mut config = peer.config();
    if let Some(window) = peer.window {
        let mut transport = quinn::TransportConfig::default();
        transport.stream_receive_window(VarInt::from_u32(window)).receive_window(VarInt::from_u32(window));
        config.transport_config(Arc::new(transport));
    }
    let connecting = endpoint.connect_with(config, addr, &peer.name).expect("an address and a name");
    tokio::time::timeout(LONG, connecting).await.expect("a handshake ends")
}

/// The code that a connection was closed with by the node: the application's, or QUIC's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    Application(u64),
    Transport(u64),
}

/// How the node ended a connection that may first seem open: TLS 1.3 lets a client finish before its certificate is read.
pub async fn closed(outcome: Result<Connection, ConnectionError>) -> Closed {
    let error = match outcome {
        Ok(connection) => tokio::time::timeout(LONG, connection.closed()).await.expect("the node closes it"),
        Err(error) => error,
    };
    match error {
        ConnectionError::ApplicationClosed(close) => Closed::Application(close.error_code.into_inner()),
        ConnectionError::ConnectionClosed(close) => Closed::Transport(u64::from(close.error_code)),
        other => panic!("not closed by the node: {other}"),
    }
}

/// A whole request frame.
pub fn frame(columns: &Columns, parameters: &Parameters, priority: Priority, deadline_us: u32) -> Vec<u8> {
    let mut frame = encode_request_head(columns, parameters, priority, deadline_us, [7; 16]).expect("parameters fit");
    frame.extend_from_slice(columns.body());
    frame
}

/// So many messages of `len` bytes under a digest row.
pub fn messages(row: Row, items: usize, len: usize) -> Columns {
    let mut builder = ColumnsBuilder::new(row.operation());
    for item in 0..items {
        let mut message = vec![0; len];
        for (byte, value) in message.iter_mut().zip((item as u64).to_le_bytes()) {
            *byte = value;
        }
        builder.push(0, &[], &[], &message);
    }
    builder.build().expect("they fit a request")
}

/// A digest request.
pub fn digests(items: usize, len: usize, priority: Priority) -> Vec<u8> {
    frame(&messages(Row::Sha256, items, len), &Parameters::default(), priority, 0)
}

/// A status request.
pub fn status_request() -> Vec<u8> {
    encode_status_request([9; 16])
}

/// Opens a stream; what is written to it travels at the first write.
pub async fn open(connection: &Connection) -> (SendStream, RecvStream) {
    connection.open_bi().await.expect("a stream")
}

/// The reply on a stream. Keeps its connection going no longer than a test waits.
pub async fn reply(recv: &mut RecvStream) -> Reply {
    let bytes = tokio::time::timeout(LONG, recv.read_to_end(assay_wire::limits::REPLY_BYTES_MAX));
    let bytes = bytes.await.expect("a reply in time").expect("a whole reply");
    decode_reply(&bytes).expect("a reply")
}

/// Sends bytes as one stream, finishes it and reads the reply. The node may stop reading before all is sent.
pub async fn exchange(connection: &Connection, bytes: &[u8]) -> Reply {
    let (mut send, mut recv) = open(connection).await;
    if send.write_all(bytes).await.is_ok() {
        let _ = send.finish();
    }
    reply(&mut recv).await
}

/// The status of a reply.
pub fn status(reply: &Reply) -> Status {
    reply.known_status().expect("a status of this version")
}

/// Sends one small request that must be answered: others' trouble is not this connection's.
pub async fn assert_serves(connection: &Connection) {
    let reply = exchange(connection, &digests(3, 32, Priority::Block)).await;
    assert_eq!(status(&reply), Status::Ok);
    assert_eq!(reply.verdicts, [1, 1, 1]);
}

/// The code as QUIC carries it.
pub fn code(code: u32) -> VarInt {
    VarInt::from_u32(code)
}
