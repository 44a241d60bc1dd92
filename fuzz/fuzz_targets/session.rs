//! One sender and three receivers in the simulation, with operations and a fate for each datagram from the fuzzer, hold what the
//! model of rmc-core's tests says that groups hold.
#![no_main]

#[path = "../../rmc-core/tests/group/mod.rs"]
mod group;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    group::run(&group::bytes::script(data), 0);
});
