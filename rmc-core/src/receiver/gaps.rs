//! The gaps of one stream: an ordered tree, so that a gap of a million numbers costs what a gap of one costs, and
//! finding, splitting and 'which is due' cost O(log n) in the number of gaps.
//!
//! It is a treap in an arena: no allocation in the steady state. Each node knows of its subtree when the earliest is
//! due, since when the oldest is missing that was never asked for, and whether one waits for its turn, which makes 'the
//! lowest gap that is due' a walk from the root.

use alloc::vec::Vec;
use core::time::Duration;

use crate::event::LossCause;
use crate::seq::SeqRange;
use crate::time::{Instant, earlier};

/// A range of missing numbers with one history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Which numbers.
    pub(crate) range: SeqRange,
    /// Since when they are known to be missing.
    pub(crate) seen: Instant,
    /// How it stands.
    pub(crate) state: GapState,
}

/// How a gap stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GapState {
    /// Not asked for while `max_nacks` lower ones are (S11, F05).
    Waiting,
    /// Asked for, or to be.
    Armed(Asking),
    /// Will never be filled; reported when its turn in the stream comes. Without a cause it is skipped
    /// silently, unless something was delivered before it (joining).
    Gone(Option<LossCause>),
}

/// The history of a gap that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asking {
    /// When to ask next.
    pub(crate) due: Instant,
    /// How often it was asked for since the sender answered a part of it.
    pub(crate) attempts: u32,
    /// What is remembered of the NACKs for it; `None` before the first.
    pub(crate) asked: Option<Asked>,
}

/// What is remembered of the NACKs for a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// When the first one left.
    pub(crate) first: Instant,
    /// The stamp of the last one.
    pub(crate) stamp: u32,
    /// Whether there was only one, so that its answer tells the round trip.
    pub(crate) once: bool,
}

/// The gaps of one stream, ascending, never overlapping. Neighbours may touch: each has its own history.
#[derive(Clone)]
pub(crate) struct Gaps {
    nodes: Vec<Node>,
    root: Link,
    free: Link,
    len: usize,
    armed: usize,
    /// At most so many are armed.
    max_armed: usize,
    /// Decides the tree's shape; any sequence works.
    shape: u64,
}

type Link = Option<u32>;

#[derive(Clone, Copy)]
struct Node {
    gap: Gap,
    priority: u64,
    left: Link,
    right: Link,
    /// The earliest due time in this subtree.
    earliest: Option<Instant>,
    /// When the first gap of this subtree was seen that is to be asked for and never was.
    unasked: Option<Instant>,
    /// Whether a gap of this subtree is waiting.
    waiting: bool,
}

impl Gap {
    fn due(&self) -> Option<Instant> {
        match self.state {
            GapState::Armed(asking) => Some(asking.due),
            GapState::Waiting | GapState::Gone(_) => None,
        }
    }

    /// Since when it is missing, if it is to be asked for and never was.
    fn unasked(&self) -> Option<Instant> {
        matches!(self.state, GapState::Armed(Asking { attempts: 0, .. })).then_some(self.seen)
    }
}

impl Gaps {
    pub(crate) const fn new(max_armed: usize) -> Self {
        Self { nodes: Vec::new(), root: None, free: None, len: 0, armed: 0, max_armed, shape: 0 }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The lowest gap.
    pub(crate) fn first(&self) -> Option<Gap> {
        let mut at = self.root?;
        while let Some(left) = self.node(at).left {
            at = left;
        }
        Some(self.node(at).gap)
    }

    /// The highest gap.
    pub(crate) fn last(&self) -> Option<Gap> {
        let mut at = self.root?;
        while let Some(right) = self.node(at).right {
            at = right;
        }
        Some(self.node(at).gap)
    }

    /// The gap that holds `seq`.
    pub(crate) fn find(&self, seq: u64) -> Option<Gap> {
        self.find_from(seq).filter(|gap| gap.range.contains(seq))
    }

    /// The lowest gap that ends at or above `seq`.
    pub(crate) fn find_from(&self, seq: u64) -> Option<Gap> {
        let mut at = self.root;
        let mut best = None;
        while let Some(index) = at {
            let node = self.node(index);
            if node.gap.range.last() >= seq {
                best = Some(node.gap);
                at = node.left;
            } else {
                at = node.right;
            }
        }
        best
    }

    /// When the next one is due.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.root.and_then(|root| self.node(root).earliest)
    }

