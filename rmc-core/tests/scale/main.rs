//! How recovery scales: one sender, 1 to 10,000 receivers, and what is lost on the way to them. Each scenario has
//! limits for what it costs and how long it takes; what it comes to exactly stands in `table.txt`.
//!
//! The largest groups get fewer messages here than the limits are meant for. All of them, in some minutes:
//!
//! ```sh
//! cargo test --all-features -p rmc-core --test scale -- --include-ignored
//! ```
//!
//! After a change that is meant, to write the table anew, and with it what `docs/benchmarks.md` shows of it:
//!
//! ```sh
//! RMC_GOLDEN=renew cargo test --all-features -p rmc-core --test scale -- --include-ignored
//! ```
#![cfg(feature = "sim")]

mod acks;
mod hardships;
mod independent;
mod outages;
mod published;
mod shared;
mod table;
mod told;
