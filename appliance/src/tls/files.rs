//! Reads the files of `[tls]`: bounded, and with every refusal naming the file.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::SystemTime;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::{TlsError, time};

/// The most that is read of one file. Smaller: a list of hundreds of thousands of revoked certificates does not fit.
/// Larger: a wrong path (a disk image, a device) fills the memory before it is refused.
pub const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

fn read(key: &'static str, path: &Path, file: &mut File) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let count = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| TlsError::Read {
        key,
        file: path.to_owned(),
        why: error.to_string(),
    })?;
    if count as u64 > FILE_BYTES_MAX {
        return Err(TlsError::TooLarge { key, file: path.to_owned(), max: FILE_BYTES_MAX });
    }
    Ok(bytes)
}

fn open(key: &'static str, path: &Path) -> Result<File, TlsError> {
    let failed = |why: String| TlsError::Read { key, file: path.to_owned(), why };
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    // A directory opens, and only its reading fails with a message nobody expects.
    let metadata = file.metadata().map_err(|error| failed(error.to_string()))?;
    if metadata.is_dir() { Err(failed("it is a folder".to_owned())) } else { Ok(file) }
}

fn malformed(key: &'static str, path: &Path, why: impl std::fmt::Display) -> TlsError {
    TlsError::Malformed { key, file: path.to_owned(), why: why.to_string() }
}

/// The certificates of a PEM file, in its order, at least one.
///
/// # Errors
/// When the file cannot be read, is damaged or holds none.
pub fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(key, path, &mut open(key, path)?)?;
    let list = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| malformed(key, path, error))?;
    if list.is_empty() {
        return Err(TlsError::Empty { key, file: path.to_owned(), wanted: "certificate" });
    }
    Ok(list)
}

/// A certificate as its parts.
///
/// # Errors
/// When it does not parse.
pub fn parsed<'a>(
    key: &'static str,
    path: &Path,
    der: &'a CertificateDer<'_>,
) -> Result<X509Certificate<'a>, TlsError> {
    match X509Certificate::from_der(der) {
        Ok((_, certificate)) => Ok(certificate),
        Err(error) => Err(malformed(key, path, format_args!("a certificate does not parse ({error})"))),
    }
}

/// The private key of a PEM file that its owner alone may read.
///
/// # Errors
/// When others may, or the file cannot be read, is damaged or holds none.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    private_key_of("tls.key", path)
}

/// The same for a key that another setting or argument names.
///
/// # Errors
/// As [`private_key`].
pub fn private_key_of(key: &'static str, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let mut file = open(key, path)?;
    // The open file's own mode: a path can be exchanged between a look and an opening.
    owner_only(key, path, &file)?;
    let bytes = read(key, path, &mut file)?;
    let none = || TlsError::Empty { key, file: path.to_owned(), wanted: "private key" };
    PrivateKeyDer::pem_slice_iter(&bytes).next().ok_or_else(none)?.map_err(|error| malformed(key, path, error))
}

#[cfg(unix)]
fn owner_only(key: &'static str, path: &Path, file: &File) -> Result<(), TlsError> {
    use std::os::unix::fs::MetadataExt;
    let metadata =
        file.metadata().map_err(|error| TlsError::Read { key, file: path.to_owned(), why: error.to_string() })?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(TlsError::KeyExposed { file: path.to_owned(), mode }) }
}

/// Elsewhere permissions are not bits, and nothing is refused.
#[cfg(not(unix))]
fn owner_only(_key: &'static str, _path: &Path, _file: &File) -> Result<(), TlsError> {
    Ok(())
}

/// The lists of a file, PEM (one or several) or DER (one), each signed by one of these authorities; and their earliest
/// next update.
///
/// # Errors
/// When the file cannot be read, is damaged, holds none, or one is signed by nobody here.
pub fn revocation_lists(
    path: &Path,
    authorities: &[CertificateDer<'_>],
) -> Result<(Vec<CertificateRevocationListDer<'static>>, SystemTime), TlsError> {
    const KEY: &str = "tls.crls";
    let bytes = read(KEY, path, &mut open(KEY, path)?)?;
    let mut lists = CertificateRevocationListDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| malformed(KEY, path, error))?;
    // A DER list is a SEQUENCE of some hundred bytes: 0x30, then a long length.
    if lists.is_empty() && bytes.first() == Some(&0x30) && bytes.get(1).is_some_and(|length| *length >= 0x80) {
        lists.push(CertificateRevocationListDer::from(bytes));
    }
    if lists.is_empty() {
        return Err(TlsError::Empty { key: KEY, file: path.to_owned(), wanted: "revocation list" });
    }
    let mut expiry: Option<SystemTime> = None;
    for der in &lists {
        let list = match CertificateRevocationList::from_der(der) {
            Ok(([], list)) => list,
            Ok(_) => return Err(malformed(KEY, path, "a revocation list is followed by more bytes")),
            Err(error) => {
                return Err(malformed(KEY, path, format_args!("a revocation list does not parse ({error})")));
            }
        };
        let signed = |authority: &CertificateDer<'_>| {
            X509Certificate::from_der(authority).is_ok_and(|(_, authority)| {
                authority.subject().as_raw() == list.issuer().as_raw()
                    && list.verify_signature(authority.public_key()).is_ok()
            })
        };
        if !authorities.iter().any(signed) {
            return Err(TlsError::CrlForeign { file: path.to_owned() });
        }
        // RFC 5280, section 5.1.2.5: conforming authorities always say when the next list comes.
        let next = list.next_update().ok_or_else(|| malformed(KEY, path, "a revocation list has no next update"))?;
        expiry = Some(expiry.map_or(time(next), |earliest| earliest.min(time(next))));
    }
    Ok((lists, expiry.expect("there is at least one list")))
}
