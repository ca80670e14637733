//! Hyperledger Fabric: blocks' hashes and orderers, transactions' creators and endorsers, and the configuration that names
//! who they may be.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `block` | a block file or a ledger's file into blocks |
//! | `transaction` | an envelope into what its creator and its endorsers signed |
//! | `config` | a configuration into its members' authorities and its consenters |
//! | `signer` | a serialized identity into a certificate, and its signatures into claims |

pub mod block;
mod chain;
pub mod config;
pub mod signer;
pub mod transaction;

use std::collections::{HashMap, HashSet};

use assay_scheme::Hash;

use self::block::{Block, MetadataSignature};
pub use self::chain::CHAIN;
use self::config::Config;
use self::signer::Signers;
use self::transaction::{Action, CONFIG, Envelope};
use crate::claims::Collector;
use crate::hash::{named, sha256};
use crate::identity::key::Asked;
use crate::input::{InputError, label};
use crate::profile::Profile;
use crate::proto::Fields;
use crate::report::{Outcome, Report};

/// What SM2 signs of a message, which depends on the date of the SM2 library that a guomi Fabric was built with. All hash the
/// message with SM3 first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sm2Mode {
    /// The digest is e itself.
    EDigest,
    /// Z_A over the empty user id, and the digest as the message.
    ZaEmptyUid,
    /// Z_A over the default user id, and the digest as the message.
    ZaDefaultUid,
}

/// Which hashes a network has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// What blocks are hashed with.
    pub block_hash: Hash,
    /// What messages are hashed with, where the signer's MSP does not say it.
    pub hash: Hash,
    /// What SM2 keys sign.
    pub sm2: Option<Sm2Mode>,
}

const fn guomi(mode: Sm2Mode) -> Network {
    Network { block_hash: Hash::Sm3, hash: Hash::Sm3, sm2: Some(mode) }
}

/// Networks by name, the default first. The hash of blocks is SHA-256 in both of Fabric's own (fabric
/// common/channelconfig/channel.go, HashingAlgorithm).
pub static NETWORKS: [(&str, Network); 5] = [
    ("sha2", Network { block_hash: Hash::Sha256, hash: Hash::Sha256, sm2: None }),
    ("sha3", Network { block_hash: Hash::Sha256, hash: Hash::Sha3_256, sm2: None }),
    ("e-digest", guomi(Sm2Mode::EDigest)),
    ("za-empty-uid", guomi(Sm2Mode::ZaEmptyUid)),
    ("za-default-uid", guomi(Sm2Mode::ZaDefaultUid)),
];

/// Whose signature an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The creator of this transaction.
    Creator(usize),
    /// This endorser of this transaction.
    Endorser(usize, usize),
    /// The one who made this signature over the block.
    Orderer(usize),
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Creator(transaction) => write!(f, "transaction {transaction} creator"),
            Self::Endorser(transaction, endorser) => write!(f, "transaction {transaction} endorser {endorser}"),
            Self::Orderer(orderer) => write!(f, "orderer {orderer}"),
        }
    }
}

struct Item {
    role: Role,
    signer: Option<usize>,
    asked: Asked,
}

/// A block whose signatures wait for their verdicts.
struct Waiting {
    name: String,
    items: Vec<Item>,
    /// How many orderers must have signed it, where that is known.
    quorum: Option<usize>,
}

/// What a run knows of a channel.
#[derive(Default)]
struct Channel {
    /// The last block's number and its header's hash.
    last: Option<(u64, [u8; 32])>,
    /// The last configuration.
    config: Option<Config>,
}

/// Fabric's profile over one run of files.
pub struct Fabric {
    network: Network,
    channels: HashMap<String, Channel>,
    signers: Signers,
    waiting: Vec<Waiting>,
}

/// Why a signer's second signature in one list is refused. Fabric counts the first and passes over it (common/policies/policy.go,
/// SignatureSetToValidIdentities).
const TWICE: &str = "this signer's signature stands twice in the list";

impl Fabric {
    /// For a network, with the user id of certificates' SM2 signatures where it is not the default one.
    #[must_use]
    pub fn new(network: Network, user_id: Option<Vec<u8>>) -> Self {
        let signers = Signers::new(network, user_id);
        Self { network, channels: HashMap::new(), signers, waiting: Vec::new() }
    }

    /// Checks a block and claims its signatures.
    fn block(&mut self, file: &str, block: &Block<'_>, collector: &mut Collector<'_>, report: &mut Report) {
        let envelopes: Vec<Result<Envelope<'_>, InputError>> =
            block.data.iter().map(|(bytes, at)| Envelope::read(bytes, *at)).collect();
        let channel = envelopes.iter().flatten().next().map_or("", |envelope| envelope.channel);
        let name = format!("{file}: {} block {}", label(channel), block.number);
        let mut known = self.channels.remove(channel).unwrap_or_default();
        self.header(&name, block, &mut known, report);
        let mut items = Vec::new();
        for (index, envelope) in envelopes.iter().enumerate() {
            match envelope {
                Ok(envelope) => self.envelope(&name, index, block, envelope, &known, &mut items, collector, report),
                Err(error) => {
                    let why = format!("the envelope cannot be read: {error}");
                    let asked = Asked::Known(Outcome::Invalid(why));
                    items.push(Item { role: Role::Creator(index), signer: None, asked });
                }
            }
        }
        let orderers = block.number > 0;
        if orderers {
            self.orderers(&name, block, known.config.as_ref(), &mut items, collector, report);
        }
        let quorum = known.config.as_ref().filter(|_| orderers).map(Config::quorum);
        for envelope in envelopes.iter().flatten().filter(|envelope| envelope.kind == CONFIG) {
            self.configuration(&name, envelope, &mut known, collector, report);
        }
        self.channels.insert(channel.to_owned(), known);
        self.waiting.push(Waiting { name, items, quorum });
    }

