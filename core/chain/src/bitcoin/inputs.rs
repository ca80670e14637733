//! One input: what its locking script asks for, the claims that answer it, and the outcome that consensus draws.

use assay_scheme::encoding::{der, sec1};
use assay_scheme::{Parameters, Reason, Row, Verdict};
use bitcoin::secp256k1::{Secp256k1, VerifyOnly, XOnlyPublicKey};
use bitcoin::taproot::{ControlBlock, LeafVersion};
use bitcoin::{Script, Transaction, TxOut, Witness};

use super::network::Rules;
use super::script::{ELEMENT_BYTES_MAX, Lock, SCRIPT_BYTES_MAX, find_and_delete, pushes};
use super::sighash::{Leaf, Sighasher, TaprootError, leaf_hash};
use crate::claims::{Claim, Collector};
use crate::hash::{hash160, sha256};
use crate::report::Outcome;

/// What an input's outcome hangs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Refused without any signature being asked for.
    Invalid(&'static str),
    /// Not covered, or not all was given.
    NotEvaluated(&'static str),
    /// One signature.
    Single(Claim),
    /// `needed` of `keys` signatures: the claims of signature i with key i + k stand at `i * (keys - needed + 1) + k`.
    Multisig { first: Claim, needed: u8, keys: u8 },
}

/// Which signature hash a script's signatures cover.
#[derive(Clone, Copy)]
enum Version {
    Legacy,
    SegwitV0 { value: u64 },
}

/// Plans the inputs of one transaction.
pub(super) struct Planner<'t, 'c, 'v> {
    transaction: &'t Transaction,
    spent: &'t [Option<&'t TxOut>],
    hasher: Sighasher<'t>,
    rules: Rules,
    curve: &'t Secp256k1<VerifyOnly>,
    collector: &'c mut Collector<'v>,
}

/// A plan, or why there is none: both are plans, and `?` reads better.
type Planned = Result<Plan, Plan>;

const SHORT_STACK: Plan = Plan::Invalid("the unlocking script leaves too little on the stack");
const ROW: Row = Row::EcdsaSecp256k1;

