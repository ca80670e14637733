//! A header, a commit and a validator set, and the bytes that are hashed and signed of them.

use super::encoding::{Dialect, RawKey};
use crate::input::InputError;
use crate::merkle::rfc6962_root;
use crate::proto::Writer;

/// Seconds and nanoseconds since 1970 in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Time {
    /// Seconds; negative before 1970.
    pub seconds: i64,
    /// Nanoseconds, below 10^9.
    pub nanos: u32,
}

/// Which block, and which parts it came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockId {
    /// The header's hash.
    pub hash: Vec<u8>,
    /// How many parts.
    pub parts_total: u32,
    /// The parts' root.
    pub parts_hash: Vec<u8>,
}

/// A header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Block and application protocol.
    pub version: (u64, u64),
    /// The chain's name.
    pub chain_id: String,
    /// The height.
    pub height: i64,
    /// When it was proposed.
    pub time: Time,
    /// The block before.
    pub last_block_id: BlockId,
    /// last_commit, data, validators, next_validators, consensus, app, last_results, evidence, in this order.
    pub hashes: [Vec<u8>; 8],
    /// Who proposed it.
    pub proposer_address: Vec<u8>,
}

impl Header {
    /// Where the validators' hash stands in [`Header::hashes`].
    pub const VALIDATORS: usize = 2;
}

/// What a validator said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// Nothing.
    Absent,
    /// For the block.
    Commit,
    /// For no block.
    Nil,
    /// Before Tendermint 0.33, whose votes stand in a commit whole: for another block.
    OtherBlock,
    /// The same: for another height, round or step.
    OtherStep,
}

/// One validator's signature, or its absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitSig {
    /// What it said.
    pub flag: Flag,
    /// Whose it says it is; empty when absent.
    pub address: Vec<u8>,
    /// When it was signed.
    pub time: Time,
    /// The signature; empty when absent.
    pub signature: Vec<u8>,
}

/// The precommits for a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// The height.
    pub height: i64,
    /// The round.
    pub round: i32,
    /// The block.
    pub block_id: BlockId,
    /// One entry a validator, in the set's order.
    pub signatures: Vec<CommitSig>,
}

/// One validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    /// The address that is written beside the key.
    pub address: Vec<u8>,
    /// The key.
    pub key: RawKey,
    /// The voting power, as it is written.
    pub power: i64,
}

/// A validator set, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidatorSet {
    /// The validators.
    pub validators: Vec<Validator>,
}

/// The total power may not exceed this (CometBFT `types/validator_set.go`, `MaxTotalVotingPower`).
pub const TOTAL_POWER_MAX: u64 = i64::MAX as u64 / 8;

/// `google.protobuf.Timestamp`.
#[must_use]
pub fn time_bytes(time: Time) -> Vec<u8> {
    Writer::new().int64(1, time.seconds).varint(2, time.nanos.into()).finish()
}

impl Time {
    /// The time that Go's zero value is, written for absent signatures: year 1.
    pub const ZERO: Self = Self { seconds: -62_135_596_800, nanos: 0 };

    /// RFC 3339 in UTC, with up to nine digits of fraction, as Go writes it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let number = |from: usize, len: usize| -> Option<i64> {
            let digits = bytes.get(from..from + len)?;
            digits.iter().try_fold(0, |n, digit| digit.is_ascii_digit().then(|| n * 10 + i64::from(digit - b'0')))
        };
        for (at, separator) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
            if *bytes.get(at)? != separator {
                return None;
            }
        }
        let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
        let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let nanos = match bytes.get(19..)?.strip_suffix(b"Z")? {
            [] => 0,
            [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => {
                number(20, digits.len())? * 10_i64.pow(9 - u32::try_from(digits.len()).expect("at most nine"))
            }
            _ => return None,
        };
        // Days since 1970-01-01 of the proleptic Gregorian calendar, years counted from March.
        let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days =
            365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day - 1 - 719_468;
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
        Some(Self { seconds, nanos: u32::try_from(nanos).expect("below 10^9") })
    }
}

impl BlockId {
    fn bytes(&self) -> Vec<u8> {
        let parts = Writer::new().varint(1, self.parts_total.into()).bytes(2, &self.parts_hash).finish();
        Writer::new().bytes(1, &self.hash).message(2, &parts).finish()
    }
}

impl Header {
    /// The hash that stands for the block: the root over its fields, each as its wrapper message (CometBFT
    /// `types/block.go`, `Header.Hash`, and `types/encoding_helper.go`, `cdcEncode`).
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let wrapped = |bytes: &[u8]| Writer::new().bytes(1, bytes).finish();
        let mut leaves = vec![
            Writer::new().varint(1, self.version.0).varint(2, self.version.1).finish(),
            wrapped(self.chain_id.as_bytes()),
            Writer::new().int64(1, self.height).finish(),
            time_bytes(self.time),
            self.last_block_id.bytes(),
        ];
        leaves.extend(self.hashes.iter().map(|hash| wrapped(hash)));
        leaves.push(wrapped(&self.proposer_address));
        rfc6962_root(&leaves)
    }
}

