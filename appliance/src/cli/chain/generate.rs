//! A long chain of signed transactions, as its nodes would write it: real signatures, trees and work, from keys as public
//! as their numbers.

use assay_chain::bitcoin::merkle;
use assay_chain::hash::{hash160, keccak256, sha256, sha256d};
use assay_chain::rlp;
use assay_core::merkle::Trees;
use assay_scheme::Row;
use secp256k1::ecdsa::RecoverableSignature;
use secp256k1::{Message, SecretKey};

/// Keys that sign in turn.
const KEYS: usize = 997;
/// Transactions of one block.
const BLOCK_TRANSACTIONS: usize = 2_000;
/// The chain id of what is generated for Ethereum.
pub(super) const CHAIN_ID: u64 = 1_337;
/// regtest's target (Core `src/kernel/chainparams.cpp`): every second hash is below it.
const REGTEST_BITS: u32 = 0x207f_ffff;

/// Files, as (name, bytes): one block each.
pub(super) type Files = Vec<(String, Vec<u8>)>;

fn secret(number: usize) -> SecretKey {
    let mut bytes = sha256(&(number as u64).to_le_bytes());
    // Below 2^255 it is below the order, and it is not zero.
    bytes[0] &= 0x7f;
    bytes[31] |= 1;
    SecretKey::from_secret_bytes(bytes).expect("in range")
}

/// `make(0)` to `make(count - 1)`, each core its share.
fn parallel<T: Send>(count: usize, make: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = count.div_ceil(threads).max(1);
    let make = &make;
    std::thread::scope(|scope| {
        let starts = (0..count).step_by(share);
        let threads: Vec<_> = starts
            .map(|start| scope.spawn(move || (start..count.min(start + share)).map(make).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("making a block does not panic")).collect()
    })
}

fn blocks(transactions: usize) -> usize {
    transactions.div_ceil(BLOCK_TRANSACTIONS)
}

fn in_block(block: usize, transactions: usize) -> std::ops::Range<usize> {
    block * BLOCK_TRANSACTIONS..transactions.min((block + 1) * BLOCK_TRANSACTIONS)
}

/// EIP-1559 transfers in blocks from after the merge.
pub(super) fn ethereum(transactions: usize) -> Files {
    let keys: Vec<SecretKey> = (0..KEYS).map(secret).collect();
    parallel(blocks(transactions), |block| {
        let list: Vec<Vec<u8>> = in_block(block, transactions).map(|number| transfer(number, &keys)).collect();
        (format!("block {block}"), ethereum_block(block as u64, &list))
    })
}

/// A string as RLP writes it.
fn string(bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len();
    let head = match (bytes, len) {
        ([byte], _) if *byte < 0x80 => vec![],
        (_, 0..56) => vec![0x80 + len as u8],
        (_, 56..256) => vec![0xb8, len as u8],
        _ => [&[0xb9][..], &u16::try_from(len).expect("a bloom or an envelope").to_be_bytes()].concat(),
    };
    [head, bytes.to_vec()].concat()
}

/// A number of 256 bits as RLP writes it.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    string(&bytes[zeros..])
}

