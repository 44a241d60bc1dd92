//! How the nodes are connected: links and partitions.

use super::Sim;
use super::error::SimError;
use super::link::Link;
use super::node::NodeId;
use super::partition::CutId;
use super::preset::Preset;

impl Sim {
    /// The links out of and into every node, also of those that come later.
    pub fn set_links(&mut self, egress: &Link, ingress: &Link) {
        self.net.set_default_links(egress, ingress);
        // Some may have waited for the links that were there before.
        for node in 0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX) {
            self.settle(NodeId(node));
        }
    }

    /// The links of a network that has a name.
    pub fn set_preset(&mut self, preset: Preset) {
        self.set_links(&preset.egress(), &preset.ingress());
    }

    /// The link out of one node. What is lost there is lost for all receivers.
    ///
    /// # Errors
    ///
    /// There is no such node.
    pub fn set_egress(&mut self, node: NodeId, link: Link) -> Result<(), SimError> {
        self.net.egress_mut(node).ok_or(SimError::NoSuchNode(node))?.set(link);
        // It may have waited for the link that was there before.
        self.settle(node);
        Ok(())
    }

    /// Lets a node send only while at most so many bytes of IP packets wait for the rate of its egress: as a driver whose
    /// socket makes it wait. So at most one transmit more than that waits there, which is one datagram, or with
    /// [`Config::max_segments`](crate::Config::max_segments) above 1 that many; a [`queue`](Link::queue) with room for
    /// both drops nothing. With 0 the node waits until the last byte has left. Where the egress has no rate it never
    /// waits. Default `None`: whatever a node has goes to the link at once.
    ///
    /// # Errors
    ///
    /// There is no such node.
    pub fn set_send_buffer(&mut self, node: NodeId, bytes: Option<u64>) -> Result<(), SimError> {
        self.net.egress_mut(node).ok_or(SimError::NoSuchNode(node))?.send_buffer = bytes;
        self.settle(node);
        Ok(())
    }

    /// The link into one node.
    ///
    /// # Errors
    ///
    /// There is no such node.
    pub fn set_ingress(&mut self, node: NodeId, link: Link) -> Result<(), SimError> {
        self.net.ingress_mut(node).ok_or(SimError::NoSuchNode(node))?.set(link);
        Ok(())
    }

    /// The link between the egress of `from` and the ingress of `to`, one way.
    ///
    /// # Errors
    ///
    /// There is no such node.
    pub fn set_path(&mut self, from: NodeId, to: NodeId, link: Link) -> Result<(), SimError> {
        self.known(from)?;
        self.known(to)?;
        self.net.set_path(from, to, link);
        Ok(())
    }

    /// Lets what a node multicasts come back to itself, as sockets with multicast loopback do. Default: it does not.
    pub const fn set_loopback(&mut self, loops_back: bool) {
        self.net.loops_back = loops_back;
    }

    /// Nothing gets from any node of `from` to any of `to` any more: one way. What is on its way past the links between
    /// them still arrives.
    pub fn cut(&mut self, from: &[NodeId], to: &[NodeId]) -> CutId {
        self.net.partitions.cut(from, to)
    }

    /// The same both ways. Two cuts come back: one for each way.
    pub fn partition(&mut self, one: &[NodeId], other: &[NodeId]) -> [CutId; 2] {
        [self.cut(one, other), self.cut(other, one)]
    }

    /// Takes one cut back; returns whether there was one.
    pub fn heal(&mut self, cut: CutId) -> bool {
        self.net.partitions.heal(cut)
    }

    /// Takes all cuts back.
    pub fn heal_all(&mut self) {
        self.net.partitions.heal_all();
    }
}
