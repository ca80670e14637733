//! Makes authorities, certificates and revocation lists: ECDSA P-256, in folders of PEM files.
//!
//! | folder | file | what |
//! | :-- | :-- | :-- |
//! | authority | `ca.pem` | its certificate: clients' and nodes' `ca` |
//! | | `ca.key` | its private key, mode 0600: needed to make certificates, never by a node |
//! | | `crl.pem` | its revocation list, once there is one; also the record of what is revoked |
//! | node, client | `cert.pem`, `key.pem` | certificate and private key, mode 0600 |
//! | | `ca.pem` | a copy of the authority's certificate |

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, RevokedCertParams, SanType, SerialNumber,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, ServerName};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::{TENANT_URI, TlsError, files, is_tenant_name, time};

/// An authority's certificate, in its folder and in the folders of what it signed.
pub const CA_FILE: &str = "ca.pem";
/// An authority's private key.
pub const CA_KEY_FILE: &str = "ca.key";
/// An authority's revocation list.
pub const CRL_FILE: &str = "crl.pem";
/// A node's or client's certificate.
pub const CERT_FILE: &str = "cert.pem";
/// A node's or client's private key.
pub const KEY_FILE: &str = "key.pem";

/// Certificates are valid from a little before they are made, so that a clock a few minutes behind accepts them.
const SKEW: Duration = Duration::from_secs(300);
/// X.520's attribute serialNumber, which tells subjects of one name apart.
const SERIAL_NUMBER: [u64; 4] = [2, 5, 4, 5];
const DAY: Duration = Duration::from_secs(86_400);

/// Why a certificate or list was not made. Nothing is left half-written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// A file is there already.
    #[error("{} is there already; --force overwrites it, another --out leaves it", .0.display())]
    Exists(PathBuf),
    /// A file or folder could not be written or read.
    #[error("{}: {why}", path.display())]
    Files {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The authority's folder cannot be used.
    #[error("{}: {why}; make an authority with: assay cert ca --out DIR", folder.display())]
    Authority {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Not a host's name or address.
    #[error("--host {0}: neither a DNS name nor an IP address")]
    Host(String),
    /// A node needs a host.
    #[error("a node's certificate needs at least one --host, the name or address clients connect to")]
    NoHost,
    /// Not a tenant's name.
    #[error("--tenant {0}: a tenant's name is 1 to 32 of a-z, 0-9 and -")]
    Tenant(String),
    /// Not a name for an authority or node.
    #[error("--name {0}: a name is 1 to 64 printable ASCII characters")]
    Name(String),
    /// A certificate to revoke was signed by another authority.
    #[error("{}: this authority did not sign that certificate, so it cannot revoke it", .0.display())]
    Foreign(PathBuf),
    /// A certificate to revoke cannot be read.
    #[error("{0}")]
    Unreadable(TlsError),
    /// The certificate library refused; never seen.
    #[error("the certificate could not be made: {0}")]
    Library(String),
}

fn library(error: &rcgen::Error) -> IssueError {
    IssueError::Library(error.to_string())
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> IssueError + '_ {
    |error| IssueError::Files { path: path.to_owned(), why: error.to_string() }
}

/// The files of a node or a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The authority's certificate.
    pub ca: PathBuf,
    /// The certificate.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Identity {
    fn in_folder(folder: &Path) -> Self {
        Self { ca: folder.join(CA_FILE), cert: folder.join(CERT_FILE), key: folder.join(KEY_FILE) }
    }
}

/// An authority that can sign: its folder, opened.
pub struct Authority {
    folder: PathBuf,
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes an authority in this folder.
    ///
    /// # Errors
    /// When a file of it is there and `force` is not set, or cannot be written.
    pub fn create(folder: &Path, name: &str, days: u32, force: bool) -> Result<Self, IssueError> {
        let mut params = parameters(name, days)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = new_key()?;
        // Lists and certificates find their authority by its whole name alone, so no two may share one: while an old and a new
        // authority are both trusted, the old one's list would be tried, in vain, on the new one's certificates.
        let fingerprint = hex::encode(&params.key_identifier(&key)[..8]);
        params.distinguished_name.push(DnType::CustomDnType(SERIAL_NUMBER.to_vec()), fingerprint);
        let certificate = params.self_signed(&key).map_err(|error| library(&error))?;
        let files = [(CA_KEY_FILE, key.serialize_pem(), true), (CA_FILE, certificate.pem(), false)];
        write_all(folder, &files, force)?;
        // A list of the authority that was here before says nothing about this one's certificates.
        match std::fs::remove_file(folder.join(CRL_FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(&folder.join(CRL_FILE))(error)),
            _ => Self::open(folder),
        }
    }

