//! Consistency proofs: that the leaves of an older tree are the first leaves of a newer one.

use assay_scheme::Reason;

use super::Leaves;
use super::binary::RFC6962_NODE;
use super::proof::{Claim, Round, Walk, position};

/// A consistency proof on its way, as RFC 9162 section 2.1.4.2 walks it: the tree's last node of the older tree's complete
/// part climbs to both roots.
pub(super) struct Growth<'a, E> {
    roots: (&'a [u8], &'a [u8]),
    entries: &'a E,
    next: usize,
    /// fn and sn: where the last node stands in the older and the newer tree, level by level.
    places: Places,
    /// The roots so far.
    nodes: [[u8; 32]; 2],
    asked: Asked,
    /// Whether the older tree has no leaves: its root is the hash of nothing, and what grows out of it may have any root.
    from_nothing: bool,
    any_newer: bool,
}

/// What the digests of this round are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    Newer,
    Both,
    Empty,
}

#[derive(Clone, Copy)]
struct Places {
    older: u64,
    newer: u64,
}

impl Places {
    /// Steps 3 and 4 for trees of these sizes, 0 < older < newer.
    fn new(older: u64, newer: u64) -> Self {
        let shift = (older - 1).trailing_ones();
        Self { older: (older - 1) >> shift, newer: (newer - 1) >> shift }
    }

    /// Whether the next node of the path stands on the left, in both trees.
    fn is_in_both(self) -> bool {
        self.older & 1 == 1 || self.older == self.newer
    }

    /// One node further up.
    fn up(&mut self) {
        if self.is_in_both() {
            while self.older & 1 == 0 && self.older != 0 {
                self.older >>= 1;
                self.newer >>= 1;
            }
        }
        self.older >>= 1;
        self.newer >>= 1;
    }

    /// Nodes of the path until the newer root is reached.
    fn nodes(mut self) -> usize {
        let mut count = 0;
        while self.newer != 0 {
            self.up();
            count += 1;
        }
        count
    }
}

impl<'a, E: Leaves> Growth<'a, E> {
    pub(super) fn new(claim: &'a Claim<'_, E>) -> Result<Self, Reason> {
        let (older, newer) = position(claim.signature);
        let entries = &claim.entries;
        let roots = claim.key.split_at(32);
        let places = if 0 < older && older < newer { Places::new(older, newer) } else { Places { older: 0, newer: 0 } };
        // A tree that is complete itself begins the path, which then leaves it out (step 2).
        let begins_with_root = older == newer || older == 0 || older.is_power_of_two();
        let needed = places.nodes() + usize::from(!begins_with_root);
        let fit = (0..entries.count()).all(|entry| entries.leaf(entry).len() == 32);
        if older > newer || entries.count() != needed || !fit {
            return Err(Reason::Signature);
        }
        let first = if begins_with_root { roots.0 } else { entries.leaf(0) };
        let first = first.try_into().expect("a root and a node have 32 bytes");
        Ok(Self {
            roots,
            entries,
            next: usize::from(!begins_with_root),
            places,
            nodes: [first; 2],
            asked: Asked::Nothing,
            from_nothing: older == 0,
            any_newer: older == 0 && newer > 0,
        })
    }
}

impl<E: Leaves> Walk for Growth<'_, E> {
    fn step(&mut self, round: &mut Round) -> Option<Result<(), Reason>> {
        if self.from_nothing && self.asked == Asked::Nothing {
            self.asked = Asked::Empty;
            round.input(&[]);
            return None;
        }
        if self.places.newer == 0 {
            let (older, newer) = self.roots;
            // Trees of one size have one root.
            let newer_holds = self.any_newer || self.nodes[1] == *newer;
            return Some(if self.nodes[0] == *older && newer_holds { Ok(()) } else { Err(Reason::Equation) });
        }
        let node = self.entries.leaf(self.next);
        self.next += 1;
        let [older, newer] = &self.nodes;
        let prefix: &[u8] = &[RFC6962_NODE];
        if self.places.is_in_both() {
            round.input(&[prefix, node, older]);
            round.input(&[prefix, node, newer]);
            self.asked = Asked::Both;
        } else {
            round.input(&[prefix, newer, node]);
            self.asked = Asked::Newer;
        }
        self.places.up();
        None
    }

    fn take(&mut self, digests: &[[u8; 32]]) -> usize {
        match self.asked {
            Asked::Nothing => 0,
            Asked::Newer => {
                self.nodes[1] = digests[0];
                1
            }
            Asked::Empty => {
                self.nodes[0] = digests[0];
                1
            }
            Asked::Both => {
                self.nodes = [digests[0], digests[1]];
                2
            }
        }
    }
}
