//! Tagged values: `tag u16, len u16, value`, back to back, tags strictly ascending, zeros to the next multiple of 8
//! behind the last. A request's parameters and a reply's trailer have this form.

use std::sync::Arc;

use assay_scheme::limits::COLUMN_ALIGN;
use assay_scheme::parameters::ParameterError;
use assay_scheme::quorum::{BallotError, Outcome, Tally, Terms};
use assay_scheme::{Hash, LayoutError, Output, Parameters};

use crate::status::Status;

macro_rules! tags {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $doc:literal])* $tag:ident = $id:literal, $word:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum $name { $($(#[doc = $doc])* $tag = $id,)* }

        impl $name {
            /// Every tag, in the order of its id.
            pub const ALL: &'static [Self] = &[$(Self::$tag,)*];

            /// The tag's word in kebab-case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$tag => $word,)* }
            }

            /// What the tag's value is, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$tag => concat!($($doc),*).trim_ascii(),)* }
            }

            /// The tag an id stands for.
            #[must_use]
            pub fn from_id(id: u16) -> Option<Self> {
                Self::ALL.iter().copied().find(|tag| *tag as u16 == id)
            }
        }
    };
}

tags! {
    /// The tags of a request's parameters.
    RequestTag {
        /// The SM2 user id, 0 to 8,191 bytes. An empty one is not the default one: to name none is to leave the tag out.
        UserId = 1, "user-id";
        /// The ML-DSA context string, 1 to 255 bytes.
        Context = 2, "context";
        /// The form of the values, one byte, never 0: the row's first form is what leaving the tag out says.
        Output = 3, "output";
        /// Reserved: a receipt is asked for.
        Receipt = 4, "receipt";
        /// A quorum's terms, 26 bytes: total power, numerator and denominator (u64 each), whether meeting the fraction is enough, whether to stop early (a byte each, 0 or 1).
        Terms = 5, "terms";
    }
}

tags! {
    /// The tags of a reply's trailer. A client skips those it does not know.
    ReplyTag {
        /// Words for people, UTF-8, at most 1,024 bytes.
        Message = 1, "message";
        /// Items computed by each backend, a u32 for each backend number from 0.
        Backends = 2, "backends";
        /// The status operation's JSON document.
        Node = 3, "node";
        /// Reserved: the receipt that was asked for.
        Receipt = 4, "receipt";
        /// What a quorum's votes add up to, 13 bytes: the power counted (u64), the outcome (a byte), the place of the vote that decided it (u32; 0 where none alone did).
        Tally = 5, "tally";
        /// Bytes of the tables that a preload made ready, and that are counted against the tenant, a u64.
        Tables = 6, "tables";
    }
}

impl From<LayoutError> for Status {
    fn from(error: LayoutError) -> Self {
        match error {
            LayoutError::NoItems => Self::NoItems,
            LayoutError::TooManyItems => Self::TooManyItems,
            LayoutError::TooLarge => Self::TooLarge,
            LayoutError::Truncated => Self::Truncated,
            LayoutError::TrailingBytes => Self::TrailingBytes,
            LayoutError::Padding => Self::NotZero,
            LayoutError::Offsets => Self::BadOffsets,
            LayoutError::Form => Self::BadForm,
        }
    }
}

impl From<ParameterError> for Status {
    fn from(error: ParameterError) -> Self {
        match error {
            ParameterError::HashNotTaken | ParameterError::HashMissing | ParameterError::HashNotAllowed(_) => {
                Self::UnknownHash
            }
            ParameterError::UserIdTooLong | ParameterError::ContextTooLong => Self::BadParameter,
            ParameterError::UserIdNotTaken | ParameterError::ContextNotTaken | ParameterError::OutputNotTaken => {
                Self::UnknownParameter
            }
        }
    }
}

impl From<BallotError> for Status {
    fn from(error: BallotError) -> Self {
        match error {
            BallotError::Row(_) => Self::UnknownRow,
            BallotError::Powers => Self::Truncated,
            BallotError::Total | BallotError::Fraction => Self::BadParameter,
        }
    }
}

/// Bytes of a quorum's terms.
pub(crate) const TERMS_LEN: usize = 26;
/// Bytes of a tally.
pub(crate) const TALLY_LEN: usize = 13;

fn write_terms(terms: &Terms) -> [u8; TERMS_LEN] {
    let mut bytes = [0; TERMS_LEN];
    bytes[..8].copy_from_slice(&terms.total.to_le_bytes());
    bytes[8..16].copy_from_slice(&terms.numerator.to_le_bytes());
    bytes[16..24].copy_from_slice(&terms.denominator.to_le_bytes());
    bytes[24..].copy_from_slice(&[terms.at_least.into(), terms.stop_early.into()]);
    bytes
}

