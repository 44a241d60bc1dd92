//! What of the gaps decides about the future.

use super::{Asked, Asking, Gap, GapState, Gaps};
use crate::fingerprint::{Fingerprint, State, state};

state! { Gap { range, seen, state } }

/// In ascending order: the tree's shape shows nowhere.
impl State for Gaps {
    fn put(&self, to: &mut Fingerprint) {
        let Self { nodes: _, root: _, free: _, len, armed: _, max_armed: _, shape: _ } = self;
        to.put(len);
        let mut from = 0;
        while let Some(gap) = self.find_from(from) {
            to.put(&gap);
            from = gap.range.last().saturating_add(1);
        }
    }
}

impl State for GapState {
    fn put(&self, to: &mut Fingerprint) {
        match self {
            Self::Waiting => to.word(0),
            Self::Armed(asking) => to.put(&(1_u8, *asking)),
            Self::Gone(cause) => to.put(&(2_u8, *cause)),
        }
    }
}

impl State for Asking {
    fn put(&self, to: &mut Fingerprint) {
        let Self { due, attempts, asked } = self;
        to.put(due);
        // Held or asked for before: it is no sample, nor taken for loss.
        to.put(&(*attempts > 0));
        // How often it was asked for, and since when, decides about how much the delays have grown.
        if to.delays_vary {
            to.put(&(*attempts, asked.map(|asked| asked.first)));
        }
        to.put(asked);
    }
}

impl State for Asked {
    fn put(&self, to: &mut Fingerprint) {
        let Self { first: _, stamp, once } = self;
        // The stamp is for the sample, which only an answer to the first ask gives.
        to.stamp(if *once { *stamp } else { 0 });
    }
}
