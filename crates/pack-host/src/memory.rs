//! Admission of instances by their memory.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

/// How often a waiting call checks whether a caller still waits.
const RECHECK: Duration = Duration::from_millis(50);

/// Bytes that instances may use together.
pub(crate) struct MemoryPool {
    total: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

/// Bytes that are set aside for an instance.
pub(crate) struct Reservation {
    pool: Arc<MemoryPool>,
    bytes: u64,
}

impl MemoryPool {
    pub fn new(total: u64) -> Self {
        Self { total, used: Mutex::new(0), freed: Condvar::new() }
    }

    /// Waits until so much is free, unless `stop` holds before. More than there is in all is taken as all of it, so that
    /// one instance can always run.
    pub fn reserve(self: &Arc<Self>, bytes: u64, stop: impl Fn() -> bool) -> Option<Reservation> {
        let bytes = bytes.min(self.total);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used + bytes > self.total {
            if stop() {
                return None;
            }
            let waited = self.freed.wait_timeout(used, RECHECK);
            used = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *used += bytes;
        Some(Reservation { pool: Arc::clone(self), bytes })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        *self.pool.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.pool.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_bounded_and_given_back() {
        let pool = Arc::new(MemoryPool::new(100));
        let most = pool.reserve(70, || true).unwrap();
        assert!(pool.reserve(40, || true).is_none());
        let rest = pool.reserve(30, || true).unwrap();
        drop(most);
        assert!(pool.reserve(1_000, || true).is_none());
        drop(rest);
        assert!(pool.reserve(1_000, || true).is_some());
    }

    #[test]
    fn a_call_waits_for_another() {
        let pool = Arc::new(MemoryPool::new(100));
        let held = pool.reserve(100, || true).unwrap();
        let waiting = {
            let pool = Arc::clone(&pool);
            std::thread::spawn(move || pool.reserve(10, || false).is_some())
        };
        std::thread::sleep(Duration::from_millis(20));
        drop(held);
        assert!(waiting.join().unwrap());
    }
}
