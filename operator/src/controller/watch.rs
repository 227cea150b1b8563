//! The watches of one scope: they fill the caches and trigger reconciles.

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
    cache::{Cache, owner_job},
    events::Events,
    failed, reconcile,
};
use crate::{api::AnomalyJob, children::Installation, labels::MANAGED, metrics::Metrics};

/// The jobs that a controller reconciles.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// None: all namespaces.
    pub namespace: Option<String>,
    /// A label selector; empty: all jobs.
    pub selector: String,
    /// Jobs reconciled at once.
    pub concurrency: u16,
}

/// Reconciles until `stop` completes.
pub async fn run(
    client: Client,
    scope: Scope,
    installation: impl Fn() -> Installation + Send + Sync + 'static,
    metrics: Arc<Metrics>,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let managed = watcher::Config::default().labels(MANAGED);
    let (jobs, job_events) =
        Cache::new(watcher(api(&client, &scope), managed.clone()).modify(slim_job));
    let (cron_jobs, cron_events) =
        Cache::new(watcher(api(&client, &scope), managed.clone()).modify(slim));
    let (stateful_sets, set_events) =
        Cache::new(watcher(api(&client, &scope), managed.clone()).modify(slim));
    let (services, service_events) =
        Cache::new(watcher(api(&client, &scope), managed.clone()).modify(slim));
    let (disruption_budgets, budget_events) =
        Cache::new(watcher(api(&client, &scope), managed.clone()).modify(slim));
    let (pods, pod_events) =
        Cache::new(watcher(api(&client, &scope), managed.clone()).modify(slim_pod));
    let (config_maps, map_events) = Cache::new(watcher(api(&client, &scope), managed).modify(slim));
    let selected = watcher::Config::default().labels(&scope.selector);
    let (reader, writer) = reflector::store::<AnomalyJob>();
    let anomaly_jobs = watcher(api::<AnomalyJob>(&client, &scope), selected).modify(slim);
    let anomaly_jobs = anomaly_jobs.default_backoff().reflect(writer);
    metrics.add_cache(reader.clone());

    let context = Arc::new(Context {
        events: Events::new(client.clone()),
        client,
        caches: Caches {
            jobs,
            cron_jobs,
            stateful_sets,
            services,
            disruption_budgets,
            config_maps,
            pods,
        },
        installation: Box::new(installation),
        metrics,
        failures: Mutex::default(),
    });
    // Jobs are reconciled once all caches are filled: objects that are not cached yet must not be created twice.
    let caches = context.caches.clone();
    let anomaly_jobs = futures::stream::once(async move { caches.ready().await })
        .filter_map(|()| async { None })
        .chain(anomaly_jobs.touched_objects());
    Controller::for_stream(anomaly_jobs, reader)
        .with_config(Config::default().concurrency(scope.concurrency))
        .trigger_backoff(NoBackoff)
        .watches_stream(job_events, |object| owner_job(&object))
        .watches_stream(cron_events, |object| owner_job(&object))
        .watches_stream(set_events, |object| owner_job(&object))
        .watches_stream(service_events, |object| owner_job(&object))
        .watches_stream(budget_events, |object| owner_job(&object))
        .watches_stream(map_events, |object| owner_job(&object))
        .watches_stream(pod_events, |object| owner_job(&object))
        .graceful_shutdown_on(stop)
        .run(reconcile, failed, context)
        .for_each(|_| async {})
        .await;
}

/// No delay in the controller: each watch has a separate backoff. With the controller's, all watches would wait for each
/// of them, and the operator would miss changes for minutes after the API server was away for seconds.
struct NoBackoff;

impl Iterator for NoBackoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::ZERO)
    }
}

impl Backoff for NoBackoff {
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

/// Drops metadata that is not used: the managers of fields, and what kubectl applied.
fn slim<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
    if let Some(annotations) = &mut object.meta_mut().annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

/// Drops the pod template, which is not used.
fn slim_job(job: &mut Job) {
    slim(job);
    if let Some(spec) = &mut job.spec {
        spec.template = PodTemplateSpec::default();
        spec.pod_failure_policy = None;
    }
}

/// Drops volumes and variables, which are not used.
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
