//! The course of time.

use core::time::Duration;

use super::Sim;
use super::is_group;
use super::network::{Network, datagram};
use super::node::{Node, NodeId, State, Wish};
use super::queue::{Due, PacketId};
use super::quiet::Stuck;
use super::tap::Fate;
use super::trace::What;
use crate::action::Action;
use crate::error::SendError;
use crate::event::Received;
use crate::protocol::Protocol;
use crate::time::{Instant, earlier};

/// How often it is looked whether all is quiet.
const LOOK: Duration = Duration::from_millis(1);

impl Sim {
    /// Does the next thing: a datagram gets somewhere, an application wakes, or a node's deadline is reached. `None`:
    /// nothing will ever happen again by itself.
    ///
    /// At the same time datagrams come first, then deadlines, as for a driver that reads before it looks at the clock.
    pub fn step(&mut self) -> Option<Instant> {
        self.settle_lent();
        let (flight, deadline) = (self.net.agenda.next(), self.deadlines.next());
        let at = earlier(flight, deadline)?.max(self.net.now);
        self.net.now = at;
        if flight.is_some_and(|flight| flight <= at) {
            if let Some((_, due)) = self.net.agenda.pop() {
                self.happen(due);
            }
        } else if let Some(node) = self.deadlines.pop_due(at) {
            let node = NodeId(node);
            if let Some(protocol) = self.nodes[node.index()].protocol_mut() {
                protocol.handle_timeout(at);
            }
            self.settle(node);
        }
        Some(at)
    }

