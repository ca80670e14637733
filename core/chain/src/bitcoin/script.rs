//! Locking scripts of the forms that are covered, pushes of unlocking scripts, and the two edits that legacy signature
//! hashes make to a script.

/// Elements longer than this make a script fail (Core `script.h`, `MAX_SCRIPT_ELEMENT_SIZE`).
pub const ELEMENT_BYTES_MAX: usize = 520;
/// Scripts longer than this fail (Core `script.h`, `MAX_SCRIPT_SIZE`).
pub const SCRIPT_BYTES_MAX: usize = 10_000;

const OP_PUSHDATA1: u8 = 0x4c;
const OP_PUSHDATA2: u8 = 0x4d;
const OP_PUSHDATA4: u8 = 0x4e;
const OP_1NEGATE: u8 = 0x4f;
const OP_1: u8 = 0x51;
const OP_16: u8 = 0x60;
const OP_CODESEPARATOR: u8 = 0xab;
const OP_CHECKSIG: u8 = 0xac;
const OP_CHECKMULTISIG: u8 = 0xae;

/// What a locking (or redeem, or witness) script asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lock<'a> {
    /// A signature of this key.
    Key(&'a [u8]),
    /// A key of this hash, and its signature.
    KeyHash(&'a [u8]),
    /// A script of this hash, and what it asks for (BIP-16).
    ScriptHash(&'a [u8]),
    /// Version 0, 20 bytes (BIP-141).
    WitnessKeyHash(&'a [u8]),
    /// Version 0, 32 bytes (BIP-141).
    WitnessScriptHash(&'a [u8]),
    /// Version 1, 32 bytes (BIP-341).
    Taproot(&'a [u8]),
    /// Signatures of `needed` of these keys, in their order.
    Multisig {
        /// Signatures asked for, 1 to 16.
        needed: usize,
        /// 1 to 16 keys, each 33 or 65 bytes.
        keys: Vec<&'a [u8]>,
    },
    /// A witness program of a version or length that no rule says anything about yet.
    FutureWitness,
    /// Anything else.
    Other,
}

impl<'a> Lock<'a> {
    /// Reads a script as one of the covered forms, each exactly as its standard writes it.
    #[must_use]
    pub fn read(script: &'a [u8]) -> Self {
        match script {
            [0x76, 0xa9, 20, hash @ .., 0x88, OP_CHECKSIG] if hash.len() == 20 => Self::KeyHash(hash),
            [0xa9, 20, hash @ .., 0x87] if hash.len() == 20 => Self::ScriptHash(hash),
            [0, 20, program @ ..] if program.len() == 20 => Self::WitnessKeyHash(program),
            [0, 32, program @ ..] if program.len() == 32 => Self::WitnessScriptHash(program),
            [OP_1, 32, program @ ..] if program.len() == 32 => Self::Taproot(program),
            // BIP-141: a version's opcode and one direct push of 2 to 40 bytes, nothing else.
            [0 | OP_1..=OP_16, len @ 2..=40, program @ ..] if program.len() == usize::from(*len) => Self::FutureWitness,
            [33, key @ .., OP_CHECKSIG] if key.len() == 33 => Self::Key(key),
            [65, key @ .., OP_CHECKSIG] if key.len() == 65 => Self::Key(key),
            [needed @ OP_1..=OP_16, keys @ .., count @ OP_1..=OP_16, OP_CHECKMULTISIG] => {
                multisig(usize::from(needed - OP_1) + 1, keys, usize::from(count - OP_1) + 1)
            }
            _ => Self::Other,
        }
    }
}

fn multisig(needed: usize, mut pushes: &[u8], count: usize) -> Lock<'_> {
    let mut keys = Vec::with_capacity(count);
    while let [len @ (33 | 65), rest @ ..] = pushes {
        let Some((key, rest)) = rest.split_at_checked(usize::from(*len)) else { return Lock::Other };
        keys.push(key);
        pushes = rest;
    }
    if pushes.is_empty() && keys.len() == count && needed <= count {
        Lock::Multisig { needed, keys }
    } else {
        Lock::Other
    }
}

/// One operation of a script: its opcode, what it pushes, and where it ends.
struct Operation<'a> {
    opcode: u8,
    data: &'a [u8],
    end: usize,
}

/// The operation at `at`; `None` when the script ends within it, as Core's `GetScriptOp` fails.
fn operation(script: &[u8], at: usize) -> Option<Operation<'_>> {
    let opcode = *script.get(at)?;
    let prefix = |width: usize| -> Option<usize> {
        let mut length = [0; 4];
        length[..width].copy_from_slice(script.get(at + 1..at + 1 + width)?);
        usize::try_from(u32::from_le_bytes(length)).ok()
    };
    let (start, len) = match opcode {
        0..OP_PUSHDATA1 => (at + 1, usize::from(opcode)),
        OP_PUSHDATA1 => (at + 2, prefix(1)?),
        OP_PUSHDATA2 => (at + 3, prefix(2)?),
        OP_PUSHDATA4 => (at + 5, prefix(4)?),
        _ => (at + 1, 0),
    };
    let end = start.checked_add(len)?;
    Some(Operation { opcode, data: script.get(start..end)?, end })
}

/// The bytes that OP_1NEGATE and OP_1 to OP_16 push, one each: 0x81, 1, ..., 16.
static SMALL: [u8; 17] = [0x81, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/// What a script of pushes alone leaves on the stack; `None` for a script that does more, or ends within a push.
#[must_use]
pub fn pushes(script: &[u8]) -> Option<Vec<&[u8]>> {
    let mut stack = Vec::new();
    let mut at = 0;
    while at < script.len() {
        let operation = operation(script, at)?;
        stack.push(match operation.opcode {
            0..=OP_PUSHDATA4 => operation.data,
            OP_1NEGATE => &SMALL[..1],
            OP_1..=OP_16 => {
                let value = usize::from(operation.opcode - OP_1) + 1;
                &SMALL[value..=value]
            }
            _ => return None,
        });
        at = operation.end;
    }
    Some(stack)
}

/// A script without its OP_CODESEPARATORs, as the legacy signature hash serialises it (Core `interpreter.cpp`,
/// `CTransactionSignatureSerializer::SerializeScriptCode`). Bytes after a broken push stay as they are.
#[must_use]
pub fn without_code_separators(script: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if !script.contains(&OP_CODESEPARATOR) {
        return script.into();
    }
    let mut kept = Vec::with_capacity(script.len());
    let mut at = 0;
    while let Some(operation) = operation(script, at) {
        if operation.opcode != OP_CODESEPARATOR {
            kept.extend_from_slice(&script[at..operation.end]);
        }
        at = operation.end;
    }
    kept.extend_from_slice(&script[at..]);
    kept.into()
}

/// A script without the pushes of this signature (Core `interpreter.cpp`, `FindAndDelete`): legacy scripts alone. The
/// signature is looked for as a whole push at each operation's start.
#[must_use]
pub fn find_and_delete<'a>(script: &'a [u8], signature: &[u8]) -> std::borrow::Cow<'a, [u8]> {
    let mut needle = match signature.len() {
        len @ 0..0x4c => vec![u8::try_from(len).expect("below 0x4c")],
        len @ 0x4c..=0xff => vec![OP_PUSHDATA1, u8::try_from(len).expect("one byte")],
        len @ 0x100..=0xffff => [&[OP_PUSHDATA2][..], &u16::try_from(len).expect("two bytes").to_le_bytes()].concat(),
        // Longer than an element may be, let alone a script.
        _ => return script.into(),
    };
    needle.extend_from_slice(signature);
    if needle.len() > script.len() || !script.windows(needle.len()).any(|window| window == needle) {
        return script.into();
    }
    let mut kept = Vec::with_capacity(script.len());
    let mut at = 0;
    loop {
        while script[at..].starts_with(&needle) {
            at += needle.len();
        }
        match operation(script, at) {
            Some(operation) => {
                kept.extend_from_slice(&script[at..operation.end]);
                at = operation.end;
            }
            None => break,
        }
    }
    kept.extend_from_slice(&script[at..]);
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hexed(text: &str) -> Vec<u8> {
        hex::decode(text).expect("hex")
    }

    #[test]
    fn each_form_is_read_exactly() {
        let key = "02".to_owned() + &"11".repeat(32);
        let is = |text: &str, test: fn(&Lock<'_>) -> bool| assert!(test(&Lock::read(&hexed(text))), "{text}");
        let hash = "22".repeat(20);
        is(&format!("76a914{hash}88ac"), |l| matches!(l, Lock::KeyHash(h) if h.len() == 20));
        is(&format!("76a914{hash}88ac00"), |l| *l == Lock::Other);
        is(&format!("a914{hash}87"), |l| matches!(l, Lock::ScriptHash(_)));
        is(&format!("0014{hash}"), |l| matches!(l, Lock::WitnessKeyHash(_)));
        is(&format!("0020{}", "33".repeat(32)), |l| matches!(l, Lock::WitnessScriptHash(_)));
        is(&format!("5120{}", "33".repeat(32)), |l| matches!(l, Lock::Taproot(_)));
        is(&format!("5114{hash}"), |l| *l == Lock::FutureWitness);
        is("51024e73", |l| *l == Lock::FutureWitness);
        is(&format!("21{key}ac"), |l| matches!(l, Lock::Key(k) if k.len() == 33));
        is(&format!("5121{key}21{key}52ae"), |l| matches!(l, Lock::Multisig { needed: 1, keys } if keys.len() == 2));
        is(&format!("5221{key}51ae"), |l| *l == Lock::Other);
        is(&format!("5121{key}52ae"), |l| *l == Lock::Other);
        is("51ae", |l| *l == Lock::Other);
        is("", |l| *l == Lock::Other);
    }

    #[test]
    fn pushes_of_every_width() {
        let script =
            [hexed("00024142"), hexed("4c0143"), hexed("4d010044"), hexed("4e0100000045"), hexed("4f5160")].concat();
        let expected: Vec<&[u8]> = vec![b"", b"AB", b"C", b"D", b"E", &[0x81], &[1], &[16]];
        assert_eq!(pushes(&script), Some(expected));
        assert_eq!(pushes(&hexed("50")), None, "reserved");
        assert_eq!(pushes(&hexed("0341")), None, "cut");
        assert_eq!(pushes(&hexed("4effffffff")), None, "4 GiB");
    }

    #[test]
    fn code_separators_go_and_data_that_looks_like_them_stays() {
        assert_eq!(*without_code_separators(&hexed("ab51ab02ababab")), *hexed("5102abab"));
        assert_eq!(*without_code_separators(&hexed("ab05ab")), *hexed("05ab"), "a broken push");
    }

    /// Core `src/test/script_tests.cpp`, `script_FindAndDelete`, those whose needle is a whole push.
    #[test]
    fn find_and_delete_as_core_does() {
        assert_eq!(*find_and_delete(&hexed("0302ff03"), &hexed("02ff03")), *hexed(""));
        assert_eq!(*find_and_delete(&hexed("0302ff030302ff03"), &hexed("02ff03")), *hexed(""));
        assert_eq!(*find_and_delete(&hexed("0302ff03"), &hexed("feed")), *hexed("0302ff03"));
        // Only at an operation's start: the second byte sequence lies within data.
        assert_eq!(*find_and_delete(&hexed("030201ab"), &hexed("01ab")), *hexed("030201ab"));
    }
}
