//! Neo's witness scripts: a verification script into the keys it asks for, an invocation script into the signatures it brings.
//!
//! Only the two standard forms are read (Neo `SmartContract/Helper.cs`, `IsSignatureContract`, `IsMultiSigContract`); any other
//! script is a program for the virtual machine and is not evaluated here.

/// Which virtual machine the bytes are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Neo N3.
    N3,
    /// Neo 2.
    Legacy,
}

/// Keys that a multisig script may hold (`Helper.cs`: n up to 1,024). A script of [`SCRIPT_BYTES_MAX`] holds fewer.
const KEYS_MAX: usize = 1_024;
/// Bytes of either script (`Witness.cs`: 1,024 in N3; Neo 2 allows 65,536). It bounds the claims of a witness: 15 of 29 keys
/// make 225 in N3; see also `CLAIMS_MAX` in the profile.
pub const SCRIPT_BYTES_MAX: usize = 1_024;
/// The same in Neo 2 (`Witness.cs`, `ReadVarBytes(65536)`).
pub const LEGACY_SCRIPT_BYTES_MAX: usize = 65_536;
/// A compressed point.
const KEY: usize = 33;

/// The first four bytes of SHA-256 over the interop's name, as N3 writes a system call.
const CHECK_SIG: [u8; 4] = [0x56, 0xe7, 0xb3, 0x27];
const CHECK_MULTISIG: [u8; 4] = [0x9e, 0xd0, 0xdc, 0x3a];

/// What a standard verification script asks for: `needed` signatures by keys of this list, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract<'a> {
    /// How many signatures.
    pub needed: usize,
    /// The keys, each of 33 bytes.
    pub keys: Vec<&'a [u8]>,
}

/// Takes one pushed number off the script. N3: PUSHINT8, PUSHINT16, PUSH1 to PUSH16; Neo 2: PUSHBYTES1, PUSHBYTES2, PUSH1 to
/// PUSH16.
fn number(script: &mut &[u8], dialect: Dialect) -> Option<usize> {
    let (value, rest) = match (dialect, *script) {
        (Dialect::N3, [0x00, value @ 0..0x80, rest @ ..]) | (Dialect::Legacy, [0x01, value @ 0..0x80, rest @ ..]) => {
            (usize::from(*value), rest)
        }
        (Dialect::N3, [0x01, low, high @ 0..0x80, rest @ ..])
        | (Dialect::Legacy, [0x02, low, high @ 0..0x80, rest @ ..]) => {
            (usize::from(u16::from_le_bytes([*low, *high])), rest)
        }
        (Dialect::N3, [value @ 0x11..=0x20, rest @ ..]) => (usize::from(value - 0x10), rest),
        (Dialect::Legacy, [value @ 0x51..=0x60, rest @ ..]) => (usize::from(value - 0x50), rest),
        _ => return None,
    };
    *script = rest;
    Some(value)
}

/// Takes one pushed key off the script: PUSHDATA1 33 in N3, PUSHBYTES33 in Neo 2.
fn key<'a>(script: &mut &'a [u8], dialect: Dialect) -> Option<&'a [u8]> {
    let rest = match (dialect, *script) {
        (Dialect::N3, [0x0c, 33, rest @ ..]) | (Dialect::Legacy, [33, rest @ ..]) => rest,
        _ => return None,
    };
    let (key, rest) = rest.split_at_checked(KEY)?;
    *script = rest;
    Some(key)
}

/// Whether what is left of the script is the one system call.
fn calls(script: &[u8], dialect: Dialect, n3: [u8; 4], legacy: u8) -> bool {
    match dialect {
        Dialect::N3 => script.strip_prefix(&[0x41]) == Some(&n3),
        Dialect::Legacy => script == [legacy],
    }
}

/// Reads a verification script; `None` when it is neither a signature nor a multisig contract.
#[must_use]
pub fn contract(script: &[u8], dialect: Dialect) -> Option<Contract<'_>> {
    let mut rest = script;
    if let Some(one) = key(&mut rest, dialect) {
        return calls(rest, dialect, CHECK_SIG, 0xac).then(|| Contract { needed: 1, keys: vec![one] });
    }
    let needed = number(&mut rest, dialect)?;
    let mut keys = Vec::new();
    while let Some(one) = key(&mut rest, dialect) {
        if keys.len() == KEYS_MAX {
            return None;
        }
        keys.push(one);
    }
    let counted = number(&mut rest, dialect)?;
    let standard = counted == keys.len() && (1..=keys.len()).contains(&needed);
    (standard && calls(rest, dialect, CHECK_MULTISIG, 0xae)).then_some(Contract { needed, keys })
}

