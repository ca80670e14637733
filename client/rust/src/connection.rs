//! One node: connect, connect again with growing pauses, and what is known of its health.
//!
//! A keeper task per node dials, asks for the node's status (which also proves that the node accepts this client's
//! certificate: in TLS 1.3 the client's side of the handshake ends before the node has looked at it), waits for the
//! connection to end and dials again. Requests only look at the state it leaves behind.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use assay_scheme::{Operation, Row};
use assay_wire::status::CloseCode;
use assay_wire::{NodeStatus, Status};
use quinn::{Connection, ConnectionError, Endpoint, TransportConfig, VarInt};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::balance::{Load, Seen};
use crate::config::{ClientConfig, NodeAddress};
use crate::error::Error;
use crate::exchange;
use crate::limits;
use crate::retry::Failure;
use crate::tls::{Random, Tls};

/// One node as this client knows it.
pub(crate) struct Node {
    pub(crate) address: NodeAddress,
    /// How it is called in errors and logs.
    pub(crate) name: String,
    zone: Option<String>,
    /// Held for a few instructions, never across an await.
    state: Mutex<State>,
}

struct State {
    link: Option<Link>,
    /// Counts the links, so that a refusal of one does not bar the next.
    generation: u64,
    in_flight: usize,
    seen: Seen,
    seen_at: Instant,
    attempts: u64,
    last_error: Option<String>,
}

/// A connection that stands, and what its node said of itself when it began.
struct Link {
    connection: Connection,
    far: bool,
    draining: bool,
    /// By [`Row::index`]; `None` where the node did not say.
    served: Option<Vec<bool>>,
}

/// A node's health as this client sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeHealth {
    /// The node.
    pub address: NodeAddress,
    /// Whether a connection stands and takes requests.
    pub up: bool,
    /// This client's requests that wait for the node now.
    pub in_flight: usize,
    /// The path's shortest round trip so far; zero while there is no connection.
    pub rtt: Duration,
    /// How long requests waited in the node before they were computed, on average, by its own account.
    pub queue: Duration,
    /// How long answers took, on average, as this client saw it.
    pub service: Duration,
    /// Failures since the last answer.
    pub failures: u32,
    /// Attempts to connect so far.
    pub attempts: u64,
    /// Why the last attempt or connection ended; `None` while all is well.
    pub last_error: Option<String>,
}

/// A node that may be asked now.
pub(crate) struct Candidate {
    pub(crate) generation: u64,
    pub(crate) load: Load,
    pub(crate) serves: bool,
}

/// One request on one node, counted until it is dropped.
pub(crate) struct Flight {
    pub(crate) node: Arc<Node>,
    pub(crate) connection: Connection,
    pub(crate) generation: u64,
    started: Instant,
    concluded: bool,
}

impl Node {
    pub(crate) fn new(address: NodeAddress, zone: Option<String>) -> Self {
        Self {
            name: address.to_string(),
            address,
            zone,
            state: Mutex::new(State {
                link: None,
                generation: 0,
                in_flight: 0,
                seen: Seen::default(),
                seen_at: Instant::now(),
                attempts: 0,
                last_error: None,
            }),
        }
    }

    /// Nothing under this lock panics; were it poisoned nevertheless, numbers are still numbers.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of the node for a request of this row; `None` while it takes none.
    pub(crate) fn candidate(&self, row: Row, now: Instant) -> Option<Candidate> {
        let state = self.state();
        let link = state.link.as_ref().filter(|link| !link.draining && link.connection.close_reason().is_none())?;
        Some(Candidate {
            generation: state.generation,
            serves: link.served.as_ref().is_none_or(|served| served[row.index()]),
            load: Load {
                rtt_us: link.connection.min_rtt().as_micros() as f64,
                far: link.far,
                in_flight: state.in_flight,
                seen: state.seen,
                age: now.saturating_duration_since(state.seen_at),
            },
        })
    }

    /// The node's connection, if it stands.
    pub(crate) fn connection(&self) -> Option<Connection> {
        self.state().link.as_ref().map(|link| link.connection.clone())
    }

    /// Counts a request in; `None` when the link has gone since it was chosen.
    pub(crate) fn begin(self: &Arc<Self>, now: Instant) -> Option<Flight> {
        let mut state = self.state();
        let connection = state.link.as_ref()?.connection.clone();
        state.in_flight += 1;
        let generation = state.generation;
        drop(state);
        Some(Flight { node: Arc::clone(self), connection, generation, started: now, concluded: false })
    }