    /// The lowest gap at or above `from` that is due at `now`.
    pub(crate) fn due(&self, now: Instant, from: u64) -> Option<Gap> {
        self.lowest(self.root, from, &|due, _| due <= now)
    }

    /// The same, or one that was never asked for and is missing for `grace` or longer.
    pub(crate) fn askable(&self, now: Instant, grace: Duration, from: u64) -> Option<Gap> {
        self.lowest(self.root, from, &|due, unasked| due <= now || unasked.is_some_and(|seen| seen + grace <= now))
    }

    /// Adds a gap that no other one overlaps. `turn`, here and below: when one is due whose turn comes by that.
    pub(crate) fn insert(&mut self, gap: Gap, turn: Instant) {
        self.put(gap);
        self.rearm(turn);
    }

    /// Takes the gap that begins at `first` out.
    pub(crate) fn remove(&mut self, first: u64, turn: Instant) {
        self.take(first);
        self.rearm(turn);
    }

    /// Takes one number out of the gap that holds it; returns that gap as it was.
    pub(crate) fn fill(&mut self, seq: u64, turn: Instant) -> Option<Gap> {
        let gap = self.find(seq)?;
        self.take(gap.range.first());
        let below = seq.checked_sub(1).and_then(|last| SeqRange::new(gap.range.first(), last));
        let above = SeqRange::new(seq + 1, gap.range.last());
        for range in [below, above].into_iter().flatten() {
            self.put(Gap { range, ..gap });
        }
        self.rearm(turn);
        Some(gap)
    }

    /// Changes the state of the gap that begins at `first`.
    pub(crate) fn set_state(&mut self, first: u64, state: GapState, turn: Instant) {
        if let Some(gap) = self.take(first) {
            self.put(Gap { state, ..gap });
            self.rearm(turn);
        }
    }

    /// Counts all gaps that may still be filled as seen at `now`.
    pub(crate) fn see_anew(&mut self, now: Instant) {
        // The tree's order does not depend on it.
        for node in &mut self.nodes {
            node.gap.seen = now;
            node.unasked = node.unasked.map(|_| now);
        }
    }

