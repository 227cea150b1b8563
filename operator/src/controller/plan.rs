//! What is to be done for a job, from what it says and what is there. Pure, and by level: what was done before counts
//! for nothing, but for which run has finished.

mod once;
mod scheduled;

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;
use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::ConfigMap,
};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{observe::Observed, validate::Validated};
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
    /// A merge patch of what may change on a Job.
    PatchJob {
        name: String,
        patch: Value,
    },
    ApplyCronJob(Box<CronJob>),
    DeleteConfigMap(String),
    DeleteJob {
        name: String,
        uid: String,
    },
    DeleteCronJob {
        name: String,
        uid: String,
    },
    /// Its time to live is over.
    DeleteAnomalyJob,
}

/// What is to be done, in this order, and what is to be told then.
#[derive(Clone, Debug)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub status: Status,
    /// When to look again though nothing has changed.
    pub again: Option<Duration>,
}

/// Events and times change nothing that is watched: what waits is looked at again this often.
const WAITING: Duration = Duration::from_secs(5);

/// # Errors
/// If an object can't be made from the settings, which the types rule out.
pub fn plan(job: &Validated, seen: &Observed, installation: &Installation) -> Result<Plan> {
    if job.spec.schedule.is_some() {
        scheduled::plan(job, seen, installation)
    } else {
        once::plan(job, seen, installation)
    }
}

fn delete_job(job: &Job) -> Option<Step> {
    let going = job.metadata.deletion_timestamp.is_some();
    (!going).then(|| Step::DeleteJob { name: job.name_any(), uid: job.uid().unwrap_or_default() })
}

/// Makes the settings that a Job or `CronJob` names, if they are not there, under that name.
fn settings(
    job: &Validated,
    seen: &Observed,
    named: Option<&str>,
    installation: &Installation,
) -> Result<(String, Option<Step>)> {
    let mut map = config_map(&job.owner(), installation)?;
    let name = named.map_or_else(|| map.name_any(), str::to_owned);
    let there = seen
        .config_maps
        .iter()
        .any(|map| map.name_any() == name && map.metadata.deletion_timestamp.is_none());
    map.metadata.name = Some(name.clone());
    Ok((name, (!there).then(|| Step::CreateConfigMap(Box::new(map)))))
}

/// Settings that nothing uses any more.
fn unused(seen: &Observed, used: &BTreeSet<String>) -> Vec<Step> {
    let unused = seen.config_maps.iter().filter(|map| map.metadata.deletion_timestamp.is_none());
    unused
        .map(|map| map.name_any())
        .filter(|name| !used.contains(name))
        .map(Step::DeleteConfigMap)
        .collect()
}

fn settings_of(job: &Job) -> Option<String> {
    labels::annotation(&job.metadata, labels::SETTINGS).map(str::to_owned)
}

/// How a Job's own conditions say that it ended.
enum Ended {
    Well,
    /// With the Job's reason and message.
    Badly(String, String),
}

fn ended(job: &Job) -> Option<Ended> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let holds = |name: &str| {
        conditions.iter().find(|condition| condition.type_ == name && condition.status == "True")
    };
    if holds("Complete").is_some() {
        return Some(Ended::Well);
    }
    holds("Failed").map(|failed| {
        Ended::Badly(
            failed.reason.clone().unwrap_or_default(),
            failed.message.clone().unwrap_or_default(),
        )
    })
}

/// Whether everything that is wanted is there; what else is there are the API server's own defaults. Amounts are left
/// out: it writes them in its own way.
fn holds(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().all(|(key, value)| {
            let amount = key == "resources" || key == "sizeLimit";
            let empty = matches!(value, Value::Array(items) if items.is_empty())
                || matches!(value, Value::Object(items) if items.is_empty())
                || value.is_null()
                || *value == false;
            amount || found.get(key).map_or(empty, |found| holds(value, found))
        }),
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len()
                && wanted.iter().zip(found).all(|(wanted, found)| holds(wanted, found))
        }
        (wanted, found) => wanted == found,
    }
}

/// What somebody changed on an object of ours: its labels and its owner.
fn meta_patch(wanted: &impl ResourceExt, found: &impl ResourceExt) -> Value {
    let wanted_meta =
        json!({"labels": wanted.labels(), "ownerReferences": wanted.owner_references()});
    let found_meta = json!({"labels": found.labels(), "ownerReferences": found.owner_references()});
    if holds(&wanted_meta, &found_meta) { Value::Null } else { wanted_meta }
}

#[cfg(test)]
mod tests;
