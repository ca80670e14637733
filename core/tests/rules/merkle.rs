//! Roots under each rule: real trees, published ones, and each rule written out a second time as its source states it.

use assay_core::merkle::{Inputs, Trees};
use assay_core::reference::hash;
use assay_scheme::{Hash, Reason, Row, Verdict};

use crate::harness::{Batch, MESSAGE, from_base64, unhex};
use crate::vectors;

/// The roots of these trees.
fn roots<T: AsRef<[u8]>>(row: Row, hash: Hash, trees: &[Vec<T>]) -> Vec<Result<Vec<u8>, Verdict>> {
    let mut batch = Batch::new(row).hash(hash);
    for tree in trees {
        let leaves: Vec<&[u8]> = tree.iter().map(AsRef::as_ref).collect();
        batch.push_group(&[], &[], &leaves);
    }
    batch.values()
}

fn root<T: AsRef<[u8]> + Clone>(row: Row, hash: Hash, leaves: &[T]) -> Result<Vec<u8>, Verdict> {
    roots(row, hash, &[leaves.to_vec()]).remove(0)
}

/// Leaves of 32 bytes that differ.
fn hashes(count: usize) -> Vec<[u8; 32]> {
    (0..count).map(|i| hash(Hash::Sha256, &i.to_le_bytes())).collect()
}

/// Leaves of 0 to 80 bytes.
fn values(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|i| hash(Hash::Sha256, &i.to_le_bytes()).repeat(3)[..i * 7 % 81].to_vec()).collect()
}

/// Takes bytes off a raw block.
struct Block<'a>(&'a [u8]);

impl<'a> Block<'a> {
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }

    /// A number of `len` bytes, little-endian.
    fn number(&mut self, len: usize) -> usize {
        self.take(len).iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
    }

    /// Bitcoin's CompactSize.
    fn count(&mut self) -> usize {
        match self.number(1) {
            0xfd => self.number(2),
            0xfe => self.number(4),
            0xff => self.number(8),
            small => small,
        }
    }

    fn script(&mut self) {
        let len = self.count();
        self.take(len);
    }

    /// A transaction's bytes, of the form before segregated witness.
    fn transaction(&mut self) -> &'a [u8] {
        let start = self.0;
        self.take(4);
        for _ in 0..self.count() {
            self.take(36);
            self.script();
            self.take(4);
        }
        for _ in 0..self.count() {
            self.take(8);
            self.script();
        }
        self.take(4);
        &start[..start.len() - self.0.len()]
    }

    /// A header's root, and the ids of the block's transactions.
    fn tree(&mut self) -> (Vec<u8>, Vec<[u8; 32]>) {
        let root = self.take(80)[36..68].to_vec();
        let ids = (0..self.count()).map(|_| hash(Hash::Sha256d, self.transaction())).collect();
        (root, ids)
    }
}

/// A raw block's root and the ids of its transactions.
pub(crate) fn block_tree(block: &[u8]) -> (Vec<u8>, Vec<[u8; 32]>) {
    Block(block).tree()
}

/// The headers of Bitcoin's first blocks.
pub(crate) fn first_headers() -> Vec<Vec<u8>> {
    first_blocks(&vectors::BITCOIN_FIRST_BLOCKS.bytes()).into_iter().map(|block| block[..80].to_vec()).collect()
}

fn first_blocks(file: &[u8]) -> Vec<&[u8]> {
    let mut blocks = Vec::new();
    let mut rest = Block(file);
    // The file is the first 100 kB of a longer one, so its last block is cut.
    while rest.0.len() > 8 {
        assert_eq!(rest.take(4), [0xf9, 0xbe, 0xb4, 0xd9]);
        let len = rest.number(4);
        if len > rest.0.len() {
            break;
        }
        blocks.push(rest.take(len));
    }
    blocks
}

#[test]
fn bitcoin_blocks() {
    let file = vectors::BITCOIN_FIRST_BLOCKS.bytes();
    let mut blocks: Vec<_> = first_blocks(&file).into_iter().map(block_tree).collect();
    assert_eq!(blocks.len(), 439);
    let file = vectors::BITCOIN_BLOCK_227835.bytes();
    let block = Block(&file).tree();
    assert_eq!(block.1.len(), 122);
    blocks.push(block);
    let trees: Vec<_> = blocks.iter().map(|(_, ids)| ids.clone()).collect();
    for (found, (root, ids)) in roots(Row::MerkleDuplicateLast, Hash::Sha256d, &trees).into_iter().zip(&blocks) {
        assert_eq!(found.as_ref(), Ok(root), "{} transactions", ids.len());
    }
}

