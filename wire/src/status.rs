//! Every status a reply may bear and who is to blame, and every code a connection is closed with.

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

/// Whether a refused request may be sent again as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// No node of this version will answer otherwise, or there is nothing left to answer.
    Never,
    /// This node after the reply's `retry_after_us`, or another node at once.
    Later,
    /// Another node at once; this one not before a new connection.
    Elsewhere,
}

macro_rules! statuses {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal, $word:literal, $blame:ident;)*) => {
        /// A reply's status. The discriminant is the code on the wire: 1xx the peer broke the protocol, 2xx the peer asks
        /// for what the node lacks, 3xx the node or the peer's share is full, 4xx the node is broken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Status { $($(#[doc = $doc])* $name = $code,)* }

        impl Status {
            /// Every status, in the order of its code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The status's word in kebab-case: in logs, on the command line and as a metric label.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What the status says, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
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
    /// The items are answered; one that could not be evaluated says so in its verdict byte.
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
    /// The tenant may never ask for this: its priorities or its limits leave it out.
    NotAllowed = 206, "not-allowed", PeerIncompatible;
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

    /// Whether the node closes the connection behind the reply, with [`CloseCode::ProtocolViolation`]: what speaks
    /// another protocol on one stream does so on all. Every other defect is one stream's own.
    #[must_use]
    pub const fn closes_connection(self) -> bool {
        matches!(self, Self::BadMagic | Self::HeaderLength)
    }

    /// Whether a request refused with this status may be sent again as it is.
    #[must_use]
    pub const fn retry(self) -> Retry {
        match self {
            Self::Busy | Self::QuotaRate | Self::QuotaConcurrency | Self::QuotaBytes => Retry::Later,
            Self::Draining | Self::NotServed | Self::NotEvaluated => Retry::Elsewhere,
            _ => Retry::Never,
        }
    }

    /// The status a code stands for.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.code() == code)
    }
}

macro_rules! close_codes {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal, $word:literal;)*) => {
        /// The application error code of a QUIC CONNECTION_CLOSE (RFC 9000, section 19.19). A TLS failure (no certificate,
        /// an expired or revoked one, another ALPN) closes with QUIC's own code, 0x100 + the TLS alert.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum CloseCode { $($(#[doc = $doc])* $name = $code,)* }

        impl CloseCode {
            /// Every code, ascending.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code's word in kebab-case: the reason phrase, and a metric label.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What the code says, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }

            /// The code on the wire.
            #[must_use]
            pub const fn code(self) -> u32 {
                self as u32
            }

            /// What a code stands for.
            #[must_use]
            pub fn from_code(code: u64) -> Option<Self> {
                Self::ALL.iter().copied().find(|close| u64::from(close.code()) == code)
            }
        }
    };
}

close_codes! {
    /// Nothing is left to do: the client is done, or the node has drained and every accepted request is answered.
    Done = 0, "done";
    /// A stream did not begin with a request's header.
    ProtocolViolation = 1, "protocol-violation";
    /// The certificate names no tenant, or none that this node serves.
    NoTenant = 2, "no-tenant";
    /// The certificate was revoked, or its tenant removed, since the connection began.
    Revoked = 3, "revoked";
    /// The node, or this tenant on it, has as many connections as it may.
    TooManyConnections = 4, "too-many-connections";
    /// The node is stopping and takes no new connection.
    Draining = 5, "draining";
    /// The node is broken.
    Internal = 6, "internal";
}

impl Retry {
    /// The word used in the documentation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Later => "later",
            Self::Elsewhere => "elsewhere",
        }
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

impl std::error::Error for Status {}

impl std::fmt::Display for CloseCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend_and_their_hundreds_say_who_is_to_blame() {
        assert!(Status::ALL.is_sorted() && CloseCode::ALL.is_sorted());
        for status in Status::ALL {
            assert_eq!(Status::from_code(status.code()), Some(*status));
            let blame = match status.code() / 100 {
                0 => Blame::None,
                1 => Blame::PeerMisbehaved,
                2 => Blame::PeerIncompatible,
                3 => Blame::Busy,
                4 => Blame::Broken,
                _ => panic!("{status} has a code of no class"),
            };
            assert_eq!(status.blame(), blame, "{status}");
            assert!(status.meaning().ends_with('.'));
            assert!(status.retry() == Retry::Never || blame != Blame::PeerMisbehaved, "{status}");
        }
        for close in CloseCode::ALL {
            assert_eq!(CloseCode::from_code(close.code().into()), Some(*close));
        }
        assert_eq!(Status::from_code(u16::MAX), None);
    }
}
