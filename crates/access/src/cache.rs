//! A bounded cache of answers with a time to live. Concurrent callers with the same key share one question: a page
//! with fifty parts asks the API server once.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anomal_core::Result;

/// An answer and its expiry; none during the question and after a failure.
type Slot<V> = Arc<tokio::sync::Mutex<Option<(V, Instant)>>>;

pub(crate) struct Cache<K, V> {
    slots: Mutex<HashMap<K, Slot<V>>>,
    capacity: usize,
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    pub fn new(capacity: usize) -> Self {
        Self { slots: Mutex::new(HashMap::new()), capacity }
    }

    /// The cached answer, or the one that `ask` returns with its time to live. Failures are not cached.
    pub async fn get_or_ask(
        &self,
        key: K,
        ask: impl Future<Output = Result<(V, Duration)>>,
    ) -> Result<V> {
        let slot = self.slot(key);
        let mut answer = slot.lock().await;
        if let Some((value, until)) = &*answer
            && Instant::now() < *until
        {
            return Ok(value.clone());
        }
        *answer = None;
        let (value, time_to_live) = ask.await?;
        *answer = Some((value.clone(), Instant::now() + time_to_live));
        Ok(value)
    }

    fn slot(&self, key: K) -> Slot<V> {
        let mut slots = self.lock_slots();
        if slots.len() >= self.capacity && !slots.contains_key(&key) {
            evict(&mut slots, self.capacity);
        }
        Arc::clone(slots.entry(key).or_default())
    }

    /// The map stays valid if another thread panics.
    fn lock_slots(&self) -> MutexGuard<'_, HashMap<K, Slot<V>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes expired answers, or else the one that expires first. Denials expire sooner than other answers, so a flood of
/// wrong tokens does not evict the right ones.
fn evict<K: Clone + Eq + Hash, V>(slots: &mut HashMap<K, Slot<V>>, capacity: usize) {
    let now = Instant::now();
    // A locked slot is waiting for its answer: it stays.
    slots.retain(|_, slot| match slot.try_lock() {
        Ok(answer) => answer.as_ref().is_some_and(|(_, until)| now < *until),
        Err(_) => true,
    });
    if slots.len() < capacity {
        return;
    }
    let expiry = |slot: &Slot<V>| {
        let answer = slot.try_lock().ok()?;
        answer.as_ref().map(|(_, until)| *until)
    };
    let first = slots
        .iter()
        .min_by_key(|(_, slot)| expiry(slot).map_or((true, now), |until| (false, until)))
        .map(|(key, _)| key.clone());
    if let Some(key) = first {
        slots.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use anomal_core::Error;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn concurrent_callers_share_one_question() {
        let cache = Cache::new(8);
        let asked = AtomicUsize::new(0);
        let ask = || async {
            asked.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok((7, LONG))
        };
        let all = futures::future::join_all((0..20).map(|_| cache.get_or_ask("a", ask()))).await;
        assert!(all.iter().all(|answer| *answer == Ok(7)));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn answers_expire_and_failures_are_not_cached() {
        let cache = Cache::new(8);
        let short = Duration::from_millis(20);
        assert_eq!(cache.get_or_ask("a", async { Ok((1, short)) }).await, Ok(1));
        assert_eq!(cache.get_or_ask("a", async { Ok((2, LONG)) }).await, Ok(1));
        tokio::time::sleep(short).await;
        let failure = Error::internal("no");
        let failed = cache.get_or_ask("a", async { Err(failure.clone()) }).await;
        assert_eq!(failed, Err(failure));
        assert_eq!(cache.get_or_ask("a", async { Ok((3, LONG)) }).await, Ok(3));
    }

    #[tokio::test]
    async fn the_cache_is_bounded_and_evicts_what_expires_first() {
        let cache = Cache::new(4);
        for key in 0..3 {
            cache.get_or_ask(key, async { Ok((true, LONG)) }).await.unwrap();
        }
        for key in 3..100 {
            cache.get_or_ask(key, async { Ok((false, Duration::from_secs(5))) }).await.unwrap();
            assert!(cache.lock_slots().len() <= 4);
        }
        for key in 0..3 {
            let cached = cache.get_or_ask(key, async { Ok((false, LONG)) }).await;
            assert_eq!(cached, Ok(true), "{key}");
        }
    }

    #[tokio::test]
    async fn a_cancelled_question_leaves_no_lock() {
        let cache: Cache<_, u8> = Cache::new(4);
        let never = cache.get_or_ask("a", std::future::pending());
        assert!(tokio::time::timeout(Duration::from_millis(10), never).await.is_err());
        assert_eq!(cache.get_or_ask("a", async { Ok((1, LONG)) }).await, Ok(1));
    }
}