fn read_terms(value: &[u8]) -> Option<Terms> {
    let (numbers, flags) = value.as_chunks::<8>();
    let ([total, numerator, denominator], [at_least @ 0..=1, stop_early @ 0..=1]) = (numbers, flags) else {
        return None;
    };
    let [total, numerator, denominator] = [total, numerator, denominator].map(|number| u64::from_le_bytes(*number));
    Some(Terms { total, numerator, denominator, at_least: *at_least == 1, stop_early: *stop_early == 1 })
}

pub(crate) fn write_tally(tally: &Tally) -> [u8; TALLY_LEN] {
    let mut bytes = [0; TALLY_LEN];
    // A request's items, and so its places, are fewer than 2^32.
    let place = u32::try_from(tally.outcome.place().unwrap_or(0)).unwrap_or(u32::MAX);
    bytes[..8].copy_from_slice(&tally.power.to_le_bytes());
    bytes[8] = tally.outcome.byte();
    bytes[9..].copy_from_slice(&place.to_le_bytes());
    bytes
}

/// `None` for what no ballot comes to: an outcome nobody assigned, or a place where no vote alone decided.
pub(crate) fn read_tally(value: &[u8]) -> Option<Tally> {
    let (power, [outcome, place @ ..]) = value.split_first_chunk()? else { return None };
    let place = u32::from_le_bytes(place.try_into().ok()?);
    let outcome = Outcome::from_byte(*outcome, place as usize)?;
    (outcome.place().is_some() || place == 0).then_some(Tally { power: u64::from_le_bytes(*power), outcome })
}

/// Bytes one tagged value takes.
pub(crate) const fn tagged_len(value: usize) -> usize {
    4 + value
}

/// Appends one tagged value. The caller has bounded it: `value` has at most 65,535 bytes.
pub(crate) fn put(bytes: &mut Vec<u8>, tag: u16, value: &[u8]) {
    let len = u16::try_from(value.len()).expect("the caller bounds a tagged value");
    bytes.extend_from_slice(&tag.to_le_bytes());
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(value);
}

/// Takes tagged values off a region, checking order, lengths and the padding.
pub(crate) struct TagReader<'a> {
    rest: &'a [u8],
    last: u16,
}

impl<'a> TagReader<'a> {
    /// A reader of this region, whose length is a multiple of 8.
    pub(crate) fn new(region: &'a [u8]) -> Self {
        Self { rest: region, last: 0 }
    }

    /// The next tag and its value; `None` at the region's end.
    pub(crate) fn next(&mut self) -> Result<Option<(u16, &'a [u8])>, Status> {
        let tag = match *self.rest {
            [] => return Ok(None),
            [byte] => u16::from(byte),
            [low, high, ..] => u16::from_le_bytes([low, high]),
        };
        if tag == 0 {
            // Padding: fewer than 8 bytes, all zero.
            if self.rest.len() >= COLUMN_ALIGN {
                return Err(Status::BadParameter);
            }
            if self.rest.iter().any(|byte| *byte != 0) {
                return Err(Status::NotZero);
            }
            self.rest = &[];
            return Ok(None);
        }
        if tag <= self.last {
            return Err(Status::BadParameter);
        }
        let [_, _, low, high, tail @ ..] = self.rest else { return Err(Status::BadParameter) };
        let len = usize::from(u16::from_le_bytes([*low, *high]));
        let (value, rest) = tail.split_at_checked(len).ok_or(Status::BadParameter)?;
        self.rest = rest;
        self.last = tag;
        Ok(Some((tag, value)))
    }
}

/// Reads a request's parameters; whether they fit its operation is for [`Parameters::check`] to say. The terms are a
/// quorum's alone.
pub(crate) fn decode(region: &[u8], hash: Option<Hash>) -> Result<(Parameters, Option<Terms>), Status> {
    let mut parameters = Parameters { hash, ..Parameters::default() };
    let mut terms = None;
    let mut reader = TagReader::new(region);
    while let Some((tag, value)) = reader.next()? {
        match RequestTag::from_id(tag) {
            Some(RequestTag::UserId) => parameters.user_id = Some(Arc::from(value)),
            Some(RequestTag::Context) if value.is_empty() => return Err(Status::BadParameter),
            Some(RequestTag::Context) => parameters.context = Some(Arc::from(value)),
            Some(RequestTag::Output) => {
                // One byte, and not the form that leaving the tag out says.
                let [byte @ 1..=u8::MAX] = *value else { return Err(Status::BadParameter) };
                parameters.output = Output::from_byte(byte).ok_or(Status::UnknownParameter)?;
            }
            Some(RequestTag::Terms) => terms = Some(read_terms(value).ok_or(Status::BadParameter)?),
            Some(RequestTag::Receipt) | None => return Err(Status::UnknownParameter),
        }
    }
    Ok((parameters, terms))
}

