//! The plan for a job, from its spec and its objects. A pure function of the present state: of earlier steps it only
//! knows which run has finished.

mod once;
mod scheduled;
mod stream;

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::{CronJob, Job},
    core::v1::{ConfigMap, Service},
    policy::v1::PodDisruptionBudget,
};
use kube::{Resource, ResourceExt, core::ApiResource};
use serde::Serialize;
use serde_json::{Value, json};

use super::{observe::JobSnapshot, validate::ValidJob};
use crate::{
    api::Status,
    children::{Installation, config_map},
    labels,
};

/// One write to the API server.
#[derive(Clone, Debug)]
pub enum Step {
    CreateConfigMap(Box<ConfigMap>),
    CreateJob(Box<Job>),
    /// A merge patch of the mutable fields of a Job.
    PatchJob {
        name: String,
        patch: Value,
    },
    ApplyCronJob(Box<CronJob>),
    ApplyStatefulSet(Box<StatefulSet>),
    ApplyService(Box<Service>),
    ApplyDisruptionBudget(Box<PodDisruptionBudget>),
    DeleteConfigMap(String),
    /// The object with this uid, behind all that depends on it.
    Delete {
        resource: ApiResource,
        name: String,
        uid: String,
    },
    /// Its time to live has ended.
    DeleteAnomalyJob,
}

/// The steps for a job in order, and the status once they are done.
#[derive(Clone, Debug)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub status: Status,
    /// When to reconcile again even if no watched object changes.
    pub requeue_after: Option<Duration>,
}

/// How often a waiting job is reconciled: its Events are not watched.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Plans the steps for a job.
///
/// # Errors
/// If an object can't be created from the settings, which the types rule out.
pub fn plan(job: &ValidJob, snapshot: &JobSnapshot, installation: &Installation) -> Result<Plan> {
    if job.spec.stream.is_some() {
        stream::plan(job, snapshot, installation)
    } else if job.spec.schedule.is_some() {
        scheduled::plan(job, snapshot, installation)
    } else {
        once::plan(job, snapshot, installation)
    }
}

/// The step that deletes an object, if there is one that is not being deleted.
fn delete<K: Resource<DynamicType = ()>>(found: Option<&K>) -> Option<Step> {
    let found = found.filter(|found| found.meta().deletion_timestamp.is_none())?;
    let (name, uid) = (found.name_any(), found.uid().unwrap_or_default());
    Some(Step::Delete { resource: ApiResource::erase::<K>(&()), name, uid })
}

/// Steps that delete what only a stream has.
fn delete_stream(snapshot: &JobSnapshot) -> impl Iterator<Item = Step> {
    let steps = [
        delete(snapshot.stateful_set.as_deref()),
        delete(snapshot.disruption_budget.as_deref()),
        delete(snapshot.service.as_deref()),
    ];
    steps.into_iter().flatten()
}

/// Whether an object is as the operator applies it.
fn is_current<K: ResourceExt + Serialize>(wanted: &K, found: Option<&K>) -> bool {
    found.is_some_and(|found| {
        is_applied(wanted, found) && contains(&json!(wanted)["spec"], &json!(found)["spec"])
    })
}

/// Whether the operator has applied the same spec, and nobody has changed labels or owner since.
fn is_applied(wanted: &impl ResourceExt, found: &impl ResourceExt) -> bool {
    wanted.annotations().get(labels::APPLIED) == found.annotations().get(labels::APPLIED)
        && meta_patch(wanted, found).is_null()
}

/// The name of the `ConfigMap` with the settings, and the step that creates it if it does not exist. `named` is the name
/// that a Job refers to already.
fn settings(
    job: &ValidJob,
    snapshot: &JobSnapshot,
    named: Option<&str>,
    installation: &Installation,
) -> Result<(String, Option<Step>)> {
    let mut map = config_map(&job.owner(), installation)?;
    let name = named.map_or_else(|| map.name_any(), str::to_owned);
    let exists = snapshot
        .config_maps
        .iter()
        .any(|map| map.name_any() == name && map.metadata.deletion_timestamp.is_none());
    map.metadata.name = Some(name.clone());
    Ok((name, (!exists).then(|| Step::CreateConfigMap(Box::new(map)))))
}

/// Steps that delete the settings that are not in use.
fn unused(snapshot: &JobSnapshot, used: &BTreeSet<String>) -> Vec<Step> {
    let unused =
        snapshot.config_maps.iter().filter(|map| map.metadata.deletion_timestamp.is_none());
    unused
        .map(|map| map.name_any())
        .filter(|name| !used.contains(name))
        .map(Step::DeleteConfigMap)
        .collect()
}

fn settings_name(job: &Job) -> Option<String> {
    labels::annotation(&job.metadata, labels::SETTINGS).map(str::to_owned)
}

/// How a Job has ended, by its conditions.
enum JobOutcome {
    Succeeded,
    Failed { reason: String, message: String },
}

impl JobOutcome {
    /// None while the Job runs.
    fn from_job(job: &Job) -> Option<Self> {
        let conditions = job.status.as_ref()?.conditions.as_ref()?;
        let find = |name: &str| {
            let mut conditions = conditions.iter();
            conditions.find(|condition| condition.type_ == name && condition.status == "True")
        };
        if find("Complete").is_some() {
            return Some(Self::Succeeded);
        }
        find("Failed").map(|failed| Self::Failed {
            reason: failed.reason.clone().unwrap_or_default(),
            message: failed.message.clone().unwrap_or_default(),
        })
    }
}

/// Whether an object has all wanted values; others are defaults of the API server. Quantities are not compared, since the
/// API server normalizes them.
fn contains(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().all(|(key, value)| {
            let quantity = key == "resources" || key == "sizeLimit";
            let empty = matches!(value, Value::Array(items) if items.is_empty())
                || matches!(value, Value::Object(items) if items.is_empty())
                || value.is_null()
                || *value == false;
            quantity || found.get(key).map_or(empty, |found| contains(value, found))
        }),
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len()
                && wanted.iter().zip(found).all(|(wanted, found)| contains(wanted, found))
        }
        (wanted, found) => wanted == found,
    }
}

/// The patch that restores the labels and the owner of an object, null if they are unchanged.
fn meta_patch(wanted: &impl ResourceExt, found: &impl ResourceExt) -> Value {
    let wanted_meta =
        json!({"labels": wanted.labels(), "ownerReferences": wanted.owner_references()});
    let found_meta = json!({"labels": found.labels(), "ownerReferences": found.owner_references()});
    if contains(&wanted_meta, &found_meta) { Value::Null } else { wanted_meta }
}

#[cfg(test)]
mod tests;
