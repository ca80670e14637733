//! Why there is no answer.

use std::time::Duration;

/// Why a request has no answer. None of these says anything about an item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The client's own configuration or files.
    #[error("{what}: {why}")]
    Setup {
        /// Which file or setting.
        what: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// No node could be reached.
    #[error("no node could be reached; the last one, {node}, said: {why}")]
    Unreachable {
        /// The last node tried.
        node: String,
        /// What went wrong.
        why: String,
    },
    /// A node answered with a status other than ok, and no other node took the request.
    #[error("the node answered {status}: {message}", status = .status.name())]
    Refused {
        /// The status.
        status: assay_wire::Status,
        /// The node's words.
        message: String,
        /// How long it asks to wait; zero for no hint.
        retry_after: Duration,
    },
    /// No answer came before the deadline.
    #[error("no answer came before the deadline")]
    DeadlineExceeded,
    /// A node's reply is not one.
    #[error("the node's reply is not understood: {0}")]
    BadReply(String),
    /// The batch is empty or does not fit its parameters, or this build lacks what is asked.
    #[error("{0}")]
    Usage(String),
    /// This machine computed an item again and came to another answer than the node.
    #[error("{node} gave an answer for item {item} that this machine does not come to: do not trust that node")]
    Disagreement {
        /// The item, counted from the first of the call.
        item: usize,
        /// The node.
        node: String,
    },
}

impl Error {
    /// Puts an error of a request whose first item is the call's `first` in the call's terms.
    pub(crate) fn shifted(self, first: usize) -> Self {
        match self {
            Self::Disagreement { item, node } => Self::Disagreement { item: item + first, node },
            other => other,
        }
    }
}
