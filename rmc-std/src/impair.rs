//! Test support: loss, duplication and reordering of what is received.

use std::net::SocketAddr;

/// What befalls the datagrams that a node receives, on both sockets, before the protocol sees them.
///
/// Each fate is drawn from a generator of its own for each socket, seeded by `seed`: the same datagrams in the same
/// order meet the same fates. Fractions lie between 0 and 1.
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

/// One socket's share of an [`Impairment`].
#[derive(Debug)]
pub(crate) struct Stage {
    impairment: Impairment,
    state: u64,
    held: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    /// After how many further datagrams it goes on.
    behind: u32,
    source: SocketAddr,
    bytes: Vec<u8>,
}

impl Stage {
    /// The stage of the socket number `socket`.
    pub(crate) const fn new(impairment: Impairment, socket: u64) -> Self {
        let state = impairment.seed ^ socket.wrapping_mul(0xD1B5_4A32_D192_ED03);
        Self { impairment, state, held: Vec::new() }
    }

    /// Lets one datagram meet its fate.
    pub(crate) fn pass(&mut self, source: SocketAddr, bytes: &[u8], mut deliver: impl FnMut(SocketAddr, &[u8])) {
        // All are drawn for every datagram, so that the fate of one does not depend on that of others.
        let (loss, duplicate, reorder, behind) = (self.draw(), self.draw(), self.draw(), 1 + self.next() % 4);
        let lost = loss < self.impairment.loss;
        let copies = if lost { 0 } else { 1 + u32::from(duplicate < self.impairment.duplicate) };
        let hold = !lost && reorder < self.impairment.reorder;
        if !hold {
            for _ in 0..copies {
                deliver(source, bytes);
            }
        }
        for held in &mut self.held {
            held.behind -= 1;
        }
        for held in self.held.extract_if(.., |held| held.behind == 0) {
            deliver(held.source, &held.bytes);
        }
        if hold {
            for _ in 0..copies {
                self.held.push(Held { behind, source, bytes: bytes.to_vec() });
            }
        }
    }

    /// From 0, 1 excluded.
    fn draw(&mut self) -> f64 {
        f64::from(self.next()) / f64::from(1u32 << 31) / 2.0
    }

    /// SplitMix64, its upper half.
    fn next(&mut self) -> u32 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

    /// What comes out of a stage that `count` numbered datagrams go into.
    fn run(impairment: Impairment, socket: u64, count: u32) -> Vec<u32> {
        let mut stage = Stage::new(impairment, socket);
        let mut out = Vec::new();
        for number in 0..count {
            stage.pass(SOURCE, &number.to_be_bytes(), |source, bytes| {
                assert_eq!(source, SOURCE);
                out.push(bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)));
            });
        }
        out
    }

    const HARSH: Impairment = Impairment { seed: 7, loss: 0.2, duplicate: 0.1, reorder: 0.1 };

    #[test]
    fn the_same_seed_gives_the_same_fates_and_another_gives_others() {
        assert_eq!(run(HARSH, 0, 1_000), run(HARSH, 0, 1_000));
        assert_ne!(run(HARSH, 0, 1_000), run(HARSH, 1, 1_000), "another socket");
        assert_ne!(run(HARSH, 0, 1_000), run(Impairment { seed: 8, ..HARSH }, 0, 1_000), "another seed");
    }

    #[test]
    fn fractions_are_what_they_say() {
        let lost = 10_000 - run(Impairment::loss(3, 0.2), 0, 10_000).len();
        assert!((1_800..2_200).contains(&lost), "{lost} lost");
        let doubled = run(Impairment { duplicate: 0.1, ..Impairment::new(3) }, 0, 10_000).len() - 10_000;
        assert!((800..1_200).contains(&doubled), "{doubled} doubled");
        assert_eq!(run(Impairment::new(3), 0, 100), (0..100).collect::<Vec<_>>());
        assert_eq!(run(Impairment::loss(3, 1.0), 0, 100), []);
    }

    #[test]
    fn what_is_held_back_comes_one_to_four_later() {
        let out = run(Impairment { reorder: 0.3, ..Impairment::new(5) }, 0, 10_000);
        assert!(!out.is_sorted());
        assert!(out.len() >= 9_996, "only the last ones may still be held");
        let mut sorted = out.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), out.len(), "nothing twice");
        let mut highest = 0;
        for &number in &out {
            highest = highest.max(number);
            assert!(highest - number <= 4, "{number} came after {highest}");
        }
    }
}
