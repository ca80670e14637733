//! A UDP socket to streams with a tenant: one endpoint per configured socket, its limits, and who may connect.
//!
//! Everything a stranger can make the node spend is bounded here: handshakes under way, connections over all and per
//! tenant, streams and bytes per connection. Knows no frame and no engine.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use assay_wire::CloseCode;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    Connection, ConnectionError, Endpoint, EndpointConfig, IdleTimeout, Incoming, MtuDiscoveryConfig, TokioRuntime,
    TransportConfig, VarInt,
};
use rustls_pki_types::CertificateDer;
use socket2::{Domain, Protocol, Socket, Type};
use tracing::Instrument;

use crate::admission::Tenant;
use crate::config::ListenConfig;
use crate::limits::{INCOMING_BYTES_MAX, QUIC_VERSION, SOCKET_BUFFER_BYTES, UDP_PAYLOAD_BYTES_MIN};
use crate::session::{self, Peer, Service, close};
use crate::{metrics, tls};

/// Why an endpoint could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address cannot be bound.
    #[error("listen.sockets: {addr}: {source}")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A limit of the configuration is none that QUIC knows.
    #[error("listen.{key}: {value} is more than QUIC can say")]
    Limit {
        /// The key.
        key: &'static str,
        /// Its value.
        value: u64,
    },
    /// The TLS configuration lacks the suite that QUIC's first packets are protected with.
    #[error("the TLS configuration has no AES-128-GCM suite, which QUIC begins with (RFC 9001, section 5.2)")]
    Suite,
}

/// Opens the endpoint of one socket.
///
/// # Errors
/// When the address cannot be bound.
pub fn bind(addr: SocketAddr, listen: &ListenConfig, server: quinn::ServerConfig) -> Result<Endpoint, BindError> {
    let failed = |source| BindError::Bind { addr, source };
    let socket = socket(addr).map_err(failed)?;
    let mut config = EndpointConfig::default();
    config.supported_versions(vec![QUIC_VERSION]);
    config
        .max_udp_payload_size(listen.mtu_bytes_max.max(UDP_PAYLOAD_BYTES_MIN))
        .map_err(|_| BindError::Limit { key: "mtu_bytes_max", value: u64::from(listen.mtu_bytes_max) })?;
    Endpoint::new(config, Some(server), socket, Arc::new(TokioRuntime)).map_err(failed)
}

/// A bound socket with room for bursts: the system's default holds a few large datagrams.
fn socket(addr: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.is_ipv6() {
        // "[::]" means every address of this machine, of both families.
        socket.set_only_v6(false)?;
    }
    // The system grants what its own limits allow; less is slower, not wrong.
    for (granted, buffer) in [
        (socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES).and_then(|()| socket.recv_buffer_size()), "receive"),
        (socket.set_send_buffer_size(SOCKET_BUFFER_BYTES).and_then(|()| socket.send_buffer_size()), "send"),
    ] {
        match granted {
            Ok(bytes) if bytes >= SOCKET_BUFFER_BYTES => {}
            granted => tracing::warn!(
                %addr,
                buffer,
                wanted = SOCKET_BUFFER_BYTES,
                granted = granted.unwrap_or(0),
                "small socket buffer; raise net.core.rmem_max and net.core.wmem_max"
            ),
        }
    }
    socket.bind(&addr.into())?;
    Ok(socket.into())
}

/// The server's side of every connection that begins from now on.
///
/// # Errors
/// When a limit is none that QUIC knows.
pub fn server_config(listen: &ListenConfig, tls: Arc<rustls::ServerConfig>) -> Result<quinn::ServerConfig, BindError> {
    let crypto = QuicServerConfig::try_from(tls).map_err(|_| BindError::Suite)?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport(listen)?));
    // A tenant's connection stays where it was authenticated; a client that moves connects anew.
    config.migration(false);
    config.max_incoming(listen.handshakes_max);
    config.incoming_buffer_size(INCOMING_BYTES_MAX);
    config.incoming_buffer_size_total(INCOMING_BYTES_MAX.saturating_mul(listen.handshakes_max as u64));
    Ok(config)
}

