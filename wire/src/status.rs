//! Every status a reply may bear, and who is to blame.

/// Whose fault a status is. Its name is a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// Nobody's: the request was answered.
    None,
    /// The peer broke the protocol.
    PeerMisbehaved,
    /// The peer asks for what this node lacks.
    PeerIncompatible,
    /// The node is full, or the peer's share is.
    Busy,
    /// The node is broken.
    Broken,
}

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $word:literal, $blame:ident;)*) => {
        /// A reply's status. The discriminant is the code on the wire: 1xx the peer broke the protocol, 2xx the peer asks
        /// for what the node lacks, 3xx the node or the peer's share is full, 4xx the node is broken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Status { $($(#[$doc])* $name = $code,)* }

        impl Status {
            /// Every status, in the order of its code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The status's word in kebab-case: in logs, on the command line and as a metric label.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Who is to blame.
            #[must_use]
            pub const fn blame(self) -> Blame {
                match self { $(Self::$name => Blame::$blame,)* }
            }
        }
    };
}

statuses! {
    /// Every item has its answer.
    Ok = 0, "ok", None;
    /// The stream does not begin with a request's magic.
    BadMagic = 100, "bad-magic", PeerMisbehaved;
    /// The header's length is not 64.
    HeaderLength = 101, "header-length", PeerMisbehaved;
    /// The stream ended before the frame did.
    Truncated = 102, "truncated", PeerMisbehaved;
    /// The frame or its columns are followed by more bytes.
    TrailingBytes = 103, "trailing-bytes", PeerMisbehaved;
    /// A length that must be a multiple of 8 is not.
    Misaligned = 104, "misaligned", PeerMisbehaved;
    /// A reserved field or a padding byte is not zero.
    NotZero = 105, "not-zero", PeerMisbehaved;
    /// No items.
    NoItems = 106, "no-items", PeerMisbehaved;
    /// More items than one request may hold.
    TooManyItems = 107, "too-many-items", PeerMisbehaved;
    /// More bytes than one request may hold.
    TooLarge = 108, "too-large", PeerMisbehaved;
    /// A priority nobody assigned.
    BadPriority = 109, "bad-priority", PeerMisbehaved;
    /// Offsets do not start at 0 or do not ascend.
    BadOffsets = 110, "bad-offsets", PeerMisbehaved;
    /// A form byte the row does not have.
    BadForm = 111, "bad-form", PeerMisbehaved;
    /// A parameter is malformed, out of order, or given twice.
    BadParameter = 112, "bad-parameter", PeerMisbehaved;
    /// The frame did not arrive in time.
    Slow = 113, "slow", PeerMisbehaved;
    /// A flag nobody assigned.
    UnknownFlag = 200, "unknown-flag", PeerIncompatible;
    /// An operation kind nobody assigned.
    UnknownKind = 201, "unknown-kind", PeerIncompatible;
    /// A row nobody assigned, or of another kind.
    UnknownRow = 202, "unknown-row", PeerIncompatible;
    /// A kind or row this node does not serve.
    NotServed = 203, "not-served", PeerIncompatible;
    /// A hash nobody assigned, or that the row does not take or lacks.
    UnknownHash = 204, "unknown-hash", PeerIncompatible;
    /// A parameter nobody assigned, or that the row does not take.
    UnknownParameter = 205, "unknown-parameter", PeerIncompatible;
    /// The queue of this priority is full.
    Busy = 300, "busy", Busy;
    /// The tenant's rate is spent.
    QuotaRate = 301, "quota-rate", Busy;
    /// The tenant has its number of requests in flight.
    QuotaConcurrency = 302, "quota-concurrency", Busy;
    /// The tenant has its number of bytes in flight.
    QuotaBytes = 303, "quota-bytes", Busy;
    /// The deadline passed before the request was computed.
    DeadlineExceeded = 304, "deadline-exceeded", Busy;
    /// The node is stopping.
    Draining = 305, "draining", Busy;
    /// The items could not be evaluated.
    NotEvaluated = 400, "not-evaluated", Broken;
}

impl Status {
    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The status a code stands for.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.code() == code)
    }
}

impl Blame {
    /// The word used as a metric label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::PeerMisbehaved => "peer-misbehaved",
            Self::PeerIncompatible => "peer-incompatible",
            Self::Busy => "busy",
            Self::Broken => "broken",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
