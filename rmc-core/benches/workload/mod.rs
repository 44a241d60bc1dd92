//! What is measured: one node, fed with packets in virtual time, and a baseline that does the least that any receiver
//! must.

mod baseline;
mod node;
mod receive;
mod send;
mod serve;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

pub(crate) use baseline::Baseline;
use receive::Receive;
use send::Send;
use serve::Serve;

/// Bytes of payload in each packet.
pub(crate) const SIZES: [usize; 2] = [64, 1_400];
/// How many peers the node knows, the one that talks to it included.
pub(crate) const PEERS: [usize; 3] = [1, 100, 10_000];

/// Virtual time between two packets.
const PACKET_INTERVAL: Duration = Duration::from_micros(10);
const SEED: u64 = 0x5eed;
const OWN_EPOCH: u32 = 3;
const PEER_EPOCH: u32 = 9;

/// Something that can be done for any number of packets.
pub(crate) trait Workload {
    /// Does it for so many packets, a multiple of [`Kind::step`].
    fn run(&mut self, packets: u64);

    /// Panics unless everything was done that should have been: what is not done costs nothing.
    fn check(&self);
}

/// What there is besides the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No node: a second baseline, for what sends.
    Keep,
    Send,
    Receive,
    ReceiveGaps,
    ServeNacks,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Keep, Self::Send, Self::Receive, Self::ReceiveGaps, Self::ServeNacks];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::ReceiveGaps => "receive_gaps",
            Self::ServeNacks => "serve_nacks",
        }
    }

    /// The least number of packets that it can be done for.
    pub(crate) const fn step(self) -> u64 {
        match self {
            Self::Keep | Self::Send | Self::Receive | Self::ReceiveGaps => 1,
            Self::ServeNacks => serve::REPAIRS,
        }
    }

    /// A node in its steady state.
    pub(crate) fn start(self, size: usize, peers: usize) -> Box<dyn Workload> {
        match self {
            Self::Keep => Box::new(Baseline::keeping(size, peers)),
            Self::Send => Box::new(Send::new(size, peers)),
            Self::Receive => Box::new(Receive::in_order(size, peers)),
            Self::ReceiveGaps => Box::new(Receive::with_gaps(size, peers)),
            Self::ServeNacks => Box::new(Serve::new(size, peers)),
        }
    }
}

/// The address of a peer.
fn address(peer: usize) -> SocketAddr {
    let peer = u32::try_from(peer).expect("there are few peers");
    SocketAddr::from((Ipv4Addr::from_bits(0x0a01_0000 + peer), 5_000))
}

fn payload(size: usize) -> Vec<u8> {
    vec![7; size]
}