    /// Whether at least one attempt to connect has ended.
    pub(crate) fn tried(&self) -> bool {
        let state = self.state();
        state.link.is_some() || state.last_error.is_some()
    }

    /// Whether a connection stands, also to a node that is draining.
    pub(crate) fn connected(&self) -> bool {
        self.state().link.is_some()
    }

    /// Why there is no connection.
    pub(crate) fn last_error(&self) -> Option<String> {
        self.state().last_error.clone()
    }

    pub(crate) fn health(&self) -> NodeHealth {
        let state = self.state();
        NodeHealth {
            address: self.address.clone(),
            up: state.link.as_ref().is_some_and(|link| !link.draining && link.connection.close_reason().is_none()),
            in_flight: state.in_flight,
            rtt: state.link.as_ref().map(|link| link.connection.min_rtt()).unwrap_or_default(),
            queue: Duration::from_micros(state.seen.queue_us as u64),
            service: Duration::from_micros(state.seen.service_us as u64),
            failures: state.seen.failures,
            attempts: state.attempts,
            last_error: state.last_error.clone(),
        }
    }

    fn up(&self, connection: Connection, status: &NodeStatus) {
        let far = self.zone.as_ref().is_some_and(|zone| *zone != status.zone);
        let served = (!status.operations.is_empty()).then(|| {
            let mut served = vec![false; Row::ALL.len()];
            for operation in status.operations.iter().filter_map(|name| Operation::from_name(name)) {
                served[operation.row.index()] = true;
            }
            served
        });
        let mut state = self.state();
        state.link = Some(Link { connection, far, draining: status.state == "draining", served });
        state.generation += 1;
        state.last_error = None;
        drop(state);
        tracing::info!(node = %self.name, version = %status.version, zone = %status.zone, "connected");
    }

    fn down(&self, why: String) {
        let mut state = self.state();
        state.link = None;
        let known = state.last_error.replace(why.clone());
        drop(state);
        // A node that is gone for long is not worth a line every few seconds.
        if known.as_ref() == Some(&why) {
            tracing::debug!(node = %self.name, %why, "still not connected");
        } else {
            tracing::warn!(node = %self.name, %why, "not connected");
        }
    }

    /// Takes something down of the node; `what` hears how old the last observation is.
    fn observe(&self, what: impl FnOnce(&mut State, Duration)) {
        let mut state = self.state();
        let now = Instant::now();
        let age = now.saturating_duration_since(state.seen_at);
        state.seen_at = now;
        what(&mut state, age);
    }
}

impl Flight {
    /// An answer came.
    pub(crate) fn answered(mut self, queue_us: u32) {
        self.concluded = true;
        let elapsed = self.started.elapsed();
        self.node.observe(|state, age| state.seen.answered(queue_us, elapsed, age));
    }

    /// None came, and why.
    pub(crate) fn failed(mut self, failure: &Failure) {
        self.concluded = true;
        let generation = self.generation;
        self.node.observe(|state, age| {
            match failure {
                Failure::Refused(reply) if !failure.blames_node() => state.seen.full(reply.retry_after_us, age),
                _ => state.seen.failed(age),
            }
            if let Failure::Refused(reply) = failure {
                let draining = reply.known_status() == Some(Status::Draining);
                if let Some(link) = state.link.as_mut().filter(|_| draining && state.generation == generation) {
                    link.draining = true;
                }
            }
        });
        tracing::debug!(node = %self.node.name, ?failure, "no answer");
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.node.state().in_flight -= 1;
        if !self.concluded {
            // Nobody waits any more: the deadline passed, or somebody else answered first.
            self.node.observe(|state, age| state.seen.given_up(self.started.elapsed(), age));
        }
    }
}

/// What dials: the sockets and what every connection shares.
pub(crate) struct Dialer {
    v4: Option<Endpoint>,
    v6: Option<Endpoint>,
    client: quinn::ClientConfig,
    timeout: Duration,
    random: Random,
}

