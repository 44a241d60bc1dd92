//! Nodes on real sockets over loopback multicast. Nothing here asserts speed: waits end early when all is well, and
//! late when not.
#![expect(clippy::unwrap_used, reason = "tests")]

mod build;
mod closing;
mod delivery;
mod events;
mod fixture;
mod flushing;
mod impaired;
#[cfg(target_os = "linux")]
mod interface;
mod ipv6;
mod offload;
mod sockets;