/// One item of an RLP list off the front: its payload, whether it is a list, and its bytes as they stand.
fn rlp_item<'a>(list: &mut &'a [u8]) -> (&'a [u8], bool, &'a [u8]) {
    let whole = *list;
    let first = usize::from(whole[0]);
    let (start, len) = match first {
        0..0x80 => (0, 1),
        0x80..0xb8 => (1, first - 0x80),
        0xc0..0xf8 => (1, first - 0xc0),
        _ => {
            let of_length = first - if first < 0xc0 { 0xb7 } else { 0xf7 };
            let len = whole[1..=of_length].iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
            (1 + of_length, len)
        }
    };
    *list = &whole[start + len..];
    (&whole[start..start + len], first >= 0xc0, &whole[..start + len])
}

fn rlp_items(mut list: &[u8]) -> Vec<(&[u8], bool, &[u8])> {
    let mut items = Vec::new();
    while !list.is_empty() {
        items.push(rlp_item(&mut list));
    }
    items
}

/// The JSON files of a tar archive.
fn tar_json(mut archive: &[u8]) -> Vec<(String, serde_json::Value)> {
    let mut found = Vec::new();
    while archive.len() > 512 && archive[0] != 0 {
        let (header, rest) = archive.split_at(512);
        let text = |range: std::ops::Range<usize>| {
            String::from_utf8_lossy(&header[range]).trim_matches(['\0', ' ']).to_owned()
        };
        let len = usize::from_str_radix(&text(124..136), 8).expect("a size in octal");
        let name = text(0..100);
        if name.ends_with(".json") {
            found.push((name, serde_json::from_slice(&rest[..len]).expect("JSON")));
        }
        archive = &rest[len.next_multiple_of(512)..];
    }
    found
}

/// ethereum/tests: the transactions' and withdrawals' roots in each valid block's header, legacy and typed transactions.
#[test]
fn ethereum_blocks() {
    let (mut transactions, mut most) = (0, 0);
    for (file, tests) in tar_json(&vectors::ETHEREUM_BLOCKS.gunzip()) {
        for (name, test) in tests.as_object().expect("tests by name") {
            for block in test["blocks"].as_array().expect("blocks") {
                // A block with a header spelt out is a valid one.
                let Some(header) = block.get("blockHeader") else { continue };
                let rlp = unhex(block["rlp"].as_str().expect("hex").trim_start_matches("0x"));
                let parts = rlp_items(rlp_items(&rlp)[0].0);
                let trees = [(1, "transactionsTrie"), (3, "withdrawalsRoot")];
                for (part, field) in trees.into_iter().filter(|(part, _)| *part < parts.len()) {
                    // A typed transaction stands in the list as a string, whose payload is the leaf.
                    let leaves: Vec<_> = rlp_items(parts[part].0)
                        .into_iter()
                        .map(|(payload, list, whole)| if list { whole } else { payload })
                        .collect();
                    let expected = unhex(header[field].as_str().expect("hex").trim_start_matches("0x"));
                    let found = root(Row::MerklePatricia, Hash::Keccak256, &leaves);
                    assert_eq!(found, Ok(expected), "{file} {name} {field}");
                    most = most.max(leaves.len());
                    transactions += leaves.len();
                }
            }
        }
    }
    assert!(transactions > 40 && most == 14, "{transactions} {most}");
}

/// The tree of certificate transparency's own tests.
#[test]
fn certificate_transparency() {
    let leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let leaves = leaves.map(unhex);
    let expected = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    for (count, expected) in expected.into_iter().enumerate() {
        assert_eq!(root(Row::MerkleRfc6962, Hash::Sha256, &leaves[..count]), Ok(unhex(expected)), "{count} leaves");
    }
}

