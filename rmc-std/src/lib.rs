//! Reliable multicast over blocking std UDP sockets: the driver of [`rmc_core`].
//!
//! Every node of a group sends to all others. What a node sends arrives at each of the others complete and in order, or
//! the ranges that are lost for good are named in their place. Who misses something asks its sender for it (NACK). Who
//! gets everything says now and then how far it has come and how much more it can take, and senders go no further.
//!
//! ```no_run
//! use std::time::Duration;
//! use rmc_std::{Endpoint, Received};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let group = "239.255.77.1:8000".parse()?;
//!     let node = Endpoint::builder(group).interface("127.0.0.1".parse()?).build()?;
//!     node.send(b"hello, everybody")?;
//!     while let Ok(received) = node.recv_timeout(Duration::from_secs(1)) {
//!         match received {
//!             Received::Message(message) => println!("{}: {} bytes", message.peer, message.payload.len()),
//!             other => println!("{other:?}"), // lost for good, restarted, ended: in its place in the stream
//!         }
//!     }
//!     node.finish(Duration::from_secs(3)); // serves repairs for another 3 seconds
//!     Ok(())
//! }
//! ```
//!
//! # Sockets
//!
//! A node has two. The *unicast* socket sends everything, and its address is the node's identity; NACKs, repairs and
//! private messages come in by it. The *multicast* socket is bound to the group's address, joined on one interface, and
//! only receives. Several nodes can live on one host. Where the group's address is one node's unicast address, or the
//! sockets are ready-made and there is one, that serves as both.
//!
//! # Threads
//!
//! ```text
//!   unicast socket ───> thread rmc-uni ───┐                            ┌──> recv, recv_timeout, iter   (Condvar)
//!                                         │    ┌──────────────────┐    │
//! multicast socket ───> thread rmc-mul ───┼───>│ Mutex<Protocol>  │────┼──> next_event                  (bounded ring)
//!                                         │    └────────┬─────────┘    │
//!  send, finish, ... ── caller's thread ──┤             │ poll_action  └──> thread rmc-obs ──> callbacks (bounded ring)
//!                                         │             v
//!         deadline ───> thread rmc-tim ───┘    ┌──────────────────┐
//!         (Condvar)                            │  Mutex<Outlet>   │───────> unicast socket
//!                                              └──────────────────┘
//! ```
//!
//! Whoever changes the protocol's state does the work that follows: `send` sends on the caller's thread, a thread that
//! reads answers a NACK. There is no hand-over on the way, unless the work is more than one burst or the socket's send
//! buffer is full: then the timer thread goes on, so that reading never waits for sending. The protocol's lock is free
//! while the system sends. Datagrams leave in the order in which the protocol made them, because polling and sending
//! are one under the outlet's lock; so a datagram that the system refuses can be given back to the protocol before
//! anything else is polled (`Protocol::transmit_failed`): it comes again 10 ms later if that may help, and counts as
//! lost on the way if not.
//!
//! An application that waits in `recv` reads the multicast socket itself, on Linux: a message that comes alone wakes one
//! thread, not two. While it does something else the thread rmc-mul reads, from 2 ms on.
//!
//! # Many with one call
//!
//! On Linux data packets of one size leave as one buffer that the system cuts into datagrams (`UDP_SEGMENT`), and come
//! in many at a time (`recvmmsg`), those of one size put together (`UDP_GRO`). The protocol takes all of them under one
//! lock. Where the system cannot, or refuses, there is a call for each datagram as elsewhere;
//! [`Endpoint::socket_stats`] shows what happens. A node's own packets, which multicast brings back to its host, are
//! thrown away by a filter of the socket before anybody wakes up for them.
//!
//! That only helps if there are many to carry. So messages that come thick and fast may gather for [`Builder::pause`]
//! (50 us) before they leave, and the node waits as long before it reads again while datagrams come so. Messages that
//! come one by one are never delayed. To receive millions of messages a second use [`Receiver::recv_batch`], which
//! takes one lock and makes no copy for all that it takes.
//!
//! Nothing polls on Linux: an idle node wakes up for its heartbeats only. Elsewhere the threads that read look ten times a
//! second whether they are to end. All threads end on [`Endpoint::close`], at the end of
//! [`Endpoint::finish`], and when the last handle is dropped; who closes waits for them.
//!
//! # Backpressure
//!
//! `send` waits while the send queue is full. What is received stays in the protocol until `recv` takes it: an
//! application that is slower than its senders makes the receive window fill up, which its node tells them, and they
//! send no more than there is room for, so that their queues fill up in turn ([`FlowControl`]). One that does not
//! advance for 5 s is let go, with the event `PeerEvicted` at the sender, and others go on. From then on, and without
//! flow control or acknowledgements, what does not fit is dropped and asked for again later, and if the sender has
//! forgotten it by then, `recv` reports it as lost. Nothing grows without bound, and no loss goes unreported.
//!
//! # Panics
//!
//! A panic is a bug, never the consequence of what comes from the network. A callback that panics is removed.

mod address;
mod alarm;
mod assembly;
mod batch;
mod bell;
mod builder;
mod clock;
mod driver;
mod endpoint;
mod epoch;
mod error;
mod event;
mod event_ring;
mod failures;
mod handles;
mod impair;
mod lock;
mod observers;
mod offload;
mod own_filter;
mod received;
mod socket;
mod traffic;

pub use batch::Batch;
pub use builder::Builder;
pub use endpoint::Endpoint;
pub use error::{BuildError, FlushError, ObserveError, RecvError, RecvTimeoutError, SocketChangeError, TryRecvError};
pub use event::{Event, Notice, SocketErrorCounts, SocketErrorKind, SocketOperation, SocketStats};
pub use handles::{Iter, Receiver, Sender, TryIter};
pub use impair::Impairment;
pub use observers::ObserverId;
pub use received::{Message, Received};
/// The protocol itself, for its types that stand in this crate's interface.
pub use rmc_core;
/// An item that a [`Batch`] lends.
pub use rmc_core::Received as Lent;
pub use rmc_core::{
    Config, ConfigError, Congestion, EndCause, EventKind, EventMask, FlowControl, HeartbeatTimesError, JoinPolicy,
    LossCause, Path, PeerInfo, SendCapacity, SendError, SeqRange, Stats, Stream, UnknownEvent,
};

/// The README's examples are compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
