//! Certificates, tenants and revocation: files in, a [`rustls::ServerConfig`] out; a peer's certificate in, a tenant out.
//!
//! - [`files`]: reads PEM and DER, refuses keys that others can read.
//! - [`issue`]: makes authorities, certificates and revocation lists, for `assay cert`, the demo and the tests.
//!
//! The policy, all of it:
//! - TLS 1.3 alone, ALPN `assay/1` alone, cryptography from aws-lc-rs.
//! - Every client presents a certificate that chains to an authority of `tls.ca`. Its URI names the tenant.
//! - Where `tls.crls` names lists, every certificate of the chain but the authority's own must be covered by one; unknown is
//!   refused (RFC 5280, section 6.3). A list past its next update refuses everyone it covers, or with
//!   `crls_expired = "accept"` those it names. A list that no authority of `tls.ca` signed stops the start.
//! - An authority's own dates are not looked at: a trust anchor is a name and a key (RFC 5280, section 6.1.1), and ends when
//!   the operator takes it out of `tls.ca`.
//! - No 0-RTT, because a replayed request would be answered twice; no session tickets and no session storage, because a
//!   resumed session is not checked against certificates and lists again, and so would outlive a revocation.
//! - The private key stays in this module.

pub mod files;
pub mod issue;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::RootCertStore;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use crate::config::{CrlsExpired, TlsConfig};

pub use issue::{Throwaway, throwaway};

/// The URI in a client's certificate, before its tenant's name.
pub const TENANT_URI: &str = "assay:tenant:";

/// The longest name of a tenant, in bytes. Longer: a metric line and a certificate grow, nothing else.
pub const TENANT_NAME_BYTES_MAX: usize = 32;

/// Whether this is a tenant's name: 1 to 32 of a-z, 0-9 and -.
#[must_use]
pub fn is_tenant_name(name: &str) -> bool {
    (1..=TENANT_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// What the node needs to terminate TLS.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// For the QUIC endpoints.
    pub config: Arc<rustls::ServerConfig>,
    /// Who may connect, for [`ServerTls::accepts`].
    verifier: Arc<dyn ClientCertVerifier>,
    /// When something must be renewed.
    pub expiry: Expiry,
}

/// When the files in use lose their force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The node certificate's not-after.
    pub certificate: SystemTime,
    /// The earliest next update of the revocation lists; `None` without lists.
    pub crls: Option<SystemTime>,
}

