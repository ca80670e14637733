//! A proof as one JSON object: of a leaf's place, of what a trie holds at a key, or of one tree grown out of another.

use assay_chain::{Claim, Collector};
use assay_core::merkle::prove::Proof;
use assay_scheme::{Hash, Kind, Operation, Parameters, Row};
use serde::{Deserialize, Serialize};

/// A line. Which fields it has depends on its rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// The row of proofs, by its name.
    rule: String,
    hash: String,
    root: String,
    /// The leaf's place, and how many leaves there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaves: Option<u64>,
    /// The leaf; of a trie the value, empty where the trie holds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaf: Option<String>,
    /// Of a trie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Of the older tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    older_root: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    older_leaves: Option<u64>,
    /// Nodes from the leaf up; of a trie from the root down.
    path: Vec<String>,
}

/// What kind of proof a row takes.
enum Form {
    Place,
    Trie,
    Growth,
}

fn form(row: Row) -> Option<Form> {
    match row {
        Row::MerkleRfc6962Consistency => Some(Form::Growth),
        Row::MerklePatriciaProof => Some(Form::Trie),
        row if row.operation().kind == Kind::Merkle && row.operation().values.is_empty() => Some(Form::Place),
        _ => None,
    }
}

fn number(position: &[u8], at: usize) -> Option<u64> {
    position.get(8 * at..8 * at + 8).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
}

impl Line {
    /// A proof that was made here.
    pub(super) fn of(proof: &Proof, hash: Hash) -> Self {
        let hexed = |bytes: &[Vec<u8>]| bytes.iter().map(hex::encode).collect();
        let mut line = Self {
            rule: proof.row.operation().name.to_owned(),
            hash: hash.name().to_owned(),
            root: hex::encode(&proof.key),
            ..Self::default()
        };
        match form(proof.row).expect("proofs are made for rows of proofs") {
            Form::Place => {
                (line.index, line.leaves) = (number(&proof.signature, 0), number(&proof.signature, 1));
                line.leaf = proof.entries.first().map(hex::encode);
                line.path = hexed(&proof.entries[1..]);
            }
            Form::Trie => {
                line.key = proof.entries.first().map(hex::encode);
                line.leaf = proof.entries.get(1).map(hex::encode);
                line.path = hexed(&proof.entries[2..]);
            }
            Form::Growth => {
                let (older, newer) = proof.key.split_at(32);
                (line.older_root, line.root) = (Some(hex::encode(older)), hex::encode(newer));
                (line.older_leaves, line.leaves) = (number(&proof.signature, 0), number(&proof.signature, 1));
                line.path = hexed(&proof.entries);
            }
        }
        line
    }

    /// The line itself.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("text and numbers")
    }

    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| error.to_string())
    }

    /// Claims the proof.
    ///
    /// # Errors
    /// Which field is missing or wrong; a proof whose bytes alone are wrong is a claim that is invalid.
    pub(super) fn claim(&self, collector: &mut Collector<'_>) -> Result<Claim, String> {
        let operation = Operation::from_name(&self.rule).ok_or_else(|| format!("{:?} is no rule", self.rule))?;
        let form = form(operation.row).ok_or_else(|| format!("{} is no rule of proofs", self.rule))?;
        let hash = Hash::from_name(&self.hash).ok_or_else(|| format!("{:?} is no hash", self.hash))?;
        let parameters = Parameters::hashed(hash);
        parameters.check(operation).map_err(|error| format!("{}: {error}", self.rule))?;
        let text = |name: &str, field: &Option<String>| match field {
            Some(text) => unhexed(name, text),
            None => Err(format!("{name} is missing")),
        };
        let count = |name: &str, field: Option<u64>| field.ok_or_else(|| format!("{name} is missing"));
        let path = self.path.iter().map(|node| unhexed("path", node)).collect::<Result<Vec<_>, _>>()?;
        let position = |a: u64, b: u64| [a.to_le_bytes(), b.to_le_bytes()].concat();
        let (key, signature, first) = match form {
            Form::Place => {
                let position = position(count("index", self.index)?, count("leaves", self.leaves)?);
                (unhexed("root", &self.root)?, position, vec![text("leaf", &self.leaf)?])
            }
            Form::Trie => {
                let first = vec![text("key", &self.key)?, text("leaf", &self.leaf)?];
                (unhexed("root", &self.root)?, Vec::new(), first)
            }
            Form::Growth => {
                let older = text("older_root", &self.older_root)?;
                let position = position(count("older_leaves", self.older_leaves)?, count("leaves", self.leaves)?);
                ([older, unhexed("root", &self.root)?].concat(), position, Vec::new())
            }
        };
        if key.len() != operation.key_len {
            return Err("a root is not 32 bytes".to_owned());
        }
        let entries: Vec<&[u8]> = first.iter().chain(&path).map(Vec::as_slice).collect();
        Ok(collector.push_group(operation.row, &parameters, &[&key], &signature, &entries))
    }
}

fn unhexed(name: &str, text: &str) -> Result<Vec<u8>, String> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|error| format!("{name}: {error}"))
}
