//! Locks and waits that go on after a panic elsewhere.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// Locks what no panic can leave half changed: the driver's small locks, and callbacks that have panicked and are
/// removed. The protocol's lock is not taken this way.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn try_lock<T: ?Sized>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Waits for a notification, at most so long. It may return without either: callers check again.
pub(crate) fn wait<'a, T>(bell: &Condvar, guard: MutexGuard<'a, T>, timeout: Option<Duration>) -> MutexGuard<'a, T> {
    match timeout {
        None => bell.wait(guard).unwrap_or_else(PoisonError::into_inner),
        Some(timeout) => bell.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner).0,
    }
}
