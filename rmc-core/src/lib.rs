//! Reliable multicast as a sans-IO state machine.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod packet;
mod seq;

pub use seq::{MAX_SEQ, SeqRange};
