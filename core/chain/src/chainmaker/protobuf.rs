//! Protocol buffers into ChainMaker's messages.

use super::types::{
    AdditionalData, Block, ContractEvent, ContractResult, Dag, Entry, Header, KeyValue, Limit, Member, Neighbor,
    Payload, Transaction, TxResult, Vote, VoteSet,
};
use crate::input::{InputError, Reader};
use crate::proto::{Field, Fields, Value, varint};

/// Walks a message's fields into a value.
fn read<'a, T: Default>(
    mut fields: Fields<'a>,
    mut take: impl FnMut(&mut T, &Field<'a>) -> Result<(), InputError>,
) -> Result<T, InputError> {
    let mut value = T::default();
    while let Some(field) = fields.next()? {
        take(&mut value, &field)?;
    }
    Ok(value)
}

fn text(field: &Field<'_>) -> Result<String, InputError> {
    field.text().map(str::to_owned)
}

fn bytes(field: &Field<'_>) -> Result<Vec<u8>, InputError> {
    field.bytes().map(<[u8]>::to_vec)
}

fn member(field: &Field<'_>) -> Result<Member, InputError> {
    read(field.message()?, |member: &mut Member, field| {
        match field.number {
            1 => member.org_id = text(field)?,
            2 => member.member_type = field.varint()?,
            3 => member.member_info = bytes(field)?,
            _ => {}
        }
        Ok(())
    })
}

fn entry(field: &Field<'_>) -> Result<Entry, InputError> {
    read(field.message()?, |entry: &mut Entry, field| {
        match field.number {
            1 => entry.signer = Some(member(field)?),
            2 => entry.signature = bytes(field)?,
            _ => {}
        }
        Ok(())
    })
}

/// A map's entry, or a pair: its key first, its value second.
fn pair(field: &Field<'_>) -> Result<KeyValue, InputError> {
    read(field.message()?, |pair: &mut KeyValue, field| {
        match field.number {
            1 => pair.key = text(field)?,
            2 => pair.value = bytes(field)?,
            _ => {}
        }
        Ok(())
    })
}

fn payload(field: &Field<'_>) -> Result<Payload, InputError> {
    read(field.message()?, |payload: &mut Payload, field| {
        match field.number {
            1 => payload.chain_id = text(field)?,
            2 => payload.tx_type = field.varint()?,
            3 => payload.tx_id = text(field)?,
            4 => payload.timestamp = field.int64()?,
            5 => payload.expiration_time = field.int64()?,
            6 => payload.contract_name = text(field)?,
            7 => payload.method = text(field)?,
            8 => payload.parameters.push(pair(field)?),
            9 => payload.sequence = field.varint()?,
            10 => {
                payload.limit = Some(read(field.message()?, |limit: &mut Limit, field| {
                    if field.number == 1 {
                        limit.gas_limit = field.varint()?;
                    }
                    Ok(())
                })?);
            }
            _ => {}
        }
        Ok(())
    })
}

fn event(field: &Field<'_>) -> Result<ContractEvent, InputError> {
    read(field.message()?, |event: &mut ContractEvent, field| {
        match field.number {
            1 => event.topic = text(field)?,
            2 => event.tx_id = text(field)?,
            3 => event.contract_name = text(field)?,
            4 => event.contract_version = text(field)?,
            5 => event.event_data.push(text(field)?),
            _ => {}
        }
        Ok(())
    })
}

fn contract_result(field: &Field<'_>) -> Result<ContractResult, InputError> {
    read(field.message()?, |result: &mut ContractResult, field| {
        match field.number {
            1 => result.code = field.varint()?,
            2 => result.result = bytes(field)?,
            3 => result.message = text(field)?,
            4 => result.gas_used = field.varint()?,
            5 => result.contract_event.push(event(field)?),
            _ => {}
        }
        Ok(())
    })
}

fn result(field: &Field<'_>) -> Result<TxResult, InputError> {
    read(field.message()?, |result: &mut TxResult, field| {
        match field.number {
            1 => result.code = field.varint()?,
            2 => result.contract_result = Some(contract_result(field)?),
            3 => result.rw_set_hash = bytes(field)?,
            4 => result.message = text(field)?,
            _ => {}
        }
        Ok(())
    })
}

fn transaction(fields: Fields<'_>) -> Result<Transaction, InputError> {
    read(fields, |transaction: &mut Transaction, field| {
        match field.number {
            1 => transaction.payload = Some(payload(field)?),
            2 => transaction.sender = Some(entry(field)?),
            3 => transaction.endorsers.push(entry(field)?),
            4 => transaction.result = Some(result(field)?),
            5 => transaction.payer = Some(entry(field)?),
            _ => {}
        }
        Ok(())
    })
}

