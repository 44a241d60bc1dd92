//! What can be wrong with a call.

use thiserror::Error;

use super::node::NodeId;
use crate::error::{ConfigError, SendError};

/// Why a call of [`Sim`](super::Sim) did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SimError {
    /// No node was ever given this number, or it was removed.
    #[error("there is no node {0}")]
    NoSuchNode(NodeId),
    /// The node has crashed: start it again first.
    #[error("node {0} is down: restart it first")]
    Down(NodeId),
    /// The node's protocol refuses to send.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The node's configuration is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
}