impl Dialer {
    /// Binds a socket for each address family the nodes have. Called inside a tokio runtime.
    pub(crate) fn new(config: &ClientConfig, tls: &Tls) -> Result<Self, Error> {
        let bind = |addr: SocketAddr| {
            endpoint(addr, config.mtu_bytes_max)
                .map_err(|error| Error::Setup { what: format!("UDP socket on {addr}"), why: error.to_string() })
        };
        let wants = |v6: bool| config.nodes.iter().any(|node| node.addr.is_ipv6() == v6);
        let v4 = wants(false).then(|| bind((Ipv4Addr::UNSPECIFIED, 0).into())).transpose()?;
        let v6 = wants(true).then(|| bind((Ipv6Addr::UNSPECIFIED, 0).into())).transpose()?;
        let mut client = quinn::ClientConfig::new(Arc::clone(&tls.quic) as _);
        client.transport_config(Arc::new(transport(config)));
        Ok(Self { v4, v6, client, timeout: config.connect_timeout, random: tls.random })
    }

    /// One attempt: the handshake and the node's status, together within the timeout.
    async fn dial(&self, address: &NodeAddress) -> Result<(Connection, NodeStatus), String> {
        let endpoint = if address.addr.is_ipv6() { &self.v6 } else { &self.v4 };
        let endpoint = endpoint.as_ref().ok_or("no socket of this address family")?;
        let dialing = endpoint
            .connect_with(self.client.clone(), address.addr, &address.server_name)
            .map_err(|error| error.to_string())?;
        let mut reached = "no answer to the handshake";
        let attempt = async {
            let connection = dialing.await.map_err(|error| explain(&error))?;
            reached = "connected, but no answer to the status operation";
            let nonce = self.random.nonce().ok_or("the system gives no random bytes")?;
            match exchange::node_status(&connection, nonce).await {
                Ok(status) => Ok((connection, status)),
                // It does speak our protocol; what it offers stays unknown.
                Err(Failure::Refused(_)) => Ok((connection, NodeStatus::default())),
                Err(Failure::Lost(why)) => Err(why),
                Err(Failure::BadReply(why)) => Err(format!("its reply is not understood: {why}")),
            }
        };
        match tokio::time::timeout(self.timeout, attempt).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("{reached} within {:?}", self.timeout)),
        }
    }

    /// Closes every connection; nodes hear that nothing is left to do.
    pub(crate) fn close(&self) {
        for endpoint in self.endpoints() {
            endpoint.close(VarInt::from_u32(CloseCode::Done.code()), CloseCode::Done.name().as_bytes());
        }
    }

    /// Waits until the nodes have heard of the closing.
    pub(crate) async fn wait_idle(&self) {
        for endpoint in self.endpoints() {
            let _ = tokio::time::timeout(limits::CLOSE_WAIT, endpoint.wait_idle()).await;
        }
    }

    fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.v4.iter().chain(&self.v6)
    }
}

fn endpoint(addr: SocketAddr, mtu_bytes_max: u16) -> std::io::Result<Endpoint> {
    let socket = UdpSocket::bind(addr)?;
    let state = quinn::udp::UdpSocketState::new((&socket).into())?;
    // The kernel may grant less, or nothing: then its default serves.
    let _ = state.set_recv_buffer_size((&socket).into(), limits::SOCKET_BUFFER_BYTES);
    let _ = state.set_send_buffer_size((&socket).into(), limits::SOCKET_BUFFER_BYTES);
    let mut config = quinn::EndpointConfig::default();
    let largest = mtu_bytes_max.max(config.get_max_udp_payload_size().try_into().unwrap_or(u16::MAX));
    config.max_udp_payload_size(largest).map_err(std::io::Error::other)?;
    Endpoint::new(config, None, socket, Arc::new(quinn::TokioRuntime))
}

fn transport(config: &ClientConfig) -> TransportConfig {
    let window = |bytes: usize| VarInt::try_from(bytes as u64).unwrap_or(VarInt::MAX);
    let in_flight = config.in_flight;
    let receive = (assay_wire::limits::REPLY_BYTES_MAX * in_flight).min(limits::RECEIVE_WINDOW_BYTES_MAX);
    let send = (assay_wire::limits::REQUEST_BYTES_MAX * in_flight) as u64;
    let mut mtu = quinn::MtuDiscoveryConfig::default();
    mtu.upper_bound(config.mtu_bytes_max);
    let mut transport = TransportConfig::default();
    transport
        // A node opens no streams.
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(limits::IDLE_TIMEOUT.try_into().expect("seconds fit")))
        .keep_alive_interval(Some(limits::KEEP_ALIVE))
        .initial_rtt(limits::INITIAL_RTT)
        .stream_receive_window(window(assay_wire::limits::REPLY_BYTES_MAX))
        .receive_window(window(receive))
        .send_window(send.min(limits::SEND_WINDOW_BYTES_MAX))
        .mtu_discovery_config(Some(mtu))
        .enable_segmentation_offload(assay_wire::limits::may_segment(config.mtu_bytes_max));
    transport
}

