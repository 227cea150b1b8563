//! Reconciling: what a job says and what is there become what is to be done, and what is to be told.

mod apply;
mod cache;
mod events;
mod observe;
mod plan;
mod pods;
mod status;
mod tell;
mod validate;
mod watch;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use k8s_openapi::jiff::Timestamp;
use kube::{Client, Resource, ResourceExt, runtime::controller::Action};

pub use observe::Caches;
pub use watch::{Scope, run};

use crate::{
    api::{AnomalyJob, condition},
    children::Installation,
    metrics::Metrics,
};
use apply::Applied;
use events::Events;

/// The first pause after an error; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(2);
/// After a write that the caches don't show yet.
const SOON: Duration = Duration::from_secs(1);

/// What reconciling needs.
pub struct Context {
    pub client: Client,
    pub caches: Caches,
    pub events: Events,
    pub installation: Box<dyn Fn() -> Installation + Send + Sync>,
    pub metrics: Arc<Metrics>,
    /// How often each object failed in a row.
    pub failures: Mutex<HashMap<String, u32>>,
}

/// What keeps a job from being reconciled; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API server: {0}")]
    Api(#[from] kube::Error),
    #[error("its objects can't be made: {0:#}")]
    Objects(anyhow::Error),
}

/// The steps, one after the other.
#[tracing::instrument(skip_all, fields(namespace = job.namespace(), name = job.name_any()))]
async fn reconcile(job: Arc<AnomalyJob>, context: Arc<Context>) -> Result<Action, Error> {
    let started = Instant::now();
    context.metrics.started();
    let result = steps(&job, &context).await;
    context.metrics.reconciled(started.elapsed(), &result);
    if result.is_ok() {
        failures(&context).remove(&key(&job));
    }
    result
}

async fn steps(job: &AnomalyJob, context: &Context) -> Result<Action, Error> {
    let Context { client, caches, events, .. } = context;
    if job.metadata.deletion_timestamp.is_some() {
        // What is its own goes with it.
        return Ok(Action::await_change());
    }
    let installation = (context.installation)();
    let valid = match validate::validate(job, &installation) {
        Ok(valid) => valid,
        Err(wrong) => {
            let generation = job.metadata.generation;
            let told = tell::invalid(job.status.as_ref(), generation, &wrong.0, Timestamp::now());
            status::write(client, events, job, &told).await?;
            return Ok(Action::await_change());
        }
    };
    let seen = observe::observe(client, caches, &valid).await?;
    let plan = plan::plan(&valid, &seen, &installation).map_err(Error::Objects)?;
    match apply::apply(client, &valid, plan.steps).await {
        Ok(Applied::Done) => {}
        Ok(Applied::Outdated) => return Ok(Action::requeue(SOON)),
        Err(error) => return refused(job, context, &valid, error).await,
    }
    status::write(client, events, job, &plan.status).await?;
    Ok(plan.again.map_or_else(Action::await_change, Action::requeue))
}

/// What the API server says no to for good is told in the status, and tried again less and less often.
async fn refused(
    job: &AnomalyJob,
    context: &Context,
    valid: &validate::Validated,
    error: kube::Error,
) -> Result<Action, Error> {
    if let kube::Error::Api(said) = &error {
        // Nothing is made in a namespace that goes; it takes the job with it.
        if said.message.contains("is being terminated") {
            return Ok(Action::await_change());
        }
        if matches!(said.code, 400 | 403 | 422) {
            let why = pods::Why::new("Refused", said.message.clone());
            let told = tell::tell(valid, &tell::State::blocked(why), Timestamp::now());
            let ended = job.status.as_ref().is_some_and(|status| {
                status.is(condition::COMPLETE) || status.is(condition::FAILED)
            });
            if !ended {
                status::write(&context.client, &context.events, job, &told).await?;
            }
        }
    }
    Err(error.into())
}

#[expect(clippy::needless_pass_by_value, reason = "as kube asks")]
fn failed(job: Arc<AnomalyJob>, error: &Error, context: Arc<Context>) -> Action {
    let mut failures = failures(&context);
    let count = failures.entry(key(&job)).or_default();
    let pause = FIRST_PAUSE.saturating_mul(1 << (*count).min(16)).min(LONGEST_PAUSE);
    *count += 1;
    tracing::warn!(namespace = job.namespace(), name = job.name_any(), pause = ?pause, "not reconciled: {error}");
    Action::requeue(pause)
}

fn failures(context: &Context) -> std::sync::MutexGuard<'_, HashMap<String, u32>> {
    context.failures.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(job: &AnomalyJob) -> String {
    job.meta().uid.clone().unwrap_or_default()
}