/// Celestia's validator sets: the header's validators hash is the root over each validator's protobuf (CometBFT
/// types/validator_set.go, `Hash`).
#[test]
fn cometbft_validator_sets() {
    let blocks = [
        (vectors::COMETBFT_10000, 2),
        (vectors::COMETBFT_10500, 3),
        (vectors::COMETBFT_11000, 8),
        (vectors::COMETBFT_15000, 34),
        (vectors::COMETBFT_50000, 100),
    ];
    for (file, validators) in blocks {
        let block = &file.json()["result"];
        let set = block["validator_set"]["validators"].as_array().expect("a list").clone();
        assert_eq!(set.len(), validators);
        let leaves: Vec<Vec<u8>> = set
            .iter()
            .map(|validator| {
                let key = from_base64(validator["pub_key"]["value"].as_str().expect("base64"));
                let mut power: u64 =
                    validator["voting_power"].as_str().and_then(|power| power.parse().ok()).expect("a number");
                // SimpleValidator { PublicKey { ed25519 }, voting_power }.
                let mut leaf = [&[0x0a, 0x22, 0x0a, 0x20], &key[..], &[0x10]].concat();
                while power >= 0x80 {
                    leaf.push(power as u8 | 0x80);
                    power >>= 7;
                }
                leaf.push(power as u8);
                leaf
            })
            .collect();
        let expected = unhex(block["header"]["validators_hash"].as_str().expect("hex"));
        assert_eq!(root(Row::MerkleRfc6962, Hash::Sha256, &leaves), Ok(expected), "{validators} validators");
    }
}

/// A real path: each node's children hash to one of the next node's children, a lone child too.
#[test]
fn fisco_v3_path() {
    let proof = vectors::FISCO_V3_PROOF.json();
    let hex32 = |value: &serde_json::Value| unhex(value.as_str().expect("hex"));
    let mut node = hex32(&proof["transaction"]);
    let levels = proof["levels"].as_array().expect("levels");
    for level in levels {
        let children: Vec<_> = level.as_array().expect("children").iter().map(hex32).collect();
        assert!(children.contains(&node));
        node = match children.as_slice() {
            [lone] => hash(Hash::Keccak256, lone).to_vec(),
            pair => root(Row::MerkleFiscoV3, Hash::Keccak256, pair).expect("a root"),
        };
    }
    assert_eq!(node, hex32(&proof["root"]));
    assert!(levels.iter().any(|level| level.as_array().is_some_and(|children| children.len() == 1)));
}

/// The rules as their sources put them, recursively where they do.
mod stated {
    use super::{Hash, hash};

    pub(super) fn duplicate_last(with: Hash, leaves: &[[u8; 32]]) -> [u8; 32] {
        if let [root] = leaves {
            return *root;
        }
        let parents: Vec<_> =
            leaves.chunks(2).map(|pair| hash(with, &[pair[0], pair[pair.len() - 1]].concat())).collect();
        duplicate_last(with, &parents)
    }

    pub(super) fn rfc6962(with: Hash, leaves: &[Vec<u8>]) -> [u8; 32] {
        match leaves {
            [] => hash(with, b""),
            [leaf] => hash(with, &[&[0], &leaf[..]].concat()),
            _ => {
                // The largest power of two below their number.
                let split = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(split);
                hash(with, &[&[1], &rfc6962(with, left)[..], &rfc6962(with, right)].concat())
            }
        }
    }

    pub(super) fn fisco_v3(with: Hash, leaves: &[[u8; 32]]) -> [u8; 32] {
        if let [root] = leaves {
            return *root;
        }
        fisco_v3(with, &leaves.chunks(2).map(|children| hash(with, &children.concat())).collect::<Vec<_>>())
    }

    pub(super) fn fisco_v2(with: Hash, leaves: &[[u8; 32]]) -> [u8; 32] {
        let mut nodes: Vec<Vec<u8>> =
            leaves.iter().enumerate().map(|(i, leaf)| [rlp(&index(i)), leaf.to_vec()].concat()).collect();
        while nodes.len() > 1 {
            nodes = nodes.chunks(16).map(|children| hash(with, &children.concat()).to_vec()).collect();
        }
        hash(with, &nodes.concat())
    }

    /// An index in the fewest bytes, none for zero.
    fn index(index: usize) -> Vec<u8> {
        index.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
    }

