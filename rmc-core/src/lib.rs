//! Reliable multicast as a sans-IO state machine.
//!
//! A sender multicasts numbered packets, and heartbeats at growing intervals. A receiver that sees a gap asks the
//! sender for what is missing (a NACK); the sender repairs it from a bounded backlog, or says that it is lost. Now and
//! then each receiver says how far it has come and how much more it can take (an Ack), and a sender goes no further
//! ([`Config::flow_control`]). Every node both sends and receives. The protocol is specified in `docs/protocol.md`;
//! rules are cited by their numbers there (`RMC-...`), and by those of the program that it comes from (S.. and F..).
//!
//! [`Protocol`] is pure: it is fed datagrams and times, and returns what to do. It reads no clock, no socket, no
//! entropy and no environment. The same inputs give the same outputs, byte for byte, on every platform. `rmc-std`
//! drives it with blocking sockets.
//!
//! ```text
//!               handle_datagram ──▶ ┌────────────┐ ──▶ Transmit to an address
//!                handle_timeout ──▶ │  Protocol  │ ──▶ Event, Readable
//!  send, send_to, recv, finish  ──▶ └────────────┘ ──▶ ArmTimer: always the last of a drain
//!         inputs change state           poll_action builds what leaves from the state as it then is
//! ```
//!
//! # The event loop
//!
//! 1. Hand in what happened: a datagram, the time, a message to send. Several inputs may come before one drain.
//! 2. Drain: call [`Protocol::poll_action`] and do what it says until it says [`Action::ArmTimer`].
//! 3. Wait for a datagram or that time. A time that is already reached means: read what is there, then
//!    `handle_timeout`, at once.
//!
//! ```no_run
//! use std::net::UdpSocket;
//! use std::time::{Duration, Instant as Clock};
//! use rmc_core::{Action, Config, Event, Instant, Path, Protocol, Received};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // One socket serves as the unicast and the multicast one here, so that everything comes by unicast; with two, say
//! // by which path a datagram came.
//! let socket = UdpSocket::bind("0.0.0.0:8000")?;
//! socket.join_multicast_v4(&"239.255.77.1".parse()?, &"127.0.0.1".parse()?)?;
//! // The driver's part: a monotonic clock, an epoch that is newer after each restart, and entropy.
//! let start = Clock::now();
//! let now = || Instant::from_origin(start.elapsed());
//! let mut config = Config::new("239.255.77.1:8000".parse()?, 1, 0x5eed);
//! config.local_addrs.push("127.0.0.1:8000".parse()?);
//!
//! let mut protocol = Protocol::new(config, now())?;
//! let mut buffer = [0; 65_536];
//! protocol.send(now(), b"hello, group")?;
//! loop {
//!     let deadline = loop {
//!         match protocol.poll_action() {
//!             Action::Transmit(transmit) => {
//!                 if socket.send_to(transmit.contents, transmit.destination).is_err() {
//!                     protocol.transmit_failed(now(), false);
//!                 }
//!             }
//!             Action::Event(Event::Readable) => {
//!                 while let Some(received) = protocol.recv() {
//!                     match received {
//!                         Received::Message { peer, payload, .. } => println!("{peer}: {payload:?}"),
//!                         Received::Lost { peer, ranges, .. } => println!("{peer}: lost for good: {ranges:?}"),
//!                         other => println!("{other:?}"),
//!                     }
//!                 }
//!             }
//!             Action::Event(event) => println!("{event:?}"),
//!             Action::ArmTimer(deadline) => break deadline,
//!         }
//!     };
//!     let wait = deadline.map(|at| at.saturating_since(now()).max(Duration::from_micros(1)));
//!     socket.set_read_timeout(wait)?;
//!     if let Ok((len, source)) = socket.recv_from(&mut buffer) {
//!         protocol.handle_datagram(now(), source, Path::Unicast, &buffer[..len]);
//!     }
//!     protocol.handle_timeout(now());
//! }
//! # }
//! ```
//!
//! # What a sender and a receiver can rely on
//!
//! Per peer and stream [`Protocol::recv`] gives every message once and in order, or says which numbers are lost, in
//! their place. A slow application is backpressure: what it does not take stays in the receive window, a sender goes no
//! further than its receivers have room for, and its [`Protocol::send`] is `Full` once its queue is. A receiver that
//! does not advance is let go after a while, with [`Event::PeerEvicted`] ([`FlowControl`]). Without flow control what
//! does not fit is asked for again later, and is lost once it has left the sender's backlog. Everything that a packet
//! can make grow has a bound in [`Config`].
//!
//! # Panics
//!
//! A panic is a bug. No datagram causes one, and a wrong call gets a typed error. Each `expect` in the source states
//! the invariant that it stands on, and none depends on input.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod action;
mod config;
mod error;
mod event;
#[cfg(feature = "sim")]
mod fingerprint;
mod hash;
mod heap;
mod inbox;
pub mod packet;
mod pool;
mod protocol;
mod range_set;
mod receiver;
mod rng;
mod sender;
mod seq;
mod shared;
#[cfg(feature = "sim")]
pub mod sim;
mod stats;
mod time;

pub use action::{Action, Transmit};
pub use config::{Config, Congestion, DEFAULT_HEARTBEAT_TIMES, Delivery, FlowControl, JoinPolicy, RepairMode};
pub use error::{ConfigError, HeartbeatTimesError, SendError};
pub use event::{EndCause, Event, EventKind, EventMask, LossCause, Path, Received, Stream, UnknownEvent};
#[cfg(feature = "sim")]
pub use fingerprint::Fingerprint;
pub use inbox::Taken;
pub use protocol::Protocol;
pub use seq::{MAX_SEQ, SeqRange};
pub use stats::{DroppedStats, HeldStats, PeerInfo, RepairStats, RxStats, SendCapacity, Stats, StreamInfo, TxStats};
pub use time::Instant;
