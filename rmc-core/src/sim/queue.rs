//! What is on its way: datagrams, and the times at which they get somewhere.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::net::SocketAddr;

use super::node::NodeId;
use super::trace::fold_bytes;
use crate::event::Path;
use crate::time::Instant;

/// A datagram in the store.
pub(super) type PacketId = u32;

/// Its bytes, kept once however many it is on its way to.
#[derive(Default)]
pub(super) struct Stored {
    pub(super) bytes: Vec<u8>,
    pub(super) head: Option<Head>,
    /// How many flights and holders need it.
    users: u32,
}

/// Where a datagram comes from and goes to.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    /// The node that sent it; `None`: it is forged.
    pub(super) from: Option<NodeId>,
    pub(super) path: Path,
    /// Of its bytes: what the trace's digest knows it by.
    pub(super) digest: u64,
    /// Where the trace has it.
    pub(super) recorded: Option<u32>,
}

/// All datagrams on their way. Their buffers are used again.
#[derive(Default)]
pub(super) struct Packets {
    all: Vec<Stored>,
    idle: Vec<PacketId>,
}

impl Packets {
    /// Keeps a datagram, with one user.
    pub(super) fn keep(
        &mut self,
        (source, destination): (SocketAddr, SocketAddr),
        from: Option<NodeId>,
        path: Path,
        bytes: &[u8],
    ) -> PacketId {
        let id = self.idle.pop().unwrap_or_else(|| {
            self.all.push(Stored::default());
            PacketId::try_from(self.all.len() - 1).unwrap_or(PacketId::MAX)
        });
        let stored = &mut self.all[id as usize];
        stored.bytes.clear();
        stored.bytes.extend_from_slice(bytes);
        stored.head = Some(Head { source, destination, from, path, digest: fold_bytes(bytes), recorded: None });
        stored.users = 1;
        id
    }

    pub(super) fn head(&self, id: PacketId) -> Head {
        self.all[id as usize].head.expect("a packet with users has a head")
    }

    pub(super) fn head_mut(&mut self, id: PacketId) -> &mut Head {
        self.all[id as usize].head.as_mut().expect("a packet with users has a head")
    }

    pub(super) fn bytes(&self, id: PacketId) -> &[u8] {
        &self.all[id as usize].bytes
    }

    pub(super) fn share(&mut self, id: PacketId) {
        self.all[id as usize].users += 1;
    }

    pub(super) fn release(&mut self, id: PacketId) {
        let stored = &mut self.all[id as usize];
        stored.users -= 1;
        if stored.users == 0 {
            stored.head = None;
            self.idle.push(id);
        }
    }

    /// How many are on their way.
    pub(super) fn len(&self) -> usize {
        self.all.len() - self.idle.len()
    }
}

/// What comes next on the way of a datagram, or of an application.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// It has left its node's egress link, and goes to everybody it is for.
    Spread(PacketId),
    /// It comes to a node's ingress link.
    Enter(PacketId, NodeId),
    /// It arrives at a node.
    Arrive(PacketId, NodeId),
    /// The application of a node, in the incarnation with this epoch, wanted to be woken.
    Wake(NodeId, u32),
}

/// What is due, in the order of time; at the same time in the order in which it was added.
#[derive(Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(Instant, u64, Due)>>,
    count: u64,
}

impl Agenda {
    pub(super) fn add(&mut self, at: Instant, due: Due) {
        self.count += 1;
        self.heap.push(Reverse((at, self.count, due)));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes out what is due first.
    pub(super) fn pop(&mut self) -> Option<(Instant, Due)> {
        self.heap.pop().map(|Reverse((at, _, due))| (at, due))
    }
}
