//! Certificates from files into a mutual-TLS configuration: TLS 1.3 alone, ALPN `assay/1`, no resumption data sent early.
//!
//! Every error names the file and what to do about it. Key material is read here, handed to rustls, and printed nowhere.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use rustls::crypto::{CryptoProvider, SecureRandom};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::config::{ClientConfig, NodeAddress};
use crate::error::Error;
use crate::limits::PEM_BYTES_MAX;

/// What the connections need, and where the client's random bytes come from.
pub(crate) struct Tls {
    pub(crate) quic: Arc<QuicClientConfig>,
    pub(crate) random: Random,
}

/// Unpredictable bytes: nonces, the jitter of pauses, which items are checked again.
#[derive(Clone, Copy)]
pub(crate) struct Random(&'static dyn SecureRandom);

impl Random {
    /// The system's, through the library that TLS uses.
    pub(crate) fn system() -> Self {
        Self(rustls::crypto::aws_lc_rs::default_provider().secure_random)
    }

    /// Sixteen bytes, or none when the system has no randomness.
    pub(crate) fn nonce(self) -> Option<[u8; 16]> {
        let mut bytes = [0; 16];
        self.0.fill(&mut bytes).ok().map(|()| bytes)
    }

    /// Between 0 and 1; a half when the system has no randomness, which no caller's safety rests on.
    pub(crate) fn share(self) -> f64 {
        self.nonce().map_or(0.5, |bytes| f64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])))
            / f64::from(u32::MAX)
    }
}

/// Reads the three files.
pub(crate) fn load(config: &ClientConfig) -> Result<Tls, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = roots(&config.ca)?;
    let chain = certificates(&config.cert, "this client's certificate (`assay cert client` makes one)")?;
    let key = key(&config.key)?;
    for node in &config.nodes {
        check_name(node)?;
    }
    let quic = quic(provider, roots, chain, key)
        .map_err(|why| fail(&config.cert, format!("{why}; {} must be its key", config.key.display())))?;
    Ok(Tls { quic: Arc::new(quic), random: Random::system() })
}

fn quic(
    provider: Arc<CryptoProvider>,
    roots: rustls::RootCertStore,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<QuicClientConfig, String> {
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|error| error.to_string())?;
    tls.alpn_protocols = vec![assay_wire::ALPN.to_vec()];
    tls.enable_early_data = false;
    QuicClientConfig::try_from(tls).map_err(|error| error.to_string())
}

fn roots(path: &Path) -> Result<rustls::RootCertStore, Error> {
    let mut store = rustls::RootCertStore::empty();
    for certificate in certificates(path, "the authority's certificate (`assay cert ca` makes one)")? {
        store.add(certificate).map_err(|error| fail(path, format!("not an authority's certificate: {error}")))?;
    }
    Ok(store)
}

/// At least one certificate.
fn certificates(path: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = read(path, what)?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| fail(path, format!("not PEM: {error}; it should hold {what}")))?;
    if chain.is_empty() {
        return Err(fail(path, format!("no CERTIFICATE section in it; it should hold {what}")));
    }
    Ok(chain)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let what = "this client's private key (`assay cert client` makes one)";
    let pem = read(path, what)?;
    PrivateKeyDer::from_pem_slice(&pem)
        // The PEM error is left out: it may quote the line it stumbled over.
        .map_err(|_| fail(path, format!("no private key in PEM in it; it should hold {what}")))
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(PEM_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| fail(path, format!("cannot be read: {error}; it should hold {what}")))?;
    if bytes.len() as u64 > PEM_BYTES_MAX {
        return Err(fail(path, format!("larger than {PEM_BYTES_MAX} bytes; it should hold {what}")));
    }
    Ok(bytes)
}

fn check_name(node: &NodeAddress) -> Result<(), Error> {
    ServerName::try_from(node.server_name.as_str()).map(|_| ()).map_err(|_| Error::Setup {
        what: format!("node {node}"),
        why: format!("{:?} is neither a DNS name nor an address, so no certificate can bear it", node.server_name),
    })
}

fn fail(path: &Path, why: String) -> Error {
    Error::Setup { what: path.display().to_string(), why }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    struct Files {
        _dir: tempfile::TempDir,
        config: ClientConfig,
    }

    fn files() -> Files {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate");
        let put = |name: &str, text: String| -> PathBuf {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path
        };
        let ca = put("ca.pem", made.cert.pem());
        let cert = put("cert.pem", made.cert.pem());
        let key = put("key.pem", made.signing_key.serialize_pem());
        let node = NodeAddress { addr: ([127, 0, 0, 1], 7443).into(), server_name: "localhost".into() };
        let config = ClientConfig::new(vec![node], ca, cert, key);
        Files { _dir: dir, config }
    }

    fn why(config: &ClientConfig) -> (String, String) {
        match load(config).err() {
            Some(Error::Setup { what, why }) => (what, why),
            other => panic!("a setup error, not {other:?}"),
        }
    }

    #[test]
    fn good_files_load() {
        let files = files();
        let tls = load(&files.config).expect("good files");
        assert_ne!(tls.random.nonce(), tls.random.nonce());
        assert!((0.0..=1.0).contains(&tls.random.share()));
    }

    #[test]
    fn each_bad_file_is_named_with_its_remedy() {
        let files = files();
        let spoil = |field: fn(&mut ClientConfig) -> &mut PathBuf, text: Option<&str>| {
            let mut config = files.config.clone();
            let path = files._dir.path().join("bad.pem");
            let _ = std::fs::remove_file(&path);
            if let Some(text) = text {
                std::fs::write(&path, text).expect("a file");
            }
            *field(&mut config) = path.clone();
            let (what, why) = why(&config);
            assert_eq!(what, path.display().to_string());
            why
        };
        for text in [None, Some(""), Some("no pem"), Some("-----BEGIN CERTIFICATE-----\nAAAA")] {
            assert!(spoil(|config| &mut config.ca, text).contains("assay cert ca"), "{text:?}");
            assert!(spoil(|config| &mut config.cert, text).contains("assay cert client"), "{text:?}");
        }
        for text in [None, Some(""), Some("-----BEGIN PRIVATE KEY-----\nsecret!\n-----END PRIVATE KEY-----\n")] {
            let why = spoil(|config| &mut config.key, text);
            assert!(why.contains("assay cert client") && !why.contains("secret"), "{why}");
        }
        let long = "#".repeat(PEM_BYTES_MAX as usize + 1);
        assert!(spoil(|config| &mut config.ca, Some(&long)).contains("larger"));
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (one, other) = (files(), files());
        let config = ClientConfig { key: other.config.key.clone(), ..one.config.clone() };
        let (what, why) = why(&config);
        assert_eq!(what, config.cert.display().to_string());
        assert!(why.contains(&config.key.display().to_string()), "{why}");
    }

    #[test]
    fn a_name_no_certificate_can_bear_is_refused() {
        let mut files = files();
        files.config.nodes[0].server_name = "not a name".into();
        assert!(why(&files.config).0.contains("not a name"));
    }
}
