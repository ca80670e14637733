//! How urgent a request is: consensus before block before mempool before bulk.

/// A request's class. Lower is served first; the byte on the wire is the discriminant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Priority {
    /// Votes and quorum certificates: a round waits for them.
    Consensus = 0,
    /// A block being checked before it is accepted.
    Block = 1,
    /// Transactions on their way into the pool.
    Mempool = 2,
    /// History, audits, synchronisation: throughput matters, latency does not.
    Bulk = 3,
}

impl Priority {
    /// Every class, most urgent first.
    pub const ALL: [Self; 4] = [Self::Consensus, Self::Block, Self::Mempool, Self::Bulk];

    /// The class a header byte stands for.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Consensus,
            1 => Self::Block,
            2 => Self::Mempool,
            3 => Self::Bulk,
            _ => return None,
        })
    }

    /// The word used in the configuration, on the command line and as a metric label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consensus => "consensus",
            Self::Block => "block",
            Self::Mempool => "mempool",
            Self::Bulk => "bulk",
        }
    }

    /// The class with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.name() == name)
    }
}
