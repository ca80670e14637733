//! What the node's TLS accepts and refuses: every file that is wrong, and every client, over handshakes in memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assay_appliance::config::{CrlsExpired, TlsConfig};
use assay_appliance::tls::issue::{Authority, Identity};
use assay_appliance::tls::{ServerTls, TenantError, Throwaway, TlsError, tenant_of, throwaway};
use rcgen::{CertificateParams, CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, SanType, SerialNumber};
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore, ServerConnection};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tempfile::TempDir;

/// A folder with an authority, a node, and clients of the tenants `a` and `b`.
struct Setup {
    folder: TempDir,
    made: Throwaway,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let made = throwaway(folder.path(), &["a", "b"]).expect("certificates");
        Self { folder, made }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> TlsConfig {
        let Identity { ca, cert, key } = self.made.node.clone();
        TlsConfig { ca, cert, key, crls: Vec::new(), crls_expired: CrlsExpired::Refuse }
    }

    fn authority(&self) -> Authority {
        Authority::open(&self.made.authority).expect("the authority")
    }

    /// The authority as the certificate library knows it, for certificates that the product would not make.
    fn issuer(&self) -> Issuer<'static, KeyPair> {
        let key = fs::read_to_string(self.made.authority.join("ca.key")).expect("the authority's key");
        let pem = fs::read_to_string(self.made.authority.join("ca.pem")).expect("the authority's certificate");
        Issuer::from_ca_cert_pem(&pem, KeyPair::from_pem(&key).expect("a key")).expect("an issuer")
    }

    /// A certificate of these parameters, signed by the authority.
    fn signed(&self, name: &str, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer()).expect("a certificate");
        let own = Identity {
            ca: self.made.node.ca.clone(),
            cert: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
        };
        fs::write(&own.cert, certificate.pem()).expect("written");
        write_secret(&own.key, &key.serialize_pem());
        own
    }

    /// A list of this authority, good from so many hours ago until so many hours from now, naming nobody.
    fn list(&self, name: &str, from_hours: i64, until_hours: i64) -> PathBuf {
        let list = CertificateRevocationListParams {
            this_update: at(from_hours),
            next_update: at(until_hours),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let path = self.path(name);
        fs::write(&path, list.signed_by(&self.issuer()).expect("a list").pem().expect("PEM")).expect("written");
        path
    }
}

/// So many hours from now; negative for the past.
fn at<T: From<std::time::SystemTime>>(hours: i64) -> T {
    let span = std::time::Duration::from_secs(3600 * hours.unsigned_abs());
    let now = std::time::SystemTime::now();
    T::from(if hours < 0 { now - span } else { now + span })
}

fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
    mode(path, 0o600);
}

#[cfg(unix)]
fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
}

fn chain(path: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(path).expect("a file").collect::<Result<_, _>>().expect("certificates")
}

/// A client's configuration; without an identity it presents no certificate.
fn client(ca: &Path, identity: Option<&Identity>, alpn: &[u8]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(chain(ca));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .expect("versions")
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(own) => {
            let key = PrivateKeyDer::from_pem_file(&own.key).expect("a key");
            builder.with_client_auth_cert(chain(&own.cert), key).expect("an identity")
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    config
}

/// What came of a handshake on the server's side.
#[derive(Debug)]
struct Met {
    tenant: Result<String, TenantError>,
    resumed: bool,
}

fn handshake(server: &Arc<rustls::ServerConfig>, client: Arc<ClientConfig>) -> Result<Met, rustls::Error> {
    let mut server = ServerConnection::new(Arc::clone(server)).expect("a connection");
    let mut client =
        ClientConnection::new(client, ServerName::try_from("localhost").expect("a name")).expect("a connection");
    for _ in 0..10 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).expect("memory does not fail");
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            server.read_tls(&mut rest).expect("memory does not fail");
            server.process_new_packets()?;
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).expect("memory does not fail");
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).expect("memory does not fail");
            client.process_new_packets()?;
        }
    }
    assert!(!server.is_handshaking() && !client.is_handshaking(), "the handshake ended");
    assert_eq!(server.alpn_protocol(), Some(&b"assay/1"[..]));
    assert_eq!(server.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    let resumed = server.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
    Ok(Met { tenant: tenant_of(server.peer_certificates().expect("a certificate")), resumed })
}

