//! What a failure means for the next try. Pure: docs/client.md shows the same as a table.
//!
//! Every request is a pure computation, so one that got no reply may be sent again without harm.

use std::time::Duration;

use assay_wire::Status;
use assay_wire::codec::Reply;
use assay_wire::status::{Blame, Retry};

use crate::error::Error;
use crate::limits::{PAUSE_MIN, RETRY_HINT_MAX, RETRY_PAUSE_MAX};

/// Why one try on one node gave no answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// The connection or the stream broke before the reply was whole.
    Lost(String),
    /// What came is not a reply to this request.
    BadReply(String),
    /// A reply with a status other than ok.
    Refused(Box<Reply>),
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// No node would answer otherwise: give up.
    Stop,
    /// This node again after the pause, another at once.
    Again(Duration),
    /// Another node at once; this one not before it has a new connection.
    Elsewhere,
}

impl Failure {
    /// What to do after this failure, the `count`th of this request on this node (from 1).
    pub(crate) fn next(&self, count: u32) -> Next {
        let pause = PAUSE_MIN.saturating_mul(1 << count.saturating_sub(1).min(16)).min(RETRY_PAUSE_MAX);
        match self {
            Self::Lost(_) => Next::Again(pause),
            Self::BadReply(_) => Next::Elsewhere,
            Self::Refused(reply) => {
                let hint = Duration::from_micros(reply.retry_after_us.into());
                match retry(reply.status) {
                    Retry::Never => Next::Stop,
                    Retry::Later if hint > RETRY_HINT_MAX => Next::Elsewhere,
                    Retry::Later => Next::Again(pause.max(hint)),
                    Retry::Elsewhere => Next::Elsewhere,
                }
            }
        }
    }

    /// Whether a node that is not connected now is worth waiting for: this one broke off, or is about to restart.
    pub(crate) fn worth_waiting(&self) -> bool {
        match self {
            Self::Lost(_) => true,
            Self::BadReply(_) => false,
            Self::Refused(reply) => reply.known_status() == Some(Status::Draining),
        }
    }

    /// Whether the node is to blame, rather than full.
    pub(crate) fn blames_node(&self) -> bool {
        match self {
            Self::Lost(_) | Self::BadReply(_) => true,
            Self::Refused(reply) => reply.known_status().is_some_and(|status| status.blame() == Blame::Broken),
        }
    }

    /// What the caller hears when no try is left.
    pub(crate) fn into_error(self, node: &str) -> Error {
        match self {
            Self::Lost(why) => Error::Unreachable { node: node.to_owned(), why },
            Self::BadReply(why) => Error::BadReply(format!("{node}: {why}")),
            Self::Refused(reply) => match reply.known_status() {
                Some(Status::DeadlineExceeded) => Error::DeadlineExceeded,
                Some(status) => {
                    let message = if reply.message.is_empty() { status.meaning().into() } else { reply.message };
                    Error::Refused { status, message, retry_after: Duration::from_micros(reply.retry_after_us.into()) }
                }
                None => Error::BadReply(format!("{node}: status {}: {}", reply.status, reply.message)),
            },
        }
    }
}

/// What a status code says of sending the request again. A code that a newer node knows is read by its hundred: the peer's
/// share or the node is full, the node is broken, or else the request is at fault.
fn retry(code: u16) -> Retry {
    match (Status::from_code(code), code / 100) {
        (Some(status), _) => status.retry(),
        (None, 3) => Retry::Later,
        (None, 4) => Retry::Elsewhere,
        (None, _) => Retry::Never,
    }
}

/// Whether another node or this machine may still finish what ended with this error: no answer came, rather than a refusal
/// of the request itself.
pub(crate) fn others_may_finish(error: &Error) -> bool {
    match error {
        // A node's account of the deadline is not this machine's clock.
        Error::Unreachable { .. } | Error::BadReply(_) | Error::DeadlineExceeded => true,
        Error::Refused { status, .. } => matches!(status.blame(), Blame::Busy | Blame::Broken),
        Error::Setup { .. } | Error::Usage(_) | Error::Disagreement { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use assay_wire::codec::Echo;

    use super::*;

    fn refused(status: Status, hint_us: u32) -> Failure {
        Failure::Refused(Box::new(Reply::refusal(Echo::default(), status, "", hint_us)))
    }

    fn unknown(code: u16) -> Failure {
        Failure::Refused(Box::new(Reply { status: code, ..Reply::default() }))
    }

    #[test]
    fn the_peers_own_faults_are_never_sent_again() {
        for status in Status::ALL.iter().copied().filter(|status| status.code() / 100 == 1) {
            assert_eq!(refused(status, 5).next(1), Next::Stop, "{status}");
            assert!(!refused(status, 5).blames_node());
            assert!(!others_may_finish(&refused(status, 5).into_error("a")), "{status}");
        }
    }

    #[test]
    fn a_full_node_is_asked_again_after_its_hint_with_growing_pauses() {
        for status in [Status::Busy, Status::QuotaRate, Status::QuotaConcurrency, Status::QuotaBytes] {
            assert_eq!(refused(status, 700_000).next(1), Next::Again(Duration::from_millis(700)));
            assert_eq!(refused(status, 0).next(1), Next::Again(PAUSE_MIN));
            assert_eq!(refused(status, 0).next(4), Next::Again(PAUSE_MIN * 8));
            assert_eq!(refused(status, 0).next(u32::MAX), Next::Again(RETRY_PAUSE_MAX));
            assert_eq!(refused(status, u32::MAX).next(1), Next::Elsewhere, "nobody waits an hour unasked");
            assert!(others_may_finish(&refused(status, 0).into_error("a")));
        }
    }

    #[test]
    fn draining_and_broken_nodes_send_us_elsewhere() {
        for status in [Status::Draining, Status::NotEvaluated, Status::NotServed] {
            assert_eq!(refused(status, 0).next(1), Next::Elsewhere, "{status}");
        }
        assert_eq!(Failure::BadReply("x".into()).next(1), Next::Elsewhere);
        assert!(refused(Status::Draining, 0).worth_waiting() && !refused(Status::Draining, 0).blames_node());
        assert!(refused(Status::NotEvaluated, 0).blames_node());
    }

    #[test]
    fn a_deadline_that_passed_in_the_node_is_one_that_passed() {
        assert_eq!(refused(Status::DeadlineExceeded, 0).next(1), Next::Stop);
        assert_eq!(refused(Status::DeadlineExceeded, 0).into_error("a"), Error::DeadlineExceeded);
    }

    #[test]
    fn a_status_of_a_newer_node_is_read_by_its_hundred() {
        assert_eq!(unknown(399).next(1), Next::Again(PAUSE_MIN));
        assert_eq!(unknown(499).next(1), Next::Elsewhere);
        for code in [1, 199, 299, 999, u16::MAX] {
            assert_eq!(unknown(code).next(1), Next::Stop, "{code}");
        }
        assert!(matches!(unknown(399).into_error("a"), Error::BadReply(why) if why.contains("399")));
    }
}
