//! What a batch carries once for all its items: the message hash, the user id, the context, the output form.

use std::sync::Arc;

use crate::limits::{CONTEXT_BYTES_MAX, USER_ID_BYTES_MAX};
use crate::registry::{Messages, Operation};

/// The hash that turns a message into the 32 bytes a row signs, or that a Merkle rule is built on. The byte on the wire is
/// the discriminant; 0 says no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Hash {
    /// SHA-256 (FIPS 180-4).
    Sha256 = 1,
    /// SHA-256 twice (Bitcoin).
    Sha256d = 2,
    /// SHA3-256 (FIPS 202).
    Sha3_256 = 3,
    /// Keccak-256 with the padding from before FIPS 202 (Ethereum).
    Keccak256 = 4,
    /// BLAKE2b with 32 bytes of output (RFC 7693).
    Blake2b256 = 5,
    /// SM3 (GB/T 32905-2016).
    Sm3 = 6,
}

impl Hash {
    /// Every hash, in the order of its byte.
    pub const ALL: [Self; 6] =
        [Self::Sha256, Self::Sha256d, Self::Sha3_256, Self::Keccak256, Self::Blake2b256, Self::Sm3];

    /// The hash a header byte stands for; `None` for 0 and for bytes nobody assigned.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| *hash as u8 == byte)
    }

    /// The word used on the command line: the name of the digest row of the same function.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha256d => "sha256d",
            Self::Sha3_256 => "sha3-256",
            Self::Keccak256 => "keccak256",
            Self::Blake2b256 => "blake2b-256",
            Self::Sm3 => "sm3",
        }
    }

    /// The hash with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.name() == name)
    }
}

/// What a value column holds, where a row leaves a choice. The byte on the wire is the discriminant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Output {
    /// The row's first form: the 64-byte public key x ‖ y for recover, the digest or root elsewhere.
    #[default]
    Default = 0,
    /// The last 20 bytes of keccak256(x ‖ y) (Ethereum yellow paper, appendix F).
    Address = 1,
}

impl Output {
    /// The form a parameter byte stands for.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Default),
            1 => Some(Self::Address),
            _ => None,
        }
    }
}

/// A batch's parameters. Two requests share a batch only when theirs are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Parameters {
    /// The message hash; `None` where messages are the 32-byte digest itself or the row hashes on its own.
    pub hash: Option<Hash>,
    /// The SM2 user id, at most [`USER_ID_BYTES_MAX`] bytes; `None` is the default id `1234567812345678` (GM/T 0009-2012,
    /// section 10), which is not the empty id.
    pub user_id: Option<Arc<[u8]>>,
    /// The ML-DSA context string, at most [`CONTEXT_BYTES_MAX`] bytes; `None` and empty are the same.
    pub context: Option<Arc<[u8]>>,
    /// The form of the values.
    pub output: Output,
}

/// Why parameters do not fit an operation. All are usage errors: they concern the request, never one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterError {
    /// The operation hashes on its own or takes none.
    HashNotTaken,
    /// The operation needs a message hash and none is named.
    HashMissing,
    /// The operation does not allow this hash.
    HashNotAllowed(Hash),
    /// The operation has no user id.
    UserIdNotTaken,
    /// The user id is longer than [`USER_ID_BYTES_MAX`].
    UserIdTooLong,
    /// The operation has no context.
    ContextNotTaken,
    /// The context is longer than [`CONTEXT_BYTES_MAX`].
    ContextTooLong,
    /// The operation has only one form of output.
    OutputNotTaken,
}

impl Parameters {
    /// The SM2 user id that stands for "none given" (GM/T 0009-2012, section 10).
    pub const USER_ID_DEFAULT: &'static [u8] = b"1234567812345678";

    /// With a message hash and nothing else.
    #[must_use]
    pub fn hashed(hash: Hash) -> Self {
        Self { hash: Some(hash), ..Self::default() }
    }

    /// The user id that Z_A is computed over.
    #[must_use]
    pub fn user_id_or_default(&self) -> &[u8] {
        self.user_id.as_deref().unwrap_or(Self::USER_ID_DEFAULT)
    }

    /// Whether these parameters fit the operation.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self, operation: &Operation) -> Result<(), ParameterError> {
        match (operation.messages, self.hash) {
            (Messages::Raw, Some(_)) => return Err(ParameterError::HashNotTaken),
            (Messages::Leaves(_), None) => return Err(ParameterError::HashMissing),
            (Messages::DigestOr(allowed) | Messages::Leaves(allowed), Some(hash)) if !allowed.contains(&hash) => {
                return Err(ParameterError::HashNotAllowed(hash));
            }
            _ => {}
        }
        if let Some(user_id) = &self.user_id {
            if !operation.takes_user_id {
                return Err(ParameterError::UserIdNotTaken);
            }
            if user_id.len() > USER_ID_BYTES_MAX {
                return Err(ParameterError::UserIdTooLong);
            }
        }
        if let Some(context) = &self.context {
            if !operation.takes_context {
                return Err(ParameterError::ContextNotTaken);
            }
            if context.len() > CONTEXT_BYTES_MAX {
                return Err(ParameterError::ContextTooLong);
            }
        }
        if operation.value_width(self.output).is_none() {
            return Err(ParameterError::OutputNotTaken);
        }
        Ok(())
    }
}

impl std::fmt::Display for ParameterError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::HashNotTaken => f.write_str("this operation takes no message hash"),
            Self::HashMissing => f.write_str("this operation needs a hash by name"),
            Self::HashNotAllowed(hash) => write!(f, "this operation does not take the hash {}", hash.name()),
            Self::UserIdNotTaken => f.write_str("this operation takes no user id"),
            Self::UserIdTooLong => write!(f, "a user id has at most {USER_ID_BYTES_MAX} bytes"),
            Self::ContextNotTaken => f.write_str("this operation takes no context"),
            Self::ContextTooLong => write!(f, "a context has at most {CONTEXT_BYTES_MAX} bytes"),
            Self::OutputNotTaken => f.write_str("this operation has only one form of output"),
        }
    }
}

impl std::error::Error for ParameterError {}