/// Meets a server of this configuration as this client.
fn meet(config: &TlsConfig, own: &Identity) -> Result<Met, rustls::Error> {
    let server = ServerTls::load(config).expect("the files are right");
    handshake(&server, Arc::new(client(&own.ca, Some(own), b"assay/1")))
}

fn refused(config: &TlsConfig) -> (TlsError, String) {
    let error = ServerTls::load(config).expect_err("the files are wrong");
    let told = error.to_string();
    (error, told)
}

#[test]
fn a_client_of_the_authority_is_its_tenant() {
    let setup = Setup::new();
    for (own, tenant) in setup.made.clients.iter().zip(["a", "b"]) {
        let met = meet(&setup.config(), own).expect("accepted");
        assert_eq!(met.tenant.as_deref(), Ok(tenant));
    }
}

#[test]
fn nothing_is_resumed_and_no_early_data_is_taken() {
    let setup = Setup::new();
    let server = ServerTls::load(&setup.config()).expect("the files are right");
    assert_eq!((server.max_early_data_size, server.send_tls13_tickets), (0, 0));
    let own = &setup.made.clients[0];
    let client = Arc::new(client(&own.ca, Some(own), b"assay/1"));
    for _ in 0..3 {
        assert!(!handshake(&server, Arc::clone(&client)).expect("accepted").resumed);
    }
}

#[test]
fn strangers_are_refused() {
    let setup = Setup::new();
    let server = ServerTls::load(&setup.config()).expect("the files are right");
    let own = &setup.made.clients[0];
    let none = handshake(&server, Arc::new(client(&own.ca, None, b"assay/1")));
    assert!(matches!(none, Err(rustls::Error::NoCertificatesPresented)), "{none:?}");

    let other = handshake(&server, Arc::new(client(&own.ca, Some(own), b"h3")));
    assert!(matches!(other, Err(rustls::Error::NoApplicationProtocol)), "{other:?}");

    // Another authority's client, who trusts this one's node.
    let foreign = Setup::new();
    let stranger = Identity { ca: own.ca.clone(), ..foreign.made.clients[0].clone() };
    let met = meet(&setup.config(), &stranger);
    assert!(
        matches!(
            met,
            Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature))
        ),
        "{met:?}"
    );

    // A node's certificate is no client's.
    let met = meet(&setup.config(), &setup.made.node);
    assert!(
        matches!(
            met,
            Err(rustls::Error::InvalidCertificate(
                CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. }
            ))
        ),
        "{met:?}"
    );
}

#[test]
fn an_expired_client_is_refused() {
    let setup = Setup::new();
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.subject_alt_names = vec![SanType::URI("assay:tenant:a".try_into().expect("a text"))];
    (params.not_before, params.not_after) = (at(-48), at(-24));
    let met = meet(&setup.config(), &setup.signed("old", &params));
    assert!(
        matches!(
            met,
            Err(rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }))
        ),
        "{met:?}"
    );
}

#[test]
fn a_certificate_names_exactly_one_tenant() {
    let setup = Setup::new();
    let cases: [(&str, &[&str], TenantError); 6] = [
        ("none", &[], TenantError::NoTenant),
        ("other", &["https://example.com/assay:tenant:a"], TenantError::NoTenant),
        ("two", &["assay:tenant:a", "assay:tenant:b"], TenantError::SeveralTenants),
        ("upper", &["assay:tenant:A"], TenantError::BadName),
        ("empty", &["assay:tenant:"], TenantError::BadName),
        ("long", &["assay:tenant:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"], TenantError::BadName),
    ];
    for (name, uris, wanted) in cases {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().expect("a text"))).collect();
        params.subject_alt_names.push(SanType::DnsName("client.example".try_into().expect("a text")));
        let met = meet(&setup.config(), &setup.signed(name, &params)).expect("the authority signed it");
        assert_eq!(met.tenant, Err(wanted), "{name}");
    }
    assert_eq!(tenant_of(&[]), Err(TenantError::NoCertificate));
    assert_eq!(tenant_of(&[CertificateDer::from(vec![0x30, 0])]), Err(TenantError::Malformed));
}