fn header(field: &Field<'_>) -> Result<Header, InputError> {
    read(field.message()?, |header: &mut Header, field| {
        match field.number {
            1 => header.block_version = field.varint()?,
            2 => header.block_type = field.varint()?,
            3 => header.chain_id = text(field)?,
            4 => header.block_height = field.varint()?,
            5 => header.block_hash = bytes(field)?,
            6 => header.pre_block_hash = bytes(field)?,
            7 => header.pre_conf_height = field.varint()?,
            8 => header.tx_count = field.varint()?,
            9 => header.tx_root = bytes(field)?,
            10 => header.dag_hash = bytes(field)?,
            11 => header.rw_set_root = bytes(field)?,
            12 => header.block_timestamp = field.int64()?,
            13 => header.consensus_args = bytes(field)?,
            14 => header.proposer = Some(member(field)?),
            15 => header.signature = bytes(field)?,
            _ => {}
        }
        Ok(())
    })
}

fn narrow(field: &Field<'_>, value: u64) -> Result<u32, InputError> {
    u32::try_from(value).map_err(|_| InputError::new(field.offset, "a number beyond 32 bits"))
}

/// Neighbours, packed or one by one.
fn neighbor(field: &Field<'_>) -> Result<Neighbor, InputError> {
    read(field.message()?, |vertex: &mut Neighbor, field| {
        match (field.number, field.value) {
            (1, Value::Bytes(packed, start)) => {
                let mut reader = Reader::new(packed);
                while !reader.is_empty() {
                    let value = varint(&mut reader).map_err(|error| error.shifted(start))?;
                    vertex.neighbors.push(narrow(field, value)?);
                }
            }
            (1, _) => vertex.neighbors.push(narrow(field, field.varint()?)?),
            _ => {}
        }
        Ok(())
    })
}

fn dag(field: &Field<'_>) -> Result<Dag, InputError> {
    read(field.message()?, |dag: &mut Dag, field| {
        if field.number == 2 {
            dag.vertexes.push(neighbor(field)?);
        }
        Ok(())
    })
}

/// A block.
///
/// # Errors
/// Where the bytes are not one.
pub fn block(bytes: &[u8]) -> Result<Block, InputError> {
    let block = read(Fields::new(bytes, 0), |block: &mut Block, field| {
        match field.number {
            1 => block.header = Some(header(field)?),
            2 => block.dag = Some(dag(field)?),
            3 => block.txs.push(transaction(field.message()?)?),
            4 => {
                block.additional_data = Some(read(field.message()?, |data: &mut AdditionalData, field| {
                    if field.number == 1 {
                        let KeyValue { key, value } = pair(field)?;
                        data.extra_data.insert(key, value);
                    }
                    Ok(())
                })?);
            }
            _ => {}
        }
        Ok(())
    })?;
    if block.header.is_some() { Ok(block) } else { Err(InputError::new(bytes.len(), "a block without a header")) }
}

/// A block, or a transaction alone. The one is told from the other by what their first field begins with: a payload with its
/// chain's name, a header with its version.
///
/// # Errors
/// Where the bytes are neither.
pub fn block_or_transaction(bytes: &[u8]) -> Result<Result<Block, Transaction>, InputError> {
    let first = Fields::new(bytes, 0).next()?.ok_or_else(|| InputError::new(0, "the file is empty"))?;
    let inner = first.message()?.next()?;
    let named = inner.is_some_and(|field| field.number == 1 && matches!(field.value, Value::Bytes(..)));
    if first.number == 1 && named { transaction(Fields::new(bytes, 0)).map(Err) } else { block(bytes).map(Ok) }
}

fn vote(fields: Fields<'_>) -> Result<Vote, InputError> {
    read(fields, |vote: &mut Vote, field| {
        match field.number {
            1 => vote.kind = field.varint()?,
            2 => vote.voter = text(field)?,
            3 => vote.height = field.varint()?,
            4 => vote.round = field.int64()?,
            5 => vote.hash = bytes(field)?,
            6 => vote.endorsement = Some(entry(field)?),
            7 => vote.invalid_txs.push(text(field)?),
            _ => {}
        }
        Ok(())
    })
}

/// The votes stored beside a block. Each stands in a map under its voter; a voter that stands there twice stays twice, so that
/// it can be refused.
///
/// # Errors
/// Where the bytes are not votes.
pub fn vote_set(bytes: &[u8]) -> Result<VoteSet, InputError> {
    read(Fields::new(bytes, 0), |set: &mut VoteSet, field| {
        match field.number {
            1 => set.kind = field.varint()?,
            2 => set.height = field.varint()?,
            3 => set.round = field.int64()?,
            5 => set.maj23 = field.bytes()?.to_vec(),
            6 => {
                let mut entry = field.message()?;
                while let Some(part) = entry.next()? {
                    if part.number == 2 {
                        set.votes.push(vote(part.message()?)?);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    })
}
