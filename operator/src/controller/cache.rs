//! A cache of the objects of one kind that were created for jobs, indexed by job.

use std::{
    collections::HashMap,
    fmt::Debug,
    sync::{Arc, PoisonError, RwLock},
};

use futures::{Stream, StreamExt, stream::BoxStream};
use kube::{
    Resource, ResourceExt,
    runtime::{
        WatchStreamExt,
        reflector::{self, ObjectRef, Store},
        watcher::{self, Event},
    },
};
use serde::de::DeserializeOwned;

use crate::{
    api::AnomalyJob,
    labels::{JOB, label},
};

/// The names of a job's objects.
type Names = HashMap<ObjectRef<AnomalyJob>, Vec<String>>;

/// Objects of one kind.
#[derive(Clone)]
pub struct Cache<K: Resource<DynamicType = ()> + 'static> {
    store: Store<K>,
    by_job: Arc<RwLock<Names>>,
}

impl<K> Cache<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    /// A cache that is filled while the returned stream of changed objects is polled.
    pub fn new(
        events: impl Stream<Item = watcher::Result<Event<K>>> + Send + 'static,
    ) -> (Self, BoxStream<'static, watcher::Result<K>>) {
        let (store, writer) = reflector::store::<K>();
        let cache = Self { store, by_job: Arc::default() };
        let filled = cache.clone();
        let events = reflector::reflector(writer, events.default_backoff())
            .inspect(move |event| event.iter().for_each(|event| filled.index(event)))
            .touched_objects();
        (cache, events.boxed())
    }

    /// Waits until the first list is complete.
    pub async fn ready(&self) {
        // It fails only when the controller has stopped.
        let _ = self.store.wait_until_ready().await;
    }

    /// The objects that were created for the job `name`.
    pub fn for_job(&self, namespace: &str, name: &str) -> Vec<Arc<K>> {
        let by_job = self.by_job.read().unwrap_or_else(PoisonError::into_inner);
        let names = by_job.get(&ObjectRef::new(name).within(namespace));
        let found = |name: &String| self.store.get(&ObjectRef::new(name).within(namespace));
        names.into_iter().flatten().filter_map(found).collect()
    }

    /// Updates the index after the store has handled the event.
    fn index(&self, event: &Event<K>) {
        let mut by_job = self.by_job.write().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Apply(object) => insert(&mut by_job, object),
            Event::Delete(object) => {
                let Some(job) = owner_job(object) else { return };
                if let Some(names) = by_job.get_mut(&job) {
                    names.retain(|name| *name != object.name_any());
                    if names.is_empty() {
                        by_job.remove(&job);
                    }
                }
            }
            // The store is replaced when the new list is complete.
            Event::Init | Event::InitApply(_) => {}
            Event::InitDone => {
                by_job.clear();
                for object in self.store.state() {
                    insert(&mut by_job, &*object);
                }
            }
        }
    }
}

fn insert(by_job: &mut Names, object: &impl Resource) {
    let Some(job) = owner_job(object) else { return };
    let (names, name) = (by_job.entry(job).or_default(), object.name_any());
    if !names.contains(&name) {
        names.push(name);
    }
}

/// The job that an object was created for.
pub fn owner_job<K: Resource>(object: &K) -> Option<ObjectRef<AnomalyJob>> {
    let name = label(object.meta(), JOB)?;
    Some(ObjectRef::new(name).within(object.meta().namespace.as_deref()?))
}
