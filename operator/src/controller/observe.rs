//! The objects of a job in the cluster: from the caches, and for a waiting pod its Events.

use std::sync::Arc;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::{CronJob, Job},
    core::v1::{ConfigMap, Event, Pod, Service},
    policy::v1::PodDisruptionBudget,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::{Api, Client, Resource, api::ListParams, core::PartialObjectMeta};

use super::{
    cache::Cache,
    figures::{self, PodFigures},
    pods,
    validate::ValidJob,
};
use crate::children;

/// The caches of one scope.
#[derive(Clone)]
pub struct Caches {
    pub jobs: Cache<Job>,
    pub cron_jobs: Cache<CronJob>,
    pub stateful_sets: Cache<StatefulSet>,
    pub services: Cache<Service>,
    pub disruption_budgets: Cache<PodDisruptionBudget>,
    pub config_maps: Cache<PartialObjectMeta<ConfigMap>>,
    pub pods: Cache<Pod>,
}

impl Caches {
    /// Waits until all caches are filled.
    pub async fn ready(&self) {
        let Self {
            jobs,
            cron_jobs,
            stateful_sets,
            services,
            disruption_budgets,
            config_maps,
            pods,
        } = self;
        tokio::join!(
            jobs.ready(),
            cron_jobs.ready(),
            stateful_sets.ready(),
            services.ready(),
            disruption_budgets.ready(),
            config_maps.ready(),
            pods.ready()
        );
    }
}

/// The objects of one job, at a point in time.
#[derive(Clone, Debug, Default)]
pub struct JobSnapshot {
    pub now: Timestamp,
    pub jobs: Vec<Arc<Job>>,
    pub cron_job: Option<Arc<CronJob>>,
    pub stateful_set: Option<Arc<StatefulSet>>,
    pub service: Option<Arc<Service>>,
    pub disruption_budget: Option<Arc<PodDisruptionBudget>>,
    pub config_maps: Vec<Arc<PartialObjectMeta<ConfigMap>>>,
    pub pods: Vec<Arc<Pod>>,
    /// The Events of an object that waits, the newest last.
    pub events: Vec<Event>,
    /// The figures that the pods of a stream report, if they were asked and all have answered.
    pub pod_figures: Option<PodFigures>,
}

/// Reads the caches. Only the Events of an object that waits are requested from the API server, and its figures from the pod
/// of a stream.
///
/// # Errors
/// If that request fails.
pub async fn observe(
    client: &Client,
    caches: &Caches,
    job: &ValidJob,
) -> kube::Result<JobSnapshot> {
    let (namespace, name, uid) = (&job.namespace, &job.name, job.reference.uid.as_str());
    // Objects of an earlier job of the same name have another owner, and are being deleted.
    let cron_job = only(caches.cron_jobs.for_job(namespace, name), uid);
    let cron_uid = cron_job.as_ref().and_then(|cron| cron.metadata.uid.clone()).unwrap_or_default();
    let mut jobs = caches.jobs.for_job(namespace, name);
    jobs.retain(|job| is_owned_by(&job.metadata, uid) || is_owned_by(&job.metadata, &cron_uid));
    let mut snapshot = JobSnapshot {
        now: Timestamp::now(),
        jobs,
        cron_job,
        stateful_set: only(caches.stateful_sets.for_job(namespace, name), uid),
        service: only(caches.services.for_job(namespace, name), uid),
        disruption_budget: only(caches.disruption_budgets.for_job(namespace, name), uid),
        config_maps: caches.config_maps.for_job(namespace, name),
        pods: caches.pods.for_job(namespace, name),
        events: Vec::new(),
        pod_figures: None,
    };
    let set = snapshot.stateful_set.as_deref();
    let pods = set.map(|set| pods::pods_of(&snapshot.pods, set)).unwrap_or_default();
    // The sums of some alone would be others.
    if pods.len() == usize::try_from(children::pods(&job.spec)).unwrap_or(usize::MAX)
        && pods.iter().all(|pod| pods::is_ready(pod))
        && figures::is_due(job.status.stream.as_ref(), snapshot.now)
    {
        snapshot.pod_figures = figures::ask_all(&pods).await;
    }
    if let Some(uid) = pods::waiting_object(&snapshot.jobs, &snapshot.pods, snapshot.now) {
        let selected = ListParams::default().fields(&format!("involvedObject.uid={uid}")).limit(50);
        let events: Api<Event> = Api::namespaced(client.clone(), namespace);
        snapshot.events = events.list(&selected).await?.items;
        snapshot.events.sort_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
    }
    Ok(snapshot)
}

/// The object of which a job has one, if it is controlled by the owner.
fn only<K: Resource>(found: Vec<Arc<K>>, uid: &str) -> Option<Arc<K>> {
    found.into_iter().find(|object| is_owned_by(object.meta(), uid))
}

/// Whether an object is controlled by the owner; one without an owner is adopted.
fn is_owned_by(meta: &ObjectMeta, uid: &str) -> bool {
    let mut owners = meta
        .owner_references
        .iter()
        .flatten()
        .filter(|owner| owner.controller == Some(true))
        .peekable();
    owners.peek().is_none() || owners.any(|owner| owner.uid == uid)
}