    /// Opens the authority in this folder.
    ///
    /// # Errors
    /// When its files are missing, damaged, or its key can be read by others.
    pub fn open(folder: &Path) -> Result<Self, IssueError> {
        let broken = |why: String| IssueError::Authority { folder: folder.to_owned(), why };
        let (ca, key) = (folder.join(CA_FILE), folder.join(CA_KEY_FILE));
        let der = files::certificates("ca", &ca).map_err(|error| broken(error.to_string()))?.swap_remove(0);
        let pem = std::fs::read_to_string(&ca).map_err(io(&ca))?;
        let key = files::private_key(&key).map_err(|error| broken(error.to_string()))?;
        let key = KeyPair::try_from(&key).map_err(|error| broken(format!("{CA_KEY_FILE}: {error}")))?;
        let same = X509Certificate::from_der(&der)
            .is_ok_and(|(_, parsed)| parsed.public_key().subject_public_key.data.as_ref() == key.public_key_raw());
        if !same {
            return Err(broken(format!("{CA_FILE} and {CA_KEY_FILE} do not belong together")));
        }
        let issuer = Issuer::from_ca_cert_der(&der, key).map_err(|error| broken(format!("{CA_FILE}: {error}")))?;
        Ok(Self { folder: folder.to_owned(), pem, der, issuer })
    }

    /// Makes a node's certificate for these hosts in this folder.
    ///
    /// # Errors
    /// When a host is none, a file is there and `force` is not set, or cannot be written.
    pub fn node(
        &self,
        folder: &Path,
        name: &str,
        hosts: &[String],
        days: u32,
        force: bool,
    ) -> Result<Identity, IssueError> {
        if hosts.is_empty() {
            return Err(IssueError::NoHost);
        }
        let mut params = parameters(name, days)?;
        for host in hosts {
            params.subject_alt_names.push(host_name(host)?);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(folder, params, force)
    }

    /// Makes a client's certificate for this tenant in this folder.
    ///
    /// # Errors
    /// When the tenant is no name, a file is there and `force` is not set, or cannot be written.
    pub fn client(&self, folder: &Path, tenant: &str, days: u32, force: bool) -> Result<Identity, IssueError> {
        if !is_tenant_name(tenant) {
            return Err(IssueError::Tenant(tenant.to_owned()));
        }
        let mut params = parameters(tenant, days)?;
        let uri = format!("{TENANT_URI}{tenant}");
        params.subject_alt_names = vec![SanType::URI(Ia5String::try_from(uri).map_err(|error| library(&error))?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(folder, params, force)
    }

    fn sign(&self, folder: &Path, mut params: CertificateParams, force: bool) -> Result<Identity, IssueError> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = new_key()?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|error| library(&error))?;
        let files = [
            (KEY_FILE, key.serialize_pem(), true),
            (CERT_FILE, certificate.pem(), false),
            (CA_FILE, self.pem.clone(), false),
        ];
        write_all(folder, &files, force)?;
        Ok(Identity::in_folder(folder))
    }

    /// Adds these certificates to the authority's revocation list and writes it anew, good for so many days. With none,
    /// the list is only renewed. Returns the list's file and how many certificates it names.
    ///
    /// # Errors
    /// When a certificate is not this authority's, or a file cannot be read or written.
    pub fn revoke(&self, certificates: &[PathBuf], days: u32) -> Result<(PathBuf, usize), IssueError> {
        let path = self.folder.join(CRL_FILE);
        let now = SystemTime::now();
        let (number, mut revoked) = self.revoked(&path)?;
        for file in certificates {
            let der = files::certificates("certificate", file).map_err(IssueError::Unreadable)?;
            let parsed = files::parsed("certificate", file, &der[0]).map_err(IssueError::Unreadable)?;
            let authority = files::parsed("ca", &self.folder, &self.der).map_err(IssueError::Unreadable)?;
            if parsed.verify_signature(Some(authority.public_key())).is_err() {
                return Err(IssueError::Foreign(file.clone()));
            }
            let serial = SerialNumber::from_slice(parsed.raw_serial());
            if !revoked.iter().any(|entry| entry.serial_number == serial) {
                revoked.push(RevokedCertParams {
                    serial_number: serial,
                    revocation_time: now.into(),
                    reason_code: None,
                    invalidity_date: None,
                });
            }
        }
        let count = revoked.len();
        let list = CertificateRevocationListParams {
            this_update: (now - SKEW).into(),
            next_update: (now + DAY * days).into(),
            crl_number: SerialNumber::from(number + 1),
            issuing_distribution_point: None,
            revoked_certs: revoked,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let pem = list.signed_by(&self.issuer).and_then(|list| list.pem()).map_err(|error| library(&error))?;
        write_all(&self.folder, &[(CRL_FILE, pem, false)], true)?;
        Ok((path, count))
    }

    /// The number and entries of the list there is.
    fn revoked(&self, path: &Path) -> Result<(u64, Vec<RevokedCertParams>), IssueError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((0, Vec::new())),
            Err(error) => return Err(io(path)(error)),
        };
        let broken = || IssueError::Files {
            path: path.to_owned(),
            why: "is not a revocation list of this authority; move it away to start an empty one".to_owned(),
        };
        files::revocation_lists(path, std::slice::from_ref(&self.der)).map_err(|_| broken())?;
        let der = CertificateRevocationListDer::from_pem_slice(&bytes).map_err(|_| broken())?;
        let (_, list) = CertificateRevocationList::from_der(&der).map_err(|_| broken())?;
        let number = list.crl_number().and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
        let entries = list.iter_revoked_certificates().map(|entry| RevokedCertParams {
            serial_number: SerialNumber::from_slice(entry.raw_serial()),
            revocation_time: time(entry.revocation_date).into(),
            reason_code: None,
            invalidity_date: None,
        });
        Ok((number, entries.collect()))
    }
}