/// Keeps a connection to the node until the task is aborted; `changed` hears of every change.
pub(crate) async fn keep(node: Arc<Node>, dialer: Arc<Dialer>, changed: watch::Sender<u64>) {
    let mut pause = Pause::new(dialer.random);
    loop {
        node.state().attempts += 1;
        let why = match dialer.dial(&node.address).await {
            Ok((connection, status)) => {
                node.up(connection.clone(), &status);
                changed.send_modify(|count| *count += 1);
                let since = Instant::now();
                let why = explain(&connection.closed().await);
                if since.elapsed() >= limits::CONNECTION_GOOD_AFTER {
                    pause.start_over();
                }
                why
            }
            Err(why) => why,
        };
        node.down(why);
        changed.send_modify(|count| *count += 1);
        tokio::time::sleep(pause.next()).await;
    }
}

/// Growing pauses, each shortened by a random share of up to a half.
struct Pause {
    random: Random,
    next: Option<Duration>,
}

impl Pause {
    fn new(random: Random) -> Self {
        Self { random, next: None }
    }

    fn start_over(&mut self) {
        self.next = None;
    }

    /// None before the first attempt of a row, then doubling.
    fn next(&mut self) -> Duration {
        let pause = self.next.unwrap_or(Duration::ZERO);
        self.next = Some((pause * 2).clamp(limits::RECONNECT_PAUSE_MIN, limits::RECONNECT_PAUSE_MAX));
        pause.mul_f64(1.0 - self.random.share() / 2.0)
    }
}

/// A connection's end in words, with the remedy where the certificates are to blame (RFC 9001, section 4.8: a TLS alert is
/// the QUIC error 0x100 + alert; RFC 8446, section 6.2 names them).
pub(crate) fn explain(error: &ConnectionError) -> String {
    match error {
        ConnectionError::TransportError(error) => with_remedy(u64::from(error.code), error.to_string(), "this client"),
        ConnectionError::ConnectionClosed(close) => {
            with_remedy(u64::from(close.error_code), close.to_string(), "the node")
        }
        ConnectionError::ApplicationClosed(close) => match CloseCode::from_code(close.error_code.into_inner()) {
            Some(code) => format!("the node closed the connection, {code}: {}", code.meaning()),
            None => error.to_string(),
        },
        ConnectionError::TimedOut => format!("nothing was heard from it for {:?}", limits::IDLE_TIMEOUT),
        ConnectionError::Reset => "it does not know the connection any more: it has restarted".into(),
        ConnectionError::LocallyClosed => "this client is closed".into(),
        other => other.to_string(),
    }
}

fn with_remedy(code: u64, words: String, who: &str) -> String {
    let Some(alert) = code.checked_sub(0x100).filter(|alert| *alert <= 0xff) else { return words };
    let remedy = match alert {
        42 | 43 | 46 | 48 | 51 => {
            "the other side's certificate is not signed by the authority it was given, or bears another name"
        }
        44 => "the certificate was revoked",
        45 => "the certificate has expired or is not valid yet: look at both clocks and both certificates",
        116 => "a client certificate is demanded",
        120 => "no application protocol in common: is it an Assay node of this version?",
        _ => return words,
    };
    format!("{who} refused the handshake: {remedy} ({words})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_begin_at_none_grow_and_stay_bounded() {
        let mut pause = Pause::new(Random::system());
        assert_eq!(pause.next(), Duration::ZERO);
        let mut most = limits::RECONNECT_PAUSE_MIN;
        for _ in 0..20 {
            let next = pause.next();
            assert!(next <= most && next >= most / 2, "{next:?} of {most:?}");
            most = (most * 2).min(limits::RECONNECT_PAUSE_MAX);
        }
        assert_eq!(most, limits::RECONNECT_PAUSE_MAX);
        pause.start_over();
        assert_eq!(pause.next(), Duration::ZERO);
    }

    #[test]
    fn certificate_alerts_come_with_a_remedy() {
        let said = |alert: u64| with_remedy(0x100 + alert, "alert".into(), "the node");
        assert!(said(116).contains("client certificate is demanded"));
        assert!(said(45).contains("expired"));
        assert_eq!(said(80), "alert");
        assert_eq!(with_remedy(10, "other".into(), "the node"), "other");
    }
}
