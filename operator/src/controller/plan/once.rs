//! The plan for a job that runs once.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::Result;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{
    super::{
        observe::JobSnapshot,
        pods::{self, Reason},
        state::{State, status_for, time},
        validate::ValidJob,
    },
    JobOutcome, POLL_INTERVAL, Plan, Step, delete, delete_stream, meta_patch, settings,
    settings_name, unused,
};
use crate::{
    api::{Phase, Status},
    children::{Installation, MUTABLE, job as build_job},
    labels,
};

/// How long to wait for the termination message of a pod, which may arrive after the Job has ended.
const SUMMARY_TIMEOUT: SignedDuration = SignedDuration::from_secs(15);

pub fn plan(job: &ValidJob, snapshot: &JobSnapshot, installation: &Installation) -> Result<Plan> {
    let ours =
        |found: &&Arc<Job>| labels::label(&found.metadata, labels::RUN) == Some(job.run.as_str());
    let (ours, others): (Vec<&Arc<Job>>, Vec<&Arc<Job>>) = snapshot.jobs.iter().partition(ours);
    let mut steps: Vec<Step> = others.iter().filter_map(|other| delete(Some(&***other))).collect();
    steps.extend(delete(snapshot.cron_job.as_deref()));
    steps.extend(delete_stream(snapshot));
    if job.status.has_finished(&job.run) {
        return Ok(finished(job, snapshot, steps));
    }
    // Two runs at once would write the same files.
    if !others.is_empty() || snapshot.stateful_set.is_some() {
        let state =
            State::new(Phase::Pending, "Replacing", "the run before this one is being stopped");
        let status = without_run(&status_for(job, &state, snapshot.now));
        let status = Status { run: Some(job.run.clone()), ..status };
        return Ok(Plan { steps, status, requeue_after: None });
    }
    match ours.first() {
        None => create(job, snapshot, installation, steps),
        Some(found) => follow(job, snapshot, found, installation, steps),
    }
}

/// The plan once the run has finished: only its time to live matters.
fn finished(job: &ValidJob, snapshot: &JobSnapshot, mut steps: Vec<Step>) -> Plan {
    let mut status = job.status.clone();
    status.observed_generation = job.generation;
    let used: BTreeSet<String> =
        snapshot.jobs.iter().filter_map(|job| settings_name(job)).collect();
    steps.extend(unused(snapshot, &used));
    let mut requeue_after = None;
    if let Some(left) = time_left(job, &status, snapshot.now) {
        if left.is_zero() {
            steps.push(Step::DeleteAnomalyJob);
        } else {
            requeue_after = Some(left);
        }
    }
    Plan { steps, status, requeue_after }
}

fn time_left(job: &ValidJob, status: &Status, now: Timestamp) -> Option<Duration> {
    let seconds = job.spec.ttl_seconds_after_finished?;
    let ended: Timestamp = status.completion_time.as_ref()?.parse().ok()?;
    let end = ended.checked_add(SignedDuration::from_secs(seconds)).ok()?;
    Some(Duration::try_from(end.duration_since(now)).unwrap_or(Duration::ZERO))
}

fn create(
    job: &ValidJob,
    snapshot: &JobSnapshot,
    installation: &Installation,
    mut steps: Vec<Step>,
) -> Result<Plan> {
    let (name, map) = settings(job, snapshot, None, installation)?;
    steps.extend(map);
    let new_job = build_job(&job.owner(), &job.run, &name, installation)?;
    let job_name = new_job.name_any();
    steps.push(Step::CreateJob(Box::new(new_job)));
    steps.extend(unused(snapshot, &[name].into()));
    let state = if job.spec.suspend {
        State::new(Phase::Suspended, "Suspended", "suspended by spec.suspend")
    } else {
        State::new(Phase::Pending, "Starting", "the Job of the run is being created")
    };
    let status = without_run(&status_for(job, &state, snapshot.now));
    let status = Status { run: Some(job.run.clone()), job_name: Some(job_name), ..status };
    Ok(Plan { steps, status, requeue_after: None })
}

/// A status without the fields about an earlier run.
fn without_run(status: &Status) -> Status {
    Status {
        observed_generation: status.observed_generation,
        phase: status.phase,
        reason: status.reason.clone(),
        conditions: status.conditions.clone(),
        ..Status::default()
    }
}

