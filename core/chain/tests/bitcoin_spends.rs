//! Every covered script form, spent by signatures that the `bitcoin` crate hashes and makes: an independent reading of the
//! same rules.

mod common;

use assay_chain::{Options, Report};
use bitcoin::consensus::serialize;
use bitcoin::hashes::{Hash, hash160, sha256};
use bitcoin::script::Builder;
use bitcoin::secp256k1::{Keypair, Message, Secp256k1, SecretKey};
use bitcoin::sighash::{Annex, Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::{LeafVersion, TapLeafHash, TaprootBuilder};
use bitcoin::{
    Amount, EcdsaSighashType, OutPoint, PublicKey, Script, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid,
    Witness, absolute, opcodes::all as op, script::PushBytesBuf, transaction,
};
use common::run;

const HASH_TYPES: [EcdsaSighashType; 6] = [
    EcdsaSighashType::All,
    EcdsaSighashType::None,
    EcdsaSighashType::Single,
    EcdsaSighashType::AllPlusAnyoneCanPay,
    EcdsaSighashType::NonePlusAnyoneCanPay,
    EcdsaSighashType::SinglePlusAnyoneCanPay,
];

fn secret(n: u8) -> SecretKey {
    SecretKey::from_slice(&[n; 32]).expect("below the order")
}

fn public(n: u8) -> PublicKey {
    PublicKey::new(secret(n).public_key(&Secp256k1::new()))
}

/// Three inputs, two outputs: SIGHASH_SINGLE has an output for the first two alone.
fn unsigned() -> Transaction {
    let input = |n: u8| TxIn {
        previous_output: OutPoint { txid: Txid::from_byte_array([n; 32]), vout: n.into() },
        script_sig: ScriptBuf::new(),
        sequence: Sequence(0xffff_fff0 + u32::from(n)),
        witness: Witness::new(),
    };
    let output = |n: u64| TxOut { value: Amount::from_sat(n), script_pubkey: ScriptBuf::from_bytes(vec![0x51; 3]) };
    Transaction {
        version: transaction::Version(2),
        lock_time: absolute::LockTime::from_consensus(77),
        input: vec![input(1), input(2), input(3)],
        output: vec![output(5), output(6)],
    }
}

fn outputs(scripts: &[ScriptBuf]) -> Vec<TxOut> {
    scripts.iter().map(|script| TxOut { value: Amount::from_sat(1_000), script_pubkey: script.clone() }).collect()
}

fn verify(transaction: &Transaction, spent: &[TxOut]) -> Report {
    let list: Vec<_> = transaction
        .input
        .iter()
        .zip(spent)
        .map(|(input, output)| {
            serde_json::json!({
                "txid": input.previous_output.txid.to_string(), "vout": input.previous_output.vout,
                "value": output.value.to_sat(), "script": hex::encode(output.script_pubkey.as_bytes()),
            })
        })
        .collect();
    let previous_outputs = vec![("o".to_owned(), serde_json::to_vec(&list).expect("JSON"))];
    let options = Options { previous_outputs, ..Options::default() };
    run("bitcoin", &options, &[("spends", serialize(transaction))])
}

fn der(digest: [u8; 32], key: u8, hash_type: EcdsaSighashType) -> Vec<u8> {
    let signature = Secp256k1::new().sign_ecdsa(&Message::from_digest(digest), &secret(key));
    let mut out = signature.serialize_der().to_vec();
    out.push(u8::try_from(hash_type.to_u32()).expect("a byte"));
    out
}

fn legacy(transaction: &Transaction, index: usize, code: &Script, key: u8, hash_type: EcdsaSighashType) -> Vec<u8> {
    let hash = SighashCache::new(transaction).legacy_signature_hash(index, code, hash_type.to_u32()).expect("an input");
    der(hash.to_byte_array(), key, hash_type)
}

fn witness_v0(transaction: &Transaction, index: usize, code: &Script, key: u8, hash_type: EcdsaSighashType) -> Vec<u8> {
    let hash = SighashCache::new(transaction)
        .p2wsh_signature_hash(index, code, Amount::from_sat(1_000), hash_type)
        .expect("an input");
    der(hash.to_byte_array(), key, hash_type)
}

fn pushed(elements: &[&[u8]]) -> ScriptBuf {
    elements
        .iter()
        .fold(Builder::new(), |script, element| {
            script.push_slice(PushBytesBuf::try_from(element.to_vec()).expect("short"))
        })
        .into_script()
}

fn multisig(needed: i64, keys: &[u8]) -> ScriptBuf {
    let script = keys.iter().fold(Builder::new().push_int(needed), |script, key| script.push_key(&public(*key)));
    script.push_int(i64::try_from(keys.len()).expect("few")).push_opcode(op::OP_CHECKMULTISIG).into_script()
}

fn p2pkh(key: u8) -> ScriptBuf {
    ScriptBuf::new_p2pkh(&public(key).pubkey_hash())
}

/// All three inputs are valid; and with a bit of each first signature spoilt, each is invalid by name.
fn all_valid(transaction: &Transaction, spent: &[TxOut], spoil: impl Fn(&mut TxIn)) {
    let report = verify(transaction, spent);
    assert_eq!((report.items, report.valid), (3, 3), "{:?} {:?}", report.findings, report.not_evaluated_why);
    for index in 0..3 {
        let mut spoilt = transaction.clone();
        spoil(&mut spoilt.input[index]);
        let report = verify(&spoilt, spent);
        assert_eq!(report.invalid, 1, "{:?} {:?}", report.findings, report.not_evaluated_why);
        assert!(report.findings[0].subject.ends_with(&format!("input {index}")));
    }
}

fn spoil_script(input: &mut TxIn) {
    let mut bytes = input.script_sig.to_bytes();
    bytes[30] ^= 4;
    input.script_sig = bytes.into();
}

fn spoil_witness(input: &mut TxIn) {
    let mut elements = input.witness.to_vec();
    let first = elements.iter_mut().find(|element| element.len() > 30).expect("a signature");
    first[25] ^= 4;
    input.witness = Witness::from_slice(&elements);
}

#[test]
fn keys_hashes_and_multisig_in_legacy_scripts() {
    for hash_type in HASH_TYPES {
        let key = Builder::new().push_key(&public(1)).push_opcode(op::OP_CHECKSIG).into_script();
        let locks = [key, p2pkh(2), multisig(2, &[3, 4, 5])];
        let mut transaction = unsigned();
        transaction.input[0].script_sig = pushed(&[&legacy(&transaction, 0, &locks[0], 1, hash_type)]);
        transaction.input[1].script_sig =
            pushed(&[&legacy(&transaction, 1, &locks[1], 2, hash_type), &public(2).to_bytes()]);
        let (first, second) =
            (legacy(&transaction, 2, &locks[2], 3, hash_type), legacy(&transaction, 2, &locks[2], 5, hash_type));
        transaction.input[2].script_sig = pushed(&[&[], &first, &second]);
        let spent = outputs(&locks);
        all_valid(&transaction, &spent, spoil_script);
        // The same signatures in the other order.
        transaction.input[2].script_sig = pushed(&[&[], &second, &first]);
        assert_eq!(verify(&transaction, &spent).invalid, 1);
        // One signature twice: the second finds no key left.
        transaction.input[2].script_sig = pushed(&[&[], &first, &first]);
        assert!(verify(&transaction, &spent).findings[0].why.contains("signature 1"));
    }
}

#[test]
fn scripts_behind_a_hash() {
    for hash_type in HASH_TYPES {
        let key = Builder::new().push_key(&public(1)).push_opcode(op::OP_CHECKSIG).into_script();
        let redeem = [key, p2pkh(2), multisig(1, &[3, 4])];
        let locks = redeem.clone().map(|script| ScriptBuf::new_p2sh(&script.script_hash()));
        let mut transaction = unsigned();
        let signature = legacy(&transaction, 0, &redeem[0], 1, hash_type);
        transaction.input[0].script_sig = pushed(&[&signature, redeem[0].as_bytes()]);
        let signature = legacy(&transaction, 1, &redeem[1], 2, hash_type);
        transaction.input[1].script_sig = pushed(&[&signature, &public(2).to_bytes(), redeem[1].as_bytes()]);
        let signature = legacy(&transaction, 2, &redeem[2], 4, hash_type);
        transaction.input[2].script_sig = pushed(&[&[], &signature, redeem[2].as_bytes()]);
        all_valid(&transaction, &outputs(&locks), spoil_script);
    }
}

#[test]
fn witness_programs_alone_and_wrapped() {
    for hash_type in HASH_TYPES {
        let scripts = [p2pkh(1), p2pkh(2), multisig(2, &[3, 4])];
        let key_program = |key: u8| ScriptBuf::new_p2wpkh(&public(key).wpubkey_hash().expect("compressed"));
        let programs = [key_program(1), key_program(2), ScriptBuf::new_p2wsh(&scripts[2].wscript_hash())];
        let wrapped = [1, 2].map(|at: usize| ScriptBuf::new_p2sh(&programs[at].script_hash()));
        let locks = [programs[0].clone(), wrapped[0].clone(), wrapped[1].clone()];
        let mut transaction = unsigned();
        for (at, key) in [(0, 1), (1, 2)] {
            let signature = witness_v0(&transaction, at, &scripts[at], key, hash_type);
            transaction.input[at].witness = Witness::from_slice(&[signature, public(key).to_bytes()]);
        }
        let signature = |key| witness_v0(&transaction, 2, &scripts[2], key, hash_type);
        let witness = Witness::from_slice(&[vec![], signature(3), signature(4), scripts[2].to_bytes()]);
        transaction.input[2].witness = witness;
        transaction.input[1].script_sig = pushed(&[programs[1].as_bytes()]);
        transaction.input[2].script_sig = pushed(&[programs[2].as_bytes()]);
        all_valid(&transaction, &outputs(&locks), spoil_witness);
        // An element more than the script takes, and a witness where none is asked for.
        let spent = outputs(&locks);
        let mut more = transaction.clone();
        let mut elements = more.input[2].witness.to_vec();
        elements.insert(0, vec![]);
        more.input[2].witness = Witness::from_slice(&elements);
        assert!(verify(&more, &spent).findings[0].why.contains("more or fewer"));
        let mut amounts = spent.clone();
        amounts[1].value = Amount::from_sat(999);
        assert!(verify(&transaction, &amounts).findings[0].subject.ends_with("input 1"), "the amount is signed");
    }
}

#[test]
fn taproot_by_key_by_script_and_with_an_annex() {
    let curve = Secp256k1::new();
    let pair = |n: u8| Keypair::from_secret_key(&curve, &secret(n));
    let internal = pair(1).x_only_public_key().0;
    let leaf_key = pair(2).x_only_public_key().0;
    let script = Builder::new().push_slice(leaf_key.serialize()).push_opcode(op::OP_CHECKSIG).into_script();
    let other = Builder::new().push_opcode(op::OP_RETURN).into_script();
    let tree = TaprootBuilder::new()
        .add_leaf(1, script.clone())
        .and_then(|tree| tree.add_leaf(1, other))
        .expect("two leaves")
        .finalize(&curve, internal)
        .expect("complete");
    let lock = ScriptBuf::new_p2tr_tweaked(tree.output_key());
    let spent = outputs(&[lock.clone(), lock.clone(), lock]);
    let control = tree.control_block(&(script.clone(), LeafVersion::TapScript)).expect("in the tree").serialize();
    let tweaked = {
        use bitcoin::key::TapTweak;
        pair(1).tap_tweak(&curve, tree.merkle_root()).to_keypair()
    };
    let leaf = TapLeafHash::from_script(&script, LeafVersion::TapScript);
    let annex_bytes = [0x50, 1, 2, 3];
    for hash_type in [TapSighashType::Default, TapSighashType::None, TapSighashType::AllPlusAnyoneCanPay] {
        let mut transaction = unsigned();
        let mut cache = SighashCache::new(&transaction);
        let prevouts = Prevouts::All(&spent);
        let mut sign = |index, annex: Option<&[u8]>, leaf: Option<TapLeafHash>, key: &Keypair| {
            let annex = annex.map(|bytes| Annex::new(bytes).expect("begins with 50"));
            let leaf = leaf.map(|hash| (hash, 0xffff_ffff));
            let hash = cache.taproot_signature_hash(index, &prevouts, annex, leaf, hash_type).expect("all are known");
            let message = Message::from_digest(hash.to_byte_array());
            let mut out = curve.sign_schnorr_no_aux_rand(&message, key).serialize().to_vec();
            if hash_type != TapSighashType::Default {
                out.push(hash_type as u8);
            }
            out
        };
        let by_key = sign(0, None, None, &tweaked);
        let with_annex = sign(1, Some(&annex_bytes), None, &tweaked);
        let by_script = sign(2, None, Some(leaf), &pair(2));
        transaction.input[0].witness = Witness::from_slice(&[by_key]);
        transaction.input[1].witness = Witness::from_slice(&[with_annex, annex_bytes.to_vec()]);
        transaction.input[2].witness = Witness::from_slice(&[by_script, script.to_bytes(), control.clone()]);
        all_valid(&transaction, &spent, spoil_witness);
        // Another script than the output commits to.
        let mut forged = transaction.clone();
        let mut elements = forged.input[2].witness.to_vec();
        let end = elements[2].len() - 1;
        elements[2][end] ^= 1;
        forged.input[2].witness = Witness::from_slice(&elements);
        assert!(verify(&forged, &spent).findings[0].why.contains("does not commit"));
        // A signature for all outputs when one is not known.
        let partial = verify(&transaction, &spent[..2]);
        let anyone = hash_type == TapSighashType::AllPlusAnyoneCanPay;
        assert_eq!((partial.valid, partial.not_evaluated), if anyone { (2, 1) } else { (0, 3) });
    }
}

#[test]
fn hashes_of_the_crate_and_ours_name_the_same_programs() {
    let key = public(9).to_bytes();
    assert_eq!(assay_chain::hash::hash160(&key), hash160::Hash::hash(&key).to_byte_array());
    assert_eq!(assay_chain::hash::sha256(&key), sha256::Hash::hash(&key).to_byte_array());
}
