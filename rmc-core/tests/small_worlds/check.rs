//! What holds in every state, and what is reached in the end.

use std::time::Duration;

use rmc_core::Stream;
use rmc_core::packet::{Body, Flags, Packet};

use crate::node::Node;
use crate::plan::{SENDER, address, epoch};
use crate::sight::Sight;
use crate::world::World;

/// More than any world needs until everything has arrived, once its network is perfect.
pub(crate) const MAX_EVENTS: usize = 400;
/// An open gap is asked for again within this, whatever round trip was measured.
const NACK_BOUND: Duration = Duration::from_secs(2);
/// The longest interval of heartbeats.
const HEARTBEAT_BOUND: Duration = Duration::from_millis(500);

impl World {
    /// A receiver asks for what exists and was neither delivered nor given up.
    // RMC-GAP-2
    pub(crate) fn check_request(&self, number: usize, packet: &Packet<'_>) {
        let Body::Nack { target_epoch, ranges, .. } = packet.body else { return };
        if target_epoch != epoch(self.model.incarnation()) {
            return;
        }
        let peer = self.nodes[number].protocol().peer(address(SENDER)).expect("it asks a peer");
        let (stream, last) = if packet.flags.contains(Flags::PRIVATE) {
            (peer.private, self.model.left(Stream::Private, number - 1))
        } else {
            (peer.group, self.model.left(Stream::Group, number - 1))
        };
        let delivered = stream.map_or(0, |stream| stream.delivered);
        for range in ranges.iter(packet.seq) {
            let asks_well = delivered < range.first() && range.last() <= last;
            assert!(asks_well, "{packet}, but {delivered} is delivered and {last} the last");
        }
    }

    /// What it owes has a deadline, and what must be kept is.
    // RMC-SEND-2, RMC-REPAIR-7, RMC-HB-3, RMC-HB-6, RMC-END-3
    pub(crate) fn check_sender(&mut self) {
        let node = &self.nodes[SENDER];
        let deadline = node.deadline();
        if self.model.is_closed() {
            assert_eq!(deadline, None, "a closed node needs no timer");
            return;
        }
        let is_blocked = self.plan.waits && self.model.is_queued() && !node.is_due_by(self.now);
        let waits = self.model.is_queued() && !is_blocked || self.model.owes();
        assert!(!waits || node.is_due_by(self.now), "something waits to be sent, and the deadline is {deadline:?}");
        let (backlog, kept) = (self.backlog(), self.model.kept(self.plan));
        assert!(backlog >= kept, "{backlog} packets are kept, {kept} must be");
        let is_followed = self.model.left(Stream::Group, 0) > 0 && !self.model.has_end_left();
        let promises = is_followed || backlog > kept || is_blocked;
        let beats = node.is_due_by(self.now + HEARTBEAT_BOUND);
        assert!(!promises || beats, "a heartbeat is owed, and the deadline is {deadline:?}");
        if is_blocked {
            self.sights.add(Sight::Blocked);
        }
    }

    /// What it misses it asks for, at once and then by a timer; where packets have come late soon.
    // RMC-GAP-1, RMC-GAP-8, RMC-GAP-12, RMC-GAP-6, RMC-NACK-1, RMC-WIN-1, RMC-WIN-5
    pub(crate) fn check_receiver(&mut self, number: usize) {
        let node = &self.nodes[number];
        let Some(peer) = node.protocol().peer(address(SENDER)) else { return };
        let held = node.protocol().stats().held;
        let (deadline, readable) = (node.deadline(), held.readable);
        let streams = usize::from(peer.group.is_some()) + usize::from(peer.private.is_some());
        let bound = self.plan.window * streams;
        assert!(held.receive_packets <= bound, "{} packets in windows of {bound}", held.receive_packets);
        let is_current = peer.epoch == epoch(self.model.incarnation());
        for (stream, info) in [(Stream::Group, peer.group), (Stream::Private, peer.private)] {
            let Some(info) = info else { continue };
            let last = self.model.left(stream, number - 1);
            assert!(!is_current || info.known <= last, "{} is known, but {last} the last", info.known);
            let asks = node.is_due_by(self.now + NACK_BOUND);
            assert!(info.gaps == 0 || asks, "a gap is open, and the deadline is {deadline:?}");
            if is_current && !node.is_due_by(self.now) {
                let limit = (info.delivered + self.plan.window as u64).saturating_sub(readable as u64);
                let unasked =
                    self.model.first_unasked(number - 1, stream, info.delivered, info.known.min(limit), self.plan);
                let may_wait = self.model.asked[number - 1].may_wait(peer.epoch, stream);
                assert!(unasked.is_none() || may_wait, "{unasked:?} is missing, and nobody asked for it");
            }
            if info.known > info.delivered && info.gaps == 0 {
                assert!(readable >= self.plan.window, "nobody asks for {} to {}", info.delivered + 1, info.known);
                self.sights.add(Sight::WindowFull);
            }
        }
    }

    /// Whether a way on a perfect network is at its end, which began when the sender's last word had left (`is_late`)
    /// or had not: then everything arrives, else everything ends.
    pub(crate) fn is_at_end(&self, is_late: bool) -> bool {
        self.is_complete() || (is_late && self.is_over())
    }

    /// Whether everything that can be had was told to every application, and everybody knows it.
    // RMC-GAP-6, RMC-PRIV-4, RMC-END-3, RMC-END-4
    fn is_complete(&self) -> bool {
        let model = &self.model;
        if model.has_finished() && !model.is_closed() || model.is_queued() || model.owes() {
            return false;
        }
        let is_told = |receiver| {
            let is_told = |stream| model.is_told(receiver, stream, self.plan);
            is_told(Stream::Group) && is_told(Stream::Private) && (!model.is_closed() || model.has_ended(receiver))
        };
        let is_quiet = |node: &Node| {
            let peer = node.protocol().peer(address(SENDER));
            let streams = peer.into_iter().flat_map(|peer| [peer.group, peer.private]).flatten();
            !node.is_readable() && streams.map(|stream| stream.gaps).sum::<usize>() == 0
        };
        let is_acknowledged = model.is_closed() || self.backlog() == model.kept(self.plan);
        is_acknowledged && self.nodes[1..].iter().all(is_quiet) && (0..self.plan.receivers).all(is_told)
    }

    /// Whether the last word of the sender has left, so that who does not know it can only wait.
    pub(crate) fn is_late(&self) -> bool {
        self.model.has_end_left()
    }

    /// Whether the sender is closed and everybody has forgotten it.
    // RMC-PEER-6
    fn is_over(&self) -> bool {
        let has_forgotten = |node: &Node| node.protocol().peer(address(SENDER)).is_none() && !node.is_readable();
        self.model.is_closed() && self.flights.is_empty() && self.nodes[1..].iter().all(has_forgotten)
    }

    /// How many packets the sender keeps for repair, over all streams.
    fn backlog(&self) -> u64 {
        self.nodes[SENDER].protocol().stats().held.backlog_packets as u64
    }
}
