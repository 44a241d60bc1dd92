//! One node under any list of operations stays within its bounds, ends every drain, and delivers every stream forward only: the
//! model of rmc-core's tests, with operations from the fuzzer.
#![no_main]

#[path = "../../rmc-core/tests/model/mod.rs"]
mod model;

libfuzzer_sys::fuzz_target!(|data: &[u8]| model::run(data));
