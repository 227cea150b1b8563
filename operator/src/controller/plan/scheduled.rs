//! The plan for a job with a schedule, whose runs a `CronJob` starts.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Result;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use super::{
    super::{
        observe::JobSnapshot,
        pods,
        state::{State, status_for, time},
        validate::ValidJob,
    },
    JobOutcome, POLL_INTERVAL, Plan, Step, delete, delete_stream, is_current, settings,
    settings_name, unused,
};
use crate::{
    api::{Phase, Status},
    children::{Installation, cron_job},
    labels,
};

pub fn plan(job: &ValidJob, snapshot: &JobSnapshot, installation: &Installation) -> Result<Plan> {
    // The Jobs of a CronJob have no run label; a Job with one is older than the schedule.
    let once = |found: &&Arc<Job>| labels::label(&found.metadata, labels::RUN).is_some();
    let (once, mut runs): (Vec<&Arc<Job>>, Vec<&Arc<Job>>) = snapshot.jobs.iter().partition(once);
    let mut steps: Vec<Step> = once.iter().filter_map(|job| delete(Some(&***job))).collect();
    steps.extend(delete_stream(snapshot));
    runs.sort_by_key(|job| job.metadata.creation_timestamp.as_ref().map(|time| time.0));

    let (name, map) = settings(job, snapshot, None, installation)?;
    steps.extend(map);
    // A trace belongs to one run, not to all runs of the schedule.
    let installation = Installation { traceparent: None, ..installation.clone() };
    let wanted = cron_job(&job.owner(), &name, &installation)?;
    let found = snapshot.cron_job.as_deref();
    let is_deleted = found.is_some_and(|found| found.metadata.deletion_timestamp.is_some());
    if !is_current(&wanted, found) && !is_deleted {
        steps.push(Step::ApplyCronJob(Box::new(wanted)));
    }
    let mut used: BTreeSet<String> = runs.iter().filter_map(|job| settings_name(job)).collect();
    used.insert(name);
    steps.extend(unused(snapshot, &used));

    let state = state(job, snapshot, &runs);
    let requeue_after = (state.phase == Phase::Pending).then_some(POLL_INTERVAL);
    let mut status = status_for(job, &state, snapshot.now);
    let cron = snapshot.cron_job.as_ref().and_then(|cron| cron.status.clone()).unwrap_or_default();
    status.last_schedule_time =
        cron.last_schedule_time.map(|at| time(at.0)).or(status.last_schedule_time);
    if let Some(last) = runs.last() {
        set_last_run(&mut status, job, snapshot, last);
    }
    Ok(Plan { steps, status, requeue_after })
}

fn state(job: &ValidJob, snapshot: &JobSnapshot, runs: &[&Arc<Job>]) -> State {
    let last = runs.iter().rev().find_map(|run| match JobOutcome::from_job(run)? {
        JobOutcome::Succeeded => Some(Phase::Complete),
        JobOutcome::Failed { .. } => Some(Phase::Failed),
    });
    let unfinished = |run: &&&Arc<Job>| JobOutcome::from_job(run).is_none();
    let state = if job.spec.suspend {
        State::new(Phase::Suspended, "Suspended", "suspended by spec.suspend")
    } else if let Some(run) = runs.iter().rev().find(unfinished) {
        let pods = pods::pods_of(&snapshot.pods, run.as_ref());
        match pods::obstacle(&pods, &snapshot.events) {
            Some(obstacle) => State::blocked(obstacle),
            None => State::new(Phase::Running, "Running", "its pod is running"),
        }
    } else {
        let reason = match last {
            Some(Phase::Failed) => "LastRunFailed",
            Some(_) => "LastRunCompleted",
            None => "Scheduled",
        };
        let failure =
            runs.last().and_then(|run| pods::failure(&pods::pods_of(&snapshot.pods, run.as_ref())));
        let failure = failure.filter(|_| last == Some(Phase::Failed));
        let message = failure
            .map_or_else(|| "waiting for the next run".into(), |failure| failure.to_string());
        State::new(Phase::Scheduled, reason, message)
    };
    State { last, ..state }
}

/// Sets the fields about the newest run.
fn set_last_run(status: &mut Status, job: &ValidJob, snapshot: &JobSnapshot, last: &Job) {
    let name = last.name_any();
    let run = name.strip_prefix(&job.name).and_then(|rest| rest.strip_prefix('-')).unwrap_or(&name);
    if status.run.as_deref() != Some(run) {
        status.completion_time = None;
    }
    status.run = Some(run.to_owned());
    let of_job = last.status.clone().unwrap_or_default();
    status.start_time = of_job.start_time.map(|at| time(at.0));
    status.attempts =
        Some([of_job.active, of_job.failed, of_job.succeeded].into_iter().flatten().sum());
    status.job_name = Some(name);
    if JobOutcome::from_job(last).is_some() {
        let end = of_job.completion_time.map(|at| time(at.0));
        status.completion_time =
            end.or_else(|| status.completion_time.take()).or_else(|| Some(time(snapshot.now)));
    }
    if let Some(result) = pods::run_result(&pods::pods_of(&snapshot.pods, last)) {
        status.report_url = result.report_url;
        status.summary = Some(result.summary);
    }
}