fn new_key() -> Result<KeyPair, IssueError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|error| library(&error))
}

fn parameters(name: &str, days: u32) -> Result<CertificateParams, IssueError> {
    if !(1..=64).contains(&name.len()) || !name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(IssueError::Name(name.to_owned()));
    }
    let mut params = CertificateParams::new(Vec::new()).map_err(|error| library(&error))?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = SystemTime::now();
    params.not_before = (now - SKEW).into();
    params.not_after = (now + DAY * days).into();
    Ok(params)
}

fn host_name(host: &str) -> Result<SanType, IssueError> {
    let wrong = || IssueError::Host(host.to_owned());
    if let Ok(address) = host.parse() {
        return Ok(SanType::IpAddress(address));
    }
    // One wildcard for the leftmost label is a name too (RFC 9525, section 6.3).
    let plain = host.strip_prefix("*.").unwrap_or(host);
    match ServerName::try_from(plain) {
        Ok(ServerName::DnsName(_)) => Ok(SanType::DnsName(Ia5String::try_from(host).map_err(|_| wrong())?)),
        _ => Err(wrong()),
    }
}

/// Writes files (name, text, secret) into a folder, all or none: what is there without `force` is found before anything is
/// written, and each file is complete before it has its name.
fn write_all(folder: &Path, files: &[(&str, String, bool)], force: bool) -> Result<(), IssueError> {
    std::fs::create_dir_all(folder).map_err(io(folder))?;
    for (name, _, _) in files {
        let path = folder.join(name);
        if !force && path.symlink_metadata().is_ok() {
            return Err(IssueError::Exists(path));
        }
    }
    for (name, text, secret) in files {
        let path = folder.join(name);
        let partial = folder.join(format!(".{name}.{}.partial", std::process::id()));
        let written = write(&partial, text, *secret).and_then(|()| std::fs::rename(&partial, &path));
        written.map_err(|error| {
            // The partial file may hold a key, and nobody would look for it.
            let _ = std::fs::remove_file(&partial);
            io(&path)(error)
        })?;
    }
    Ok(())
}

fn write(path: &Path, text: &str, secret: bool) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(if secret { 0o600 } else { 0o644 });
    }
    #[cfg(not(unix))]
    let _ = secret;
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A set of certificates for a demo or a test: an authority, a node on loopback, and clients.
#[derive(Clone, Debug)]
pub struct Throwaway {
    /// The authority's folder.
    pub authority: PathBuf,
    /// The node: `localhost`, 127.0.0.1 and ::1.
    pub node: Identity,
    /// A client per tenant, in the order asked for.
    pub clients: Vec<Identity>,
}

/// Makes certificates for a day in a folder: `ca/`, `node/` and a `TENANT/` each.
///
/// # Errors
/// When something is there already or cannot be written, or a tenant is no name.
pub fn throwaway(folder: &Path, tenants: &[&str]) -> Result<Throwaway, IssueError> {
    let path = folder.join("ca");
    let authority = Authority::create(&path, "Assay throwaway authority", 1, false)?;
    let hosts = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let node = authority.node(&folder.join("node"), "throwaway", &hosts, 1, false)?;
    let clients = tenants
        .iter()
        .map(|tenant| authority.client(&folder.join("clients").join(tenant), tenant, 1, false))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Throwaway { authority: path, node, clients })
}
