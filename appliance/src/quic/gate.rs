//! Who is let through: how many handshakes and connections there may be, whose certificate names which tenant, and which
//! connections are open.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use assay_wire::CloseCode;
use quinn::{Connection, ConnectionError};
use rustls_pki_types::CertificateDer;

use crate::admission::Tenant;
use crate::config::ListenConfig;
use crate::session::{Peer, Service, close};
use crate::tls::{self, ServerTls};

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
pub(super) enum Judgement {
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
    pub(super) fn of_handshake(error: &ConnectionError) -> Self {
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

/// An accepted connection, for whoever must find it again.
struct Open {
    connection: Connection,
    tenant: Tenant,
    chain: Vec<CertificateDer<'static>>,
}

/// The open connections, and what a certificate is held against now.
struct Inside {
    open: HashMap<u64, Open>,
    tls: ServerTls,
    /// Reloads so far.
    epoch: u64,
}

/// Counts connections over all endpoints and knows the open ones.
pub struct Gate {
    limits: GateLimits,
    /// Handshakes and open connections.
    connections: AtomicUsize,
    handshakes: AtomicUsize,
    numbers: AtomicU64,
    draining: AtomicBool,
    inside: Mutex<Inside>,
}

/// One unit of one of the gate's counts, given back when dropped.
pub(super) struct Slot {
    gate: Arc<Gate>,
    count: fn(&Gate) -> &AtomicUsize,
}

impl Slot {
    fn take(gate: &Arc<Gate>, count: fn(&Gate) -> &AtomicUsize) -> Self {
        count(gate).fetch_add(1, Ordering::AcqRel);
        Self { gate: Arc::clone(gate), count }
    }

    /// One connection, from its first packet to its last.
    pub(super) fn connection(gate: &Arc<Gate>) -> Self {
        Self::take(gate, |gate| &gate.connections)
    }

    /// One handshake.
    pub(super) fn handshake(gate: &Arc<Gate>) -> Self {
        Self::take(gate, |gate| &gate.handshakes)
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
    pub fn new(limits: GateLimits, tls: ServerTls) -> Self {
        Self {
            limits,
            connections: AtomicUsize::new(0),
            handshakes: AtomicUsize::new(0),
            numbers: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            inside: Mutex::new(Inside { open: HashMap::new(), tls, epoch: 0 }),
        }
    }

    /// From now on every new connection is closed with [`CloseCode::Draining`].
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Open connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.inside().open.len()
    }

    /// Holds every open connection against new certificates and tenants, and closes, as [`CloseCode::Revoked`], those that
    /// would not be let in any more: a revocation that only stopped handshakes would leave the thief connected. To be
    /// called when the endpoints have the new configuration. Returns how many it closed.
    pub fn reload(&self, tls: ServerTls, is_tenant: impl Fn(&Tenant) -> bool) -> usize {
        let mut inside = self.inside();
        inside.tls = tls;
        inside.epoch += 1;
        let holds = |open: &Open| is_tenant(&open.tenant) && inside.tls.accepts(&open.chain);
        let revoked = inside.open.values().filter(|open| !holds(open));
        revoked.map(|open| close(&open.connection, CloseCode::Revoked)).count()
    }

    /// What happens to a stranger now.
    pub(super) fn judge(&self, address_proven: bool) -> Judgement {
        let connections = self.connections.load(Ordering::Acquire);
        self.limits.judge(connections, self.handshakes.load(Ordering::Acquire), address_proven)
    }

    /// How long a handshake may take.
    pub(super) fn handshake_timeout(&self) -> Duration {
        self.limits.handshake_timeout
    }

    /// Reloads so far: to be asked before a handshake begins.
    pub(super) fn epoch(&self) -> u64 {
        self.inside().epoch
    }

    /// Lets an authenticated connection in under a number of its own, or says why not. Its handshake began in `epoch`.
    pub(super) fn enter(
        &self,
        service: &Service,
        connection: &Connection,
        epoch: u64,
    ) -> Result<Arc<Peer>, (CloseCode, Rejected)> {
        if self.draining.load(Ordering::Acquire) {
            return Err((CloseCode::Draining, Rejected::Draining));
        }
        let chain = connection.peer_identity().and_then(|identity| identity.downcast::<Vec<CertificateDer>>().ok());
        let chain = chain.map(|chain| *chain).unwrap_or_default();
        let name = tls::tenant_of(&chain).map_err(|error| {
            tracing::info!(peer = %connection.remote_address(), %error, "a certificate without a tenant");
            (CloseCode::NoTenant, Rejected::NoTenant)
        })?;
        let mut inside = self.inside();
        // A handshake that a reload overtook was checked against what held before.
        if inside.epoch != epoch && !inside.tls.accepts(&chain) {
            return Err((CloseCode::Revoked, Rejected::CertificateRevoked));
        }
        let Some(tenant) = service.admission.tenant(&name) else {
            tracing::info!(peer = %connection.remote_address(), tenant = name, "a tenant that is not served");
            return Err((CloseCode::NoTenant, Rejected::UnknownTenant));
        };
        let own = inside.open.values().filter(|open| open.tenant.name() == tenant.name()).count();
        if own >= self.limits.connections_per_tenant_max {
            return Err((CloseCode::TooManyConnections, Rejected::TenantFull));
        }
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        inside.open.insert(number, Open { connection: connection.clone(), tenant: tenant.clone(), chain });
        Ok(Arc::new(Peer { tenant, connection: connection.clone(), number }))
    }

    /// A connection has ended.
    pub(super) fn leave(&self, peer: &Peer) {
        self.inside().open.remove(&peer.number);
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