fn transport(listen: &ListenConfig) -> Result<TransportConfig, BindError> {
    let varint = |key, value: u64| VarInt::from_u64(value).map_err(|_| BindError::Limit { key, value });
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.upper_bound(listen.mtu_bytes_max);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(listen.streams_per_connection_max))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .max_idle_timeout(Some(IdleTimeout::from(varint("idle_timeout_ms", listen.idle_timeout_ms)?)))
        .stream_receive_window(VarInt::from_u32(listen.stream_receive_window_bytes))
        .receive_window(VarInt::from_u32(listen.receive_window_bytes))
        .send_window(listen.send_window_bytes)
        // Replies go out whole, in the order they were written: interleaved, each would be complete later.
        .send_fairness(false)
        .mtu_discovery_config(Some(mtu))
        .datagram_receive_buffer_size(None);
    Ok(transport)
}

/// How many connections and handshakes there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateLimits {
    /// Open connections and handshakes over all tenants.
    pub connections_max: usize,
    /// Open connections of one tenant.
    pub connections_per_tenant_max: usize,
    /// Handshakes under way.
    pub handshakes_max: usize,
    /// Handshakes under way from which on an address must prove itself.
    pub retry_handshakes_min: usize,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
}

impl GateLimits {
    /// As configured.
    #[must_use]
    pub fn of(listen: &ListenConfig) -> Self {
        Self {
            connections_max: listen.connections_max,
            connections_per_tenant_max: listen.connections_per_tenant_max,
            handshakes_max: listen.handshakes_max,
            retry_handshakes_min: listen.retry_handshakes_min,
            handshake_timeout: Duration::from_millis(listen.handshake_timeout_ms),
        }
    }

    /// What happens to a stranger, with so many connections and handshakes there already.
    fn judge(&self, connections: usize, handshakes: usize, address_proven: bool) -> Judgement {
        if connections >= self.connections_max || handshakes >= self.handshakes_max {
            Judgement::Refuse
        } else if !address_proven && handshakes >= self.retry_handshakes_min {
            Judgement::Retry
        } else {
            Judgement::Accept
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    Accept,
    Retry,
    Refuse,
}

/// A connection never came to be, or was closed at once. Its name is a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejected {
    /// The node has its number of connections or handshakes.
    Full,
    /// The tenant has its number of connections.
    TenantFull,
    /// The handshake took too long.
    HandshakeTimeout,
    /// The peer speaks another protocol.
    Alpn,
    /// The peer presented no certificate.
    NoCertificate,
    /// The certificate is past its end.
    CertificateExpired,
    /// The certificate was revoked.
    CertificateRevoked,
    /// The certificate is signed by none of the authorities.
    UnknownAuthority,
    /// The certificate is refused for another reason.
    BadCertificate,
    /// The handshake failed otherwise.
    Handshake,
    /// The peer gave up during the handshake.
    PeerClosed,
    /// The certificate names no tenant.
    NoTenant,
    /// The certificate names a tenant that is not served.
    UnknownTenant,
    /// The node is stopping.
    Draining,
}

impl Rejected {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::Full,
        Self::TenantFull,
        Self::HandshakeTimeout,
        Self::Alpn,
        Self::NoCertificate,
        Self::CertificateExpired,
        Self::CertificateRevoked,
        Self::UnknownAuthority,
        Self::BadCertificate,
        Self::Handshake,
        Self::PeerClosed,
        Self::NoTenant,
        Self::UnknownTenant,
        Self::Draining,
    ];

    /// The word used as a metric label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::TenantFull => "tenant-full",
            Self::HandshakeTimeout => "handshake-timeout",
            Self::Alpn => "alpn",
            Self::NoCertificate => "no-certificate",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateRevoked => "certificate-revoked",
            Self::UnknownAuthority => "unknown-authority",
            Self::BadCertificate => "bad-certificate",
            Self::Handshake => "handshake",
            Self::PeerClosed => "peer-closed",
            Self::NoTenant => "no-tenant",
            Self::UnknownTenant => "unknown-tenant",
            Self::Draining => "draining",
        }
    }

    /// Why a handshake failed. A TLS alert is QUIC error 0x100 + its number (RFC 9001, section 4.8; the numbers are RFC
    /// 8446's, section 6).
    fn of_handshake(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::TransportError(error) => match u64::from(error.code).checked_sub(0x100) {
                Some(120) => Self::Alpn,
                Some(116) => Self::NoCertificate,
                Some(45) => Self::CertificateExpired,
                Some(44) => Self::CertificateRevoked,
                Some(48) => Self::UnknownAuthority,
                Some(42 | 43 | 46) => Self::BadCertificate,
                _ => Self::Handshake,
            },
            ConnectionError::ApplicationClosed(_) | ConnectionError::ConnectionClosed(_) | ConnectionError::Reset => {
                Self::PeerClosed
            }
            ConnectionError::TimedOut => Self::HandshakeTimeout,
            _ => Self::Handshake,
        }
    }
}

