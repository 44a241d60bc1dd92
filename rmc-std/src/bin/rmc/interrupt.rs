//! Ctrl-C: the first one asks to end cleanly, the second one ends at once.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Failure;

/// The status of a command that was interrupted, as shells have it for SIGINT.
pub(crate) const STATUS: u8 = 130;

static ASKED: AtomicBool = AtomicBool::new(false);

/// Takes Ctrl-C and SIGTERM over.
pub(crate) fn install() -> Result<(), Failure> {
    ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::Relaxed) {
            process::exit(i32::from(STATUS));
        }
    })
    .map_err(|error| format!("cannot take Ctrl-C over: {error}"))
}

/// Whether the user asked to end.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
