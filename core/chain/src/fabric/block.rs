//! A block file or a ledger's file of blocks, into blocks.

use crate::input::{InputError, Reader};
use crate::proto::{Fields, varint};

/// Where the orderers' signatures stand in a block's metadata (fabric-protos common/common.proto, BlockMetadataIndex).
const SIGNATURES: usize = 0;

/// A block. Slices are the file's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block<'a> {
    /// Its number.
    pub number: u64,
    /// The header's hash of the block before.
    pub previous_hash: &'a [u8],
    /// The hash of its data, as the header says.
    pub data_hash: &'a [u8],
    /// Its envelopes, and where each begins in the file.
    pub data: Vec<(&'a [u8], usize)>,
    /// Its metadata, and where each begins.
    pub metadata: Vec<(&'a [u8], usize)>,
}

/// One orderer's signature over a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetadataSignature<'a> {
    /// The signer and a nonce, in SignatureHeader; empty where the identifier says the signer.
    pub signature_header: &'a [u8],
    /// Where that begins.
    pub at: usize,
    /// The signature.
    pub signature: &'a [u8],
    /// The signer's number among the consenters and a nonce, in IdentifierHeader (SmartBFT).
    pub identifier_header: &'a [u8],
}

/// What the orderers signed besides the header, and their signatures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signatures<'a> {
    /// The value they signed.
    pub value: &'a [u8],
    /// Their signatures.
    pub signatures: Vec<MetadataSignature<'a>>,
}

/// A DER element.
fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut out = vec![tag];
    match contents.len() {
        short @ 0..0x80 => out.push(short.to_le_bytes()[0]),
        _ => {
            out.push(0x80 | length.len().to_le_bytes()[0]);
            out.extend_from_slice(length);
        }
    }
    out.extend_from_slice(contents);
    out
}

impl<'a> Block<'a> {
    /// What is hashed and signed of the header: SEQUENCE { INTEGER number, OCTET STRING previous hash, OCTET STRING data
    /// hash } (fabric protoutil/blockutils.go, BlockHeaderBytes).
    #[must_use]
    pub fn header_bytes(&self) -> Vec<u8> {
        let number = self.number.to_be_bytes();
        let significant = &number[number.iter().take_while(|byte| **byte == 0).count().min(7)..];
        let sign: &[u8] = if significant[0] < 0x80 { &[] } else { &[0] };
        let fields = [
            element(0x02, &[sign, significant].concat()),
            element(0x04, self.previous_hash),
            element(0x04, self.data_hash),
        ];
        element(0x30, &fields.concat())
    }

    /// Every envelope, one after another: what the data hash covers (fabric protoutil/blockutils.go, BlockDataHash).
    #[must_use]
    pub fn data_bytes(&self) -> Vec<u8> {
        self.data.iter().flat_map(|(envelope, _)| envelope.iter().copied()).collect()
    }

    /// The orderers' signatures.
    ///
    /// # Errors
    /// Where the metadata is not what it should be.
    pub fn signatures(&self) -> Result<Signatures<'a>, InputError> {
        let mut out = Signatures::default();
        let Some((metadata, at)) = self.metadata.get(SIGNATURES) else { return Ok(out) };
        let mut fields = Fields::new(metadata, *at);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => out.value = field.bytes()?,
                2 => {
                    let mut signature = MetadataSignature::default();
                    let mut parts = field.message()?;
                    while let Some(part) = parts.next()? {
                        match part.number {
                            1 => (signature.signature_header, signature.at) = part.bytes_at()?,
                            2 => signature.signature = part.bytes()?,
                            3 => signature.identifier_header = part.bytes()?,
                            _ => {}
                        }
                    }
                    out.signatures.push(signature);
                }
                _ => {}
            }
        }
        Ok(out)
    }
}