/// How an accepted connection ended, as a metric label.
fn end_name(error: &ConnectionError) -> &'static str {
    match error {
        ConnectionError::ApplicationClosed(_) => "peer",
        ConnectionError::ConnectionClosed(_) | ConnectionError::TransportError(_) => "transport-error",
        ConnectionError::TimedOut => "idle",
        ConnectionError::Reset => "reset",
        ConnectionError::LocallyClosed => "node",
        ConnectionError::VersionMismatch | ConnectionError::CidsExhausted => "other",
    }
}

/// An accepted connection, for whoever must find it again.
struct Open {
    connection: Connection,
    tenant: Tenant,
    chain: Vec<CertificateDer<'static>>,
}

/// Counts connections over all endpoints and knows the open ones.
pub struct Gate {
    limits: GateLimits,
    /// Handshakes and open connections.
    connections: AtomicUsize,
    handshakes: AtomicUsize,
    numbers: AtomicU64,
    draining: AtomicBool,
    open: Mutex<HashMap<u64, Open>>,
}

/// One unit of one of the gate's counts, given back when dropped.
struct Slot {
    gate: Arc<Gate>,
    count: fn(&Gate) -> &AtomicUsize,
}

impl Slot {
    fn take(gate: &Arc<Gate>, count: fn(&Gate) -> &AtomicUsize) -> Self {
        count(gate).fetch_add(1, Ordering::AcqRel);
        Self { gate: Arc::clone(gate), count }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        (self.count)(&self.gate).fetch_sub(1, Ordering::AcqRel);
    }
}

impl Gate {
    /// Nobody is in yet.
    #[must_use]
    pub fn new(limits: GateLimits) -> Self {
        Self {
            limits,
            connections: AtomicUsize::new(0),
            handshakes: AtomicUsize::new(0),
            numbers: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            open: Mutex::new(HashMap::new()),
        }
    }

