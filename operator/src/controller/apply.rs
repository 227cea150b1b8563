//! Applying the steps of a plan to the API server. Each step can be repeated: the names of objects are derived from their
//! content, and an object that exists already is left as it is.

use std::fmt::Debug;

use k8s_openapi::{
    NamespaceResourceScope as InNamespace,
    api::{batch::v1::Job, core::v1::ConfigMap},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{
        DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions,
        PropagationPolicy,
    },
};
use serde::{Serialize, de::DeserializeOwned};

use super::{plan::Step, validate::ValidJob};
use crate::{api::AnomalyJob, labels::MANAGER};

/// Whether a plan was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyOutcome {
    Done,
    /// The plan was made from caches that are older than the job.
    Outdated,
}

/// Applies the steps in order.
///
/// # Errors
/// Those of the API server, except that an object exists already or does not exist any more.
pub async fn apply(
    client: &Client,
    job: &ValidJob,
    steps: Vec<Step>,
) -> kube::Result<ApplyOutcome> {
    let namespace = job.namespace.as_str();
    let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let anomaly_jobs: Api<AnomalyJob> = Api::namespaced(client.clone(), namespace);
    for step in steps {
        match step {
            Step::CreateConfigMap(map) => {
                allow_existing(config_maps.create(&post_params(), &map).await)?;
            }
            Step::CreateJob(new) => {
                if outdated(&anomaly_jobs, job).await? {
                    return Ok(ApplyOutcome::Outdated);
                }
                allow_existing(jobs.create(&post_params(), &new).await)?;
            }
            Step::PatchJob { name, patch } => {
                let params =
                    PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
                allow_missing(jobs.patch(&name, &params, &Patch::Merge(patch)).await)?;
            }
            Step::ApplyCronJob(new) => apply_object(client, namespace, &*new).await?,
            Step::ApplyStatefulSet(new) => apply_object(client, namespace, &*new).await?,
            Step::ApplyService(new) => apply_object(client, namespace, &*new).await?,
            Step::ApplyDisruptionBudget(new) => apply_object(client, namespace, &*new).await?,
            Step::DeleteConfigMap(name) => {
                allow_missing(config_maps.delete(&name, &DeleteParams::background()).await)?;
            }
            // In the foreground: a Job exists until its pods are gone, so that no other run starts beside them.
            Step::Delete { resource, name, uid } => {
                let objects: Api<DynamicObject> =
                    Api::namespaced_with(client.clone(), namespace, &resource);
                allow_missing(objects.delete(&name, &delete_params(uid)).await)?;
            }
            Step::DeleteAnomalyJob => {
                let params = DeleteParams {
                    preconditions: Some(Preconditions {
                        uid: Some(job.reference.uid.clone()),
                        resource_version: None,
                    }),
                    ..DeleteParams::background()
                };
                allow_missing(anomaly_jobs.delete(&job.name, &params).await)?;
            }
        }
    }
    Ok(ApplyOutcome::Done)
}

/// Applies an object on the server.
async fn apply_object<K>(client: &Client, namespace: &str, object: &K) -> kube::Result<()>
where
    K: Resource<DynamicType = (), Scope = InNamespace> + Serialize + DeserializeOwned,
    K: Clone + Debug,
{
    let objects: Api<K> = Api::namespaced(client.clone(), namespace);
    let params = PatchParams::apply(MANAGER).force();
    objects.patch(&object.name_any(), &params, &Patch::Apply(object)).await.map(drop)
}

/// Whether the job has changed or finished since it was cached. A finished run must not start again.
async fn outdated(jobs: &Api<AnomalyJob>, job: &ValidJob) -> kube::Result<bool> {
    let Some(live) = jobs.get_opt(&job.name).await? else { return Ok(true) };
    let same = live.metadata.uid.as_deref() == Some(job.reference.uid.as_str())
        && live.metadata.generation == job.generation
        && live.metadata.deletion_timestamp.is_none();
    let finished = live.status.is_some_and(|status| status.has_finished(&job.run));
    Ok(!same || finished)
}

fn post_params() -> PostParams {
    PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() }
}

/// Deletes only the object with this uid.
fn delete_params(uid: String) -> DeleteParams {
    DeleteParams {
        propagation_policy: Some(PropagationPolicy::Foreground),
        preconditions: Some(Preconditions { uid: Some(uid), resource_version: None }),
        ..DeleteParams::default()
    }
}

fn allow_existing<T>(result: kube::Result<T>) -> kube::Result<()> {
    ignore_reasons(result, &["AlreadyExists"])
}

fn allow_missing<T>(result: kube::Result<T>) -> kube::Result<()> {
    ignore_reasons(result, &["NotFound", "Conflict"])
}

fn ignore_reasons<T>(result: kube::Result<T>, reasons: &[&str]) -> kube::Result<()> {
    match result {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if reasons.contains(&status.reason.as_str()) => Ok(()),
        Err(error) => Err(error),
    }
}