/// Why the files of `[tls]` cannot be used. Each says which file, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("{key} = {}: cannot be read: {why}; `assay cert --help` shows how to make one", file.display())]
    Read {
        /// The configuration's key.
        key: &'static str,
        /// The file.
        file: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A file is larger than any certificate file is.
    #[error("{key} = {}: is larger than {max} bytes, which no such file is; name another", file.display())]
    TooLarge {
        /// The configuration's key.
        key: &'static str,
        /// The file.
        file: PathBuf,
        /// The most that is read.
        max: u64,
    },
    /// Others than the owner may read or write the private key.
    #[error("{} has mode {mode:04o}: others than its owner can use the private key; run: chmod 600 {}", file.display(), file.display())]
    KeyExposed {
        /// The file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds nothing of the wanted kind.
    #[error("{key} = {}: holds no {wanted} in PEM form; name the file that does", file.display())]
    Empty {
        /// The configuration's key.
        key: &'static str,
        /// The file.
        file: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// The file is damaged.
    #[error("{key} = {}: {why}; write the file anew", file.display())]
    Malformed {
        /// The configuration's key.
        key: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A certificate of `tls.ca` is not an authority's.
    #[error("tls.ca = {}: the certificate of {subject} is not an authority's; name the file of the one that signs the clients' certificates (ca.pem)", file.display())]
    NotAuthority {
        /// The file.
        file: PathBuf,
        /// Whom the certificate names.
        subject: String,
    },
    /// The node's certificate is past its end.
    #[error("tls.cert = {}: expired on {since}; make a new one: assay cert node --force", file.display())]
    Expired {
        /// The file.
        file: PathBuf,
        /// Its not-after.
        since: String,
    },
    /// The node's certificate is not valid yet.
    #[error("tls.cert = {}: is valid only from {from}; wait, or set this machine's clock right", file.display())]
    NotYetValid {
        /// The file.
        file: PathBuf,
        /// Its not-before.
        from: String,
    },
    /// The node's certificate names no host, so no client could check it.
    #[error("tls.cert = {}: names no host; make one with: assay cert node --host NAME", file.display())]
    NoHost {
        /// The file.
        file: PathBuf,
    },
    /// Certificate and key do not belong together.
    #[error("tls.cert = {} and tls.key = {} do not belong together; name the two that were made together", cert.display(), key.display())]
    KeyMismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// A revocation list is signed by none of the authorities.
    #[error("tls.crls: {}: no authority of tls.ca signed this list; write it with that authority: assay cert revoke --ca DIR", file.display())]
    CrlForeign {
        /// The file.
        file: PathBuf,
    },
    /// A revocation list is past its next update, and the policy is to refuse.
    #[error("tls.crls: {}: was to be renewed by {since}; write a fresh list (assay cert revoke --ca DIR), or set tls.crls_expired = \"accept\"", file.display())]
    CrlExpired {
        /// The file.
        file: PathBuf,
        /// Its next update.
        since: String,
    },
    /// The TLS library refuses what it was given.
    #[error("{key} = {}: {why}; write the file anew", file.display())]
    Refused {
        /// The configuration's key.
        key: &'static str,
        /// The file.
        file: PathBuf,
        /// What the library said.
        why: String,
    },
}

/// Why a connection has no tenant. Its name is a metric label and the reason in the connection's close.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    /// The peer presented no certificate. TLS refuses that already.
    #[error("no client certificate")]
    NoCertificate,
    /// The certificate's names do not parse.
    #[error("the client certificate's names are malformed")]
    Malformed,
    /// No URI of the certificate names a tenant.
    #[error("the client certificate has no URI {TENANT_URI}NAME")]
    NoTenant,
    /// More than one URI names a tenant.
    #[error("the client certificate names more than one tenant")]
    SeveralTenants,
    /// The name is not 1 to 32 of a-z, 0-9 and -.
    #[error("the client certificate's tenant is not 1 to 32 of a-z, 0-9 and -")]
    BadName,
}

impl TenantError {
    /// The word used as a metric label.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoCertificate => "no-certificate",
            Self::Malformed => "malformed-certificate",
            Self::NoTenant => "no-tenant",
            Self::SeveralTenants => "several-tenants",
            Self::BadName => "bad-tenant-name",
        }
    }
}

impl ServerTls {
    /// [`ServerTls::read`] without the dates.
    ///
    /// # Errors
    /// As [`ServerTls::read`].
    pub fn load(config: &TlsConfig) -> Result<Arc<rustls::ServerConfig>, TlsError> {
        Self::read(config).map(|tls| tls.config)
    }

    /// Reads and checks every file of `[tls]`. Called at the start and at each reload, which keeps what it had when this
    /// fails.
    ///
    /// # Errors
    /// The first file that cannot be used, with its remedy.
    pub fn read(config: &TlsConfig) -> Result<Self, TlsError> {
        Self::read_at(config, SystemTime::now())
    }