    fn rlp(bytes: &[u8]) -> Vec<u8> {
        if let [0..0x80] = bytes {
            return bytes.to_vec();
        }
        [header(0x80, bytes.len()), bytes.to_vec()].concat()
    }

    fn list(items: &[Vec<u8>]) -> Vec<u8> {
        let payload = items.concat();
        [header(0xc0, payload.len()), payload].concat()
    }

    fn header(offset: u8, len: usize) -> Vec<u8> {
        if len < 56 {
            return vec![offset + len as u8];
        }
        let len = index(len);
        [vec![offset + 55 + len.len() as u8], len].concat()
    }

    /// Yellow paper, appendix D: TRIE(J) = KEC(c(J, 0)).
    pub(super) fn patricia(with: Hash, leaves: &[Vec<u8>]) -> [u8; 32] {
        let pairs: Vec<_> = leaves
            .iter()
            .enumerate()
            .map(|(i, leaf)| {
                let nibbles = rlp(&index(i)).into_iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
                (nibbles, leaf.clone())
            })
            .collect();
        if pairs.is_empty() { hash(with, &rlp(&[])) } else { hash(with, &node(with, &pairs, 0)) }
    }

    type Pair = (Vec<u8>, Vec<u8>);

    /// c(J, i): the node of the pairs that share their first `depth` nibbles.
    fn node(with: Hash, pairs: &[Pair], depth: usize) -> Vec<u8> {
        if let [(path, value)] = pairs {
            return list(&[rlp(&hex_prefix(&path[depth..], 2)), rlp(value)]);
        }
        let first = &pairs[0].0;
        let shared = (depth..).find(|at| pairs.iter().any(|(path, _)| path[*at] != first[*at])).expect("keys differ");
        if shared > depth {
            return list(&[rlp(&hex_prefix(&first[depth..shared], 0)), child(with, pairs, shared)]);
        }
        let mut children: Vec<_> = (0..16)
            .map(|nibble| {
                let below: Vec<_> = pairs.iter().filter(|(path, _)| path[depth] == nibble).cloned().collect();
                child(with, &below, depth + 1)
            })
            .collect();
        children.push(rlp(&[]));
        list(&children)
    }

    /// n(J, i): nothing, the node itself, or its hash.
    fn child(with: Hash, pairs: &[Pair], depth: usize) -> Vec<u8> {
        if pairs.is_empty() {
            return rlp(&[]);
        }
        let node = node(with, pairs, depth);
        if node.len() < 32 { node } else { rlp(&hash(with, &node)) }
    }

    fn hex_prefix(path: &[u8], flag: u8) -> Vec<u8> {
        let mut nibbles = vec![flag + path.len() as u8 % 2];
        if path.len().is_multiple_of(2) {
            nibbles.push(0);
        }
        nibbles.extend_from_slice(path);
        nibbles.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }
}

/// Counts around every width and level, and what crosses a block of leaves hashed at once.
fn counts() -> Vec<usize> {
    (0..=70).chain([127, 128, 129, 130, 255, 256, 257, 272, 273, 1_000, 4_096, 4_097, 10_000]).collect()
}

#[test]
fn rules_over_hashes_are_as_stated() {
    type Stated = fn(Hash, &[[u8; 32]]) -> [u8; 32];
    let rows: [(Row, Stated); 3] = [
        (Row::MerkleDuplicateLast, stated::duplicate_last),
        (Row::MerkleFiscoV3, stated::fisco_v3),
        (Row::MerkleFiscoV2, stated::fisco_v2),
    ];
    for (row, stated) in rows {
        for with in [Hash::Sha256, Hash::Sm3, Hash::Keccak256] {
            let trees: Vec<_> = counts().into_iter().map(hashes).collect();
            for (found, leaves) in roots(row, with, &trees).into_iter().zip(&trees) {
                let expected = match leaves.as_slice() {
                    [] if row == Row::MerkleFiscoV2 => Ok(hash(with, b"").to_vec()),
                    [] => Err(MESSAGE),
                    leaves => Ok(stated(with, leaves).to_vec()),
                };
                assert_eq!(found, expected, "{} of {}", row.name(), leaves.len());
            }
        }
    }
    let leaf = hashes(1);
    assert_eq!(root(Row::MerkleDuplicateLast, Hash::Sha256d, &leaf), Ok(leaf[0].to_vec()), "one leaf is the root");
    assert_eq!(root(Row::MerkleFiscoV3, Hash::Sm3, &leaf), Ok(leaf[0].to_vec()), "one leaf is the root");
}