#[test]
fn a_revoked_client_is_refused_and_others_are_not() {
    let setup = Setup::new();
    let (file, count) = setup.authority().revoke(&[setup.made.clients[0].cert.clone()], 30).expect("a list");
    assert_eq!(count, 1);
    let config = TlsConfig { crls: vec![file], ..setup.config() };
    let met = meet(&config, &setup.made.clients[0]);
    assert!(matches!(met, Err(rustls::Error::InvalidCertificate(CertificateError::Revoked))), "{met:?}");
    assert_eq!(meet(&config, &setup.made.clients[1]).expect("accepted").tenant.as_deref(), Ok("b"));

    // A second revocation keeps the first, and renewing adds none.
    let (_, count) = setup.authority().revoke(&[setup.made.clients[1].cert.clone()], 30).expect("a list");
    assert_eq!(count, 2);
    let (_, count) = setup.authority().revoke(&[setup.made.clients[1].cert.clone()], 30).expect("a list");
    assert_eq!(count, 2, "named once already");
    let (_, count) = setup.authority().revoke(&[], 30).expect("a list");
    assert_eq!(count, 2);
    for own in &setup.made.clients {
        assert!(meet(&config, own).is_err());
    }
}

#[test]
fn a_certificate_no_list_speaks_for_is_refused() {
    // Two authorities are trusted; only the first has a list.
    let (first, second) = (Setup::new(), Setup::new());
    let both = first.path("both.pem");
    let pems = [&first, &second].map(|setup| fs::read_to_string(&setup.made.node.ca).expect("a file"));
    fs::write(&both, pems.concat()).expect("written");
    let (file, _) = first.authority().revoke(&[], 30).expect("a list");
    let config = TlsConfig { ca: both, crls: vec![file], ..first.config() };
    assert!(meet(&config, &first.made.clients[0]).is_ok());
    let own = Identity { ca: first.made.node.ca.clone(), ..second.made.clients[0].clone() };
    let met = meet(&config, &own);
    assert!(
        matches!(met, Err(rustls::Error::InvalidCertificate(CertificateError::UnknownRevocationStatus))),
        "{met:?}"
    );
    let without = TlsConfig { crls: Vec::new(), ..config };
    assert!(meet(&without, &own).is_ok(), "without lists nobody is asked for");
}

#[test]
fn a_stale_list_stops_the_start_unless_told_otherwise() {
    let setup = Setup::new();
    let stale = setup.list("stale.pem", -48, -24);
    let config = TlsConfig { crls: vec![stale.clone()], ..setup.config() };
    let (error, told) = refused(&config);
    assert!(matches!(error, TlsError::CrlExpired { .. }), "{error:?}");
    assert!(
        told.contains("stale.pem") && told.contains("assay cert revoke") && told.contains("crls_expired"),
        "{told}"
    );
    let lenient = TlsConfig { crls_expired: CrlsExpired::Accept, ..config };
    assert!(meet(&lenient, &setup.made.clients[0]).is_ok());
    let expiry = ServerTls::read(&lenient).expect("the files are right").expiry;
    assert!(expiry.crls.expect("there is a list") < std::time::SystemTime::now());
}

#[test]
fn the_dates_of_what_is_in_use_are_told() {
    let setup = Setup::new();
    let far = setup.list("far.pem", -1, 240);
    let near = setup.list("near.pem", -1, 24);
    let config = TlsConfig { crls: vec![far, near], ..setup.config() };
    let expiry = ServerTls::read(&config).expect("the files are right").expiry;
    let hours = |time: std::time::SystemTime| {
        time.duration_since(std::time::SystemTime::now()).expect("in the future").as_secs().div_ceil(3600)
    };
    assert_eq!(hours(expiry.certificate), 24, "throwaway certificates are good for a day");
    assert_eq!(hours(expiry.crls.expect("there are lists")), 24, "the earliest counts");
    assert_eq!(ServerTls::read(&setup.config()).expect("right").expiry.crls, None);
}

