//! Test support: loss, duplication and reordering of what is received.

/// What befalls the datagrams that a node receives, on both sockets, before the protocol sees them.
///
/// Each fate is drawn from a generator of its own for each socket, seeded by `seed`: the same datagrams in the same order meet
/// the same fates. Fractions lie between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impairment {
    /// Where the fates come from.
    pub seed: u64,
    /// Which fraction of the datagrams is lost.
    pub loss: f64,
    /// Which fraction comes twice.
    pub duplicate: f64,
    /// Which fraction is held back until one to four later ones have passed.
    pub reorder: f64,
}

impl Impairment {
    /// Nothing befalls them; change what you need.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, loss: 0.0, duplicate: 0.0, reorder: 0.0 }
    }

    /// Only loss.
    #[must_use]
    pub const fn loss(seed: u64, loss: f64) -> Self {
        Self { seed, loss, duplicate: 0.0, reorder: 0.0 }
    }
}