    /// The data's hash, and the header's of the block before where the run has it.
    fn header(&self, name: &str, block: &Block<'_>, known: &mut Channel, report: &mut Report) {
        let named_block = || name.to_owned();
        let hash = |bytes: &[u8]| named(self.network.block_hash, bytes);
        let outcome = |same: bool, why: &str| if same { Ok(()) } else { Err(why.to_owned()) };
        let same = hash(&block.data_bytes()) == *block.data_hash;
        report.check("data-hash", named_block, outcome(same, "the data has another hash than the header says"));
        let previous = match known.last {
            Some((number, hash)) if number.checked_add(1) == Some(block.number) => Some(hash.to_vec()),
            _ if block.number == 0 => Some(Vec::new()),
            _ => None,
        };
        if let Some(previous) = previous {
            let same = previous == block.previous_hash;
            report.check("header-chain", named_block, outcome(same, "the block before has another hash"));
        }
        known.last = Some((block.number, hash(&block.header_bytes())));
    }

    /// The creator's signature, and of an endorser transaction its id, its proposals' hashes and its endorsements.
    #[expect(clippy::too_many_arguments, reason = "what is read, where to, and what is known besides")]
    fn envelope(
        &mut self,
        name: &str,
        index: usize,
        block: &Block<'_>,
        envelope: &Envelope<'_>,
        known: &Channel,
        items: &mut Vec<Item>,
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) {
        let config = known.config.as_ref();
        // The first block of a channel is trusted as it is, and its transaction need not be signed (fabric
        // internal/configtxgen/encoder/encoder.go, GenesisBlockForChannel).
        let unsigned = envelope.creator.identity.is_empty() && envelope.creator.signature.is_empty();
        if !(block.number == 0 && unsigned) {
            let signer = self.signers.place(envelope.creator.identity);
            let asked = self.signers.claim(signer, envelope.creator.signature, envelope.payload, config, collector);
            items.push(Item { role: Role::Creator(index), signer: Some(signer), asked });
        }
        if !envelope.actions.is_empty() {
            let transaction = || format!("{name} transaction {index}");
            // What a guomi Fabric hashes ids and proposals with differs between its builds.
            if self.network.sm2.is_none() {
                // fabric protoutil/proputils.go, ComputeTxID.
                let id = sha256(&[envelope.nonce, envelope.creator.identity].concat());
                let same = hex::encode(id) == envelope.id;
                let why = || Err("the id is not that of nonce and creator".to_owned());
                report.check("transaction-id", transaction, if same { Ok(()) } else { why() });
            }
            for action in &envelope.actions {
                self.action(index, action, config, items, collector);
                if self.network.sm2.is_none() {
                    report.check("proposal-hash", transaction, proposal_hash(envelope, action));
                }
            }
        }
    }

    fn action(
        &mut self,
        index: usize,
        action: &Action<'_>,
        config: Option<&Config>,
        items: &mut Vec<Item>,
        collector: &mut Collector<'_>,
    ) {
        let mut seen = HashSet::new();
        for (endorser, endorsement) in action.endorsements.iter().enumerate() {
            let signer = self.signers.place(endorsement.identity);
            let asked = if seen.insert(self.signers.id(signer)) {
                // fabric core/common/validation/statebased and builtin v20: ProposalResponsePayload ‖ endorser.
                let message = [action.response, endorsement.identity].concat();
                self.signers.claim(signer, endorsement.signature, &message, config, collector)
            } else {
                Asked::Known(Outcome::invalid(TWICE))
            };
            items.push(Item { role: Role::Endorser(index, endorser), signer: Some(signer), asked });
        }
    }

    /// The orderers' signatures: metadata value ‖ signature or identifier header ‖ block header (fabric
    /// protoutil/blockutils.go, BlockSignatureVerifier).
    fn orderers(
        &mut self,
        name: &str,
        block: &Block<'_>,
        config: Option<&Config>,
        items: &mut Vec<Item>,
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) {
        let signatures = match block.signatures() {
            Ok(signatures) => signatures,
            Err(error) => {
                report.check("block-signatures", || name.to_owned(), Err(format!("they cannot be read: {error}")));
                return;
            }
        };
        let header = block.header_bytes();
        let mut seen = HashSet::new();
        for (index, one) in signatures.signatures.iter().enumerate() {
            let item = match self.orderer(one, config) {
                Err(outcome) => Item { role: Role::Orderer(index), signer: None, asked: Asked::Known(outcome) },
                Ok((signer, _)) if !seen.insert(self.signers.id(signer)) => Item {
                    role: Role::Orderer(index),
                    signer: Some(signer),
                    asked: Asked::Known(Outcome::invalid(TWICE)),
                },
                Ok((signer, signed)) => {
                    let message = [signatures.value, signed, &header].concat();
                    let asked = self.signers.claim(signer, one.signature, &message, config, collector);
                    Item { role: Role::Orderer(index), signer: Some(signer), asked }
                }
            };
            items.push(item);
        }
    }

