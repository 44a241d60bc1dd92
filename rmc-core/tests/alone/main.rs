//! One node alone, driven through its public face: what goes in, at what time, and what comes out.

mod fragments;
mod hostile;
mod lone;
mod pacing;
mod packets;
mod rules_messages_b;
mod rules_support;
mod rules_support_b;
mod rules_times_b;
mod rules_wire_b;
mod seed_fault_nacks;
mod seed_fault_receiver;
mod seed_fault_repair;
mod seed_fault_sender;
mod seed_fault_streams;
mod seed_fault_times;
mod seed_s01_s06;
mod seed_s19_sending;
mod seed_s22_heartbeats;
mod seed_s25_liveness;
mod seed_s28_silent;
mod seed_s31_finish;
mod seed_s35_events;
mod seed_s37_restart;
