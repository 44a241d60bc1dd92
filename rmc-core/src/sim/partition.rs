//! Who cannot reach whom.

use alloc::vec::Vec;

use super::node::NodeId;

/// A partition, to be healed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CutId(u64);

/// A set of nodes: one bit for each.
#[derive(Clone, Default)]
struct Nodes(Vec<u64>);

impl Nodes {
    fn of(nodes: &[NodeId]) -> Self {
        let mut set = Self::default();
        for node in nodes {
            let word = node.index() / 64;
            if set.0.len() <= word {
                set.0.resize(word + 1, 0);
            }
            set.0[word] |= 1 << (node.index() % 64);
        }
        set
    }

    fn contains(&self, node: NodeId) -> bool {
        self.0.get(node.index() / 64).is_some_and(|word| word & 1 << (node.index() % 64) != 0)
    }
}

/// The partitions there are.
#[derive(Clone, Default)]
pub(super) struct Partitions {
    cuts: Vec<(CutId, Nodes, Nodes)>,
    count: u64,
}

impl Partitions {
    pub(super) fn cut(&mut self, from: &[NodeId], to: &[NodeId]) -> CutId {
        self.count += 1;
        let id = CutId(self.count);
        self.cuts.push((id, Nodes::of(from), Nodes::of(to)));
        id
    }

    pub(super) fn heal(&mut self, id: CutId) -> bool {
        let before = self.cuts.len();
        self.cuts.retain(|(cut, ..)| *cut != id);
        self.cuts.len() < before
    }

    pub(super) fn heal_all(&mut self) {
        self.cuts.clear();
    }

    pub(super) fn separate(&self, from: NodeId, to: NodeId) -> bool {
        self.cuts.iter().any(|(_, sources, targets)| sources.contains(from) && targets.contains(to))
    }
}
