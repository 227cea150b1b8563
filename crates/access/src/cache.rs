//! Answers that are believed for a while. The cache is bounded, and who asks for what is being asked already
//! waits for that answer: a page with fifty parts asks the API server once.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anomal_core::Result;

/// An answer and until when it is believed; none while it is being asked for, or could not be had.
type Slot<V> = Arc<tokio::sync::Mutex<Option<(V, Instant)>>>;

pub(crate) struct Cache<K, V> {
    slots: Mutex<HashMap<K, Slot<V>>>,
    most: usize,
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    pub fn new(most: usize) -> Self {
        Self { slots: Mutex::new(HashMap::new()), most }
    }

    /// The answer that is known, or the one that `ask` gives with the time that it is good for. A failure is
    /// no answer: the next who asks tries again.
    pub async fn get_or(
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
        let (value, good_for) = ask.await?;
        *answer = Some((value.clone(), Instant::now() + good_for));
        Ok(value)
    }

    fn slot(&self, key: K) -> Slot<V> {
        let mut slots = self.locked();
        if slots.len() >= self.most && !slots.contains_key(&key) {
            make_room(&mut slots, self.most);
        }
        Arc::clone(slots.entry(key).or_default())
    }

    /// A panic elsewhere leaves the map whole.
    fn locked(&self) -> MutexGuard<'_, HashMap<K, Slot<V>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops what is believed no longer; if that is nothing, what ends soonest. As denials end sooner than
/// anything else, a flood of wrong tokens does not drive out the right ones.
fn make_room<K: Clone + Eq + Hash, V>(slots: &mut HashMap<K, Slot<V>>, most: usize) {
    let now = Instant::now();
    // One that can't be locked is being asked for: it stays.
    slots.retain(|_, slot| match slot.try_lock() {
        Ok(answer) => answer.as_ref().is_some_and(|(_, until)| now < *until),
        Err(_) => true,
    });
    if slots.len() < most {
        return;
    }
    let end = |slot: &Slot<V>| {
        let answer = slot.try_lock().ok()?;
        answer.as_ref().map(|(_, until)| *until)
    };
    let soonest = slots
        .iter()
        .min_by_key(|(_, slot)| end(slot).map_or((true, now), |until| (false, until)))
        .map(|(key, _)| key.clone());
    if let Some(key) = soonest {
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
    async fn an_answer_is_asked_for_once_by_all_who_wait() {
        let cache = Cache::new(8);
        let asked = AtomicUsize::new(0);
        let ask = || async {
            asked.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok((7, LONG))
        };
        let all = futures::future::join_all((0..20).map(|_| cache.get_or("a", ask()))).await;
        assert!(all.iter().all(|answer| *answer == Ok(7)));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn answers_end_and_failures_are_not_kept() {
        let cache = Cache::new(8);
        let short = Duration::from_millis(20);
        assert_eq!(cache.get_or("a", async { Ok((1, short)) }).await, Ok(1));
        assert_eq!(cache.get_or("a", async { Ok((2, LONG)) }).await, Ok(1));
        tokio::time::sleep(short).await;
        let failure = Error::internal("no");
        let failed = cache.get_or("a", async { Err(failure.clone()) }).await;
        assert_eq!(failed, Err(failure));
        assert_eq!(cache.get_or("a", async { Ok((3, LONG)) }).await, Ok(3));
    }

    #[tokio::test]
    async fn it_is_bounded_and_drops_what_ends_soonest() {
        let cache = Cache::new(4);
        for key in 0..3 {
            cache.get_or(key, async { Ok((true, LONG)) }).await.unwrap();
        }
        for key in 3..100 {
            cache.get_or(key, async { Ok((false, Duration::from_secs(5))) }).await.unwrap();
            assert!(cache.locked().len() <= 4);
        }
        for key in 0..3 {
            let kept = cache.get_or(key, async { Ok((false, LONG)) }).await;
            assert_eq!(kept, Ok(true), "{key}");
        }
    }

    #[tokio::test]
    async fn who_gives_up_leaves_no_lock_behind() {
        let cache: Cache<_, u8> = Cache::new(4);
        let never = cache.get_or("a", std::future::pending());
        assert!(tokio::time::timeout(Duration::from_millis(10), never).await.is_err());
        assert_eq!(cache.get_or("a", async { Ok((1, LONG)) }).await, Ok(1));
    }
}
