//! The plan for a job that does not end, whose pod a `StatefulSet` keeps running.

use std::collections::BTreeSet;

use anyhow::Result;
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};

use super::{
    super::{
        figures,
        observe::JobSnapshot,
        pods::{self, Reason},
        state::{self, State, status_for, time},
        validate::ValidJob,
    },
    POLL_INTERVAL, Plan, Step, delete, is_current, settings, unused,
};
use crate::{
    api::{Condition, Phase, Status, StreamFigures, condition},
    children::{self, Installation, disruption_budget, service, stateful_set},
    labels,
};

pub fn plan(job: &ValidJob, snapshot: &JobSnapshot, installation: &Installation) -> Result<Plan> {
    let jobs = snapshot.jobs.iter().filter_map(|job| delete(Some(&**job)));
    let mut steps: Vec<Step> = jobs.chain(delete(snapshot.cron_job.as_deref())).collect();
    let found = snapshot.stateful_set.as_deref();
    let is_deleted = found.is_some_and(|found| found.metadata.deletion_timestamp.is_some());
    // Two runs at once would write the same files.
    if !snapshot.jobs.is_empty() || is_deleted {
        let state =
            State::new(Phase::Pending, "Replacing", "the run before this one is being stopped");
        let status = of_stream(job, snapshot, &state, &[]);
        return Ok(Plan { steps, status, requeue_after: None });
    }
    let (name, map) = settings(job, snapshot, None, installation)?;
    steps.extend(map);
    // A trace belongs to one run.
    let installation = Installation { traceparent: None, ..installation.clone() };
    let wanted = stateful_set(&job.owner(), &name, &installation)?;
    if !is_current(&wanted, found) {
        steps.push(Step::ApplyStatefulSet(Box::new(wanted)));
    }
    let budget = disruption_budget(&job.owner())?;
    if !is_current(&budget, snapshot.disruption_budget.as_deref()) {
        steps.push(Step::ApplyDisruptionBudget(Box::new(budget)));
    }
    steps.extend(expose(job, snapshot)?);
    // A pod of the settings before may still run.
    let before = found.and_then(|found| labels::annotation(&found.metadata, labels::SETTINGS));
    let used: BTreeSet<String> = before.map(str::to_owned).into_iter().chain([name]).collect();
    steps.extend(unused(snapshot, &used));

    let pods = found.map(|found| pods::pods_of(&snapshot.pods, found)).unwrap_or_default();
    let state = state(job, snapshot, &pods);
    let status = of_stream(job, snapshot, &state, &pods);
    let requeue_after = match state.phase {
        Phase::Pending => Some(POLL_INTERVAL),
        Phase::Streaming => {
            let is_answered = snapshot.pod_figures.is_some()
                || !figures::is_due(status.stream.as_ref(), snapshot.now);
            Some(figures::next(is_answered, &job.run))
        }
        _ => None,
    };
    Ok(Plan { steps, status, requeue_after })
}

/// The step that makes the Service of the job what it should be.
fn expose(job: &ValidJob, snapshot: &JobSnapshot) -> Result<Option<Step>> {
    let found = snapshot.service.as_deref();
    let Some(wanted) = service(&job.owner())? else { return Ok(delete(found)) };
    let same = is_current(&wanted, found);
    Ok((!same).then(|| Step::ApplyService(Box::new(wanted))))
}

fn state(job: &ValidJob, snapshot: &JobSnapshot, pods: &[&Pod]) -> State {
    if job.spec.suspend {
        return match pods {
            [_, ..] => State::new(
                Phase::Suspended,
                "Suspended",
                "spec.suspend: its pod writes its last results",
            ),
            [] => State::new(Phase::Suspended, "Suspended", "suspended by spec.suspend"),
        };
    }
    let wanted = children::pods(&job.spec);
    let waiting: Vec<&Pod> = pods.iter().copied().filter(|pod| !pods::is_ready(pod)).collect();
    let is_whole = pods.len() >= usize::try_from(wanted).unwrap_or(usize::MAX);
    if waiting.is_empty() && is_whole {
        let message = if wanted == 1 { "its pod is running" } else { "its pods are running" };
        return State::new(Phase::Streaming, "Streaming", message);
    }
    if let Some(failure) = waiting.iter().find_map(|pod| pods::restarted(pod)) {
        return State::blocked(failure);
    }
    if let Some(obstacle) = pods::obstacle(&waiting, &snapshot.events) {
        return State::blocked(obstacle);
    }
    let ready = pods.len() - waiting.len();
    if ready > 0 {
        // Their partitions are read.
        let message = format!("{ready} of {wanted} pods are running");
        return State::new(Phase::Streaming, "Streaming", message);
    }
    let message = if pods.is_empty() { "its pod is being created" } else { "its pod is starting" };
    State::new(Phase::Pending, "Starting", message)
}

