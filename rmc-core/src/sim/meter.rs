//! Measures what recovery costs and how long it takes.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use super::network::wire_len;
use super::node::NodeId;
use super::scenario::is_message;
use super::tap::{Datagram, Fate, Observer};
use crate::event::{Received, Stream};
use crate::packet::{Body, Flags, Packet};
use crate::protocol::Protocol;
use crate::time::Instant;

/// How many losses come before the group has had time to settle down.
const EARLY: u64 = 10;

/// Watches one sender's group stream, at all others.
pub(super) struct Meter {
    sender: NodeId,
    messages: u64,
    size: usize,
    receivers: Vec<Progress>,
    /// How many receivers have everything.
    pub(super) complete: usize,
    /// When the last of them had.
    pub(super) completed_at: Instant,
    pub(super) first_transmissions: u64,
    pub(super) repairs: u64,
    pub(super) first_bytes: u64,
    pub(super) sent_bytes: u64,
    pub(super) nacks: u64,
    pub(super) nacks_first_loss: u64,
    pub(super) nacks_from_11th: u64,
    /// The numbers whose first transmission was lost on the way to anybody, and how many were before each.
    lost: BTreeMap<u64, u64>,
    first_lost: Option<u64>,
    pub(super) recoveries: Vec<Duration>,
    /// Numbers reported as lost for good, over all receivers.
    pub(super) given_up: u64,
    /// Messages that were not the next one, or not what was sent.
    pub(super) wrong: u64,
}

/// How far a receiver is.
#[derive(Default)]
struct Progress {
    known: u64,
    messages: u64,
    /// What is missing, ascending, and since when it is known to be.
    missing: VecDeque<(u64, Instant)>,
}

impl Meter {
    pub(super) fn new(sender: NodeId, messages: u64, size: usize) -> Self {
        Self {
            sender,
            messages,
            size,
            receivers: Vec::new(),
            complete: 0,
            completed_at: Instant::ORIGIN,
            first_transmissions: 0,
            repairs: 0,
            first_bytes: 0,
            sent_bytes: 0,
            nacks: 0,
            nacks_first_loss: 0,
            nacks_from_11th: 0,
            lost: BTreeMap::new(),
            first_lost: None,
            recoveries: Vec::new(),
            given_up: 0,
            wrong: 0,
        }
    }

    pub(super) fn lost_packets(&self) -> u64 {
        self.lost.len() as u64
    }

    fn progress(&mut self, node: NodeId) -> &mut Progress {
        if self.receivers.len() <= node.index() {
            self.receivers.resize_with(node.index() + 1, Progress::default);
        }
        &mut self.receivers[node.index()]
    }

    fn asked(&mut self, packet: &Packet<'_>) {
        let Body::Nack { ranges, .. } = packet.body else { return };
        self.nacks += 1;
        let names = |seq: u64| ranges.iter(packet.seq).any(|range| range.first() <= seq && seq <= range.last());
        self.nacks_first_loss += u64::from(self.first_lost.is_some_and(names));
        let is_late = ranges.iter(packet.seq).any(|range| {
            // At most ten of them are early ones, so that this looks at eleven at most.
            self.lost.range(range.first()..=range.last()).any(|(_, &before)| before >= EARLY)
        });
        self.nacks_from_11th += u64::from(is_late);
    }
}

/// The number of the sender's Data packet that the datagram is; and whether it is a repair.
pub(super) fn data_of(sender: NodeId, datagram: &Datagram<'_>) -> Option<(u64, bool)> {
    if datagram.from != Some(sender) {
        return None;
    }
    let packet = datagram.packet().ok()?;
    let is_data = matches!(packet.body, Body::Data { .. }) && !packet.flags.contains(Flags::PRIVATE);
    is_data.then(|| (packet.seq, packet.flags.contains(Flags::RESENT)))
}

impl Observer for Meter {
    fn sent(&mut self, datagram: &Datagram<'_>) {
        if datagram.from != Some(self.sender) {
            return;
        }
        let len = wire_len(datagram.destination, datagram.bytes.len()) as u64;
        self.sent_bytes += len;
        match data_of(self.sender, datagram) {
            Some((_, true)) => self.repairs += 1,
            Some((_, false)) => {
                self.first_transmissions += 1;
                self.first_bytes += len;
            }
            None => {}
        }
    }

    fn dropped(&mut self, datagram: &Datagram<'_>, _: Option<NodeId>, _: Fate) {
        if let Some((seq, false)) = data_of(self.sender, datagram) {
            let before = self.lost.len() as u64;
            self.lost.entry(seq).or_insert(before);
            self.first_lost.get_or_insert(seq);
        }
    }

    fn arrived(&mut self, datagram: &Datagram<'_>, node: NodeId, protocol: &Protocol) {
        if node == self.sender {
            if let Ok(packet) = datagram.packet() {
                self.asked(&packet);
            }
            return;
        }
        let Some(stream) = protocol.peer(datagram.source).and_then(|peer| peer.group) else { return };
        let came = data_of(self.sender, datagram).map_or(0, |(seq, _)| seq);
        let progress = self.progress(node);
        if let Ok(place) = progress.missing.binary_search_by_key(&came, |&(seq, _)| seq)
            && let Some((_, since)) = progress.missing.remove(place)
        {
            self.recoveries.push(datagram.now.saturating_since(since));
        }
        let progress = self.progress(node);
        if stream.known <= progress.known {
            return;
        }
        let missing = (progress.known + 1..=stream.known).filter(|&seq| seq != came && seq > stream.delivered);
        progress.missing.extend(missing.map(|seq| (seq, datagram.now)));
        progress.known = stream.known;
    }

    fn received(&mut self, now: Instant, node: NodeId, received: &Received<'_>) {
        let (messages, size) = (self.messages, self.size);
        match *received {
            Received::Message { stream: Stream::Group, payload, .. } => {
                let progress = self.progress(node);
                let is_right = is_message(progress.messages, size, payload);
                progress.messages += 1;
                let is_complete = progress.messages == messages;
                self.wrong += u64::from(!is_right);
                if is_complete {
                    self.complete += 1;
                    self.completed_at = now;
                }
            }
            Received::Lost { ranges, .. } => {
                self.given_up += ranges.iter().map(|range| range.len()).sum::<u64>();
                let last = ranges.last().map_or(0, |range| range.last());
                self.progress(node).missing.retain(|&(seq, _)| seq > last);
            }
            _ => {}
        }
    }
}
