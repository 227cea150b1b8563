//! The plan for a job that does not end, whose pod a `StatefulSet` keeps running.

use std::collections::BTreeSet;

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::{
    super::{
        observe::JobSnapshot,
        pods,
        state::{State, status_for, time},
        validate::ValidJob,
    },
    POLL_INTERVAL, Plan, Step, contains, delete_cron_job, delete_job, delete_service, is_applied,
    settings, unused,
};
use crate::{
    api::{Phase, Status},
    children::{Installation, service, stateful_set},
    labels,
};

pub fn plan(job: &ValidJob, snapshot: &JobSnapshot, installation: &Installation) -> Result<Plan> {
    let mut steps: Vec<Step> = snapshot.jobs.iter().filter_map(|job| delete_job(job)).collect();
    steps.extend(delete_cron_job(snapshot));
    let found = snapshot.stateful_set.as_deref();
    let is_deleted = found.is_some_and(|found| found.metadata.deletion_timestamp.is_some());
    // Two runs at once would write the same files.
    if !snapshot.jobs.is_empty() || is_deleted {
        let state =
            State::new(Phase::Pending, "Replacing", "the run before this one is being stopped");
        let status = of_stream(job, snapshot, &state, None);
        return Ok(Plan { steps, status, requeue_after: None });
    }
    let (name, map) = settings(job, snapshot, None, installation)?;
    steps.extend(map);
    // A trace belongs to one run.
    let installation = Installation { traceparent: None, ..installation.clone() };
    let wanted = stateful_set(&job.owner(), &name, &installation)?;
    let same = found.is_some_and(|found| {
        is_applied(&wanted, found) && contains(&json!(wanted.spec), &json!(found.spec))
    });
    if !same {
        steps.push(Step::ApplyStatefulSet(Box::new(wanted)));
    }
    steps.extend(expose(job, snapshot)?);
    // A pod of the settings before may still run.
    let before = found.and_then(|found| labels::annotation(&found.metadata, labels::SETTINGS));
    let used: BTreeSet<String> = before.map(str::to_owned).into_iter().chain([name]).collect();
    steps.extend(unused(snapshot, &used));

    let pod = found.and_then(|found| pods::pods_of(&snapshot.pods, found).pop());
    let state = state(job, snapshot, pod);
    let requeue_after = (state.phase == Phase::Pending).then_some(POLL_INTERVAL);
    let status = of_stream(job, snapshot, &state, pod);
    Ok(Plan { steps, status, requeue_after })
}

/// The step that makes the Service of the job what it should be.
fn expose(job: &ValidJob, snapshot: &JobSnapshot) -> Result<Option<Step>> {
    let Some(wanted) = service(&job.owner())? else { return Ok(delete_service(snapshot)) };
    let same = snapshot.service.as_ref().is_some_and(|found| {
        is_applied(&wanted, found.as_ref()) && contains(&json!(wanted.spec), &json!(found.spec))
    });
    Ok((!same).then(|| Step::ApplyService(Box::new(wanted))))
}

fn state(job: &ValidJob, snapshot: &JobSnapshot, pod: Option<&Pod>) -> State {
    if job.spec.suspend {
        return match pod {
            Some(_) => State::new(
                Phase::Suspended,
                "Suspended",
                "spec.suspend: its pod writes its last results",
            ),
            None => State::new(Phase::Suspended, "Suspended", "suspended by spec.suspend"),
        };
    }
    let Some(pod) = pod else {
        return match pods::obstacle(&[], &snapshot.events) {
            Some(obstacle) => State::blocked(obstacle),
            None => State::new(Phase::Pending, "Starting", "its pod is being created"),
        };
    };
    if pods::is_ready(pod) {
        return State::new(Phase::Streaming, "Streaming", "its pod is running");
    }
    if let Some(failure) = pods::restarted(pod) {
        return State::blocked(failure);
    }
    match pods::obstacle(&[pod], &snapshot.events) {
        Some(obstacle) => State::blocked(obstacle),
        None => State::new(Phase::Pending, "Starting", "its pod is starting"),
    }
}

/// The status, without fields about runs that end.
fn of_stream(job: &ValidJob, snapshot: &JobSnapshot, state: &State, pod: Option<&Pod>) -> Status {
    let status = status_for(job, state, snapshot.now);
    let started = pod.and_then(|pod| pod.status.as_ref()?.start_time.as_ref());
    Status {
        run: Some(job.run.clone()),
        job_name: None,
        start_time: started.map(|at| time(at.0)),
        completion_time: None,
        attempts: pod.map(pods::starts),
        last_schedule_time: None,
        report_url: None,
        summary: None,
        ..status
    }
}
