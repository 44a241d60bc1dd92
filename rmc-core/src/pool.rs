//! Recycled buffers: in the steady state no packet allocates.
//!
//! Buffers come in sizes a quarter of a power of two apart, so that one is at most a quarter larger than its content.

use alloc::vec::Vec;

/// How many bytes of idle buffers are kept.
const RETAINED_BYTES: usize = 16 << 20;
/// The smallest buffer: 2^6 bytes.
const MIN_SHIFT: u32 = 6;
/// Enough classes for 2^30 bytes, the largest message.
const CLASSES: usize = 97;

/// Idle buffers, by size class. Nothing that a node puts out depends on what is in here.
#[derive(Default)]
pub(crate) struct Pool {
    /// Grows to the largest class that was ever used.
    idle: Vec<Vec<Vec<u8>>>,
    retained: usize,
}

/// A clone begins without idle buffers: copied ones would be of no capacity, and no longer what `retained` says.
impl Clone for Pool {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl Pool {
    pub(crate) const fn new() -> Self {
        Self { idle: Vec::new(), retained: 0 }
    }

    /// An empty buffer that holds `len` bytes without growing.
    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Vec<u8> {
        let (class, capacity) = class_above(len);
        self.take_idle(class).unwrap_or_else(|| Vec::with_capacity(capacity))
    }

    /// A buffer that will probably grow to `hint` bytes: a recycled one, or an empty one that has allocated nothing, so
    /// that nobody makes this node allocate what was only announced.
    pub(crate) fn take_recycled(&mut self, hint: usize) -> Vec<u8> {
        self.take_idle(class_above(hint).0).unwrap_or_default()
    }

    /// Makes room for `more` bytes: a buffer that is too small moves to one at least twice as large, out of the pool
    /// too.
    pub(crate) fn grow(&mut self, buffer: &mut Vec<u8>, more: usize) {
        let needed = buffer.len() + more;
        if needed <= buffer.capacity() {
            return;
        }
        let mut larger = self.take(needed.max(2 * buffer.capacity()));
        larger.extend_from_slice(buffer);
        self.put(core::mem::replace(buffer, larger));
    }

    /// Keeps a buffer for later use.
    #[inline]
    pub(crate) fn put(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        let Some(class) = class_below(capacity) else { return };
        if self.retained + capacity > RETAINED_BYTES {
            return;
        }
        if self.idle.len() <= class {
            self.idle.resize_with(class + 1, Vec::new);
        }
        buffer.clear();
        self.retained += capacity;
        self.idle[class].push(buffer);
    }

    fn take_idle(&mut self, class: usize) -> Option<Vec<u8>> {
        let mut buffer = self.idle.get_mut(class)?.pop()?;
        self.retained -= buffer.capacity();
        // It is empty already. Said here, its length is not read: together with its address, and so only once `put` has
        // written both to the cache, behind the whole payload of the packet before.
        buffer.clear();
        Some(buffer)
    }
}

/// The smallest class whose buffers hold `len` bytes, and their size.
fn class_above(len: usize) -> (usize, usize) {
    if len <= 1 << MIN_SHIFT {
        return (0, 1 << MIN_SHIFT);
    }
    let shift = (len - 1).ilog2();
    let quarter_shift = shift - 2;
    // From 4 to 7, and rounded up by one. A shift, as a division would be the dearest step of what a packet costs.
    let quarters = (len - 1) >> quarter_shift;
    ((shift - MIN_SHIFT) as usize * 4 + quarters - 3, (quarters + 1) << quarter_shift)
}

/// The largest class whose buffers all fit into `capacity`; `None` below the smallest and above the largest.
fn class_below(capacity: usize) -> Option<usize> {
    let (class, size) = class_above(capacity);
    let class = if size > capacity { class.checked_sub(1)? } else { class };
    (class < CLASSES).then_some(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_holds_its_length_and_wastes_at_most_a_quarter() {
        for len in (0..70_000).chain([1 << 20, (1 << 20) + 1, 1 << 30]) {
            let (class, size) = class_above(len);
            assert!(size >= len, "{len} in {size}");
            assert!(size <= 64 || size <= len + len / 4 + 1, "{len} in {size}");
            assert_eq!(class_above(size), (class, size), "a class's size is in the class");
            assert_eq!(class_below(size), Some(class));
            assert!(class < CLASSES);
        }
        assert_eq!(class_below(63), None);
    }

    #[test]
    fn a_buffer_comes_back() {
        let mut pool = Pool::new();
        let buffer = pool.take(1_400);
        let address = buffer.as_ptr();
        pool.put(buffer);
        let again = pool.take(1_300);
        assert_eq!(again.as_ptr(), address);
        assert!(again.capacity() >= 1_400);
    }

    #[test]
    fn a_clone_keeps_as_much_as_any() {
        let mut pool = Pool::new();
        for _ in 0..16 {
            pool.put(Vec::with_capacity(1 << 20));
        }
        let mut clone = pool.clone();
        clone.put(Vec::with_capacity(1 << 20));
        assert_eq!(clone.take_recycled(1 << 20).capacity(), 1 << 20);
        assert_eq!((clone.retained, pool.retained), (0, 16 << 20));
    }

    #[test]
    fn idle_buffers_are_bounded() {
        let mut pool = Pool::new();
        for _ in 0..40 {
            pool.put(Vec::with_capacity(1 << 20));
        }
        assert_eq!(pool.retained, RETAINED_BYTES);
        pool.put(Vec::with_capacity(64));
        assert_eq!(pool.retained, RETAINED_BYTES);
        assert_eq!(pool.take_recycled(1 << 20).capacity(), 1 << 20);
        assert_eq!(pool.take_recycled(1 << 24).capacity(), 0);
    }
}
