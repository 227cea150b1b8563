//! What is there of a job in the cluster: from the caches, and, for a pod that waits, its Events.

use std::sync::Arc;

use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::{ConfigMap, Event, Pod},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::{Api, Client, api::ListParams, core::PartialObjectMeta};

use super::{cache::Cache, pods, validate::Validated};

/// The caches of one scope.
#[derive(Clone)]
pub struct Caches {
    pub jobs: Cache<Job>,
    pub cron_jobs: Cache<CronJob>,
    pub config_maps: Cache<PartialObjectMeta<ConfigMap>>,
    pub pods: Cache<Pod>,
}

impl Caches {
    /// Waits until everything there is was seen.
    pub async fn ready(&self) {
        let Self { jobs, cron_jobs, config_maps, pods } = self;
        tokio::join!(jobs.ready(), cron_jobs.ready(), config_maps.ready(), pods.ready());
    }
}

/// What is there of one job, and when.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    pub now: Timestamp,
    pub jobs: Vec<Arc<Job>>,
    pub cron_job: Option<Arc<CronJob>>,
    pub config_maps: Vec<Arc<PartialObjectMeta<ConfigMap>>>,
    pub pods: Vec<Arc<Pod>>,
    /// Of what waits, with the newest last.
    pub events: Vec<Event>,
}

/// Reads the caches; asks the API server only why something waits.
///
/// # Errors
/// If the API server can't be asked.
pub async fn observe(client: &Client, caches: &Caches, job: &Validated) -> kube::Result<Observed> {
    let (namespace, name, uid) = (&job.namespace, &job.name, job.reference.uid.as_str());
    // What an earlier job of the same name left is not ours: it is on its way out.
    let cron_job =
        caches.cron_jobs.of(namespace, name).into_iter().find(|cron| of_owner(&cron.metadata, uid));
    let cron_uid = cron_job.as_ref().and_then(|cron| cron.metadata.uid.clone()).unwrap_or_default();
    let mut jobs = caches.jobs.of(namespace, name);
    jobs.retain(|job| of_owner(&job.metadata, uid) || of_owner(&job.metadata, &cron_uid));
    let mut seen = Observed {
        now: Timestamp::now(),
        jobs,
        cron_job,
        config_maps: caches.config_maps.of(namespace, name),
        pods: caches.pods.of(namespace, name),
        events: Vec::new(),
    };
    if let Some(uid) = pods::waiting(&seen) {
        let selected = ListParams::default().fields(&format!("involvedObject.uid={uid}")).limit(50);
        let events: Api<Event> = Api::namespaced(client.clone(), namespace);
        seen.events = events.list(&selected).await?.items;
        seen.events.sort_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
    }
    Ok(seen)
}

/// One that has lost its owner is taken back.
fn of_owner(meta: &ObjectMeta, uid: &str) -> bool {
    let mut owners = meta
        .owner_references
        .iter()
        .flatten()
        .filter(|owner| owner.controller == Some(true))
        .peekable();
    owners.peek().is_none() || owners.any(|owner| owner.uid == uid)
}
