//! What recovery costs and how long it takes, as tables that are committed and compared exactly: a change of behaviour
//! shows in the diff of a commit.
//!
//! After a change that is meant:
//!
//! ```sh
//! RMC_GOLDEN=renew cargo test --all-features -p rmc-core --test golden
//! ```

mod digests;
mod file;
mod recovery;

use file::Golden;

/// Receivers x loss, shared and independent.
#[test]
fn recovery_costs_what_the_table_says() {
    Golden { name: "recovery.txt", text: include_str!("recovery.txt") }.check(&recovery::table());
}

/// The same packets at the same times, on every platform.
// RMC-LOCAL-5
#[test]
fn the_same_seed_gives_the_same_digest_everywhere() {
    Golden { name: "digests.txt", text: include_str!("digests.txt") }.check(&digests::table());
}