impl<'t, 'c, 'v> Planner<'t, 'c, 'v> {
    /// `spent` are the outputs that the inputs spend, in order, as far as they are known.
    pub(super) fn new(
        transaction: &'t Transaction,
        spent: &'t [Option<&'t TxOut>],
        rules: Rules,
        curve: &'t Secp256k1<VerifyOnly>,
        collector: &'c mut Collector<'v>,
    ) -> Self {
        Self { transaction, spent, hasher: Sighasher::new(transaction), rules, curve, collector }
    }

    /// Input `index`'s plan; its claims are made. Core `interpreter.cpp`, `VerifyScript`.
    pub(super) fn plan(&mut self, index: usize) -> Plan {
        self.input(index).unwrap_or_else(|plan| plan)
    }

    fn input(&mut self, index: usize) -> Planned {
        let output = self.spent[index].ok_or(Plan::NotEvaluated("the previous output is not given"))?;
        let input = &self.transaction.input[index];
        let unlocking = input.script_sig.as_bytes();
        if unlocking.len() > SCRIPT_BYTES_MAX {
            return Err(Plan::Invalid("the unlocking script is longer than 10,000 bytes"));
        }
        let locking = output.script_pubkey.as_bytes();
        let mut witness_used = false;
        let lock = Lock::read(locking);
        let plan = match &lock {
            Lock::WitnessKeyHash(_) | Lock::WitnessScriptHash(_) | Lock::Taproot(_) | Lock::FutureWitness
                if self.rules.witness =>
            {
                witness_used = true;
                if !unlocking.is_empty() {
                    return Err(Plan::Invalid("a witness program's unlocking script is not empty"));
                }
                self.witness(index, &lock, output, &input.witness, false)
            }
            Lock::WitnessKeyHash(_) | Lock::WitnessScriptHash(_) | Lock::Taproot(_) | Lock::FutureWitness => {
                Err(Plan::NotEvaluated("a witness program where witnesses are not yet active"))
            }
            Lock::ScriptHash(hash) if self.rules.p2sh => {
                let (plan, used) = self.script_hash(index, hash, output, unlocking);
                witness_used = used;
                plan
            }
            Lock::ScriptHash(_) => Err(Plan::NotEvaluated("a script hash in a block that BIP-16 does not hold for")),
            _ => {
                let stack = elements(unlocking)?;
                self.locked(index, &lock, locking, &stack, Version::Legacy)
            }
        };
        if self.rules.witness
            && !witness_used
            && !input.witness.is_empty()
            && !matches!(plan, Err(Plan::NotEvaluated(_)))
        {
            return Err(Plan::Invalid("a witness where the script asks for none"));
        }
        plan
    }

    /// BIP-16: the last push is a script of that hash. Says also whether the input's witness was looked at.
    fn script_hash(&mut self, index: usize, hash: &[u8], output: &TxOut, unlocking: &[u8]) -> (Planned, bool) {
        let stack = match elements(unlocking) {
            Ok(stack) => stack,
            Err(plan) => return (Err(plan), false),
        };
        let Some((redeem, stack)) = stack.split_last() else { return (Err(SHORT_STACK), false) };
        if hash160(redeem) != *hash {
            return (Err(Plan::Invalid("the redeem script has another hash")), false);
        }
        let lock = Lock::read(redeem);
        match lock {
            Lock::WitnessKeyHash(_) | Lock::WitnessScriptHash(_) | Lock::Taproot(_) | Lock::FutureWitness
                if self.rules.witness =>
            {
                // BIP-141: the unlocking script is the one push of the program.
                if unlocking.len() != redeem.len() + 1 || !stack.is_empty() {
                    return (
                        Err(Plan::Invalid("a wrapped witness program's unlocking script is more than its push")),
                        true,
                    );
                }
                let witness = &self.transaction.input[index].witness;
                (self.witness(index, &lock, output, witness, true), true)
            }
            _ => (self.locked(index, &lock, redeem, stack, Version::Legacy), false),
        }
    }

    /// BIP-141 and BIP-341: Core `VerifyWitnessProgram`.
    fn witness(&mut self, index: usize, lock: &Lock<'_>, output: &TxOut, witness: &Witness, wrapped: bool) -> Planned {
        let stack: Vec<&[u8]> = witness.iter().collect();
        let version = Version::SegwitV0 { value: output.value.to_sat() };
        match lock {
            Lock::WitnessKeyHash(hash) => {
                let [_, _] = stack[..] else { return Err(Plan::Invalid("the witness is not a signature and a key")) };
                sized_elements(&stack)?;
                let script = [&[0x76, 0xa9, 20], *hash, &[0x88, 0xac]].concat();
                self.locked(index, &Lock::KeyHash(hash), &script, &stack, version)
            }
            Lock::WitnessScriptHash(hash) => {
                let Some((script, stack)) = stack.split_last() else {
                    return Err(Plan::Invalid("the witness is empty"));
                };
                if sha256(script) != **hash {
                    return Err(Plan::Invalid("the witness script has another hash"));
                }
                if script.len() > SCRIPT_BYTES_MAX {
                    return Err(Plan::Invalid("the witness script is longer than 10,000 bytes"));
                }
                sized_elements(stack)?;
                let inner = Lock::read(script);
                // The script leaves exactly one element (Core `ExecuteWitnessScript`), so it must take all it is given.
                let wanted = match &inner {
                    Lock::Key(_) => 1,
                    Lock::KeyHash(_) => 2,
                    Lock::Multisig { needed, .. } => needed + 1,
                    _ => return Err(Plan::NotEvaluated("a witness script that is not covered")),
                };
                if stack.len() != wanted {
                    return Err(Plan::Invalid("the witness has more or fewer elements than its script takes"));
                }
                self.locked(index, &inner, script, stack, version)
            }
            // Taproot does not hold inside a script hash (BIP-341): any spend is accepted there.
            Lock::Taproot(key) if self.rules.taproot && !wrapped => self.taproot(index, key, &stack),
            _ => Err(Plan::NotEvaluated("a witness program that no rule is known for")),
        }
    }

    /// A script of a covered form with this stack, its last element on top.
    fn locked(&mut self, index: usize, lock: &Lock<'_>, script: &[u8], stack: &[&[u8]], version: Version) -> Planned {
        match (lock, stack) {
            (Lock::Key(key), [.., signature]) => Ok(Plan::Single(self.ecdsa(index, script, signature, key, version)?)),
            (Lock::KeyHash(hash), [.., signature, key]) => {
                if hash160(key) != **hash {
                    return Err(Plan::Invalid("the key has another hash"));
                }
                Ok(Plan::Single(self.ecdsa(index, script, signature, key, version)?))
            }
            (Lock::Multisig { needed, keys }, stack) if stack.len() > *needed => {
                let (rest, signatures) = stack.split_at(stack.len() - needed);
                if self.rules.null_dummy && !rest.last().is_some_and(|dummy| dummy.is_empty()) {
                    return Err(Plan::Invalid("the multisig's dummy is not empty"));
                }
                self.multisig(index, script, signatures, keys, version)
            }
            (Lock::Key(_) | Lock::KeyHash(_) | Lock::Multisig { .. }, _) => Err(SHORT_STACK),
            _ => Err(Plan::NotEvaluated("a locking script that is not covered")),
        }
    }

    /// Every pair that consensus may try: signature i matches one of keys i to i + (n - m), in order.
    fn multisig(
        &mut self,
        index: usize,
        script: &[u8],
        signatures: &[&[u8]],
        keys: &[&[u8]],
        version: Version,
    ) -> Planned {
        let mut code = std::borrow::Cow::Borrowed(script);
        if matches!(version, Version::Legacy) {
            // Core takes every signature out of the script before it checks the first.
            for signature in signatures {
                code = find_and_delete(&code, signature).into_owned().into();
            }
        }
        let spare = keys.len() - signatures.len();
        let mut first = None;
        for (i, signature) in signatures.iter().enumerate() {
            for key in &keys[i..=i + spare] {
                let claim = self.claim(index, &code, signature, key, version)?;
                first.get_or_insert(claim);
            }
        }
        let count = |n: usize| u8::try_from(n).expect("OP_16 is the most");
        let first = first.expect("at least one signature and key");
        Ok(Plan::Multisig { first, needed: count(signatures.len()), keys: count(keys.len()) })
    }

    fn ecdsa(
        &mut self,
        index: usize,
        script: &[u8],
        signature: &[u8],
        key: &[u8],
        version: Version,
    ) -> Result<Claim, Plan> {
        match version {
            Version::Legacy => self.claim(index, &find_and_delete(script, signature), signature, key, version),
            Version::SegwitV0 { .. } => self.claim(index, script, signature, key, version),
        }
    }

    /// One signature with its hash type byte, one key. Under BIP-66 a signature that is not strict DER fails the script at
    /// once, an empty one only its own check.
    fn claim(
        &mut self,
        index: usize,
        code: &[u8],
        signature: &[u8],
        key: &[u8],
        version: Version,
    ) -> Result<Claim, Plan> {
        let Some((hash_type, encoded)) = signature.split_last() else {
            return Ok(self.collector.refuse(ROW, &Parameters::default(), Reason::Signature));
        };
        // An integer of more than 32 bytes is strict DER and no
        // signature, and fails the script either way.
        let parsed = if self.rules.strict_der {
            Ok(der::strict(encoded).ok_or(Plan::Invalid("a signature is not strict DER"))?)
        } else {
            der::lax(encoded).ok_or(Reason::Signature)
        };
        let digest = match version {
            Version::Legacy => self.hasher.legacy(index, code, u32::from(*hash_type)),
            Version::SegwitV0 { value } => self.hasher.segwit_v0(index, code, value, *hash_type),
        };
        let parts = sec1::read(key).ok_or(Reason::Key).and_then(|(form, key)| Ok((form, key, parsed?)));
        let parts = parts.as_ref().map(|(form, key, signature)| (*form, &key[..], &signature[..])).map_err(|r| *r);
        Ok(self.collector.push_or_refuse(ROW, &Parameters::default(), parts, &digest))
    }

    /// BIP-341: the key path, and script paths whose tapscript is one key and OP_CHECKSIG.
    fn taproot(&mut self, index: usize, key: &[u8], stack: &[&[u8]]) -> Planned {
        let (stack, annex) = match stack {
            [stack @ .., annex @ [0x50, ..]] if !stack.is_empty() => (stack, Some(*annex)),
            _ => (stack, None),
        };
        match stack {
            [] => Err(Plan::Invalid("the witness is empty")),
            [signature] => self.schnorr(index, key, signature, annex, None),
            [stack @ .., script, control] => {
                let Some(version) = control.first().map(|byte| byte & 0xfe) else {
                    return Err(Plan::Invalid("the control block is empty"));
                };
                self.commitment(key, script, control, version)?;
                let ([signature], [32, leaf_key @ .., 0xac], 0xc0) = (stack, *script, version) else {
                    return Err(Plan::NotEvaluated("a tapscript that is not covered"));
                };
                if leaf_key.len() != 32 {
                    return Err(Plan::NotEvaluated("a tapscript that is not covered"));
                }
                if signature.len() > ELEMENT_BYTES_MAX {
                    return Err(Plan::Invalid("an element longer than 520 bytes"));
                }
                let leaf = Leaf { hash: leaf_hash(version, script) };
                self.schnorr(index, leaf_key, signature, annex, Some(&leaf))
            }
        }
    }

    /// BIP-341, script validation rules: the control block leads from the script to the output key.
    fn commitment(&self, key: &[u8], script: &[u8], control: &[u8], version: u8) -> Result<(), Plan> {
        if !(33..=33 + 32 * 128).contains(&control.len()) || control.len() % 32 != 1 {
            return Err(Plan::Invalid("the control block has a length that BIP-341 refuses"));
        }
        // The crate has no name for a few leaf versions that are not defined; their commitment is not looked at.
        if LeafVersion::from_consensus(version).is_err() {
            return Err(Plan::NotEvaluated("a leaf version that no rule is known for"));
        }
        let committed = ControlBlock::decode(control).ok().zip(XOnlyPublicKey::from_slice(key).ok()).is_some_and(
            |(control, key)| control.verify_taproot_commitment(self.curve, key, Script::from_bytes(script)),
        );
        if committed { Ok(()) } else { Err(Plan::Invalid("the output key does not commit to the script")) }
    }

    fn schnorr(
        &mut self,
        index: usize,
        key: &[u8],
        signature: &[u8],
        annex: Option<&[u8]>,
        leaf: Option<&Leaf>,
    ) -> Planned {
        let (signature, hash_type) = match signature.len() {
            64 => (signature, 0),
            // BIP-341: the explicit hash type of 65 bytes is not the default one.
            65 if signature[64] != 0 => (&signature[..64], signature[64]),
            _ => return Err(Plan::Invalid("a Schnorr signature of a length or hash type that BIP-341 refuses")),
        };
        let digest = self.hasher.taproot(index, self.spent, annex, leaf, hash_type).map_err(|error| match error {
            TaprootError::HashType => Plan::Invalid("a hash type that BIP-341 refuses"),
            TaprootError::NoOutput => Plan::Invalid("SIGHASH_SINGLE without an output"),
            TaprootError::UnknownOutputs => Plan::NotEvaluated("not all previous outputs of the transaction are given"),
        })?;
        let row = Row::SchnorrBip340;
        Ok(Plan::Single(self.collector.push(row, &Parameters::default(), 0, key, signature, &digest)))
    }
}

