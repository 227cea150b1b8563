//! The watches of one scope: what is cached, and what makes a job be looked at again.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::StreamExt;
use k8s_openapi::{
    NamespaceResourceScope as InNamespace,
    api::{
        batch::v1::Job,
        core::v1::{Pod, PodTemplateSpec},
    },
};
use kube::{
    Api, Client, Resource,
    runtime::{Config, Controller, WatchStreamExt, reflector, utils::Backoff, watcher},
};

use super::{
    Caches, Context,
    cache::{Cache, job},
    events::Events,
    failed, reconcile,
};
use crate::{api::AnomalyJob, children::Installation, labels::MANAGED, metrics::Metrics};

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
        Cache::fill(watcher(api(&client, &scope), of_ours.clone()).modify(slim_job));
    let (cron_jobs, cron_events) =
        Cache::fill(watcher(api(&client, &scope), of_ours.clone()).modify(slim));
    let (pods, pod_events) =
        Cache::fill(watcher(api(&client, &scope), of_ours.clone()).modify(slim_pod));
    let (config_maps, map_events) =
        Cache::fill(watcher(api(&client, &scope), of_ours).modify(slim));
    let wanted = watcher::Config::default().labels(&scope.selector);
    let (reader, writer) = reflector::store::<AnomalyJob>();
    let own = watcher(api::<AnomalyJob>(&client, &scope), wanted).modify(slim);
    let own = own.default_backoff().reflect(writer);
    metrics.cache(reader.clone());

    let context = Arc::new(Context {
        events: Events::new(client.clone()),
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
        .watches_stream(job_events, |object| job(&object))
        .watches_stream(cron_events, |object| job(&object))
        .watches_stream(map_events, |object| job(&object))
        .watches_stream(pod_events, |object| job(&object))
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

fn api<K>(client: &Client, scope: &Scope) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = InNamespace>,
{
    match &scope.namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// Nobody asks who wrote which field, and what kubectl applied.
fn slim<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
    if let Some(annotations) = &mut object.meta_mut().annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
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