    /// From now on every new connection is closed with [`CloseCode::Draining`].
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Open connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.open().len()
    }

    /// Closes, as [`CloseCode::Revoked`], the open connections whose tenant or certificate `keep` no longer accepts.
    /// Returns how many.
    pub fn recheck(&self, keep: impl Fn(&Tenant, &[CertificateDer<'static>]) -> bool) -> usize {
        let open = self.open();
        let revoked = open.values().filter(|open| !keep(&open.tenant, &open.chain));
        revoked.map(|open| close(&open.connection, CloseCode::Revoked)).count()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets an authenticated connection in under a number of its own, or says why not.
    fn enter(&self, service: &Service, connection: &Connection) -> Result<Arc<Peer>, (CloseCode, Rejected)> {
        if self.draining.load(Ordering::Acquire) {
            return Err((CloseCode::Draining, Rejected::Draining));
        }
        let chain = connection.peer_identity().and_then(|identity| identity.downcast::<Vec<CertificateDer>>().ok());
        let chain = chain.map(|chain| *chain).unwrap_or_default();
        let name = tls::tenant_of(&chain).map_err(|error| {
            tracing::info!(peer = %connection.remote_address(), %error, "a certificate without a tenant");
            (CloseCode::NoTenant, Rejected::NoTenant)
        })?;
        let Some(tenant) = service.admission.tenant(&name) else {
            tracing::info!(peer = %connection.remote_address(), tenant = name, "a tenant that is not served");
            return Err((CloseCode::NoTenant, Rejected::UnknownTenant));
        };
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let mut open = self.open();
        let own = open.values().filter(|open| open.tenant.name() == tenant.name()).count();
        if own >= self.limits.connections_per_tenant_max {
            return Err((CloseCode::TooManyConnections, Rejected::TenantFull));
        }
        open.insert(number, Open { connection: connection.clone(), tenant: tenant.clone(), chain });
        Ok(Arc::new(Peer { tenant, connection: connection.clone(), number }))
    }
}

/// Accepts connections on one endpoint until it is closed.
pub async fn accept(endpoint: Endpoint, gate: Arc<Gate>, service: Arc<Service>) {
    while let Some(incoming) = endpoint.accept().await {
        let connections = gate.connections.load(Ordering::Acquire);
        let handshakes = gate.handshakes.load(Ordering::Acquire);
        match gate.limits.judge(connections, handshakes, incoming.remote_address_validated()) {
            Judgement::Accept => {
                // Counted before the task first runs, so that the next judgement sees it.
                let connection = Slot::take(&gate, |gate| &gate.connections);
                let handshake = Slot::take(&gate, |gate| &gate.handshakes);
                let (gate, service) = (Arc::clone(&gate), Arc::clone(&service));
                tokio::spawn(async move {
                    let _connection = connection;
                    connect(incoming, handshake, &gate, &service).await;
                });
            }
            Judgement::Retry => {
                metrics::connection_retried();
                // Cannot fail: an address that is not proven may always be asked (RFC 9000, section 8.1.2).
                let _ = incoming.retry();
            }
            Judgement::Refuse => {
                metrics::connection_rejected(Rejected::Full);
                incoming.refuse();
            }
        }
    }
}

/// One connection, from its first packet to its last.
async fn connect(incoming: Incoming, handshake: Slot, gate: &Gate, service: &Arc<Service>) {
    let address = incoming.remote_address();
    let connected = match incoming.accept() {
        Ok(connecting) => tokio::time::timeout(gate.limits.handshake_timeout, connecting).await,
        Err(error) => Ok(Err(error)),
    };
    drop(handshake);
    let connection = match connected {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            metrics::connection_rejected(Rejected::of_handshake(&error));
            tracing::debug!(peer = %address, %error, "a handshake failed");
            return;
        }
        Err(_) => {
            metrics::connection_rejected(Rejected::HandshakeTimeout);
            tracing::debug!(peer = %address, "a handshake took too long");
            return;
        }
    };
    let peer = match gate.enter(service, &connection) {
        Ok(peer) => peer,
        Err((code, rejected)) => {
            metrics::connection_rejected(rejected);
            close(&connection, code);
            return;
        }
    };
    let span = tracing::info_span!("connection", number = peer.number, tenant = &**peer.tenant.name());
    serve(&peer, service, address).instrument(span).await;
    gate.open().remove(&peer.number);
}

async fn serve(peer: &Arc<Peer>, service: &Arc<Service>, address: SocketAddr) {
    metrics::connection_opened(peer.tenant.name());
    tracing::debug!(peer = %address, "connected");
    let end = loop {
        match peer.connection.accept_bi().await {
            Ok((send, recv)) => {
                tokio::spawn(session::serve(Arc::clone(service), Arc::clone(peer), send, recv));
            }
            Err(error) => break error,
        }
    };
    metrics::connection_closed(peer.tenant.name(), end_name(&end));
    tracing::debug!(%end, "disconnected");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_asked_for_their_address_before_they_are_turned_away() {
        let limits = GateLimits {
            connections_max: 10,
            connections_per_tenant_max: 5,
            handshakes_max: 4,
            retry_handshakes_min: 2,
            handshake_timeout: Duration::from_secs(1),
        };
        assert_eq!(limits.judge(9, 1, false), Judgement::Accept);
        assert_eq!(limits.judge(9, 2, false), Judgement::Retry);
        assert_eq!(limits.judge(9, 2, true), Judgement::Accept);
        assert_eq!(limits.judge(9, 4, true), Judgement::Refuse);
        assert_eq!(limits.judge(10, 0, true), Judgement::Refuse);
    }

    #[test]
    fn every_reason_has_its_own_word() {
        let mut names = Rejected::ALL.map(Rejected::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Rejected::ALL.len());
    }
}
