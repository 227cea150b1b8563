//! The steps of a plan, written to the API server. Each is safe to repeat: objects have names that follow from what
//! they are, and what is there already is taken as it is.

use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::ConfigMap,
};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
};

use super::{plan::Step, validate::Validated};
use crate::{api::AnomalyJob, labels::MANAGER};

/// Whether the plan was carried out, or made of what is no longer so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    Done,
    Outdated,
}

/// # Errors
/// Whatever the API server says no to, but that something is there already or gone already.
pub async fn apply(client: &Client, job: &Validated, steps: Vec<Step>) -> kube::Result<Applied> {
    let namespace = job.namespace.as_str();
    let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
    let cron_jobs: Api<CronJob> = Api::namespaced(client.clone(), namespace);
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let anomaly_jobs: Api<AnomalyJob> = Api::namespaced(client.clone(), namespace);
    for step in steps {
        match step {
            Step::CreateConfigMap(map) => created(config_maps.create(&post(), &map).await)?,
            Step::CreateJob(new) => {
                if outdated(&anomaly_jobs, job).await? {
                    return Ok(Applied::Outdated);
                }
                created(jobs.create(&post(), &new).await)?;
            }
            Step::PatchJob { name, patch } => {
                let params =
                    PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
                gone(jobs.patch(&name, &params, &Patch::Merge(patch)).await)?;
            }
            Step::ApplyCronJob(new) => {
                let name = new.metadata.name.clone().unwrap_or_default();
                cron_jobs
                    .patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(new))
                    .await?;
            }
            Step::DeleteConfigMap(name) => {
                gone(config_maps.delete(&name, &DeleteParams::background()).await)?;
            }
            // Until its pods are gone, it is there: what comes after it does not run beside them.
            Step::DeleteJob { name, uid } => gone(jobs.delete(&name, &only(uid)).await)?,
            Step::DeleteCronJob { name, uid } => gone(cron_jobs.delete(&name, &only(uid)).await)?,
            Step::DeleteAnomalyJob => {
                let params = DeleteParams {
                    preconditions: Some(Preconditions {
                        uid: Some(job.reference.uid.clone()),
                        resource_version: None,
                    }),
                    ..DeleteParams::background()
                };
                gone(anomaly_jobs.delete(&job.name, &params).await)?;
            }
        }
    }
    Ok(Applied::Done)
}

/// The caches may be older than what this operator wrote: a run that has finished is not begun again for that.
async fn outdated(jobs: &Api<AnomalyJob>, job: &Validated) -> kube::Result<bool> {
    let Some(live) = jobs.get_opt(&job.name).await? else { return Ok(true) };
    let same = live.metadata.uid.as_deref() == Some(job.reference.uid.as_str())
        && live.metadata.generation == job.generation
        && live.metadata.deletion_timestamp.is_none();
    let finished = live.status.is_some_and(|status| status.has_finished(&job.run));
    Ok(!same || finished)
}

fn post() -> PostParams {
    PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() }
}

fn only(uid: String) -> DeleteParams {
    DeleteParams {
        propagation_policy: Some(PropagationPolicy::Foreground),
        preconditions: Some(Preconditions { uid: Some(uid), resource_version: None }),
        ..DeleteParams::default()
    }
}

fn created<T>(result: kube::Result<T>) -> kube::Result<()> {
    ignoring(result, &["AlreadyExists"])
}

fn gone<T>(result: kube::Result<T>) -> kube::Result<()> {
    ignoring(result, &["NotFound", "Conflict"])
}

fn ignoring<T>(result: kube::Result<T>, reasons: &[&str]) -> kube::Result<()> {
    match result {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if reasons.contains(&status.reason.as_str()) => Ok(()),
        Err(error) => Err(error),
    }
}