    /// Lets time pass.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_to(self.net.now + duration);
    }

    /// Lets time pass up to a point: everything that is due until then, then included, has happened.
    pub fn run_to(&mut self, end: Instant) {
        self.settle_lent();
        while self.next().is_some_and(|at| at <= end) {
            self.step();
        }
        self.net.now = self.net.now.max(end);
    }

    /// Lets time pass until `done` says so, which is asked after each step.
    ///
    /// # Errors
    ///
    /// `limit` has passed before: who is stuck, and on what.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> Result<(), Stuck> {
        self.settle_lent();
        let end = self.net.now + limit;
        loop {
            if done(self) {
                return Ok(());
            }
            if self.next().is_none_or(|at| at > end) {
                self.net.now = self.net.now.max(end);
                return if done(self) { Ok(()) } else { Err(self.stuck()) };
            }
            self.step();
        }
    }

    /// Lets time pass until all is quiet: every node that is up has sent what it has, and every other one in its group
    /// has got all of it or knows that it is lost. It is looked every millisecond of virtual time. Heartbeats go on.
    ///
    /// # Errors
    ///
    /// `limit` has passed before: who is stuck, and on what.
    pub fn run_until_quiet(&mut self, limit: Duration) -> Result<(), Stuck> {
        let end = self.net.now + limit;
        loop {
            let look = (self.net.now + LOOK).min(end);
            // Nothing changes before the next thing happens.
            let next = self.next().map_or(end, |at| at.clamp(look, end));
            self.run_to(next);
            if self.is_quiet() {
                return Ok(());
            }
            if self.net.now >= end {
                return Err(self.stuck());
            }
        }
    }

    fn next(&self) -> Option<Instant> {
        earlier(self.net.agenda.next(), self.deadlines.next())
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Spread(packet) => self.net.spread(packet),
            Due::Enter(packet, to) => self.net.ingress(packet, to),
            Due::Arrive(packet, to) => self.arrive(packet, to),
            Due::Wake(node, life) => self.wake(node, life),
        }
    }

    fn arrive(&mut self, packet: PacketId, to: NodeId) {
        let Self { net, nodes, memory, .. } = self;
        let Some(node) = nodes.get_mut(to.index()) else { return };
        let head = net.packets.head(packet);
        let is_there = head.destination == node.address || node.joined == Some(head.destination);
        let Some(protocol) = node.protocol_mut().filter(|_| is_there) else {
            net.drop_packet(packet, Some(to), Fate::Nobody);
            return;
        };
        net.note_arrived(packet, to);
        protocol.swap_memory(memory);
        protocol.handle_datagram(net.now, head.source, head.path, net.packets.bytes(packet));
        protocol.swap_memory(memory);
        if let Some(observer) = &mut net.observer {
            observer.arrived(&datagram(&net.packets, net.now, packet), to, protocol);
        }
        net.packets.release(packet);
        self.settle(to);
    }

    fn wake(&mut self, node: NodeId, life: u32) {
        let now = self.net.now;
        let Some(entry) = self.nodes.get_mut(node.index()) else { return };
        if entry.life != life || entry.protocol().is_none() {
            return;
        }
        if let Some(application) = &mut entry.application {
            entry.outbox.set_now(now);
            application.woken(&mut entry.outbox);
        }
        self.settle(node);
    }

    /// A node has started: it is told to the trace, its application, and its group.
    pub(super) fn started(&mut self, node: NodeId) {
        let epoch = self.nodes[node.index()].epoch;
        self.net.trace.note(self.net.now, What::Started { node, epoch }, [7 << 56, node.0.into(), epoch.into(), 0]);
        self.start_application(node);
        self.settle(node);
    }

    pub(super) fn start_application(&mut self, node: NodeId) {
        let entry = &mut self.nodes[node.index()];
        entry.life += 1;
        entry.outbox.wishes.clear();
        if let Some(application) = &mut entry.application {
            entry.outbox.set_now(self.net.now);
            application.started(&mut entry.outbox);
        }
    }

    /// A node is up no more.
    pub(super) fn take_down(&mut self, node: NodeId) {
        let entry = &mut self.nodes[node.index()];
        if let Some(group) = entry.joined.take() {
            self.net.leave(group, node);
        }
        entry.outbox.wishes.clear();
        entry.outbox.wakes.clear();
        self.deadlines.clear(node.0);
    }

    pub(super) fn settle_lent(&mut self) {
        if let Some(node) = self.lent.take() {
            self.settle(node);
        }
    }

    /// Does what a node says, and lets its application take and send, until neither has anything more to do now.
    pub(super) fn settle(&mut self, node: NodeId) {
        self.swap_memory(node);
        loop {
            self.drain(node);
            let has_taken = self.take(node);
            if !self.grant(node) && !has_taken {
                break;
            }
        }
        self.swap_memory(node);
        self.follow_membership(node);
    }

    fn swap_memory(&mut self, node: NodeId) {
        let Self { nodes, memory, .. } = self;
        if let Some(protocol) = nodes.get_mut(node.index()).and_then(Node::protocol_mut) {
            protocol.swap_memory(memory);
        }
    }

    fn drain(&mut self, id: NodeId) {
        let Self { net, nodes, deadlines, .. } = self;
        let Some(node) = nodes.get_mut(id.index()) else { return };
        let State::Up(protocol) = &mut node.state else { return };
        loop {
            if let Some(at) = net.full_until(id) {
                // Its driver waits at the socket, and does nothing else meanwhile but to read.
                deadlines.set(id.0, at);
                return;
            }
            match protocol.poll_action() {
                Action::Transmit(transmit) => {
                    let len = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
                    for datagram in transmit.contents.chunks(len) {
                        net.send(id, node.address, transmit.destination, datagram);
                    }
                }
                Action::Event(event) => {
                    if let Some(observer) = &mut net.observer {
                        observer.event(net.now, id, &event);
                    }
                    if let Some(application) = &mut node.application {
                        node.outbox.set_now(net.now);
                        application.event(&event, &mut node.outbox);
                    }
                }
                Action::ArmTimer(Some(deadline)) => {
                    deadlines.set(id.0, deadline);
                    return;
                }
                Action::ArmTimer(None) => {
                    deadlines.clear(id.0);
                    return;
                }
            }
        }
    }

    /// Lets the application take what is there; says whether that was anything.
    fn take(&mut self, id: NodeId) -> bool {
        let Self { net, nodes, .. } = self;
        let Some(node) = nodes.get_mut(id.index()) else { return false };
        let (State::Up(protocol), Some(application)) = (&mut node.state, &mut node.application) else { return false };
        let mut has_taken = false;
        while application.is_ready()
            && let Some(received) = protocol.recv()
        {
            has_taken = true;
            net.note_received(id, &received);
            node.outbox.set_now(net.now);
            application.received(&received, &mut node.outbox);
        }
        has_taken
    }

    /// Does what the application wants, as far as there is room; says whether that was anything.
    fn grant(&mut self, id: NodeId) -> bool {
        let Self { net, nodes, .. } = self;
        let Some(node) = nodes.get_mut(id.index()) else { return false };
        for at in node.outbox.wakes.drain(..) {
            net.agenda.add(at.max(net.now), Due::Wake(id, node.life));
        }
        let State::Up(protocol) = &mut node.state else { return false };
        let mut has_done = false;
        while let Some(wish) = node.outbox.wishes.front() {
            let done = match wish {
                Wish::Send(payload) => protocol.send(net.now, payload).map(|_| ()),
                Wish::SendTo(peer, payload) => protocol.send_to(net.now, *peer, payload).map(|_| ()),
                Wish::Finish(linger) => {
                    protocol.finish(net.now, *linger);
                    Ok(())
                }
            };
            if matches!(done, Err(SendError::Full)) {
                break;
            }
            if let (Err(error), Some(application)) = (done, &mut node.application) {
                application.refused(&error);
            }
            node.outbox.wishes.pop_front();
            has_done = true;
        }
        has_done
    }

    /// A node that follows streams is a member of its group, as its driver would see to.
    fn follow_membership(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(id.index()) else { return };
        // A node has the same group for life. To look only whether it is in it spares a way through its memory.
        if node.protocol().is_some_and(Protocol::is_active) == node.joined.is_some() {
            return;
        }
        let wanted = node.protocol().filter(|protocol| protocol.is_active()).map(|protocol| protocol.config().group);
        if let Some(group) = node.joined {
            self.net.leave(group, id);
        }
        if let Some(group) = wanted.filter(|group| is_group(*group)) {
            self.net.join(group, id);
        }
        node.joined = wanted;
    }
}

impl Network {
    pub(super) fn note_received(&mut self, node: NodeId, received: &Received<'_>) {
        let peer = self.node_at(received.peer());
        self.trace.note_received(self.now, node, peer, received);
        if let Some(observer) = &mut self.observer {
            observer.received(self.now, node, received);
        }
    }

    pub(super) fn note_crashed(&mut self, node: NodeId) {
        self.trace.note(self.now, What::Crashed { node }, [8 << 56, u64::from(node.0), 0, 0]);
    }

    pub(super) fn note_removed(&mut self, node: NodeId) {
        self.trace.note(self.now, What::Removed { node }, [9 << 56, u64::from(node.0), 0, 0]);
    }
}