#[test]
fn rules_over_values_are_as_stated() {
    for count in counts() {
        let leaves = values(count);
        for with in [Hash::Sha256, Hash::Blake2b256] {
            let found = root(Row::MerkleRfc6962, with, &leaves);
            assert_eq!(found, Ok(stated::rfc6962(with, &leaves).to_vec()), "{count} leaves");
        }
        let flat = root(Row::MerkleFlat, Hash::Sm3, &leaves);
        assert_eq!(flat, Ok(hash(Hash::Sm3, &leaves.concat()).to_vec()), "{count} leaves");
        // No value of a trie is empty; short ones make nodes that stand in their parents as they are.
        let leaves: Vec<_> = leaves.into_iter().map(|leaf| [vec![1], leaf].concat()).collect();
        for with in [Hash::Keccak256, Hash::Blake2b256] {
            let found = root(Row::MerklePatricia, with, &leaves);
            assert_eq!(found, Ok(stated::patricia(with, &leaves).to_vec()), "{count} leaves");
        }
        let bytes: Vec<_> = (0..count).map(|_| [9]).collect();
        let stated = stated::patricia(Hash::Keccak256, &bytes.iter().map(|byte| byte.to_vec()).collect::<Vec<_>>());
        assert_eq!(root(Row::MerklePatricia, Hash::Keccak256, &bytes), Ok(stated.to_vec()), "{count} bytes");
    }
    let empty = unhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
    assert_eq!(root::<Vec<u8>>(Row::MerklePatricia, Hash::Keccak256, &[]), Ok(empty), "Ethereum's empty root");
}

#[test]
fn leaves_that_a_rule_has_no_root_for() {
    let mut leaves: Vec<Vec<u8>> = hashes(5).iter().map(|leaf| leaf.to_vec()).collect();
    leaves[3].pop();
    for row in [Row::MerkleDuplicateLast, Row::MerkleFiscoV3, Row::MerkleFiscoV2] {
        assert_eq!(root(row, Hash::Sha256, &leaves), Err(MESSAGE), "{}: a leaf of 31 bytes", row.name());
        assert_eq!(root(row, Hash::Sha256, &[&b""[..]]), Err(MESSAGE), "{}: an empty leaf", row.name());
    }
    leaves[3].clear();
    assert_eq!(root(Row::MerklePatricia, Hash::Keccak256, &leaves), Err(MESSAGE), "an empty value");
    let mut batch = Batch::new(Row::MerkleFlat).hash(Hash::Sha256);
    batch.refuse(Reason::Message);
    batch.push_group(&[], &[], &[b"a", b"b"]);
    assert_eq!(batch.values(), [Err(MESSAGE), Ok(hash(Hash::Sha256, b"ab").to_vec())]);
}

/// The rules ask for whole levels at once, which is what lanes are for.
#[test]
fn whole_levels_are_asked_for() {
    struct Counting(std::cell::Cell<usize>);
    impl assay_core::merkle::HashMany for Counting {
        fn hash_many(&self, inputs: Inputs<'_>, digests: &mut Vec<[u8; 32]>) {
            self.0.set(self.0.get() + 1);
            assert_eq!(inputs.iter().count(), inputs.count());
            if let Some(stride) = inputs.stride() {
                assert!(inputs.iter().all(|input| input.len() == stride));
            }
            digests.extend(inputs.iter().map(|input| hash(Hash::Sha256, input)));
        }
    }
    let leaves = hashes(1_024);
    for (row, calls) in [(Row::MerkleDuplicateLast, 10), (Row::MerkleRfc6962, 11), (Row::MerkleFlat, 1)] {
        let counting = Counting(std::cell::Cell::new(0));
        let found = Trees::new().root(row, &counting, &leaves[..]).expect("a root");
        assert_eq!(Ok(found.to_vec()), root(row, Hash::Sha256, &leaves));
        assert_eq!(counting.0.get(), calls, "{}", row.name());
    }
}
