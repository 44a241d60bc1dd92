//! Who forges a NACK's source lets the node send little there: at most three times the bytes that came from it, until
//! it has shown a cookie that it was given.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use rmc_core::packet::{Body, Flags, Packet};

const MOST_GAIN: usize = 3;

#[derive(Default)]
pub(super) struct Reflection {
    addresses: BTreeMap<SocketAddr, Address>,
}

/// What came from an address and went there, in bytes, and what proves it.
#[derive(Default)]
struct Address {
    came: usize,
    went: usize,
    cookies: BTreeSet<u32>,
    is_proven: bool,
}

impl Reflection {
    /// A datagram comes.
    pub(super) fn came(&mut self, from: SocketAddr, bytes: &[u8]) {
        let Ok(packet) = Packet::decode(bytes) else { return };
        let shown = match packet.body {
            Body::Nack { cookie, .. } => cookie,
            Body::Ack { .. } => 0,
            _ => return,
        };
        let address = self.addresses.entry(from).or_default();
        address.came += bytes.len();
        address.is_proven |= address.cookies.contains(&shown);
    }

    /// A datagram leaves to one address alone.
    // RMC-PROOF-4
    pub(super) fn went(&mut self, to: SocketAddr, bytes: &[u8]) {
        let packet = Packet::decode(bytes).expect("it is legal");
        let address = self.addresses.entry(to).or_default();
        let is_resent = packet.flags.contains(Flags::RESENT);
        match packet.body {
            Body::Nack { .. } | Body::Ack { .. } => return,
            Body::Confirm { cookie, .. } => {
                address.cookies.insert(cookie);
            }
            // What the application sends there.
            Body::Data { .. } | Body::Heartbeat { .. } | Body::Reset { .. } | Body::Lost { .. }
                if packet.flags.contains(Flags::PRIVATE) && !is_resent =>
            {
                return;
            }
            _ => {}
        }
        address.went += bytes.len();
        let Address { came, went, is_proven, .. } = *address;
        assert!(is_proven || went <= MOST_GAIN * came, "{went} bytes go to {to}, of which {came} came: {packet}");
    }
}