/// What an unlocking script leaves on the stack, each element at most 520 bytes.
fn elements(unlocking: &[u8]) -> Result<Vec<&[u8]>, Plan> {
    let stack = pushes(unlocking).ok_or(Plan::NotEvaluated("an unlocking script that is more than pushes"))?;
    sized_elements(&stack)?;
    Ok(stack)
}

fn sized_elements(stack: &[&[u8]]) -> Result<(), Plan> {
    if stack.iter().any(|element| element.len() > ELEMENT_BYTES_MAX) {
        return Err(Plan::Invalid("an element longer than 520 bytes"));
    }
    Ok(())
}

/// What consensus says once the verdicts are there.
pub(super) fn outcome(plan: &Plan, verdict: impl Fn(Claim) -> Verdict) -> Outcome {
    match plan {
        Plan::Invalid(why) => Outcome::invalid(*why),
        Plan::NotEvaluated(why) => Outcome::not_evaluated(*why),
        Plan::Single(claim) => verdict(*claim).into(),
        Plan::Multisig { first, needed, keys } => {
            multisig_outcome(usize::from(*needed), usize::from(*keys), |n| verdict(first.plus(n)))
        }
    }
}

/// Core `interpreter.cpp`, OP_CHECKMULTISIG: signatures and keys are walked once, both in order; a key that does not match
/// is passed over for good. Walking from either end accepts the same.
fn multisig_outcome(needed: usize, keys: usize, verdict: impl Fn(usize) -> Verdict) -> Outcome {
    let spare = keys - needed;
    let mut passed = 0;
    for signature in 0..needed {
        loop {
            if passed > spare {
                return Outcome::invalid(format!("signature {signature} matches none of the keys left"));
            }
            match verdict(signature * (spare + 1) + passed) {
                Verdict::Valid => break,
                Verdict::Invalid(_) => passed += 1,
                Verdict::NotEvaluated(cause) => return Outcome::not_evaluated(cause.name()),
            }
        }
    }
    Outcome::Valid
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which keys signature i was made with, `None` for one that matches none.
    fn walk(keys: usize, made_with: &[Option<usize>]) -> bool {
        let spare = keys - made_with.len();
        let verdict = |n: usize| match made_with[n / (spare + 1)] {
            Some(key) if key == n / (spare + 1) + n % (spare + 1) => Verdict::Valid,
            _ => Verdict::Invalid(Reason::Equation),
        };
        multisig_outcome(made_with.len(), keys, verdict) == Outcome::Valid
    }

    #[test]
    fn multisig_is_walked_in_order() {
        assert!(walk(3, &[Some(0), Some(1)]));
        assert!(walk(3, &[Some(0), Some(2)]));
        assert!(walk(3, &[Some(1), Some(2)]));
        assert!(!walk(3, &[Some(1), Some(0)]), "out of order");
        assert!(!walk(3, &[Some(1), Some(1)]), "one key twice");
        assert!(!walk(3, &[Some(0), None]));
        assert!(walk(1, &[Some(0)]));
        assert!(walk(16, &[Some(15)]));
        let unknown = |_| Verdict::NotEvaluated(assay_scheme::Cause::Stopped);
        assert!(matches!(multisig_outcome(2, 3, unknown), Outcome::NotEvaluated(_)));
    }
}
