//! A job with a schedule: a `CronJob` starts its runs.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Result;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use serde_json::json;

use super::{
    super::{
        observe::Observed,
        pods,
        tell::{State, tell, time},
        validate::Validated,
    },
    Ended, Plan, Step, WAITING, delete_job, ended, holds, meta_patch, settings, settings_of,
    unused,
};
use crate::{
    api::{Phase, Status},
    children::{Installation, cron_job},
    labels,
};

pub fn plan(job: &Validated, seen: &Observed, installation: &Installation) -> Result<Plan> {
    // The Jobs of a CronJob have no run of their own; one that has is of the time before the schedule.
    let once = |found: &&Arc<Job>| labels::label(&found.metadata, labels::RUN).is_some();
    let (once, mut runs): (Vec<&Arc<Job>>, Vec<&Arc<Job>>) = seen.jobs.iter().partition(once);
    let mut steps: Vec<Step> = once.iter().filter_map(|job| delete_job(job)).collect();
    runs.sort_by_key(|job| job.metadata.creation_timestamp.as_ref().map(|time| time.0));

    let (name, map) = settings(job, seen, None, installation)?;
    steps.extend(map);
    // A trace is of one run, not of all that will be.
    let installation = Installation { traceparent: None, ..installation.clone() };
    let wanted = cron_job(&job.owner(), &name, &installation)?;
    let same = seen.cron_job.as_ref().is_some_and(|found| {
        let applied = |cron: &k8s_openapi::api::batch::v1::CronJob| {
            labels::annotation(&cron.metadata, labels::APPLIED).map(str::to_owned)
        };
        found.metadata.deletion_timestamp.is_none()
            && applied(found) == applied(&wanted)
            && holds(&json!(wanted.spec), &json!(found.spec))
            && meta_patch(&wanted, found.as_ref()).is_null()
    });
    let going =
        seen.cron_job.as_ref().is_some_and(|found| found.metadata.deletion_timestamp.is_some());
    if !same && !going {
        steps.push(Step::ApplyCronJob(Box::new(wanted)));
    }
    let mut used: BTreeSet<String> = runs.iter().filter_map(|job| settings_of(job)).collect();
    used.insert(name);
    steps.extend(unused(seen, &used));

    let state = state(job, seen, &runs);
    let again = (state.phase == Phase::Pending).then_some(WAITING);
    let mut status = tell(job, &state, seen.now);
    let cron = seen.cron_job.as_ref().and_then(|cron| cron.status.clone()).unwrap_or_default();
    status.last_schedule_time =
        cron.last_schedule_time.map(|at| time(at.0)).or(status.last_schedule_time);
    if let Some(last) = runs.last() {
        of_the_last(&mut status, job, seen, last);
    }
    Ok(Plan { steps, status, again })
}

fn state(job: &Validated, seen: &Observed, runs: &[&Arc<Job>]) -> State {
    let last = runs.iter().rev().find_map(|run| match ended(run)? {
        Ended::Well => Some(Phase::Complete),
        Ended::Badly(..) => Some(Phase::Failed),
    });
    let state = if job.spec.suspend {
        State::new(Phase::Suspended, "Suspended", "held by spec.suspend")
    } else if let Some(run) = runs.iter().rev().find(|run| ended(run).is_none()) {
        let pods = pods::of(seen, run);
        match pods::obstacle(&pods, &seen.events) {
            Some(why) => State::blocked(why),
            None => State::new(Phase::Running, "Running", "a pod works on it"),
        }
    } else {
        let reason = match last {
            Some(Phase::Failed) => "LastRunFailed",
            Some(_) => "LastRunCompleted",
            None => "Scheduled",
        };
        let failure = runs.last().and_then(|run| pods::failure(&pods::of(seen, run)));
        let message = failure.filter(|_| last == Some(Phase::Failed));
        let message = message.map_or_else(
            || "it waits for its time".into(),
            |why| format!("{}: {}", why.reason, why.message),
        );
        State::new(Phase::Scheduled, reason, message)
    };
    State { last, ..state }
}

/// What the newest run has to tell, once.
fn of_the_last(status: &mut Status, job: &Validated, seen: &Observed, last: &Job) {
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
    if ended(last).is_some() {
        let end = of_job.completion_time.map(|at| time(at.0));
        status.completion_time =
            end.or_else(|| status.completion_time.take()).or_else(|| Some(time(seen.now)));
    }
    if let Some(found) = pods::found(&pods::of(seen, last)) {
        status.report_url = found.report_url;
        status.summary = Some(found.summary);
    }
}
