//! The row of devices in the table of systems.

use super::DeviceIdentity;
use super::certificate::Certificate;
use crate::chains::{Chain, Check, OptionError, Options};

/// Devices.
pub const CHAIN: Chain = Chain {
    name: "device-identity",
    about: "Messages signed by devices with keys in X.509 certificates, SM2 ones included, under given authorities",
    formats: &[
        "JSON {format, certificates: {NAME: PEM}, messages: [{certificate, message, signature, at}]}, bytes in hex",
        "certificates, the device's own first, in PEM, or one in DER",
    ],
    networks: Vec::new,
    item: "a message, or in a file of certificates its first",
    checks: &[
        Check {
            name: "message",
            rule: "the certificate's key signed it: Ed25519 as Go and OpenSSL, ECDSA P-256 and secp256k1 over SHA-256, SM2 with \
                   Z_A, RSA-2048; the path holds and is valid when it was signed",
        },
        Check {
            name: "path",
            rule: "from the certificate to an authority given: names, key identifiers, signatures, basic constraints, key usage; \
                   RFC 5280, section 6.1",
        },
    ],
    leaves_out: &[
        "revocation, policies, name constraints, extended key usage; a critical extension not understood refuses the path",
        "keys of P-224, P-384, P-521 and RSA of other sizes: not evaluated or refused",
        "without an authority or a time: not evaluated",
    ],
    open: |options| {
        options.refuse_previous_outputs("device-identity")?;
        options.refuse_validators("device-identity")?;
        let authorities = certificates(options)?;
        Ok(Box::new(DeviceIdentity::new(authorities, options.time, options.user_id.clone())))
    },
};

/// The certificates among the options.
///
/// # Errors
/// Which file holds none.
pub(crate) fn certificates(options: &Options) -> Result<Vec<Certificate>, OptionError> {
    let files = options
        .certificates
        .iter()
        .map(|(name, bytes)| Certificate::read_all(bytes).map_err(|error| OptionError::file(name, error)));
    Ok(files.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}