    /// Forgets everything; keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
        (self.root, self.free, self.len, self.armed) = (None, None, 0, 0);
    }

    /// Gives the memory of what were more than `kept` gaps back, once there are none.
    pub(crate) fn shrink(&mut self, kept: usize) {
        if self.is_empty() && self.nodes.capacity() > kept {
            (self.nodes, self.free) = (Vec::new(), None);
        }
    }

    /// RMC-GAP-4: gives the lowest waiting gaps their turn, or takes it from the highest, until exactly as many are
    /// armed as may be.
    fn rearm(&mut self, turn: Instant) {
        while self.armed < self.max_armed {
            let Some(gap) = self.lowest_waiting() else { return };
            self.take(gap.range.first());
            self.put(Gap { state: GapState::Armed(Asking { due: turn, attempts: 0, asked: None }), ..gap });
        }
        while self.armed > self.max_armed {
            let Some(gap) = self.highest_armed() else { return };
            self.take(gap.range.first());
            self.put(Gap { state: GapState::Waiting, ..gap });
        }
    }

    fn lowest_waiting(&self) -> Option<Gap> {
        let mut at = self.root;
        while let Some(index) = at {
            let node = self.node(index);
            if !node.waiting {
                return None;
            }
            if node.left.is_some_and(|left| self.node(left).waiting) {
                at = node.left;
            } else if node.gap.state == GapState::Waiting {
                return Some(node.gap);
            } else {
                at = node.right;
            }
        }
        None
    }

    fn highest_armed(&self) -> Option<Gap> {
        let mut at = self.root;
        while let Some(index) = at {
            let node = self.node(index);
            node.earliest?;
            if node.right.is_some_and(|right| self.node(right).earliest.is_some()) {
                at = node.right;
            } else if matches!(node.gap.state, GapState::Armed(_)) {
                return Some(node.gap);
            } else {
                at = node.left;
            }
        }
        None
    }

    /// The lowest gap at or above `from` that is armed and `wanted`, by when it is due, and when it was seen if it was
    /// never asked for. Where the earliest of both in a subtree are not wanted, nothing in it is.
    fn lowest(&self, at: Link, from: u64, wanted: &impl Fn(Instant, Option<Instant>) -> bool) -> Option<Gap> {
        let node = self.node(at?);
        if !node.earliest.is_some_and(|due| wanted(due, node.unasked)) {
            return None;
        }
        if node.gap.range.first() >= from {
            if let Some(lower) = self.lowest(node.left, from, wanted) {
                return Some(lower);
            }
            if node.gap.due().is_some_and(|due| wanted(due, node.gap.unasked())) {
                return Some(node.gap);
            }
        }
        self.lowest(node.right, from, wanted)
    }

    fn put(&mut self, gap: Gap) {
        // SplitMix64: the shape need not be secret, only balanced.
        self.shape = self.shape.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.shape ^ (self.shape >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let priority = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let node = Node { gap, priority, left: None, right: None, earliest: None, unasked: None, waiting: false };
        let index = match self.free {
            Some(index) => {
                self.free = self.node(index).right;
                self.nodes[index as usize] = node;
                index
            }
            None => {
                self.nodes.push(node);
                u32::try_from(self.nodes.len() - 1).expect("a window holds fewer than 2^31 gaps")
            }
        };
        self.refresh(index);
        self.len += 1;
        self.armed += usize::from(matches!(gap.state, GapState::Armed(_)));
        let (below, above) = self.split(self.root, gap.range.first());
        let lower = self.join(below, Some(index));
        self.root = self.join(lower, above);
    }

    fn take(&mut self, first: u64) -> Option<Gap> {
        let (below, rest) = self.split(self.root, first);
        let (found, above) = self.split(rest, first + 1);
        self.root = self.join(below, above);
        let index = found?;
        let gap = self.node(index).gap;
        self.nodes[index as usize].right = self.free;
        self.free = Some(index);
        self.len -= 1;
        self.armed -= usize::from(matches!(gap.state, GapState::Armed(_)));
        Some(gap)
    }

    /// Splits a subtree into what begins below `first` and the rest.
    fn split(&mut self, at: Link, first: u64) -> (Link, Link) {
        let Some(index) = at else { return (None, None) };
        let node = *self.node(index);
        if node.gap.range.first() < first {
            let (below, above) = self.split(node.right, first);
            self.nodes[index as usize].right = below;
            self.refresh(index);
            return (at, above);
        }
        let (below, above) = self.split(node.left, first);
        self.nodes[index as usize].left = above;
        self.refresh(index);
        (below, at)
    }

    /// Joins two subtrees, all of `below` under all of `above`.
    fn join(&mut self, below: Link, above: Link) -> Link {
        let (Some(low), Some(high)) = (below, above) else { return below.or(above) };
        if self.node(low).priority > self.node(high).priority {
            let right = self.join(self.node(low).right, above);
            self.nodes[low as usize].right = right;
            self.refresh(low);
            return below;
        }
        let left = self.join(below, self.node(high).left);
        self.nodes[high as usize].left = left;
        self.refresh(high);
        above
    }

    fn refresh(&mut self, index: u32) {
        let node = *self.node(index);
        let (mut earliest, mut unasked) = (node.gap.due(), node.gap.unasked());
        let mut waiting = node.gap.state == GapState::Waiting;
        for child in [node.left, node.right].into_iter().flatten() {
            let child = self.node(child);
            waiting |= child.waiting;
            earliest = earlier(earliest, child.earliest);
            unasked = earlier(unasked, child.unasked);
        }
        let node = &mut self.nodes[index as usize];
        (node.earliest, node.unasked, node.waiting) = (earliest, unasked, waiting);
    }

    fn node(&self, index: u32) -> &Node {
        &self.nodes[index as usize]
    }
}

#[cfg(feature = "sim")]
mod fingerprint;

#[cfg(test)]
mod tests;
