//! The network between the nodes.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::is_group;
use super::link::{Link, LinkState, Passage, Refusal};
use super::node::NodeId;
use super::partition::Partitions;
use super::queue::{Agenda, Due, Head, PacketId, Packets};
use super::tap::{Datagram, Fate, Observer, Place, Tap, Verdict};
use super::trace::{PacketRef, Trace, What, fold_addresses};
use crate::event::Path;
use crate::hash::{self, Map};
use crate::time::Instant;

/// Everything but the nodes: what is on its way between them, and who looks at it.
pub(super) struct Network {
    pub(super) seed: u64,
    pub(super) now: Instant,
    pub(super) agenda: Agenda,
    pub(super) packets: Packets,
    pub(super) partitions: Partitions,
    pub(super) trace: Trace,
    pub(super) tap: Option<Box<dyn Tap>>,
    pub(super) observer: Option<Box<dyn Observer>>,
    /// Whether what a node multicasts comes back to it.
    pub(super) loops_back: bool,
    egress: Vec<LinkState>,
    ingress: Vec<LinkState>,
    paths: BTreeMap<(NodeId, NodeId), LinkState>,
    default_egress: Link,
    default_ingress: Link,
    addresses: Map<SocketAddr, NodeId>,
    /// Who has joined each group, in ascending order.
    groups: BTreeMap<SocketAddr, Vec<NodeId>>,
}

/// Which of a node's links: part of what its randomness is made from.
#[derive(Clone, Copy)]
enum End {
    Egress = 1,
    Ingress = 2,
    Path = 3,
}

/// How a tap lets a datagram go on.
#[derive(Clone, Copy, Default)]
struct Tapped {
    /// How much later.
    delay: Duration,
    /// Once more, so much after that.
    again: Option<Duration>,
}

