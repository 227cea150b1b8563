//! A job that runs once.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::Result;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{
    super::{
        observe::Observed,
        pods::{self, Why},
        tell::{State, tell, time},
        validate::Validated,
    },
    Ended, Plan, Step, WAITING, delete_job, ended, meta_patch, settings, settings_of, unused,
};
use crate::{
    api::{Phase, Status},
    children::{Installation, MUTABLE, job as make_job},
    labels,
};

/// A Job is known to have ended before its pod's last words may be: they are waited for.
const LAST_WORDS: SignedDuration = SignedDuration::from_secs(15);

pub fn plan(job: &Validated, seen: &Observed, installation: &Installation) -> Result<Plan> {
    let ours =
        |found: &&Arc<Job>| labels::label(&found.metadata, labels::RUN) == Some(job.run.as_str());
    let (ours, others): (Vec<&Arc<Job>>, Vec<&Arc<Job>>) = seen.jobs.iter().partition(ours);
    let mut steps: Vec<Step> = others.iter().filter_map(|other| delete_job(other)).collect();
    if let Some(cron) =
        seen.cron_job.as_ref().filter(|cron| cron.metadata.deletion_timestamp.is_none())
    {
        steps.push(Step::DeleteCronJob {
            name: cron.name_any(),
            uid: cron.uid().unwrap_or_default(),
        });
    }
    if job.status.has_finished(&job.run) {
        return Ok(finished(job, seen, steps));
    }
    // Two runs at once would write the same files.
    if !others.is_empty() {
        let state =
            State::new(Phase::Pending, "Replacing", "the run before this one is being stopped");
        let status = Status { run: Some(job.run.clone()), ..begun(&tell(job, &state, seen.now)) };
        return Ok(Plan { steps, status, again: None });
    }
    match ours.first() {
        None => create(job, seen, installation, steps),
        Some(found) => follow(job, seen, found, installation, steps),
    }
}

/// It has run: all that is left is to go when its time is over.
fn finished(job: &Validated, seen: &Observed, mut steps: Vec<Step>) -> Plan {
    let mut status = job.status.clone();
    status.observed_generation = job.generation;
    let used: BTreeSet<String> = seen.jobs.iter().filter_map(|job| settings_of(job)).collect();
    steps.extend(unused(seen, &used));
    let mut again = None;
    if let Some(left) = time_left(job, &status, seen.now) {
        if left.is_zero() {
            steps.push(Step::DeleteAnomalyJob);
        } else {
            again = Some(left);
        }
    }
    Plan { steps, status, again }
}

fn time_left(job: &Validated, status: &Status, now: Timestamp) -> Option<Duration> {
    let seconds = job.spec.ttl_seconds_after_finished?;
    let ended: Timestamp = status.completion_time.as_ref()?.parse().ok()?;
    let end = ended.checked_add(SignedDuration::from_secs(seconds)).ok()?;
    Some(Duration::try_from(end.duration_since(now)).unwrap_or(Duration::ZERO))
}

fn create(
    job: &Validated,
    seen: &Observed,
    installation: &Installation,
    mut steps: Vec<Step>,
) -> Result<Plan> {
    let (name, map) = settings(job, seen, None, installation)?;
    steps.extend(map);
    let made = make_job(&job.owner(), &job.run, &name, installation)?;
    let made_name = made.name_any();
    steps.push(Step::CreateJob(Box::new(made)));
    steps.extend(unused(seen, &[name].into()));
    let state = if job.spec.suspend {
        State::new(Phase::Suspended, "Suspended", "held by spec.suspend")
    } else {
        State::new(Phase::Pending, "Starting", "the run's Job is made")
    };
    let status = begun(&tell(job, &state, seen.now));
    let status = Status { run: Some(job.run.clone()), job_name: Some(made_name), ..status };
    Ok(Plan { steps, status, again: None })
}

/// A status without what was told of an earlier run.
fn begun(status: &Status) -> Status {
    Status {
        observed_generation: status.observed_generation,
        phase: status.phase,
        reason: status.reason.clone(),
        conditions: status.conditions.clone(),
        ..Status::default()
    }
}