/// Appends what travels as tagged values, by ascending tag and padded; what says no more than its absence is left out. The
/// parameters fit an operation, so their lengths are bounded.
pub(crate) fn encode(parameters: &Parameters, terms: Option<&Terms>, bytes: &mut Vec<u8>) {
    const ADDRESS: &[u8] = &[Output::Address as u8];
    let output = match parameters.output {
        Output::Default => None,
        Output::Address => Some(ADDRESS),
    };
    let terms = terms.map(write_terms);
    let tagged = [
        (RequestTag::UserId, parameters.user_id.as_deref()),
        (RequestTag::Context, parameters.context.as_deref().filter(|context| !context.is_empty())),
        (RequestTag::Output, output),
        (RequestTag::Terms, terms.as_ref().map(|terms| &terms[..])),
    ];
    let start = bytes.len();
    for (tag, value) in tagged.into_iter().filter_map(|(tag, value)| value.map(|value| (tag, value))) {
        put(bytes, tag as u16, value);
    }
    let len = (bytes.len() - start).next_multiple_of(COLUMN_ALIGN);
    bytes.resize(start + len, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(parameters: &Parameters) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(parameters, None, &mut bytes);
        assert_eq!(decode(&bytes, parameters.hash), Ok((parameters.clone(), None)));
        bytes
    }

    #[test]
    fn none_given_takes_no_bytes_and_an_empty_user_id_is_not_none() {
        assert!(round(&Parameters::hashed(Hash::Sm3)).is_empty());
        let empty = Parameters { user_id: Some(Arc::from(&b""[..])), ..Parameters::default() };
        assert_eq!(round(&empty), [1, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn each_defect_has_its_status() {
        let status = |region: &[u8]| decode(region, None).expect_err("a defect");
        assert_eq!(status(&[0; 8]), Status::BadParameter, "eight bytes of padding");
        assert_eq!(status(&[1, 0, 0, 0, 0, 0, 0, 1]), Status::NotZero);
        assert_eq!(status(&[1, 0, 2, 0, 9, 9, 1, 0]), Status::BadParameter, "a tag without a length");
        assert_eq!(status(&[1, 0, 0, 0, 1, 0, 0, 0]), Status::BadParameter, "given twice");
        assert_eq!(status(&[2, 0, 1, 0, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Status::BadParameter, "descends");
        assert_eq!(status(&[1, 0, 5, 0, 0, 0, 0, 0]), Status::BadParameter, "longer than the region");
        assert_eq!(status(&[2, 0, 0, 0, 0, 0, 0, 0]), Status::BadParameter, "an empty context is not sent");
        assert_eq!(status(&[3, 0, 1, 0, 0, 0, 0, 0]), Status::BadParameter, "the default output is not sent");
        assert_eq!(status(&[3, 0, 2, 0, 1, 0, 0, 0]), Status::BadParameter);
        assert_eq!(status(&[3, 0, 1, 0, 2, 0, 0, 0]), Status::UnknownParameter);
        assert_eq!(status(&[4, 0, 0, 0, 0, 0, 0, 0]), Status::UnknownParameter);
        assert_eq!(status(&[255, 255, 0, 0, 0, 0, 0, 0]), Status::UnknownParameter);
    }

    #[test]
    fn an_empty_context_is_left_out() {
        let mut bytes = Vec::new();
        encode(&Parameters { context: Some(Arc::from(&b""[..])), ..Parameters::default() }, None, &mut bytes);
        assert!(bytes.is_empty());
    }

    #[test]
    fn terms_and_tallies_have_one_encoding() {
        let terms = Terms { total: 300, numerator: 2, denominator: 3, at_least: false, stop_early: true };
        let mut bytes = Vec::new();
        encode(&Parameters::default(), Some(&terms), &mut bytes);
        assert_eq!((bytes.len(), decode(&bytes, None)), (32, Ok((Parameters::default(), Some(terms)))));
        for (at, byte) in [(2, 25), (28, 2), (29, 2)] {
            let mut spoilt = bytes.clone();
            spoilt[at] = byte;
            assert_eq!(decode(&spoilt, None), Err(Status::BadParameter), "byte {at}");
        }
        for outcome in (0..=u8::MAX).filter_map(|byte| Outcome::from_byte(byte, 7)) {
            let tally = Tally { power: 1 << 40, outcome };
            assert_eq!(read_tally(&write_tally(&tally)), Some(tally));
        }
        let reached = write_tally(&Tally { power: 1, outcome: Outcome::Reached });
        let spoilt = |at: usize, byte| {
            let mut spoilt = reached;
            spoilt[at] = byte;
            read_tally(&spoilt)
        };
        assert_eq!(spoilt(8, 0), None, "a zeroed byte is no outcome");
        assert_eq!(spoilt(8, 6), None);
        assert_eq!(spoilt(9, 1), None, "no vote alone reached it");
        assert_eq!((read_tally(&reached[..12]), read_tally(&[&reached[..], &[0]].concat())), (None, None));
    }
}