/// Reads an invocation script as pushes and nothing else; `None` when it is another program. What is pushed need not be of a
/// signature's length: that is for the witness's outcome to say.
#[must_use]
pub fn pushes(script: &[u8], dialect: Dialect) -> Option<Vec<&[u8]>> {
    let mut rest = script;
    let mut pushed = Vec::new();
    while !rest.is_empty() {
        let (len, after) = match (dialect, rest) {
            (Dialect::N3, [0x0c, len, after @ ..]) => (usize::from(*len), after),
            (Dialect::Legacy, [len @ 1..=75, after @ ..]) => (usize::from(*len), after),
            _ => return None,
        };
        let (data, after) = after.split_at_checked(len)?;
        pushed.push(data);
        rest = after;
    }
    Some(pushed)
}

/// The verification script of `needed` out of these keys, in this order, as a committee's is made (`Contract.cs`,
/// `CreateMultiSigRedeemScript`, which sorts them by coordinates first).
#[must_use]
pub fn multisig(needed: usize, keys: &[[u8; KEY]], dialect: Dialect) -> Vec<u8> {
    let mut script = Vec::with_capacity(keys.len() * 35 + 16);
    let push = |script: &mut Vec<u8>, value: usize| match (dialect, value) {
        (Dialect::N3, 1..=16) => script.push(0x10 + value as u8),
        (Dialect::Legacy, 1..=16) => script.push(0x50 + value as u8),
        (Dialect::N3, 17..=127) => script.extend([0x00, value as u8]),
        (Dialect::Legacy, 17..=127) => script.extend([0x01, value as u8]),
        (Dialect::N3, _) => script.extend([0x01, value as u8, (value >> 8) as u8]),
        (Dialect::Legacy, _) => script.extend([0x02, value as u8, (value >> 8) as u8]),
    };
    push(&mut script, needed);
    for key in keys {
        match dialect {
            Dialect::N3 => script.extend([0x0c, 33]),
            Dialect::Legacy => script.push(33),
        }
        script.extend_from_slice(key);
    }
    push(&mut script, keys.len());
    match dialect {
        Dialect::N3 => {
            script.push(0x41);
            script.extend(CHECK_MULTISIG);
        }
        Dialect::Legacy => script.push(0xae),
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::sha256;

    #[test]
    fn system_calls_are_named_by_their_hash() {
        assert_eq!(sha256(b"System.Crypto.CheckSig")[..4], CHECK_SIG);
        assert_eq!(sha256(b"System.Crypto.CheckMultisig")[..4], CHECK_MULTISIG);
    }

    #[test]
    fn what_is_made_is_read_at_every_width_of_a_number() {
        let keys: Vec<[u8; 33]> = (0..200).map(|i| [i; 33]).collect();
        for dialect in [Dialect::N3, Dialect::Legacy] {
            for (needed, count) in [(1, 1), (3, 4), (16, 16), (15, 29), (17, 127), (17, 128), (128, 200)] {
                let script = multisig(needed, &keys[..count], dialect);
                let read = contract(&script, dialect).expect("its own form");
                assert_eq!((read.needed, read.keys.len()), (needed, count));
                assert!(read.keys.iter().zip(&keys).all(|(read, key)| *read == key));
                for len in 0..script.len() {
                    assert_eq!(contract(&script[..len], dialect), None, "cut at {len}");
                }
                let mut longer = script.clone();
                longer.push(0);
                assert_eq!(contract(&longer, dialect), None);
            }
            for (needed, count) in [(0, 1), (2, 1), (1, 0)] {
                let script = multisig(needed, &keys[..count], dialect);
                assert_eq!(contract(&script, dialect), None, "{needed} of {count}");
            }
        }
        assert_eq!(contract(&multisig(3, &keys[..4], Dialect::N3), Dialect::Legacy), None);
    }

    #[test]
    fn pushes_are_read_and_programs_are_not() {
        let pushed = [&[0x0c, 2, 7, 8][..], &[0x0c, 0]].concat();
        assert_eq!(pushes(&pushed, Dialect::N3), Some(vec![&[7, 8][..], &[]]));
        assert_eq!(pushes(&[2, 7, 8, 1, 9], Dialect::Legacy), Some(vec![&[7, 8][..], &[9]]));
        assert_eq!(pushes(&[0x0c, 3, 7, 8], Dialect::N3), None, "cut");
        assert_eq!(pushes(&[0x11], Dialect::N3), None, "a number");
        assert_eq!(pushes(&[0x51], Dialect::Legacy), None);
        assert_eq!(pushes(&[], Dialect::N3), Some(Vec::new()));
    }
}
