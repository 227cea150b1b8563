//! Reconciling: validate a job, observe its objects, plan the changes, apply them, write the status.

mod apply;
mod cache;
mod events;
mod figures;
mod observe;
mod plan;
mod pods;
mod state;
mod status;
mod validate;
mod watch;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use k8s_openapi::jiff::Timestamp;
use kube::{Client, Resource, ResourceExt, runtime::controller::Action};

pub use observe::Caches;
pub use watch::{Scope, run};

use crate::{
    api::{AnomalyJob, condition},
    children::Installation,
    metrics::Metrics,
};
use apply::ApplyOutcome;
use events::Events;

/// The delay after the first error; it doubles with each further one.
const MIN_DELAY: Duration = Duration::from_millis(500);
const MAX_DELAY: Duration = Duration::from_mins(2);
/// The delay after a write that the caches do not have yet.
const CACHE_DELAY: Duration = Duration::from_secs(1);

/// The shared state of all reconciles.
pub struct Context {
    pub client: Client,
    pub caches: Caches,
    pub events: Events,
    pub installation: Box<dyn Fn() -> Installation + Send + Sync>,
    pub metrics: Arc<Metrics>,
    /// The delays after consecutive failures, by the uid of the job.
    pub failures: Mutex<HashMap<String, ExponentialBackoff>>,
}

/// Why a reconcile failed. It is retried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("API server: {0}")]
    Api(#[from] kube::Error),
    #[error("cannot create its objects: {0:#}")]
    Objects(anyhow::Error),
}

#[tracing::instrument(skip_all, fields(namespace = job.namespace(), name = job.name_any()))]
async fn reconcile(job: Arc<AnomalyJob>, context: Arc<Context>) -> Result<Action, Error> {
    let started = Instant::now();
    context.metrics.reconcile_started();
    let result = Box::pin(steps(&job, &context)).await;
    context.metrics.reconcile_ended(started.elapsed(), result.is_ok());
    if result.is_ok() {
        failures(&context).remove(&key(&job));
    }
    result
}

async fn steps(job: &AnomalyJob, context: &Context) -> Result<Action, Error> {
    let Context { client, caches, events, .. } = context;
    if job.metadata.deletion_timestamp.is_some() {
        // Its objects are garbage collected.
        return Ok(Action::await_change());
    }
    let installation = (context.installation)();
    let valid = match validate::validate(job, &installation) {
        Ok(valid) => valid,
        Err(error) => {
            let (old, generation) = (job.status.as_ref(), job.metadata.generation);
            let status = state::invalid_status(old, generation, &error.0, Timestamp::now());
            status::write(client, events, job, &status).await?;
            return Ok(Action::await_change());
        }
    };
    let snapshot = observe::observe(client, caches, &valid).await?;
    let plan = plan::plan(&valid, &snapshot, &installation).map_err(Error::Objects)?;
    match apply::apply(client, &valid, plan.steps).await {
        Ok(ApplyOutcome::Done) => {}
        Ok(ApplyOutcome::Outdated) => return Ok(Action::requeue(CACHE_DELAY)),
        Err(error) => return refused(job, context, &valid, error).await,
    }
    status::write(client, events, job, &plan.status).await?;
    Ok(plan.requeue_after.map_or_else(Action::await_change, Action::requeue))
}

/// Writes a permanent refusal of the API server to the status. It is retried with growing delays.
async fn refused(
    job: &AnomalyJob,
    context: &Context,
    valid: &validate::ValidJob,
    error: kube::Error,
) -> Result<Action, Error> {
    if let kube::Error::Api(response) = &error {
        // A namespace that is being deleted accepts no objects, and takes the job with it.
        if response.message.contains("is being terminated") {
            return Ok(Action::await_change());
        }
        if matches!(response.code, 400 | 403 | 422) {
            let reason = pods::Reason::new("Refused", response.message.clone());
            let state = state::State::blocked(reason);
            let status = state::status_for(valid, &state, Timestamp::now());
            let ended = job.status.as_ref().is_some_and(|status| {
                status.is(condition::COMPLETE) || status.is(condition::FAILED)
            });
            if !ended {
                status::write(&context.client, &context.events, job, &status).await?;
            }
        }
    }
    Err(error.into())
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that kube needs")]
fn failed(job: Arc<AnomalyJob>, error: &Error, context: Arc<Context>) -> Action {
    let mut failures = failures(&context);
    let delays = failures.entry(key(&job)).or_insert_with(backoff);
    let delay = delays.next().unwrap_or(MAX_DELAY);
    tracing::warn!(namespace = job.namespace(), name = job.name_any(), pause = ?delay, "not reconciled: {error}");
    Action::requeue(delay)
}

fn backoff() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(MIN_DELAY)
        .with_max_delay(MAX_DELAY)
        .without_max_times()
        .build()
}

fn failures(context: &Context) -> std::sync::MutexGuard<'_, HashMap<String, ExponentialBackoff>> {
    context.failures.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(job: &AnomalyJob) -> String {
    job.meta().uid.clone().unwrap_or_default()
}