/// The blocks of a file: one `common.Block` in protobuf, whose first field is its header; or a ledger's file, in which each
/// block follows its length, and no block is as short as a header's tag would say.
///
/// # Errors
/// Where the bytes are neither.
pub fn blocks(bytes: &[u8]) -> Result<Vec<Block<'_>>, InputError> {
    match bytes.first() {
        None => Err(InputError::new(0, "the file is empty")),
        Some(0x0a) => Ok(vec![protobuf(bytes)?]),
        Some(_) => ledger(bytes),
    }
}

fn protobuf(bytes: &[u8]) -> Result<Block<'_>, InputError> {
    let mut block = Block::default();
    let mut header = false;
    let mut fields = Fields::new(bytes, 0);
    while let Some(field) = fields.next()? {
        let mut parts = field.message()?;
        header |= field.number == 1;
        while let Some(part) = parts.next()? {
            match (field.number, part.number) {
                (1, 1) => block.number = part.varint()?,
                (1, 2) => block.previous_hash = part.bytes()?,
                (1, 3) => block.data_hash = part.bytes()?,
                (2, 1) => block.data.push(part.bytes_at()?),
                (3, 1) => block.metadata.push(part.bytes_at()?),
                _ => {}
            }
        }
    }
    if header && !block.data.is_empty() {
        Ok(block)
    } else {
        Err(InputError::new(bytes.len(), "a block without a header or without data"))
    }
}

/// Bytes behind their length, and where they begin in the file.
fn prefixed<'a>(reader: &mut Reader<'a>, base: usize) -> Result<(&'a [u8], usize), InputError> {
    let length = varint(reader)?;
    let length = usize::try_from(length).map_err(|_| reader.error("a length beyond memory"))?;
    let start = base + reader.offset();
    Ok((reader.take(length)?, start))
}

/// fabric common/ledger/blkstorage/block_serialization.go: number, data hash and previous hash; the envelopes, counted; the
/// metadata, counted.
fn ledger(bytes: &[u8]) -> Result<Vec<Block<'_>>, InputError> {
    let mut blocks = Vec::new();
    let mut file = Reader::new(bytes);
    while !file.is_empty() {
        let (block, base) = prefixed(&mut file, 0)?;
        blocks.push(serialized(block, base).map_err(|error| error.shifted(base))?);
    }
    Ok(blocks)
}

/// One block of a ledger; errors count from its beginning, places from the file's.
fn serialized(bytes: &[u8], base: usize) -> Result<Block<'_>, InputError> {
    let mut reader = Reader::new(bytes);
    let number = varint(&mut reader)?;
    let data_hash = prefixed(&mut reader, base)?.0;
    let previous_hash = prefixed(&mut reader, base)?.0;
    let mut block = Block { number, data_hash, previous_hash, ..Block::default() };
    for list in [&mut block.data, &mut block.metadata] {
        let count = varint(&mut reader)?;
        // Each takes a byte of the file at least, so that a count beyond it ends in an error.
        for _ in 0..count {
            list.push(prefixed(&mut reader, base)?);
        }
    }
    if reader.is_empty() { Ok(block) } else { Err(reader.error("bytes behind the block's metadata")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_written_as_go_writes_them() {
        let header = |number, previous_hash, data_hash| {
            hex::encode(Block { number, previous_hash, data_hash, ..Block::default() }.header_bytes())
        };
        assert_eq!(header(0, b"", b"\x01"), "3008020100040004 0101".replace(' ', ""));
        assert_eq!(header(128, b"", b""), "300802020080 0400 0400".replace(' ', ""));
        assert_eq!(header(u64::MAX, b"", b""), "300f020900ffffffffffffffff04000400");
        assert_eq!(header(1, &[7; 128], b"").len(), 2 * (3 + 3 + 3 + 128 + 2));
    }

    #[test]
    fn a_count_beyond_the_file_ends_in_an_error() {
        let block = [1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
        let file = [&[block.len() as u8 + 1][..], &block, &[0]].concat();
        assert!(blocks(&file).is_err());
        assert_eq!(blocks(&[5, 1, 0, 0, 0, 0]).expect("an empty block")[0].number, 1);
        assert!(blocks(&[6, 1, 0, 0, 0, 0, 9]).expect_err("a byte too many").what.contains("behind"));
    }
}
