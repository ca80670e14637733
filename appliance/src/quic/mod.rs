//! A UDP socket to streams with a tenant: one endpoint per configured socket, its limits, and who may connect.
//!
//! Everything a stranger can make the node spend is bounded here, streams and bytes per connection, and in the [`gate`]:
//! handshakes under way, connections over all and per tenant. Knows no frame and no engine.

mod gate;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    ConnectionError, Endpoint, EndpointConfig, IdleTimeout, Incoming, MtuDiscoveryConfig, TokioRuntime,
    TransportConfig, VarInt,
};
use socket2::{Domain, Protocol, Socket, Type};
use tracing::Instrument;

use assay_wire::limits::may_segment;

use crate::config::ListenConfig;
use crate::limits::{INCOMING_BYTES_MAX, QUIC_VERSION, SOCKET_BUFFER_BYTES, UDP_PAYLOAD_BYTES_MIN};
use crate::metrics;
use crate::session::{self, Peer, Service, close};

pub use gate::{Gate, GateLimits, Rejected};
use gate::{Judgement, Slot};

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
        .enable_segmentation_offload(may_segment(listen.mtu_bytes_max))
        .datagram_receive_buffer_size(None);
    Ok(transport)
}

/// Accepts connections on one endpoint until it is closed.
pub async fn accept(endpoint: Endpoint, gate: Arc<Gate>, service: Arc<Service>) {
    while let Some(incoming) = endpoint.accept().await {
        match gate.judge(incoming.remote_address_validated()) {
            Judgement::Accept => {
                // Counted before the task first runs, so that the next judgement sees it.
                let (connection, handshake) = (Slot::connection(&gate), Slot::handshake(&gate));
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
    let epoch = gate.epoch();
    let connected = match incoming.accept() {
        Ok(connecting) => tokio::time::timeout(gate.handshake_timeout(), connecting).await,
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
    let peer = match gate.enter(service, &connection, epoch) {
        Ok(peer) => peer,
        Err((code, rejected)) => {
            metrics::connection_rejected(rejected);
            close(&connection, code);
            return;
        }
    };
    let span = tracing::info_span!("connection", number = peer.number, tenant = &**peer.tenant.name());
    serve(&peer, service, address).instrument(span).await;
    gate.leave(&peer);
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