impl Network {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            now: Instant::ORIGIN,
            agenda: Agenda::default(),
            packets: Packets::default(),
            partitions: Partitions::default(),
            trace: Trace::default(),
            tap: None,
            observer: None,
            loops_back: false,
            egress: Vec::new(),
            ingress: Vec::new(),
            paths: BTreeMap::new(),
            default_egress: Link::IDEAL,
            default_ingress: Link::IDEAL,
            addresses: hash::map(seed),
            groups: BTreeMap::new(),
        }
    }

    /// A node comes with its two links.
    pub(super) fn add_node(&mut self, node: NodeId) {
        let (egress, ingress) = (self.default_egress.clone(), self.default_ingress.clone());
        self.egress.push(LinkState::new(egress, self.link_seed(End::Egress, node, node)));
        self.ingress.push(LinkState::new(ingress, self.link_seed(End::Ingress, node, node)));
    }

    pub(super) fn bind(&mut self, address: SocketAddr, node: NodeId) {
        self.addresses.insert(address, node);
    }

    /// Takes a node's address away, unless another one has come there since.
    pub(super) fn unbind(&mut self, address: SocketAddr, node: NodeId) {
        if self.node_at(address) == Some(node) {
            self.addresses.remove(&address);
        }
    }

    pub(super) fn node_at(&self, address: SocketAddr) -> Option<NodeId> {
        self.addresses.get(&address).copied()
    }

    pub(super) fn join(&mut self, group: SocketAddr, node: NodeId) {
        let members = self.groups.entry(group).or_default();
        if let Err(place) = members.binary_search(&node) {
            members.insert(place, node);
        }
    }

    pub(super) fn leave(&mut self, group: SocketAddr, node: NodeId) {
        if let Some(members) = self.groups.get_mut(&group)
            && let Ok(place) = members.binary_search(&node)
        {
            members.remove(place);
        }
    }

    /// The links of nodes that have none of their own, now and from now on.
    pub(super) fn set_default_links(&mut self, egress: &Link, ingress: &Link) {
        (self.default_egress, self.default_ingress) = (egress.clone(), ingress.clone());
        self.egress.iter_mut().for_each(|state| state.set(egress.clone()));
        self.ingress.iter_mut().for_each(|state| state.set(ingress.clone()));
    }

    pub(super) fn egress_mut(&mut self, node: NodeId) -> Option<&mut LinkState> {
        self.egress.get_mut(node.index())
    }

    /// Until when a node has to wait before it sends more; `None`: not at all.
    pub(super) fn full_until(&self, node: NodeId) -> Option<Instant> {
        self.egress.get(node.index())?.full_until(self.now)
    }

    /// How many bytes of a node wait for the rate of its egress.
    pub(super) fn queued(&self, node: NodeId) -> u64 {
        self.egress.get(node.index()).map_or(0, |link| link.queued(self.now))
    }

    pub(super) fn ingress_mut(&mut self, node: NodeId) -> Option<&mut LinkState> {
        self.ingress.get_mut(node.index())
    }

    pub(super) fn set_path(&mut self, from: NodeId, to: NodeId, link: Link) {
        let seed = self.link_seed(End::Path, from, to);
        self.paths.entry((from, to)).or_insert_with(|| LinkState::new(Link::IDEAL, seed)).set(link);
    }

    /// Each link's randomness depends on the simulation's seed and on what it connects, and on nothing else.
    fn link_seed(&self, end: End, from: NodeId, to: NodeId) -> u64 {
        derive(derive(derive(self.seed, end as u64), u64::from(from.0)), u64::from(to.0))
    }

    /// A node sends. A group can also be the address of a single node (S02): that is unicast.
    pub(super) fn send(&mut self, from: NodeId, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) {
        let path = if is_group(destination) { Path::Multicast } else { Path::Unicast };
        let packet = self.packets.keep((source, destination), Some(from), path, bytes);
        self.note_sent(packet);
        let Some(tapped) = self.tapped(packet, Place::Leaves) else {
            self.drop_packet(packet, None, Fate::Tapped);
            return;
        };
        let Some(link) = self.egress.get_mut(from.index()) else { return };
        let len = wire_len(destination, bytes.len());
        match link.pass(self.now, len) {
            Err(refusal) => self.drop_packet(packet, None, refusal.into()),
            Ok(passage) => {
                let packet = self.damaged(packet, &passage, |net| net.egress.get_mut(from.index()));
                self.copies(packet, &passage, tapped, Due::Spread);
            }
        }
    }

    /// A datagram appears at the nodes that `destination` means, without having passed a link.
    pub(super) fn inject(&mut self, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) {
        let path = if is_group(destination) { Path::Multicast } else { Path::Unicast };
        let packet = self.packets.keep((source, destination), None, path, bytes);
        self.note_sent(packet);
        let targets = self.targets(packet);
        if targets.is_empty() {
            self.drop_packet(packet, None, Fate::Nobody);
            return;
        }
        for node in targets {
            self.packets.share(packet);
            self.agenda.add(self.now, Due::Arrive(packet, node));
        }
        self.packets.release(packet);
    }

    /// A datagram has left its node's egress link: to everybody it is for.
    pub(super) fn spread(&mut self, packet: PacketId) {
        let head = self.packets.head(packet);
        if head.path == Path::Unicast {
            match self.node_at(head.destination) {
                Some(node) => self.enter(packet, node),
                None => self.drop_packet(packet, None, Fate::Nobody),
            }
            return;
        }
        // Taken out meanwhile: entering a link changes no group.
        let members = self.groups.get_mut(&head.destination).map(core::mem::take).unwrap_or_default();
        for &node in &members {
            if self.loops_back || head.from != Some(node) {
                self.packets.share(packet);
                self.enter(packet, node);
            }
        }
        if let Some(place) = self.groups.get_mut(&head.destination) {
            *place = members;
        }
        self.packets.release(packet);
    }

    /// A datagram comes to a node's ingress link: past partitions, tap and the path's own link.
    fn enter(&mut self, packet: PacketId, to: NodeId) {
        let head = self.packets.head(packet);
        if let Some(from) = head.from {
            if self.partitions.separate(from, to) {
                self.drop_packet(packet, Some(to), Fate::Cut);
                return;
            }
            if from == to {
                // What loops back never leaves the machine.
                self.agenda.add(self.now, Due::Arrive(packet, to));
                return;
            }
        }
        let Some(tapped) = self.tapped(packet, Place::Enters(to)) else {
            self.drop_packet(packet, Some(to), Fate::Tapped);
            return;
        };
        let key = head.from.map(|from| (from, to)).filter(|key| !self.paths.is_empty() && self.paths.contains_key(key));
        let Some(key) = key else {
            let passage = Passage { at: self.now, twin: None, flips_bits: false, truncates: false };
            self.copies(packet, &passage, tapped, |packet| Due::Enter(packet, to));
            return;
        };
        let len = wire_len(head.destination, self.packets.bytes(packet).len());
        let Some(path) = self.paths.get_mut(&key) else { return };
        match path.pass(self.now, len) {
            Err(refusal) => self.drop_packet(packet, Some(to), refusal.into()),
            Ok(passage) => {
                let packet = self.damaged(packet, &passage, |net| net.paths.get_mut(&key));
                self.copies(packet, &passage, tapped, |packet| Due::Enter(packet, to));
            }
        }
    }

    /// A datagram passes a node's ingress link.
    pub(super) fn ingress(&mut self, packet: PacketId, to: NodeId) {
        let destination = self.packets.head(packet).destination;
        let len = wire_len(destination, self.packets.bytes(packet).len());
        let Some(link) = self.ingress.get_mut(to.index()) else { return };
        match link.pass(self.now, len) {
            Err(refusal) => self.drop_packet(packet, Some(to), refusal.into()),
            Ok(passage) => {
                let packet = self.damaged(packet, &passage, |net| net.ingress.get_mut(to.index()));
                self.copies(packet, &passage, Tapped::default(), |packet| Due::Arrive(packet, to));
            }
        }
    }

    /// Sends a datagram, and its duplicates, on. What takes no time is done at once, but arrivals: nodes must not be
    /// called while another one is.
    fn copies(&mut self, packet: PacketId, passage: &Passage, tapped: Tapped, due: impl Fn(PacketId) -> Due) {
        let at = passage.at + tapped.delay;
        let twin = passage.twin.map(|twin| twin + tapped.delay);
        let again = tapped.again.map(|later| at + later);
        for copy in [twin, again].into_iter().flatten() {
            self.packets.share(packet);
            self.agenda.add(copy, due(packet));
        }
        match due(packet) {
            Due::Spread(packet) if at == self.now => self.spread(packet),
            Due::Enter(packet, to) if at == self.now => self.ingress(packet, to),
            due => self.agenda.add(at, due),
        }
    }

    /// The packet, or a damaged copy in its place.
    fn damaged(
        &mut self,
        packet: PacketId,
        passage: &Passage,
        link: impl Fn(&mut Self) -> Option<&mut LinkState>,
    ) -> PacketId {
        if !passage.flips_bits && !passage.truncates {
            return packet;
        }
        let mut bytes = self.packets.bytes(packet).to_vec();
        if let Some(link) = link(self) {
            link.damage(passage, &mut bytes);
        }
        let head = self.packets.head(packet);
        self.packets.release(packet);
        self.packets.keep((head.source, head.destination), head.from, head.path, &bytes)
    }

    /// What the tap says: how it goes on, or `None`: not at all.
    fn tapped(&mut self, packet: PacketId, place: Place) -> Option<Tapped> {
        let Some(tap) = &mut self.tap else { return Some(Tapped::default()) };
        match tap.datagram(&datagram(&self.packets, self.now, packet), place) {
            Verdict::Pass => Some(Tapped::default()),
            Verdict::Delay(delay) => Some(Tapped { delay, again: None }),
            Verdict::Twice(later) => Some(Tapped { delay: Duration::ZERO, again: Some(later) }),
            Verdict::Drop => None,
        }
    }

    pub(super) fn drop_packet(&mut self, packet: PacketId, to: Option<NodeId>, fate: Fate) {
        let (digest, reference) = self.reference(packet);
        let words = [2 << 56 | fate as u64, to.map_or(u64::MAX, |to| u64::from(to.0)), digest, 0];
        self.trace.note(self.now, What::Dropped { to, packet: reference, fate }, words);
        if let Some(observer) = &mut self.observer {
            observer.dropped(&datagram(&self.packets, self.now, packet), to, fate);
        }
        self.packets.release(packet);
    }

    pub(super) fn note_arrived(&mut self, packet: PacketId, to: NodeId) {
        let (digest, reference) = self.reference(packet);
        let words = [1 << 56, u64::from(to.0), digest, 0];
        self.trace.note(self.now, What::Arrived { to, packet: reference }, words);
    }

    fn note_sent(&mut self, packet: PacketId) {
        let Head { from, source, destination, .. } = self.packets.head(packet);
        let (digest, reference) = self.reference(packet);
        let addresses = fold_addresses([source, destination]);
        let words = [0, from.map_or(u64::MAX, |from| u64::from(from.0)), digest, addresses];
        self.trace.note(self.now, What::Sent { from, packet: reference }, words);
        if let Some(observer) = &mut self.observer {
            observer.sent(&datagram(&self.packets, self.now, packet));
        }
    }

    fn reference(&mut self, packet: PacketId) -> (u64, PacketRef) {
        let head = self.packets.head(packet);
        let mut recorded = head.recorded;
        let addresses = (head.source, head.destination);
        let reference = self.trace.packet_ref(&mut recorded, addresses, self.packets.bytes(packet));
        self.packets.head_mut(packet).recorded = recorded;
        (head.digest, reference)
    }

    /// Whom an injected datagram is for.
    fn targets(&self, packet: PacketId) -> Vec<NodeId> {
        let head = self.packets.head(packet);
        match head.path {
            Path::Multicast => self.groups.get(&head.destination).cloned().unwrap_or_default(),
            Path::Unicast => self.node_at(head.destination).into_iter().collect(),
        }
    }
}

impl From<Refusal> for Fate {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Lost => Self::Lost,
            Refusal::QueueFull => Self::QueueFull,
            Refusal::TooLong => Self::TooLong,
        }
    }
}

/// A stored datagram, as others see it.
pub(super) fn datagram(packets: &Packets, now: Instant, packet: PacketId) -> Datagram<'_> {
    let head = packets.head(packet);
    Datagram {
        now,
        from: head.from,
        source: head.source,
        destination: head.destination,
        path: head.path,
        bytes: packets.bytes(packet),
    }
}

/// The length of the IP packet.
pub(super) const fn wire_len(destination: SocketAddr, len: usize) -> usize {
    len + if destination.is_ipv4() { 28 } else { 48 }
}

/// A seed made from another one and a number (splitmix64).
pub(super) const fn derive(seed: u64, number: u64) -> u64 {
    let mut mixed = seed ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