fn follow(
    job: &ValidJob,
    snapshot: &JobSnapshot,
    found: &Job,
    installation: &Installation,
    mut steps: Vec<Step>,
) -> Result<Plan> {
    let named = settings_name(found);
    let (name, map) = settings(job, snapshot, named.as_deref(), installation)?;
    let pods = pods::pods_of(&snapshot.pods, found);
    let mut requeue_after = None;
    let mut summary = None;
    let at =
        |time: Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| time.map(|at| at.0);
    let job_status = found.status.clone().unwrap_or_default();
    let mut end = at(job_status.completion_time.as_ref());
    let state = match JobOutcome::from_job(found) {
        Some(JobOutcome::Succeeded) => {
            summary = pods::run_result(&pods);
            let since = end.unwrap_or(snapshot.now);
            if summary.is_none() && snapshot.now.duration_since(since) < SUMMARY_TIMEOUT {
                requeue_after = Some(Duration::from_secs(1));
                State::new(Phase::Running, "Finishing", "the run has ended; reading its summary")
            } else {
                State::new(Phase::Complete, "Completed", success_message(summary.as_ref()))
            }
        }
        Some(JobOutcome::Failed { reason, message }) => {
            let failed = job_status
                .conditions
                .iter()
                .flatten()
                .find(|condition| condition.type_ == "Failed");
            end = failed.and_then(|failed| at(failed.last_transition_time.as_ref()));
            let state = State::new(Phase::Failed, "RunFailed", message.clone());
            State { reason: failure_reason(&reason, message, &pods), ..state }
        }
        None => {
            steps.extend(map);
            steps.extend(repair(job, found, &name, installation)?);
            let state = unfinished(job, snapshot, found, &pods);
            requeue_after = (state.phase == Phase::Pending).then_some(POLL_INTERVAL);
            state
        }
    };
    steps.extend(unused(snapshot, &[name].into()));
    let ended = matches!(state.phase, Phase::Complete | Phase::Failed);
    let same_run = job.status.run.as_deref() == Some(job.run.as_str());
    let old = status_for(job, &state, snapshot.now);
    let old = if same_run { old } else { without_run(&old) };
    let start = at(job_status.start_time.as_ref());
    let attempts =
        [job_status.active, job_status.failed, job_status.succeeded].into_iter().flatten().sum();
    let mut status = Status {
        run: Some(job.run.clone()),
        job_name: Some(found.name_any()),
        start_time: start.map(time).or_else(|| old.start_time.clone()),
        completion_time: ended.then(|| time(end.unwrap_or(snapshot.now))),
        attempts: Some(attempts),
        last_schedule_time: None,
        ..old
    };
    if let Some(found) = summary {
        status.report_url = found.report_url;
        status.summary = Some(found.summary);
    }
    if ended && requeue_after.is_none() {
        requeue_after =
            time_left(job, &status, snapshot.now).map(|left| left.max(Duration::from_secs(1)));
    }
    Ok(Plan { steps, status, requeue_after })
}

fn success_message(result: Option<&pods::RunResult>) -> String {
    match result {
        Some(result) => {
            let (rows, hits) = (result.summary.rows, result.summary.flag_hits);
            let rows = if rows == 1 { "1 row".into() } else { format!("{rows} rows") };
            let hits = if hits == 1 { "1 hit".into() } else { format!("{hits} hits") };
            format!("{rows}, {} suspicious, {hits} of flags", result.summary.suspicious)
        }
        None => "the run succeeded; its pod was deleted before its summary was read".into(),
    }
}

/// The reason of a failed run. The Job only has that it gave up; the pods have why.
fn failure_reason(
    reason: &str,
    message: String,
    pods: &[&k8s_openapi::api::core::v1::Pod],
) -> Reason {
    if reason == "DeadlineExceeded" {
        return Reason::new(
            "DeadlineExceeded",
            "the run took longer than spec.activeDeadlineSeconds",
        );
    }
    pods::failure(pods).unwrap_or_else(|| Reason::new("RunFailed", message))
}

fn unfinished(
    job: &ValidJob,
    snapshot: &JobSnapshot,
    found: &Job,
    pods: &[&k8s_openapi::api::core::v1::Pod],
) -> State {
    if job.spec.suspend {
        return State::new(Phase::Suspended, "Suspended", "held by spec.suspend");
    }
    if found.metadata.deletion_timestamp.is_some() {
        return State::new(
            Phase::Pending,
            "Replacing",
            "the Job of the run is being deleted; it will be created again",
        );
    }
    let live: Vec<_> =
        pods.iter().copied().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect();
    let failed = pods::failure(&live);
    if live.iter().any(|pod| pods::phase(pod) == "Running") {
        let message = match &failed {
            Some(failure) => format!("retried after a failure: {}", failure.message),
            None => "its pod is running".into(),
        };
        return State::new(Phase::Running, "Running", message);
    }
    if live.iter().any(|pod| pods::phase(pod) == "Succeeded") {
        return State::new(Phase::Running, "Finishing", "its pod has succeeded");
    }
    if let Some(obstacle) = pods::obstacle(&live, &snapshot.events) {
        return State::blocked(obstacle);
    }
    match failed {
        Some(failure) => State::new(Phase::Pending, "Retrying", failure.to_string()),
        None => State::new(Phase::Pending, "Starting", "its pod is starting"),
    }
}

/// The step that restores a Job that was changed, or applies a changed spec to it.
fn repair(
    job: &ValidJob,
    found: &Job,
    settings: &str,
    installation: &Installation,
) -> Result<Option<Step>> {
    let wanted = build_job(&job.owner(), &job.run, settings, installation)?;
    let (have, want) = (json!(found.spec), json!(wanted.spec));
    let mut spec = json!({});
    for key in MUTABLE {
        let unset = want[key] == false && have[key].is_null();
        if want[key] != have[key] && !unset {
            spec[*key] = want[key].clone();
        }
    }
    let meta = meta_patch(&wanted, found);
    let mut patch = json!({});
    if spec != json!({}) {
        patch["spec"] = spec;
    }
    if meta != Value::Null {
        patch["metadata"] = meta;
    }
    let changed = patch != json!({}) && found.metadata.deletion_timestamp.is_none();
    Ok(changed.then(|| Step::PatchJob { name: found.name_any(), patch }))
}