impl Commit {
    /// What validator `signature` signed: the delimited CanonicalVote of a precommit (CometBFT `types/canonical.go`,
    /// `CanonicalizeVote`; `types/vote.go`, `VoteSignBytes`).
    #[must_use]
    pub fn vote_bytes(&self, dialect: Dialect, chain_id: &str, signature: &CommitSig) -> Vec<u8> {
        let mut vote = Writer::new().varint(1, PRECOMMIT).sfixed64(2, self.height).sfixed64(3, self.round.into());
        if signature.flag == Flag::Commit {
            let (total, hash) = match dialect {
                Dialect::Protobuf => (1, 2),
                // Tendermint before 0.34 writes the parts' hash first (`types/canonical.go`).
                Dialect::Amino => (2, 1),
            };
            let parts = Writer::new();
            let parts = if total == 1 {
                parts.varint(1, self.block_id.parts_total.into()).bytes(hash, &self.block_id.parts_hash)
            } else {
                parts.bytes(hash, &self.block_id.parts_hash).varint(total, self.block_id.parts_total.into())
            };
            let block_id = Writer::new().bytes(1, &self.block_id.hash).message(2, &parts.finish()).finish();
            vote = vote.message(4, &block_id);
        }
        vote.message(5, &time_bytes(signature.time)).bytes(6, chain_id.as_bytes()).finish_delimited()
    }
}

/// SIGNED_MSG_TYPE_PRECOMMIT.
const PRECOMMIT: u64 = 2;

impl ValidatorSet {
    /// The root over the validators' keys and powers (CometBFT `types/validator_set.go`, `Hash`; `types/validator.go`,
    /// `Bytes`); `None` when a key is of a kind that has no place in the message.
    #[must_use]
    pub fn hash(&self) -> Option<[u8; 32]> {
        let leaves: Option<Vec<Vec<u8>>> = self
            .validators
            .iter()
            .map(|validator| {
                let (number, key) = validator.key.field()?;
                let key = Writer::new().bytes(number, key).finish();
                Some(Writer::new().message(1, &key).int64(2, validator.power).finish())
            })
            .collect();
        leaves.map(|leaves| rfc6962_root(&leaves))
    }

    /// The total power.
    ///
    /// # Errors
    /// When a power is negative, or the total is beyond what CometBFT allows.
    pub fn total_power(&self) -> Result<u64, String> {
        let mut total = 0_u64;
        for (index, validator) in self.validators.iter().enumerate() {
            let power =
                u64::try_from(validator.power).map_err(|_| format!("validator {index} has a negative power"))?;
            total = total.saturating_add(power);
        }
        if total > TOTAL_POWER_MAX { Err("the total power is beyond the limit".into()) } else { Ok(total) }
    }

    /// Each validator's address is its key's, and no two are the same.
    ///
    /// # Errors
    /// Which validator is wrong.
    pub fn check_addresses(&self) -> Result<(), String> {
        let mut seen = std::collections::HashSet::new();
        for (index, validator) in self.validators.iter().enumerate() {
            if validator.key.address().is_some_and(|address| address[..] != validator.address[..]) {
                return Err(format!("validator {index} has another key than its address says"));
            }
            if !seen.insert(&validator.address) {
                return Err(format!("validator {index} stands twice in the set"));
            }
        }
        if self.validators.is_empty() { Err("the set is empty".into()) } else { Ok(()) }
    }
}

/// A signed header with the validators that signed it, where the file has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeader {
    /// The header.
    pub header: Header,
    /// Its commit.
    pub commit: Commit,
    /// The set that signed, where the file says it.
    pub validators: Option<ValidatorSet>,
    /// The transactions, where the file has them and they are all that the data hash covers.
    pub transactions: Option<Vec<Vec<u8>>>,
}

/// A flag by its number.
///
/// # Errors
/// For another number.
pub fn flag(number: u64, offset: usize) -> Result<Flag, InputError> {
    match number {
        1 => Ok(Flag::Absent),
        2 => Ok(Flag::Commit),
        3 => Ok(Flag::Nil),
        _ => Err(InputError::new(offset, format!("block_id_flag {number}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_go_writes_them() {
        let time = |text| Time::parse(text).map(|time| (time.seconds, time.nanos));
        assert_eq!(time("1970-01-01T00:00:00Z"), Some((0, 0)));
        assert_eq!(time("0001-01-01T00:00:00Z"), Some((Time::ZERO.seconds, 0)));
        assert_eq!(time("2023-09-07T12:46:11.228913686Z"), Some((1_694_090_771, 228_913_686)));
        assert_eq!(time("2024-02-29T23:59:59.5Z"), Some((1_709_251_199, 500_000_000)));
        for bad in [
            "",
            "2023-09-07",
            "2023-09-07T12:46:11",
            "2023-13-07T12:46:11Z",
            "2023-09-07T12:46:11.Z",
            "2023-09-07T12:46:11.1234567890Z",
            "2023-09-07T12:46:1éZ",
        ] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }

    /// CometBFT `types/vote_test.go`, `TestVoteSignBytesTestVectors`: the votes without a block id.
    #[test]
    fn votes_without_a_block_are_written_as_go_writes_them() {
        let nil = CommitSig { flag: Flag::Nil, address: vec![], time: Time::ZERO, signature: vec![] };
        let commit = |height, round| Commit { height, round, ..Commit::default() };
        let bytes = |dialect, chain| hex::encode(commit(1, 1).vote_bytes(dialect, chain, &nil));
        let expected = "210802110100000000000000190100000000000000\
                        2a0b088092b8c398feffffff01";
        assert_eq!(bytes(Dialect::Protobuf, ""), expected);
        assert_eq!(bytes(Dialect::Amino, ""), expected, "both dialects agree where there is no block id");
        // The vector with a chain's name, its type field (2 bytes) added.
        let named = "30080211010000000000000019010000000000000\
                     02a0b088092b8c398feffffff01320d746573745f636861696e5f6964";
        assert_eq!(bytes(Dialect::Protobuf, "test_chain_id"), named);
    }
}