    /// The same on another day, for tests.
    fn read_at(config: &TlsConfig, now: SystemTime) -> Result<Self, TlsError> {
        let authorities = files::certificates("tls.ca", &config.ca)?;
        let mut roots = RootCertStore::empty();
        for authority in &authorities {
            check_authority(&config.ca, authority)?;
            roots.add(authority.clone()).map_err(|error| refused("tls.ca", &config.ca, &error))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let mut crls_expiry: Option<SystemTime> = None;
        if config.crls_expired == CrlsExpired::Refuse {
            verifier = verifier.enforce_revocation_expiration();
        }
        for file in &config.crls {
            let (lists, expiry) = files::revocation_lists(file, &authorities)?;
            if expiry < now && config.crls_expired == CrlsExpired::Refuse {
                return Err(TlsError::CrlExpired { file: file.clone(), since: date(expiry) });
            }
            crls_expiry = Some(crls_expiry.map_or(expiry, |earliest| earliest.min(expiry)));
            verifier = verifier.with_crls(lists);
        }
        // Every list was parsed above by another parser; what this one refuses beyond that concerns the lists.
        let crl_file = config.crls.first().unwrap_or(&config.ca);
        let verifier = verifier.build().map_err(|error| refused("tls.crls", crl_file, &error))?;

        let chain = files::certificates("tls.cert", &config.cert)?;
        let certificate = check_node(&config.cert, &chain[0], now)?;
        let key = files::private_key(&config.key)?;
        let mut server = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("aws-lc-rs offers TLS 1.3 suites")
            .with_client_cert_verifier(Arc::clone(&verifier))
            .with_single_cert(chain, key)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => {
                    TlsError::KeyMismatch { cert: config.cert.clone(), key: config.key.clone() }
                }
                error => refused("tls.key", &config.key, &error),
            })?;
        server.alpn_protocols = vec![assay_wire::ALPN.to_vec()];
        server.max_early_data_size = 0;
        server.send_tls13_tickets = 0;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self { config: Arc::new(server), verifier, expiry: Expiry { certificate, crls: crls_expiry } })
    }

    /// Whether a client with this chain would be let in now: asked again of open connections after a reload, because a
    /// revocation that only stops handshakes leaves the thief connected.
    #[must_use]
    pub fn accepts(&self, chain: &[CertificateDer<'_>]) -> bool {
        chain
            .split_first()
            .is_some_and(|(leaf, between)| self.verifier.verify_client_cert(leaf, between, UnixTime::now()).is_ok())
    }
}

fn refused(key: &'static str, file: &Path, why: &dyn std::fmt::Display) -> TlsError {
    TlsError::Refused { key, file: file.to_owned(), why: why.to_string() }
}

fn check_authority(file: &Path, der: &CertificateDer<'_>) -> Result<(), TlsError> {
    let certificate = files::parsed("tls.ca", file, der)?;
    if certificate.is_ca() {
        return Ok(());
    }
    Err(TlsError::NotAuthority { file: file.to_owned(), subject: certificate.subject().to_string() })
}

/// The node certificate's end.
fn check_node(file: &Path, der: &CertificateDer<'_>, now: SystemTime) -> Result<SystemTime, TlsError> {
    let certificate = files::parsed("tls.cert", file, der)?;
    let (from, until) = (time(certificate.validity().not_before), time(certificate.validity().not_after));
    if now < from {
        return Err(TlsError::NotYetValid { file: file.to_owned(), from: date(from) });
    }
    if now > until {
        return Err(TlsError::Expired { file: file.to_owned(), since: date(until) });
    }
    let host = |name: &GeneralName<'_>| matches!(name, GeneralName::DNSName(_) | GeneralName::IPAddress(_));
    match certificate.subject_alternative_name() {
        Ok(Some(names)) if names.value.general_names.iter().any(host) => Ok(until),
        _ => Err(TlsError::NoHost { file: file.to_owned() }),
    }
}

/// The time a certificate or list states. Before 1970 counts as 1970: long past either way.
fn time(stated: ASN1Time) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(stated.timestamp()).unwrap_or(0))
}

/// A time for people, in UTC.
fn date(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let stated = i64::try_from(seconds).ok().and_then(|seconds| ASN1Time::from_timestamp(seconds).ok());
    stated.map_or_else(|| format!("second {seconds}"), |stated| stated.to_string())
}

/// The tenant a peer's certificate names: the one URI `assay:tenant:NAME` among its subject alternative names. Whether the
/// node serves that tenant is the caller's question.
///
/// # Errors
/// When the certificate names none, several, or one that is no name.
pub fn tenant_of(chain: &[CertificateDer<'_>]) -> Result<String, TenantError> {
    let leaf = chain.first().ok_or(TenantError::NoCertificate)?;
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| TenantError::Malformed)?;
    let names = certificate.subject_alternative_name().map_err(|_| TenantError::Malformed)?;
    let mut tenant = None;
    for name in names.iter().flat_map(|names| &names.value.general_names) {
        let GeneralName::URI(uri) = name else { continue };
        let Some(name) = uri.strip_prefix(TENANT_URI) else { continue };
        if !is_tenant_name(name) {
            return Err(TenantError::BadName);
        }
        if tenant.replace(name).is_some() {
            return Err(TenantError::SeveralTenants);
        }
    }
    tenant.map(str::to_owned).ok_or(TenantError::NoTenant)
}