#[test]
fn lists_come_in_pem_and_der() {
    let setup = Setup::new();
    let pem = setup.list("list.pem", -1, 24);
    let der = setup.path("list.der");
    let list = rustls_pki_types::CertificateRevocationListDer::from_pem_file(&pem).expect("a list");
    fs::write(&der, &*list).expect("written");
    for file in [pem.clone(), der.clone()] {
        let config = TlsConfig { crls: vec![file], ..setup.config() };
        assert!(meet(&config, &setup.made.clients[0]).is_ok());
    }
    fs::write(&der, [&*list, &[0]].concat()).expect("written");
    let (error, told) = refused(&TlsConfig { crls: vec![der], ..setup.config() });
    assert!(matches!(error, TlsError::Malformed { key: "tls.crls", .. }) && told.contains("list.der"), "{told}");
}

#[test]
fn a_list_that_is_none_or_a_strangers_stops_the_start() {
    let setup = Setup::new();
    let with = |file: PathBuf| TlsConfig { crls: vec![file], ..setup.config() };
    let foreign = Setup::new();
    let (error, told) = refused(&with(foreign.list("foreign.pem", -1, 24)));
    assert!(matches!(error, TlsError::CrlForeign { .. }), "{error:?}");
    assert!(told.contains("foreign.pem") && told.contains("assay cert revoke"), "{told}");

    let (error, _) = refused(&with(setup.made.node.cert.clone()));
    assert!(matches!(error, TlsError::Empty { key: "tls.crls", .. }), "{error:?}");

    let broken = setup.path("broken.pem");
    fs::write(&broken, "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n").expect("written");
    let (error, _) = refused(&with(broken));
    assert!(matches!(error, TlsError::Malformed { key: "tls.crls", .. }), "{error:?}");
}

#[test]
fn missing_files_are_named_with_their_key() {
    let setup = Setup::new();
    let nowhere = setup.path("nowhere.pem");
    let cases: [(&str, TlsConfig); 4] = [
        ("tls.ca", TlsConfig { ca: nowhere.clone(), ..setup.config() }),
        ("tls.cert", TlsConfig { cert: nowhere.clone(), ..setup.config() }),
        ("tls.key", TlsConfig { key: nowhere.clone(), ..setup.config() }),
        ("tls.crls", TlsConfig { crls: vec![nowhere.clone()], ..setup.config() }),
    ];
    for (wanted, config) in cases {
        let (error, told) = refused(&config);
        assert!(matches!(error, TlsError::Read { key, .. } if key == wanted), "{error:?}");
        assert!(told.contains(wanted) && told.contains("nowhere.pem") && told.contains("assay cert"), "{told}");
    }
    let (error, told) = refused(&TlsConfig { ca: setup.folder.path().to_owned(), ..setup.config() });
    assert!(matches!(error, TlsError::Read { .. }) && told.contains("it is a folder"), "{told}");
}

#[test]
fn files_without_what_is_wanted_are_named() {
    let setup = Setup::new();
    let empty = setup.path("empty.pem");
    write_secret(&empty, "nothing to see\n");
    let cases: [(&str, TlsConfig); 3] = [
        ("certificate", TlsConfig { ca: empty.clone(), ..setup.config() }),
        ("certificate", TlsConfig { cert: empty.clone(), ..setup.config() }),
        ("private key", TlsConfig { key: empty.clone(), ..setup.config() }),
    ];
    for (kind, config) in cases {
        let (error, told) = refused(&config);
        assert!(matches!(error, TlsError::Empty { wanted, .. } if wanted == kind), "{error:?}");
        assert!(told.contains("empty.pem"), "{told}");
    }
    let broken = setup.path("broken.pem");
    write_secret(&broken, "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    for config in [TlsConfig { ca: broken.clone(), ..setup.config() }, TlsConfig { cert: broken, ..setup.config() }] {
        assert!(matches!(refused(&config).0, TlsError::Malformed { .. }));
    }
    let torn = setup.path("torn.pem");
    write_secret(&torn, "-----BEGIN PRIVATE KEY-----\nMAA=\n");
    assert!(matches!(refused(&TlsConfig { key: torn, ..setup.config() }).0, TlsError::Malformed { .. }));
    let senseless = setup.path("senseless.pem");
    write_secret(&senseless, "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n");
    assert!(matches!(refused(&TlsConfig { key: senseless, ..setup.config() }).0, TlsError::Refused { .. }));
}

