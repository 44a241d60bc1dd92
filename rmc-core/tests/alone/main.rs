//! One node alone, driven through its public face: what goes in, at what time, and what comes out.

mod fragments;
mod hostile;
mod lone;
mod pacing;
mod packets;
mod rules_support;
mod seed_fault_nacks;
mod seed_fault_receiver;
mod seed_fault_repair;
mod seed_fault_sender;
mod seed_fault_streams;
mod seed_fault_times;
mod seed_s01_s06;
mod seed_s07_s09;
mod seed_s10;
mod seed_s11_s13;
mod seed_s14;
mod seed_s15_s17;
mod seed_s18;
mod seed_s18_private_receiver;
mod seed_s18_private_sender;
