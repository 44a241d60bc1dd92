//! A datagram on its way to one node.

use std::rc::Rc;

use rmc_core::Path;
use rmc_core::packet::{Body, Packet};

use crate::node::{Node, digest};

#[derive(Clone)]
pub(crate) struct Flight {
    from: u8,
    to: u8,
    pub(crate) path: Path,
    pub(crate) bytes: Rc<[u8]>,
    /// It has arrived once and comes again. Nothing comes a third time.
    pub(crate) copied: bool,
    /// Of all this but its stamp.
    digest: u128,
    stamp: u32,
}

impl Flight {
    pub(crate) fn new(from: usize, to: usize, path: Path, bytes: &Rc<[u8]>) -> Self {
        let (stamp, at) = match decode(bytes).body {
            Body::Nack { stamp, .. } => (stamp, 20),
            Body::Lost { stamp, .. } => (stamp, 24),
            Body::Reset { stamp } => (stamp, 16),
            Body::Confirm { stamp, .. } => (stamp, 21),
            _ => (0, 0),
        };
        let mut words = vec![from as u64, to as u64, u64::from(path == Path::Unicast)];
        words.extend(bytes.iter().map(|&byte| u64::from(byte)));
        if stamp != 0 {
            let place = 3 + at..3 + at + 4;
            assert_eq!(words[place.clone()], stamp.to_be_bytes().map(u64::from), "the stamp stands elsewhere");
            words[place].fill(0);
        }
        let number = |node| u8::try_from(node).expect("few nodes");
        let (from, to, bytes) = (number(from), number(to), Rc::clone(bytes));
        Self { from, to, path, bytes, copied: false, digest: digest(&words), stamp }
    }

    pub(crate) fn from(&self) -> usize {
        usize::from(self.from)
    }

    pub(crate) fn to(&self) -> usize {
        usize::from(self.to)
    }

    pub(crate) fn packet(&self) -> Packet<'_> {
        decode(&self.bytes)
    }

    /// Whether it makes no difference which of the two arrives.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (self.digest, self.stamp, self.copied) == (other.digest, other.stamp, other.copied)
    }

    /// All of it, with the name of its stamp in place of the value.
    pub(crate) fn key(&self, receivers: &[Node]) -> (u128, u64) {
        (self.digest, name(self.stamp, receivers) << 1 | u64::from(self.copied))
    }
}

pub(crate) fn decode(bytes: &[u8]) -> Packet<'_> {
    Packet::decode(bytes).expect("nodes build valid packets only")
}

/// A stamp by where it stands with the receiver that chose it. Receivers compare stamps with those that they know and
/// senders with none, so that all others are alike.
pub(crate) fn name(stamp: u32, receivers: &[Node]) -> u64 {
    const UNKNOWN: u64 = 1 << 62;
    if stamp == 0 {
        return 0;
    }
    let mut places = (1_u64..).zip(receivers).filter_map(|(number, node)| {
        let place = node.stamps().iter().position(|&known| known == stamp)?;
        Some(number << 32 | place as u64)
    });
    places.next().unwrap_or(UNKNOWN)
}