/// The status, without fields about runs that end.
fn of_stream(job: &ValidJob, snapshot: &JobSnapshot, state: &State, pods: &[&Pod]) -> Status {
    let mut status = status_for(job, state, snapshot.now);
    let before = job.status.stream.as_ref();
    let stream = match &snapshot.pod_figures {
        Some(reported) => Some(figures::figures(reported, before, snapshot.now)),
        None => before.cloned(),
    };
    let ready = pods.iter().filter(|pod| pods::is_ready(pod)).count();
    let stream = stream.map(|stream| StreamFigures {
        replicas: u32::try_from(pods.len()).unwrap_or(u32::MAX),
        ready_replicas: u32::try_from(ready).unwrap_or(u32::MAX),
        selector: labels::selector(&job.name),
        ..stream
    });
    if let Some(stream) = stream.as_ref().filter(|_| state.phase == Phase::Streaming) {
        let more = conditions(job, stream, snapshot.now);
        status.conditions.extend(more);
    }
    // The newest.
    let pod = pods.last().copied();
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
        stream,
        ..status
    }
}

/// The conditions that only a stream has.
fn conditions(job: &ValidJob, stream: &StreamFigures, now: Timestamp) -> Vec<Condition> {
    let one = |name, holds, reason: Reason| {
        let status = Status { observed_generation: job.generation, ..job.status.clone() };
        state::condition(&status, name, holds, reason, now)
    };
    let warm = if stream.warm {
        Reason::new("Warm", "rows are scored")
    } else {
        Reason::new("WarmingUp", "rows are collected for the first model")
    };
    let caught_up = if stream.caught_up {
        Reason::new("CaughtUp", "all records are judged, and their results are written")
    } else {
        Reason::new("Behind", "there are records that are not judged, or results that wait")
    };
    let has = |name: &str| stream.down.iter().any(|down| down == name);
    let reason = match () {
        () if stream.down.is_empty() => "AllAnswer",
        () if has("input") => "SourceDown",
        () if has("checkpoints") => "CheckpointStale",
        () => "SinkDown",
    };
    let message = match stream.down.as_slice() {
        [] => String::new(),
        down => format!("no answer: {}; it is tried again", down.join(", ")),
    };
    let degraded = Reason::new(reason, message);
    let lost = match stream.lost {
        0 => Reason::new("NothingLost", ""),
        lost => Reason::new(
            "RecordsGone",
            format!("{lost} records were gone before they were read, since the beginning"),
        ),
    };
    let mut conditions = vec![
        one(condition::CAUGHT_UP, stream.caught_up, caught_up),
        one(condition::DEGRADED, !stream.down.is_empty(), degraded),
        one(condition::DATA_LOST, stream.lost > 0, lost),
    ];
    if job.spec.classification.is_some() {
        conditions.insert(0, one(condition::WARM, stream.warm, warm));
    }
    if stream.model.is_some() {
        let drifted = if stream.drifted {
            let message =
                "the records have changed since the model in use was fitted; it is fitted again";
            Reason::new("RecordsChanged", message)
        } else {
            Reason::new("AsFitted", "")
        };
        conditions.push(one(condition::DRIFTED, stream.drifted, drifted));
    }
    if let Some(evicted) = stream.evicted {
        let forgotten = if evicted > 0 {
            let message = format!(
                "{evicted} entities and keys of windows were forgotten for memory since the beginning: raise \
                 stream.state.maxMemory"
            );
            Reason::new("Forgotten", message)
        } else {
            Reason::new("NothingForgotten", "")
        };
        conditions.push(one(condition::STATE_FULL, evicted > 0, forgotten));
    }
    conditions
}