fn list(parts: &[Vec<u8>]) -> Vec<u8> {
    rlp::list(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// One transfer with its type in front.
fn transfer(number: usize, keys: &[SecretKey]) -> Vec<u8> {
    let value = 1_000_000_000_u64 + number as u64;
    let mut fields = vec![
        rlp::number(CHAIN_ID),
        rlp::number((number / KEYS) as u64),
        rlp::number(1_000_000_000),
        rlp::number(30_000_000_000),
        rlp::number(21_000),
        string(&keccak256(&number.to_le_bytes())[..20]),
        rlp::number(value),
        string(&[]),
        list(&[]),
    ];
    let signed = keccak256(&[&[2][..], &list(&fields)].concat());
    let signature = RecoverableSignature::sign_ecdsa_recoverable(Message::from_digest(signed), &keys[number % KEYS]);
    let (parity, r_s) = signature.serialize_compact();
    fields.extend([rlp::number(u64::from(parity.to_u8())), integer(&r_s[..32]), integer(&r_s[32..])]);
    [&[2][..], &list(&fields)].concat()
}

fn ethereum_block(number: u64, transactions: &[Vec<u8>]) -> Vec<u8> {
    let root = Trees::new().root(Row::MerklePatricia, &keccak256, transactions).expect("no transaction is empty");
    let no_list = list(&[]);
    let gas = 21_000 * transactions.len() as u64;
    let header = [
        string(&keccak256(&number.to_le_bytes())),
        string(&keccak256(&no_list)),
        string(&[0; 20]),
        string(&keccak256(b"state")),
        string(&root),
        string(&keccak256(b"receipts")),
        string(&[0; 256]),
        rlp::number(0),
        rlp::number(number + 1),
        rlp::number(60_000_000),
        rlp::number(gas),
        rlp::number(1_700_000_000 + 12 * number),
        string(&[]),
        string(&[0; 32]),
        string(&[0; 8]),
        rlp::number(1_000_000_000),
    ];
    let envelopes: Vec<Vec<u8>> = transactions.iter().map(|transaction| string(transaction)).collect();
    list(&[list(&header), list(&envelopes), no_list])
}

/// P2PKH payments, each of which spends an earlier one, in regtest's blocks. The first block pays every key.
pub(super) fn bitcoin(transactions: usize) -> Files {
    let keys: Vec<(SecretKey, Vec<u8>, Vec<u8>)> = (0..KEYS)
        .map(|number| {
            let secret = secret(number);
            let key = secret.public_key().serialize().to_vec();
            let script = [&[0x76, 0xa9, 20][..], &hash160(&key), &[0x88, 0xac]].concat();
            (secret, key, script)
        })
        .collect();
    let funding = coinbase(0, &keys.iter().map(|(_, _, script)| script.clone()).collect::<Vec<_>>());
    let funded = sha256d(&funding);
    // Each key's payments follow one another; the keys are independent of each other.
    let lanes = parallel(KEYS.min(transactions), |lane| {
        let mut outpoint = (funded, lane as u32);
        let mine = (lane..transactions).step_by(KEYS);
        mine.map(|_| {
            let payment = pay(outpoint, &keys[lane]);
            outpoint = (sha256d(&payment), 0);
            payment
        })
        .collect::<Vec<_>>()
    });
    let mut files = vec![("block 0".to_owned(), bitcoin_block(&[funding]))];
    files.extend(parallel(blocks(transactions), |block| {
        let mut list = vec![coinbase(block as u32 + 1, std::slice::from_ref(&keys[0].2))];
        list.extend(in_block(block, transactions).map(|number| lanes[number % KEYS][number / KEYS].clone()));
        (format!("block {}", block + 1), bitcoin_block(&list))
    }));
    files
}

fn compact_size(n: usize) -> Vec<u8> {
    match u8::try_from(n) {
        Ok(byte) if byte < 0xfd => vec![byte],
        _ => [&[0xfd][..], &u16::try_from(n).expect("blocks here are small").to_le_bytes()].concat(),
    }
}

fn bitcoin_transaction(outpoint: (&[u8; 32], u32), unlocking: &[u8], locking: &[Vec<u8>]) -> Vec<u8> {
    let mut out = [&1_u32.to_le_bytes()[..], &[1], outpoint.0, &outpoint.1.to_le_bytes()].concat();
    out.extend(compact_size(unlocking.len()));
    out.extend_from_slice(unlocking);
    out.extend_from_slice(&[0xff; 4]);
    out.extend(compact_size(locking.len()));
    for script in locking {
        out.extend_from_slice(&100_000_u64.to_le_bytes());
        out.extend(compact_size(script.len()));
        out.extend_from_slice(script);
    }
    out.extend_from_slice(&[0; 4]);
    out
}

/// A coinbase that states its height (BIP-34).
fn coinbase(height: u32, locking: &[Vec<u8>]) -> Vec<u8> {
    let unlocking = [&[4][..], &height.to_le_bytes()].concat();
    bitcoin_transaction((&[0; 32], u32::MAX), &unlocking, locking)
}

fn pay(outpoint: ([u8; 32], u32), (secret, key, script): &(SecretKey, Vec<u8>, Vec<u8>)) -> Vec<u8> {
    let outpoint = (&outpoint.0, outpoint.1);
    let to = std::slice::from_ref(script);
    let covered = [&bitcoin_transaction(outpoint, script, to)[..], &1_u32.to_le_bytes()].concat();
    let signature = secret.sign_ecdsa(Message::from_digest(sha256d(&covered)));
    let signature = [&signature.serialize_der()[..], &[1]].concat();
    let unlocking = [&[signature.len() as u8][..], &signature, &[key.len() as u8], key].concat();
    bitcoin_transaction(outpoint, &unlocking, to)
}

fn bitcoin_block(transactions: &[Vec<u8>]) -> Vec<u8> {
    let root = merkle::root(transactions.iter().map(|transaction| sha256d(transaction)).collect()).root;
    let mut header =
        [&2_u32.to_le_bytes()[..], &[0; 32], &root, &1_700_000_000_u32.to_le_bytes(), &REGTEST_BITS.to_le_bytes()]
            .concat();
    header.extend_from_slice(&[0; 4]);
    for nonce in 0_u32.. {
        header[76..].copy_from_slice(&nonce.to_le_bytes());
        if sha256d(&header)[31] < 0x7f {
            break;
        }
    }
    header.extend(compact_size(transactions.len()));
    header.extend(transactions.concat());
    header
}