#[test]
fn a_file_too_large_to_be_one_is_refused_unread() {
    let setup = Setup::new();
    let large = setup.path("large.pem");
    fs::File::create(&large).expect("a file").set_len(1 << 40).expect("a hole");
    let (error, told) = refused(&TlsConfig { ca: large, ..setup.config() });
    assert!(matches!(error, TlsError::TooLarge { key: "tls.ca", .. }), "{error:?}");
    assert!(told.contains("large.pem"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_use_is_refused_with_the_remedy() {
    let setup = Setup::new();
    let config = setup.config();
    for bits in [0o640, 0o604, 0o644, 0o660, 0o610] {
        mode(&config.key, bits);
        let (error, told) = refused(&config);
        assert!(matches!(error, TlsError::KeyExposed { mode, .. } if mode == bits), "{error:?}");
        let wanted = format!("run: chmod 600 {}", config.key.display());
        assert!(told.contains(&wanted) && told.contains(&format!("{bits:04o}")), "{told}");
    }
    for bits in [0o600, 0o400] {
        mode(&config.key, bits);
        assert!(ServerTls::load(&config).is_ok());
    }
}

#[test]
fn the_wrong_certificate_in_the_right_place_is_named() {
    let setup = Setup::new();
    let node = setup.made.node.clone();
    let (error, told) = refused(&TlsConfig { ca: node.cert.clone(), ..setup.config() });
    assert!(matches!(error, TlsError::NotAuthority { .. }) && told.contains("CN=throwaway"), "{told}");

    let other = &setup.made.clients[0];
    let (error, told) = refused(&TlsConfig { key: other.key.clone(), ..setup.config() });
    assert!(matches!(error, TlsError::KeyMismatch { .. }), "{error:?}");
    assert!(told.contains("cert.pem") && told.contains("key.pem"), "{told}");

    // A client's certificate names no host.
    let (error, told) = refused(&TlsConfig { cert: other.cert.clone(), key: other.key.clone(), ..setup.config() });
    assert!(matches!(error, TlsError::NoHost { .. }) && told.contains("--host"), "{told}");
}

#[test]
fn a_node_certificate_outside_of_its_dates_stops_the_start() {
    let setup = Setup::new();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    (params.not_before, params.not_after) = (at(-48), at(-24));
    let old = setup.signed("old", &params);
    let (error, told) = refused(&TlsConfig { cert: old.cert, key: old.key, ..setup.config() });
    assert!(matches!(error, TlsError::Expired { .. }) && told.contains("assay cert node"), "{told}");

    (params.not_before, params.not_after) = (at(24), at(48));
    let young = setup.signed("young", &params);
    let (error, told) = refused(&TlsConfig { cert: young.cert, key: young.key, ..setup.config() });
    assert!(matches!(error, TlsError::NotYetValid { .. }) && told.contains("clock"), "{told}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Only certificates that an authority signed come so far; still, none may bring the node down.
    #[test]
    fn a_spoilt_certificate_has_an_answer(flips in proptest::collection::vec((0_usize..4096, 1_u8..), 1..4)) {
        static SETUP: std::sync::LazyLock<Setup> = std::sync::LazyLock::new(Setup::new);
        let whole = chain(&SETUP.made.clients[0].cert).swap_remove(0);
        let mut der = whole.to_vec();
        for (place, bits) in &flips {
            let place = place % der.len();
            der[place] ^= bits;
        }
        if let Ok(name) = tenant_of(&[CertificateDer::from(der.as_slice())]) {
            proptest::prop_assert!(assay_appliance::tls::is_tenant_name(&name));
        }
        der.truncate(flips[0].0 % whole.len());
        proptest::prop_assert!(tenant_of(&[CertificateDer::from(der)]).is_err());
    }
}

#[test]
fn a_list_with_a_bit_flipped_anywhere_stops_the_start() {
    let setup = Setup::new();
    let list = rustls_pki_types::CertificateRevocationListDer::from_pem_file(setup.list("whole.pem", -1, 24));
    let whole = list.expect("a list").to_vec();
    let file = setup.path("spoilt.der");
    let config = TlsConfig { crls: vec![file.clone()], ..setup.config() };
    for place in 0..whole.len() {
        let mut der = whole.clone();
        der[place] ^= 1 << (place % 8);
        fs::write(&file, der).expect("written");
        assert!(ServerTls::load(&config).is_err(), "byte {place}");
    }
}