    /// Who signed, and the header that is signed with the block.
    fn orderer<'a>(
        &mut self,
        one: &MetadataSignature<'a>,
        config: Option<&Config>,
    ) -> Result<(usize, &'a [u8]), Outcome> {
        if !one.signature_header.is_empty() || one.identifier_header.is_empty() {
            let (identity, _) = transaction::creator(one.signature_header, one.at)
                .map_err(|error| Outcome::Invalid(format!("the signature header cannot be read: {error}")))?;
            return Ok((self.signers.place(identity), one.signature_header));
        }
        let mut id = 0;
        let mut fields = Fields::new(one.identifier_header, 0);
        let broken = |error: InputError| Outcome::Invalid(format!("the identifier header cannot be read: {error}"));
        while let Some(field) = fields.next().map_err(broken)? {
            if field.number == 1 {
                id = field.varint().map_err(broken)?;
            }
        }
        let config =
            config.ok_or_else(|| Outcome::not_evaluated("the consenters are in a configuration that is not given"))?;
        let consenter = config.consenters.iter().find(|consenter| consenter.id == id);
        let consenter = consenter.ok_or_else(|| Outcome::Invalid(format!("no consenter has the identifier {id}")))?;
        Ok((self.signers.consenter(consenter), one.identifier_header))
    }

    /// Takes a configuration over, and checks that its consenters are members.
    fn configuration(
        &mut self,
        name: &str,
        envelope: &Envelope<'_>,
        known: &mut Channel,
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) {
        let config = match Config::read(envelope.data) {
            Ok(config) => config,
            Err(error) => {
                report.check("configuration", || name.to_owned(), Err(format!("it cannot be read: {error}")));
                return;
            }
        };
        let unreadable = config.msps.iter().find_map(|(msp, own)| Some((msp, own.unreadable.first()?)));
        let outcome =
            unreadable.map_or(Ok(()), |(msp, why)| Err(format!("a certificate of {msp} cannot be read: {why}")));
        let mut ids = HashSet::new();
        let twice = config.consenters.iter().find(|consenter| !ids.insert(consenter.id));
        let twice = twice.map_or(Ok(()), |twice| Err(format!("two consenters have the identifier {}", twice.id)));
        report.check("configuration", || name.to_owned(), outcome.and(twice));
        for consenter in &config.consenters {
            let signer = self.signers.consenter(consenter);
            let subject = format!("{name} consenter {} at {}", consenter.id, label(&consenter.host));
            self.signers.ask_consenter(subject, signer, &config, collector);
        }
        known.config = Some(config);
    }
}

/// The hash of channel header, signature header and the proposal as endorsers saw it (fabric
/// protoutil/proputils.go, GetProposalHash2).
fn proposal_hash(envelope: &Envelope<'_>, action: &Action<'_>) -> Result<(), String> {
    let bytes = [envelope.channel_header, envelope.signature_header, action.proposal].concat();
    if sha256(&bytes) == *action.proposal_hash {
        Ok(())
    } else {
        Err("the endorsers signed for another proposal".to_owned())
    }
}

impl Waiting {
    fn judge(self, signers: &Signers, collector: &Collector<'_>, report: &mut Report) {
        let (mut valid, mut wrong, mut unknown) = (0, None, false);
        for Item { role, signer, asked } in self.items {
            let outcome = asked.outcome(collector);
            let label = signer.map(|signer| signers.label(signer)).unwrap_or_default();
            if let Role::Orderer(_) = role {
                match &outcome {
                    Outcome::Valid => valid += 1,
                    Outcome::Invalid(why) if why == TWICE => wrong = Some(format!("{role}{label}: {why}")),
                    Outcome::Invalid(_) => {}
                    Outcome::NotEvaluated(_) => unknown = true,
                }
            }
            report.item(|| format!("{} {role}{label}", self.name), outcome);
        }
        let Some(quorum) = self.quorum else { return };
        let outcome = match wrong {
            Some(wrong) => Err(wrong),
            None if valid >= quorum => Ok(()),
            // What was not evaluated might have been enough.
            None if unknown => return,
            None => Err(format!("{valid} orderers signed it, {quorum} must have")),
        };
        report.check("block-signatures", || self.name.clone(), outcome);
    }
}

impl Profile for Fabric {
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        for block in block::blocks(bytes)? {
            self.block(name, &block, collector, report);
        }
        Ok(())
    }

    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        self.signers.judge(collector, report);
        for waiting in self.waiting.drain(..) {
            waiting.judge(&self.signers, collector, report);
        }
    }
}
