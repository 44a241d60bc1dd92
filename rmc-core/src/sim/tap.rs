//! Who looks at a simulation: a tap may interfere, an observer only learns.

use core::any::Any;
use core::net::SocketAddr;
use core::time::Duration;

use super::node::NodeId;
use crate::event::{Event, Path, Received};
use crate::packet::{DecodeError, Packet};
use crate::protocol::Protocol;
use crate::time::Instant;

/// A datagram on its way.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Datagram<'a> {
    /// The time.
    pub now: Instant,
    /// The node that sent it; `None`: it was injected.
    pub from: Option<NodeId>,
    /// The address that it says it comes from.
    pub source: SocketAddr,
    /// The address that it goes to.
    pub destination: SocketAddr,
    /// By which of the receivers' addresses it comes.
    pub path: Path,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// What it says.
    ///
    /// # Errors
    ///
    /// It is no packet: it was forged or damaged.
    pub fn packet(&self) -> Result<Packet<'a>, DecodeError> {
        Packet::decode(self.bytes)
    }
}

/// Where a tap sees a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It leaves its node: what happens to it now happens to it for all.
    Leaves,
    /// It comes to this node.
    Enters(NodeId),
}

/// What a tap does with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It goes on.
    Pass,
    /// It is lost.
    Drop,
    /// It goes on so much later.
    Delay(Duration),
    /// It goes on, and once more so much later.
    Twice(Duration),
}

/// Sees each datagram, once as it leaves and once for each node that it comes to, in front of the links there. Any
/// `FnMut(&Datagram, Place) -> Verdict` is one.
pub trait Tap {
    /// What happens to this one.
    fn datagram(&mut self, datagram: &Datagram<'_>, place: Place) -> Verdict;
}

impl<F: FnMut(&Datagram<'_>, Place) -> Verdict> Tap for F {
    fn datagram(&mut self, datagram: &Datagram<'_>, place: Place) -> Verdict {
        self(datagram, place)
    }
}

/// Why a datagram went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fate {
    /// The link lost it.
    Lost,
    /// The link's queue was full.
    QueueFull,
    /// It is longer than the link's MTU.
    TooLong,
    /// The tap dropped it.
    Tapped,
    /// A partition is in the way.
    Cut,
    /// Nobody is at the address, or the node is down.
    Nobody,
}

impl Fate {
    /// A word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::QueueFull => "queue full",
            Self::TooLong => "too long",
            Self::Tapped => "dropped by the tap",
            Self::Cut => "cut off",
            Self::Nobody => "nobody there",
        }
    }
}

/// Learns what happens in a simulation. All methods may be left out.
pub trait Observer: Any {
    /// A node sends, or a datagram is injected.
    fn sent(&mut self, datagram: &Datagram<'_>) {
        let _ = datagram;
    }

    /// A datagram goes no further on its way to `to`; `None`: for all that it was for.
    fn dropped(&mut self, datagram: &Datagram<'_>, to: Option<NodeId>, fate: Fate) {
        let _ = (datagram, to, fate);
    }

    /// A node has handled a datagram, and stands so now.
    fn arrived(&mut self, datagram: &Datagram<'_>, node: NodeId, protocol: &Protocol) {
        let _ = (datagram, node, protocol);
    }

    /// A node's application takes an item.
    fn received(&mut self, now: Instant, node: NodeId, received: &Received<'_>) {
        let _ = (now, node, received);
    }

    /// A node tells something.
    fn event(&mut self, now: Instant, node: NodeId, event: &Event) {
        let _ = (now, node, event);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::super::Sim;
    use super::*;

    /// What `receiver` gets of one message, in milliseconds, when this verdict falls at each place.
    fn arrivals(verdict: Verdict) -> Vec<u64> {
        #[derive(Default)]
        struct Arrivals(Vec<u64>);
        impl Observer for Arrivals {
            fn arrived(&mut self, datagram: &Datagram<'_>, node: NodeId, _: &Protocol) {
                if node.index() == 1 && datagram.packet().is_ok_and(|packet| packet.seq == 1) {
                    self.0.push(datagram.now.as_nanos() / 1_000_000);
                }
            }
        }
        let mut sim = Sim::new(1);
        let sender = sim.add(|_| {}).expect("the default is valid");
        sim.add(|_| {}).expect("the default is valid");
        sim.set_observer(Arrivals::default());
        sim.set_tap(move |datagram: &Datagram<'_>, _: Place| match datagram.packet() {
            Ok(packet) if packet.kind() == crate::packet::Kind::Data => verdict,
            _ => Verdict::Drop,
        });
        sim.send(sender, b"once").expect("there is room");
        sim.run_for(Duration::from_secs(1));
        let Arrivals(times) = sim.observer::<Arrivals>().expect("it was set");
        times.clone()
    }

    #[test]
    fn a_verdict_decides_at_each_place() {
        let later = Duration::from_millis(5);
        assert_eq!(arrivals(Verdict::Pass), [0]);
        assert!(arrivals(Verdict::Drop).is_empty());
        assert_eq!(arrivals(Verdict::Delay(later)), [10]);
        assert_eq!(arrivals(Verdict::Twice(later)), [0, 5, 5, 10]);
    }
}
