//! The watches of one scope: what is cached, and what makes a job be looked at again.

use std::{
    fmt::Debug,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{Stream, StreamExt};
use k8s_openapi::{
    NamespaceResourceScope as InNamespace,
    api::{
        batch::v1::{CronJob, Job},
        core::v1::{ConfigMap, Pod, PodTemplateSpec},
    },
};
use kube::{
    Api, Client, Resource,
    core::PartialObjectMeta,
    runtime::{
        Config, Controller, WatchStreamExt,
        events::{Recorder, Reporter},
        reflector::{self, ObjectRef, Store},
        utils::Backoff,
        watcher,
    },
};
use serde::de::DeserializeOwned;

use super::{Caches, Context, failed, reconcile};
use crate::{
    api::AnomalyJob,
    children::Installation,
    labels::{self, JOB, MANAGED, MANAGER},
    metrics::Metrics,
};

/// The jobs that a controller cares for.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// None: all.
    pub namespace: Option<String>,
    /// A label selector; empty: all.
    pub selector: String,
    /// Jobs reconciled at once.
    pub concurrency: u16,
}

/// Reconciles until `stop` is there.
pub async fn run(
    client: Client,
    scope: Scope,
    installation: impl Fn() -> Installation + Send + Sync + 'static,
    metrics: Arc<Metrics>,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let of_ours = watcher::Config::default().labels(MANAGED);
    let (jobs, job_events) =
        cached::<Job>(watcher(api(&client, &scope), of_ours.clone()).modify(slim_job));
    let (cron_jobs, cron_events) =
        cached::<CronJob>(watcher(api(&client, &scope), of_ours.clone()).modify(slim));
    let (pods, pod_events) =
        cached::<Pod>(watcher(api(&client, &scope), of_ours.clone()).modify(slim_pod));
    let maps = watcher(api::<PartialObjectMeta<ConfigMap>>(&client, &scope), of_ours).modify(slim);
    let (config_maps, map_events) = cached::<PartialObjectMeta<ConfigMap>>(maps);
    let wanted = watcher::Config::default().labels(&scope.selector);
    let (reader, writer) = reflector::store::<AnomalyJob>();
    let own = watcher(api::<AnomalyJob>(&client, &scope), wanted).modify(slim);
    let own = reflector::reflector(writer, own.default_backoff());
    metrics.cache(reader.clone());

    let reporter =
        Reporter { controller: MANAGER.into(), instance: std::env::var("POD_NAME").ok() };
    let context = Arc::new(Context {
        recorder: Recorder::new(client.clone(), reporter),
        client,
        caches: Caches { jobs, cron_jobs, config_maps, pods },
        installation: Box::new(installation),
        metrics,
        failures: Mutex::default(),
    });
    // A job is looked at when everything of it is known: what is not seen yet must not be made twice.
    let known = context.caches.clone();
    let own = futures::stream::once(async move { known.ready().await })
        .filter_map(|()| async { None })
        .chain(own.touched_objects());
    Controller::for_stream(own, reader)
        .with_config(Config::default().concurrency(scope.concurrency))
        .trigger_backoff(AtOnce)
        .watches_stream(job_events, |job| owner(&job))
        .watches_stream(cron_events, |job| owner(&job))
        .watches_stream(map_events, |map| owner(&map))
        .watches_stream(pod_events, |pod| owner(&pod))
        .graceful_shutdown_on(stop)
        .run(reconcile, failed, context)
        .for_each(|_| async {})
        .await;
}

/// Each watch waits for itself after an error. Were all of them to wait for each, as a controller does otherwise, the
/// operator would be blind for minutes after an API server was away for seconds.
struct AtOnce;

impl Iterator for AtOnce {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::ZERO)
    }
}

impl Backoff for AtOnce {
    fn reset(&mut self) {}
}

impl Caches {
    async fn ready(&self) {
        // A cache that ends was dropped with its controller.
        let _ = tokio::join!(
            self.jobs.wait_until_ready(),
            self.cron_jobs.wait_until_ready(),
            self.config_maps.wait_until_ready(),
            self.pods.wait_until_ready(),
        );
    }
}

fn api<K>(client: &Client, scope: &Scope) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = InNamespace>,
{
    match &scope.namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

type Touched<K> = futures::stream::BoxStream<'static, Result<K, watcher::Error>>;

fn cached<K>(
    events: impl Stream<Item = Result<watcher::Event<K>, watcher::Error>> + Send + 'static,
) -> (Store<K>, Touched<K>)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (reader, writer) = reflector::store::<K>();
    let events = reflector::reflector(writer, events.default_backoff()).touched_objects();
    (reader, events.boxed())
}

/// The job that an object was made for.
fn owner<K: Resource>(object: &K) -> Option<ObjectRef<AnomalyJob>> {
    let name = labels::label(object.meta(), JOB)?;
    Some(ObjectRef::new(name).within(object.meta().namespace.as_deref()?))
}

/// Nobody asks who wrote which field.
fn slim<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
}

/// Of a Job's pods only the pods themselves are looked at.
fn slim_job(job: &mut Job) {
    slim(job);
    if let Some(spec) = &mut job.spec {
        spec.template = PodTemplateSpec::default();
        spec.pod_failure_policy = None;
    }
}

fn slim_pod(pod: &mut Pod) {
    slim(pod);
    if let Some(spec) = &mut pod.spec {
        spec.volumes = None;
        for container in &mut spec.containers {
            container.env = None;
            container.volume_mounts = None;
        }
    }
}
