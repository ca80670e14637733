//! An envelope into what its creator and its endorsers signed.

use crate::input::InputError;
use crate::proto::Fields;

/// fabric-protos common/common.proto, HeaderType.
pub const CONFIG: u64 = 1;
/// The same.
pub const ENDORSER_TRANSACTION: u64 = 3;

/// A signature with who made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The serialized identity.
    pub identity: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
}

/// An action of an endorser transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Action<'a> {
    /// The chaincode's proposal, as the endorsers saw it.
    pub proposal: &'a [u8],
    /// What the endorsers signed, each with its own identity behind it.
    pub response: &'a [u8],
    /// The hash of the proposal that the response names.
    pub proposal_hash: &'a [u8],
    /// The endorsements.
    pub endorsements: Vec<Signed<'a>>,
}

/// An envelope, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// What its creator signed.
    pub payload: &'a [u8],
    /// The creator and its signature.
    pub creator: Signed<'a>,
    /// The creator's nonce.
    pub nonce: &'a [u8],
    /// The channel header.
    pub channel_header: &'a [u8],
    /// The signature header.
    pub signature_header: &'a [u8],
    /// What the envelope holds (HeaderType).
    pub kind: u64,
    /// The channel.
    pub channel: &'a str,
    /// The transaction's id.
    pub id: &'a str,
    /// What it holds, and where that begins.
    pub data: (&'a [u8], usize),
    /// The actions of an endorser transaction.
    pub actions: Vec<Action<'a>>,
}

impl<'a> Envelope<'a> {
    /// Reads an envelope that begins at `base` in the file (fabric-protos common/common.proto).
    ///
    /// # Errors
    /// Where the bytes are not one.
    pub fn read(bytes: &'a [u8], base: usize) -> Result<Self, InputError> {
        let mut envelope = Self::default();
        let mut at = base;
        let mut fields = Fields::new(bytes, base);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => (envelope.payload, at) = field.bytes_at()?,
                2 => envelope.creator.signature = field.bytes()?,
                _ => {}
            }
        }
        let mut payload = Fields::new(envelope.payload, at);
        while let Some(field) = payload.next()? {
            match field.number {
                1 => {
                    let mut header = field.message()?;
                    while let Some(part) = header.next()? {
                        match part.number {
                            1 => envelope.channel_header(part.bytes_at()?)?,
                            2 => envelope.signature_header(part.bytes_at()?)?,
                            _ => {}
                        }
                    }
                }
                2 => envelope.data = field.bytes_at()?,
                _ => {}
            }
        }
        if envelope.kind == ENDORSER_TRANSACTION {
            envelope.actions = actions(envelope.data)?;
        }
        Ok(envelope)
    }

    fn channel_header(&mut self, (bytes, at): (&'a [u8], usize)) -> Result<(), InputError> {
        self.channel_header = bytes;
        let mut fields = Fields::new(bytes, at);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => self.kind = field.varint()?,
                4 => self.channel = field.text()?,
                5 => self.id = field.text()?,
                _ => {}
            }
        }
        Ok(())
    }

    fn signature_header(&mut self, (bytes, at): (&'a [u8], usize)) -> Result<(), InputError> {
        self.signature_header = bytes;
        (self.creator.identity, self.nonce) = creator(bytes, at)?;
        Ok(())
    }
}

/// The creator and the nonce of a SignatureHeader.
///
/// # Errors
/// Where the bytes are not one.
pub fn creator(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8]), InputError> {
    let (mut identity, mut nonce): (&[u8], &[u8]) = (&[], &[]);
    let mut fields = Fields::new(bytes, at);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => identity = field.bytes()?,
            2 => nonce = field.bytes()?,
            _ => {}
        }
    }
    Ok((identity, nonce))
}

/// Transaction, TransactionAction, ChaincodeActionPayload, ChaincodeEndorsedAction (fabric-protos peer/transaction.proto).
fn actions((bytes, at): (&[u8], usize)) -> Result<Vec<Action<'_>>, InputError> {
    let mut out = Vec::new();
    let mut transaction = Fields::new(bytes, at);
    while let Some(field) = transaction.next()? {
        if field.number != 1 {
            continue;
        }
        let mut action = Action::default();
        let mut parts = field.message()?;
        while let Some(part) = parts.next()? {
            if part.number != 2 {
                continue;
            }
            let mut payload = part.message()?;
            while let Some(field) = payload.next()? {
                match field.number {
                    1 => action.proposal = field.bytes()?,
                    2 => endorsed(field.message()?, &mut action)?,
                    _ => {}
                }
            }
        }
        out.push(action);
    }
    Ok(out)
}

fn endorsed<'a>(mut fields: Fields<'a>, action: &mut Action<'a>) -> Result<(), InputError> {
    while let Some(field) = fields.next()? {
        match field.number {
            1 => {
                action.response = field.bytes()?;
                // ProposalResponsePayload (fabric-protos peer/proposal_response.proto).
                let mut response = field.message()?;
                while let Some(part) = response.next()? {
                    if part.number == 1 {
                        action.proposal_hash = part.bytes()?;
                    }
                }
            }
            2 => {
                let mut endorsement = Signed::default();
                let mut parts = field.message()?;
                while let Some(part) = parts.next()? {
                    match part.number {
                        1 => endorsement.identity = part.bytes()?,
                        2 => endorsement.signature = part.bytes()?,
                        _ => {}
                    }
                }
                action.endorsements.push(endorsement);
            }
            _ => {}
        }
    }
    Ok(())
}
