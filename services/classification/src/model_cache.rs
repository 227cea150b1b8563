//! Decoded models by their ids, within a memory bound.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anomal_core::{Model, ModelId, Result};

/// Values of `T` decoded from models. Beyond the bound the least recently used are dropped; the last one
/// stays, however large it is, so that it can be used at all.
pub(crate) struct ModelCache<T> {
    /// In bytes of the encoded models.
    limit: usize,
    entries: Mutex<Entries<T>>,
    /// Held while a model is decoded, so that concurrent calls for one model decode it once.
    decoding: Mutex<()>,
}

struct Entries<T> {
    by_id: HashMap<ModelId, Entry<T>>,
    bytes: usize,
    /// Counts the uses.
    clock: u64,
}

struct Entry<T> {
    value: Arc<T>,
    bytes: usize,
    last_used: u64,
}

impl<T> ModelCache<T> {
    pub fn new(limit: usize) -> Self {
        let entries = Entries { by_id: HashMap::new(), bytes: 0, clock: 0 };
        Self { limit, entries: Mutex::new(entries), decoding: Mutex::default() }
    }

    /// The decoded model, if it is held. Counts as a use.
    pub fn get(&self, id: ModelId) -> Option<Arc<T>> {
        let mut entries = lock(&self.entries);
        entries.clock += 1;
        let now = entries.clock;
        let entry = entries.by_id.get_mut(&id)?;
        entry.last_used = now;
        Some(Arc::clone(&entry.value))
    }

    /// The decoded model, which is held afterwards.
    ///
    /// # Errors
    /// Those of `decode`; nothing is held then.
    pub fn get_or_decode(
        &self,
        model: &Model,
        decode: impl FnOnce(&Model) -> Result<T>,
    ) -> Result<Arc<T>> {
        let id = model.id();
        if let Some(value) = self.get(id) {
            return Ok(value);
        }
        let _decoding = lock(&self.decoding);
        if let Some(value) = self.get(id) {
            return Ok(value);
        }
        let value = Arc::new(decode(model)?);
        self.insert(id, Arc::clone(&value), model.bytes().len());
        Ok(value)
    }

    fn insert(&self, id: ModelId, value: Arc<T>, bytes: usize) {
        let mut entries = lock(&self.entries);
        while entries.bytes.saturating_add(bytes) > self.limit {
            let oldest = entries.by_id.iter().min_by_key(|(_, entry)| entry.last_used);
            let Some(oldest) = oldest.map(|(id, _)| *id) else { break };
            if let Some(dropped) = entries.by_id.remove(&oldest) {
                entries.bytes -= dropped.bytes;
                tracing::debug!("model {oldest} is dropped from memory for model {id}");
            }
        }
        entries.clock += 1;
        entries.bytes += bytes;
        let last_used = entries.clock;
        entries.by_id.insert(id, Entry { value, bytes, last_used });
    }
}

/// A panic under a lock leaves counts and entries consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use anomal_core::Error;

    use super::*;

    fn model(name: &str, bytes: usize) -> Model {
        Model::new(name.repeat(bytes))
    }

    fn hold(cache: &ModelCache<Model>, model: &Model) {
        cache.get_or_decode(model, |model| Ok(model.clone())).unwrap();
    }

    #[test]
    fn the_least_recently_used_models_are_dropped() {
        let cache = ModelCache::new(100);
        let [a, b, c] = ["a", "b", "c"].map(|name| model(name, 40));
        hold(&cache, &a);
        hold(&cache, &b);
        assert!(cache.get(a.id()).is_some());
        hold(&cache, &c);
        let held = [&a, &b, &c].map(|model| cache.get(model.id()).is_some());
        assert_eq!(held, [true, false, true]);
        // One that needs the room of both.
        let large = model("d", 90);
        hold(&cache, &large);
        let held = [&a, &c, &large].map(|model| cache.get(model.id()).is_some());
        assert_eq!(held, [false, false, true]);
    }

    #[test]
    fn a_model_beyond_the_bound_is_held_alone() {
        let cache = ModelCache::new(10);
        let (large, small) = (model("a", 50), model("b", 5));
        hold(&cache, &large);
        assert!(cache.get(large.id()).is_some());
        hold(&cache, &small);
        assert!(cache.get(large.id()).is_none() && cache.get(small.id()).is_some());
        assert_eq!(lock(&cache.entries).bytes, 5);
    }

    #[test]
    fn concurrent_calls_decode_a_model_once() {
        let cache = ModelCache::new(1_000);
        let (model, decoded) = (model("a", 10), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let decode = |model: &Model| {
                        decoded.fetch_add(1, Ordering::Relaxed);
                        std::thread::yield_now();
                        Ok(model.clone())
                    };
                    assert_eq!(*cache.get_or_decode(&model, decode).unwrap(), model);
                });
            }
        });
        assert_eq!(decoded.into_inner(), 1);
    }

    #[test]
    fn a_failed_decoding_holds_nothing() {
        let cache: ModelCache<Model> = ModelCache::new(1_000);
        let model = model("a", 10);
        let error = cache.get_or_decode(&model, |_| Err(Error::internal("no"))).unwrap_err();
        assert_eq!(error.message, "no");
        assert!(cache.get(model.id()).is_none());
    }
}
