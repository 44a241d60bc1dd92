//! The command line as a person uses it: the real program, over multicast on 127.0.0.1.
#![cfg(feature = "cli")]

mod bench;
mod bridge;
mod demo;
mod ends;
mod goodput;
mod json_lines;
mod let_go;
mod namespaces;
mod options;
mod program;
mod senders;
mod sending;
mod sim;
mod streams;
mod transfer;