fn follow(
    job: &Validated,
    seen: &Observed,
    found: &Job,
    installation: &Installation,
    mut steps: Vec<Step>,
) -> Result<Plan> {
    let named = settings_of(found);
    let (name, map) = settings(job, seen, named.as_deref(), installation)?;
    let pods = pods::of(seen, found);
    let mut again = None;
    let mut summary = None;
    let at =
        |time: Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| time.map(|at| at.0);
    let job_status = found.status.clone().unwrap_or_default();
    let mut end = at(job_status.completion_time.as_ref());
    let state = match ended(found) {
        Some(Ended::Well) => {
            summary = pods::found(&pods);
            let since = end.unwrap_or(seen.now);
            if summary.is_none() && seen.now.duration_since(since) < LAST_WORDS {
                again = Some(Duration::from_secs(1));
                State::new(Phase::Running, "Finishing", "the run has ended; its summary is read")
            } else {
                State::new(Phase::Complete, "Completed", told(summary.as_ref()))
            }
        }
        Some(Ended::Badly(reason, message)) => {
            let failed = job_status
                .conditions
                .iter()
                .flatten()
                .find(|condition| condition.type_ == "Failed");
            end = failed.and_then(|failed| at(failed.last_transition_time.as_ref()));
            let state = State::new(Phase::Failed, "RunFailed", message.clone());
            State { why: why_failed(&reason, message, &pods), ..state }
        }
        None => {
            steps.extend(map);
            steps.extend(repair(job, found, &name, installation)?);
            let state = unfinished(job, seen, found, &pods);
            again = (state.phase == Phase::Pending).then_some(WAITING);
            state
        }
    };
    steps.extend(unused(seen, &[name].into()));
    let ended = matches!(state.phase, Phase::Complete | Phase::Failed);
    let same_run = job.status.run.as_deref() == Some(job.run.as_str());
    let old = tell(job, &state, seen.now);
    let old = if same_run { old } else { begun(&old) };
    let start = at(job_status.start_time.as_ref());
    let attempts =
        [job_status.active, job_status.failed, job_status.succeeded].into_iter().flatten().sum();
    let mut status = Status {
        run: Some(job.run.clone()),
        job_name: Some(found.name_any()),
        start_time: start.map(time).or_else(|| old.start_time.clone()),
        completion_time: ended.then(|| time(end.unwrap_or(seen.now))),
        attempts: Some(attempts),
        last_schedule_time: None,
        ..old
    };
    if let Some(found) = summary {
        status.report_url = found.report_url;
        status.summary = Some(found.summary);
    }
    if ended && again.is_none() {
        again = time_left(job, &status, seen.now).map(|left| left.max(Duration::from_secs(1)));
    }
    Ok(Plan { steps, status, again })
}

fn told(found: Option<&pods::Found>) -> String {
    match found {
        Some(found) => {
            let (rows, hits) = (found.summary.rows, found.summary.flag_hits);
            let rows = if rows == 1 { "1 row".into() } else { format!("{rows} rows") };
            let hits = if hits == 1 { "1 hit".into() } else { format!("{hits} hits") };
            format!("{rows}, {} suspicious, {hits} of flags", found.summary.suspicious)
        }
        None => "the run ended well; its summary is gone with its pod".into(),
    }
}

/// The Job's reason says that it gave up; the pods say why.
fn why_failed(reason: &str, message: String, pods: &[&k8s_openapi::api::core::v1::Pod]) -> Why {
    if reason == "DeadlineExceeded" {
        return Why::new("DeadlineExceeded", "the run took longer than spec.activeDeadlineSeconds");
    }
    pods::failure(pods).unwrap_or_else(|| Why::new("RunFailed", message))
}

fn unfinished(
    job: &Validated,
    seen: &Observed,
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
            "the run's Job is being deleted; it is made again",
        );
    }
    let live: Vec<_> =
        pods.iter().copied().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect();
    let failed = pods::failure(&live);
    if live.iter().any(|pod| pods::phase(pod) == "Running") {
        let message = match &failed {
            Some(why) => format!("tried again after a failure: {}", why.message),
            None => "a pod works on it".into(),
        };
        return State::new(Phase::Running, "Running", message);
    }
    if live.iter().any(|pod| pods::phase(pod) == "Succeeded") {
        return State::new(Phase::Running, "Finishing", "its pod has ended well");
    }
    if let Some(why) = pods::obstacle(&live, &seen.events) {
        return State::blocked(why);
    }
    match failed {
        Some(why) => {
            State::new(Phase::Pending, "Retrying", format!("{}: {}", why.reason, why.message))
        }
        None => State::new(Phase::Pending, "Starting", "its pod starts"),
    }
}

/// What somebody changed, or what the spec now says otherwise.
fn repair(
    job: &Validated,
    found: &Job,
    settings: &str,
    installation: &Installation,
) -> Result<Option<Step>> {
    let wanted = make_job(&job.owner(), &job.run, settings, installation)?;
    let (have, want) = (json!(found.spec), json!(wanted.spec));
    let mut spec = json!({});
    for key in MUTABLE {
        let absent = want[key] == false && have[key].is_null();
        if want[key] != have[key] && !absent {
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
