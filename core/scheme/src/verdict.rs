//! The three answers an item may get, and the byte each is written as.
//!
//! A fault is not a verdict: what could not be evaluated says so with its cause and is never folded into
//! [`Verdict::Invalid`]. A zeroed byte is never [`Verdict::Valid`], so memory nobody wrote reads as not evaluated.

use std::fmt;

/// One item's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The rule set accepts the item; for recover, digest and merkle: a value was computed.
    Valid,
    /// The rule set refuses the item, for the first reason met in the order key, signature, message, equation.
    Invalid(Reason),
    /// No backend answered. Says nothing about the item.
    NotEvaluated(Cause),
}

/// Why a rule set refuses an item. The same on every backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// Everything parses and lies in range, and the equation does not hold.
    Equation = 2,
    /// The public key is malformed, off the curve or refused by the rule set.
    Key = 3,
    /// The signature's encoding or range is refused.
    Signature = 4,
    /// The message does not fit the row.
    Message = 5,
}

/// Why an item has no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Cause {
    /// No backend wrote this item's byte: memory as it was allocated.
    Unwritten = 0,
    /// The request's deadline passed before the item was computed.
    DeadlineExceeded = 128,
    /// The caller withdrew the request.
    Cancelled = 129,
    /// Every backend that serves the row failed on this item's batch.
    BackendFault = 130,
    /// The engine stopped before the item was computed.
    Stopped = 131,
    /// The answer was certain without it: a vote behind the one that reached its threshold.
    NotNeeded = 132,
}

impl Verdict {
    /// The byte on the wire and in every result column.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Valid => 1,
            Self::Invalid(reason) => reason as u8,
            Self::NotEvaluated(cause) => cause as u8,
        }
    }

    /// The verdict a byte stands for; `None` for a byte no version of this protocol writes.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::NotEvaluated(Cause::Unwritten),
            1 => Self::Valid,
            128 => Self::NotEvaluated(Cause::DeadlineExceeded),
            129 => Self::NotEvaluated(Cause::Cancelled),
            130 => Self::NotEvaluated(Cause::BackendFault),
            131 => Self::NotEvaluated(Cause::Stopped),
            132 => Self::NotEvaluated(Cause::NotNeeded),
            _ => match Reason::from_byte(byte) {
                Some(reason) => Self::Invalid(reason),
                None => return None,
            },
        })
    }

    /// Whether the rule set accepts the item.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        matches!(self, Self::Valid)
    }

    /// `valid`, `invalid` or `not-evaluated`: the word used by the command line and as a metric label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid(_) => "invalid",
            Self::NotEvaluated(_) => "not-evaluated",
        }
    }

    /// The reason's or the cause's word; `None` when valid.
    #[must_use]
    pub const fn detail(self) -> Option<&'static str> {
        match self {
            Self::Valid => None,
            Self::Invalid(reason) => Some(reason.name()),
            Self::NotEvaluated(cause) => Some(cause.name()),
        }
    }
}

impl Reason {
    /// Every reason, in the order of its byte.
    pub const ALL: [Self; 4] = [Self::Equation, Self::Key, Self::Signature, Self::Message];

    /// The reason a verdict byte stands for.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            2 => Self::Equation,
            3 => Self::Key,
            4 => Self::Signature,
            5 => Self::Message,
            _ => return None,
        })
    }

    /// The word used by the command line and as a metric label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equation => "equation",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Message => "message",
        }
    }
}

impl Cause {
    /// The word used by the command line and as a metric label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unwritten => "unwritten",
            Self::DeadlineExceeded => "deadline-exceeded",
            Self::Cancelled => "cancelled",
            Self::BackendFault => "backend-fault",
            Self::Stopped => "stopped",
            Self::NotNeeded => "not-needed",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail() {
            None => f.write_str(self.name()),
            Some(detail) => write!(f, "{} ({detail})", self.name()),
        }
    }
}

impl From<Result<(), Reason>> for Verdict {
    fn from(outcome: Result<(), Reason>) -> Self {
        match outcome {
            Ok(()) => Self::Valid,
            Err(reason) => Self::Invalid(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_its_own_verdict_or_none() {
        for byte in 0..=u8::MAX {
            if let Some(verdict) = Verdict::from_byte(byte) {
                assert_eq!(verdict.to_byte(), byte);
            }
        }
        assert_eq!((0..=u8::MAX).filter_map(Verdict::from_byte).count(), 1 + 4 + 6);
    }

    #[test]
    fn unwritten_memory_is_not_evaluated() {
        assert_eq!(Verdict::from_byte(0), Some(Verdict::NotEvaluated(Cause::Unwritten)));
        assert!(!Verdict::from_byte(0).is_some_and(Verdict::is_valid));
    }
}
