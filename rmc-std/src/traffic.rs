//! How much the system calls carried.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::event::SocketStats;

/// Counters that every thread moves, and no lock guards.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    send_calls: AtomicU64,
    receive_calls: AtomicU64,
    segments: AtomicU64,
    coalesced: AtomicU64,
    segmenting: AtomicBool,
    coalescing: AtomicBool,
}

impl Traffic {
    /// A call sent so many datagrams.
    pub(crate) fn sent(&self, datagrams: usize) {
        self.send_calls.fetch_add(1, Ordering::Relaxed);
        if datagrams > 1 {
            self.segments.fetch_add(datagrams as u64, Ordering::Relaxed);
        }
    }

    /// A call received something, of which so many datagrams had been put together.
    pub(crate) fn received(&self, coalesced: usize) {
        self.receive_calls.fetch_add(1, Ordering::Relaxed);
        if coalesced > 0 {
            self.coalesced.fetch_add(coalesced as u64, Ordering::Relaxed);
        }
    }

    pub(crate) fn set_segmenting(&self, on: bool) {
        self.segmenting.store(on, Ordering::Relaxed);
    }

    pub(crate) fn set_coalescing(&self, on: bool) {
        self.coalescing.store(on, Ordering::Relaxed);
    }

    pub(crate) fn tell(&self, stats: &mut SocketStats) {
        stats.send_calls = self.send_calls.load(Ordering::Relaxed);
        stats.receive_calls = self.receive_calls.load(Ordering::Relaxed);
        stats.segments = self.segments.load(Ordering::Relaxed);
        stats.coalesced = self.coalesced.load(Ordering::Relaxed);
        stats.segmentation = self.segmenting.load(Ordering::Relaxed);
        stats.coalescing = self.coalescing.load(Ordering::Relaxed);
    }
}
