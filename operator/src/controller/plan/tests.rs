//! Plans against a simulated API server: what a plan writes exists in the next reconcile.

mod stream;

use std::sync::Arc;

use k8s_openapi::{
    api::batch::v1::{JobCondition, JobStatus},
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::SignedDuration,
};
use kube::core::PartialObjectMeta;
use serde_json::{Value, json};

use super::*;
use crate::{
    api::{AnomalyJob, Phase, Spec},
    controller::validate::validate,
};

/// One job and its objects.
struct World {
    job: AnomalyJob,
    snapshot: JobSnapshot,
    deleted: bool,
}

impl World {
    fn new(change: impl FnOnce(&mut Value)) -> Self {
        let mut spec = json!({
            "input": {"csv": {"path": "s3://bucket/logs.csv"}},
            "features": [{"type": "field", "name": "bytes"}],
            "classification": {"engine": "KNN"},
        });
        change(&mut spec);
        let metadata = json!({"name": "dns", "namespace": "a", "uid": "1", "generation": 1});
        let job = serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap();
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        Self { job, snapshot: JobSnapshot { now, ..JobSnapshot::default() }, deleted: false }
    }

    fn plan(&self) -> Plan {
        let installation = Installation { image: "runner".into(), ..Installation::default() };
        plan(&validate(&self.job, &installation).unwrap(), &self.snapshot, &installation).unwrap()
    }

    /// Applies the first `steps` of the plan, and writes the status if these are all.
    fn reconcile(&mut self, steps: usize) -> Plan {
        let plan = self.plan();
        plan.steps.iter().take(steps).for_each(|step| self.write(step));
        if steps >= plan.steps.len() {
            self.job.status = Some(plan.status.clone());
        }
        plan
    }

    fn settle(&mut self) -> Plan {
        for _ in 0..9 {
            if self.reconcile(usize::MAX).steps.is_empty() {
                return self.plan();
            }
        }
        panic!("the plan never ends: {:?}", self.plan().steps)
    }

    fn write(&mut self, step: &Step) {
        let snapshot = &mut self.snapshot;
        match step {
            Step::CreateConfigMap(map) => {
                let metadata = map.metadata.clone();
                let meta = PartialObjectMeta { metadata, ..PartialObjectMeta::default() };
                assert!(!snapshot.config_maps.iter().any(|map| map.name_any() == meta.name_any()));
                snapshot.config_maps.push(Arc::new(meta));
            }
            Step::CreateJob(job) => {
                assert!(snapshot.jobs.is_empty(), "two runs at once");
                let mut job = job.as_ref().clone();
                job.metadata.uid = Some(format!("uid-{}", job.name_any()));
                snapshot.jobs.push(Arc::new(job));
            }
            Step::PatchJob { patch, .. } => self.change(|job| {
                let mut value = json!(job);
                merge(&mut value, patch);
                *job = serde_json::from_value(value).unwrap();
            }),
            Step::ApplyStatefulSet(set) => {
                let mut set = set.as_ref().clone();
                set.metadata.uid = Some("uid-set".into());
                snapshot.stateful_set = Some(Arc::new(set));
            }
            Step::ApplyService(service) => {
                snapshot.service = Some(Arc::new(service.as_ref().clone()));
            }
            Step::ApplyDisruptionBudget(budget) => {
                snapshot.disruption_budget = Some(Arc::new(budget.as_ref().clone()));
            }
            Step::ApplyCronJob(cron) => snapshot.cron_job = Some(Arc::new(cron.as_ref().clone())),
            Step::DeleteConfigMap(name) => {
                snapshot.config_maps.retain(|map| map.name_any() != *name);
            }
            Step::Delete { resource, name, .. } => match resource.kind.as_str() {
                "Job" => snapshot.jobs.retain(|job| job.name_any() != *name),
                "CronJob" => snapshot.cron_job = None,
                "StatefulSet" => snapshot.stateful_set = None,
                "Service" => snapshot.service = None,
                "PodDisruptionBudget" => snapshot.disruption_budget = None,
                other => panic!("{other} is not deleted by the operator"),
            },
            Step::DeleteAnomalyJob => self.deleted = true,
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Job)) {
        change(Arc::make_mut(&mut self.snapshot.jobs[0]));
    }

    /// Sets a condition as the Job controller does.
    fn ends(&mut self, condition: &str, reason: &str) {
        let now = Time(self.snapshot.now);
        let condition = JobCondition {
            type_: condition.into(),
            status: "True".into(),
            reason: Some(reason.into()),
            last_transition_time: Some(now.clone()),
            ..JobCondition::default()
        };
        let status = JobStatus {
            completion_time: (condition.type_ == "Complete").then_some(now),
            conditions: Some(vec![condition]),
            ..JobStatus::default()
        };
        self.change(|job| job.status = Some(status));
    }

    fn later(&mut self, seconds: i64) {
        self.snapshot.now =
            self.snapshot.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    fn spec(&mut self, change: impl FnOnce(&mut Value)) {
        let mut spec = self.job.spec.value();
        change(&mut spec);
        self.job.spec = Spec::from(&spec);
    }

    fn phase(&self) -> (Phase, String) {
        let status = self.job.status.clone().unwrap();
        (status.phase, status.reason)
    }

    fn is(&self, phase: Phase, reason: &str) {
        assert_eq!(self.phase(), (phase, reason.to_owned()));
    }

    /// The number of Jobs and of settings, and whether there is a `CronJob`.
    fn counts(&self) -> (usize, usize, bool) {
        (
            self.snapshot.jobs.len(),
            self.snapshot.config_maps.len(),
            self.snapshot.cron_job.is_some(),
        )
    }
}

fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    for (key, patch) in patch {
        merge(&mut value[key], patch);
    }
}

fn steps(plan: &Plan) -> Vec<&'static str> {
    let name = |step: &Step| match step {
        Step::CreateConfigMap(_) => "+settings",
        Step::CreateJob(_) => "+job",
        Step::PatchJob { .. } => "~job",
        Step::ApplyCronJob(_) => "~cron",
        Step::ApplyStatefulSet(_) => "~set",
        Step::ApplyService(_) => "~service",
        Step::ApplyDisruptionBudget(_) => "~budget",
        Step::DeleteConfigMap(_) => "-settings",
        Step::Delete { resource, .. } => match resource.kind.as_str() {
            "Job" => "-job",
            "CronJob" => "-cron",
            "StatefulSet" => "-set",
            "Service" => "-service",
            "PodDisruptionBudget" => "-budget",
            other => panic!("{other} is not deleted by the operator"),
        },
        Step::DeleteAnomalyJob => "-self",
    };
    plan.steps.iter().map(name).collect()
}

#[test]
fn a_run_starts_and_ends() {
    let mut world = World::new(|_| ());
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["+settings", "+job"]);
    world.is(Phase::Pending, "Starting");
    assert!(world.plan().steps.is_empty(), "nothing is written twice");

    world.ends("Complete", "");
    let waiting = world.reconcile(usize::MAX);
    world.is(Phase::Running, "Finishing");
    assert_eq!(waiting.requeue_after, Some(Duration::from_secs(1)), "a summary may still come");
    world.later(20);
    world.settle();
    world.is(Phase::Complete, "Completed");

    // A finished run does not start again when its Job is deleted.
    world.snapshot.jobs.clear();
    assert_eq!(steps(&world.settle()), [""; 0]);
    world.is(Phase::Complete, "Completed");
    assert_eq!(world.counts(), (0, 0, false), "its settings are deleted");
}

#[test]
fn an_interrupted_plan_is_resumed() {
    type Change = fn(&mut World);
    let changes: [(&str, Change); 5] = [
        ("other settings", |world| world.spec(|spec| spec["classification"]["seed"] = 7.into())),
        ("a schedule", |world| world.spec(|spec| spec["schedule"] = json!({"cron": "@daily"}))),
        ("suspended", |world| world.spec(|spec| spec["suspend"] = true.into())),
        ("a deleted Job", |world| world.snapshot.jobs.clear()),
        ("deleted settings", |world| world.snapshot.config_maps.clear()),
    ];
    for (name, change) in changes {
        let mut whole = World::new(|_| ());
        whole.settle();
        change(&mut whole);
        let done = whole.settle();
        // The operator is killed after any of its writes, and again after any of the remaining ones.
        for first in 0..4 {
            for second in 0..4 {
                let mut cut = World::new(|_| ());
                cut.reconcile(first);
                cut.settle();
                change(&mut cut);
                cut.reconcile(first);
                cut.reconcile(second);
                let plan = cut.settle();
                assert_eq!(cut.counts(), whole.counts(), "{name} {first} {second}");
                assert_eq!(plan.status.phase, done.status.phase, "{name} {first} {second}");
                assert_eq!(plan.status.run, done.status.run, "{name} {first} {second}");
            }
        }
    }
}

#[test]
fn other_settings_replace_a_run() {
    let mut world = World::new(|_| ());
    world.settle();
    let before = world.job.status.clone().unwrap().run;
    world.spec(|spec| spec["classification"]["seed"] = 7.into());
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["-job"], "never two at once");
    world.is(Phase::Pending, "Replacing");
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["+settings", "+job", "-settings"]);
    assert_ne!(world.job.status.clone().unwrap().run, before);
}

#[test]
fn a_change_that_does_not_affect_results_starts_no_run() {
    let mut world = World::new(|_| ());
    world.settle();
    let run = world.job.status.clone().unwrap().run;
    world.spec(|spec| spec["suspend"] = true.into());
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["~job"]);
    world.settle();
    world.is(Phase::Suspended, "Suspended");
    assert_eq!(world.job.status.clone().unwrap().run, run);
    world.spec(|spec| spec["suspend"] = false.into());
    world.settle();
    world.is(Phase::Pending, "Starting");
}

#[test]
fn a_failure_is_final_until_the_settings_change() {
    let mut world = World::new(|_| ());
    world.settle();
    world.ends("Failed", "BackoffLimitExceeded");
    world.settle();
    world.is(Phase::Failed, "RunFailed");
    world.snapshot.jobs.clear();
    world.settle();
    world.is(Phase::Failed, "RunFailed");
    assert!(world.snapshot.jobs.is_empty());
    world.spec(|spec| spec["classification"]["seed"] = 7.into());
    world.settle();
    world.is(Phase::Pending, "Starting");

    world.ends("Failed", "DeadlineExceeded");
    world.settle();
    world.is(Phase::Failed, "DeadlineExceeded");
}

#[test]
fn the_time_to_live_starts_at_the_end_of_the_run() {
    let mut world = World::new(|spec| spec["ttlSecondsAfterFinished"] = 60.into());
    world.settle();
    world.ends("Failed", "BackoffLimitExceeded");
    let plan = world.settle();
    assert_eq!(plan.requeue_after, Some(Duration::from_mins(1)));
    world.later(59);
    assert!(!world.deleted && world.plan().steps.is_empty());
    world.later(1);
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["-self"]);
}

#[test]
fn a_changed_job_is_restored() {
    let mut world = World::new(|spec| spec["backoffLimit"] = 2.into());
    world.settle();
    world.change(|job| {
        job.metadata.labels.as_mut().unwrap().clear();
        job.spec.as_mut().unwrap().backoff_limit = Some(9);
        add_run_labels(job);
    });
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["~job"]);
    assert!(world.plan().steps.is_empty());
    assert_eq!(world.snapshot.jobs[0].spec.as_ref().unwrap().backoff_limit, Some(2));
}

/// Adds the labels by which the operator finds the Job.
fn add_run_labels(job: &mut Job) {
    let run = job.name_any().rsplit('-').next().unwrap().to_owned();
    let labels = job.metadata.labels.get_or_insert_default();
    labels.insert(labels::JOB.into(), "dns".into());
    labels.insert(labels::RUN.into(), run);
}

#[test]
fn a_schedule_has_a_cron_job_and_no_job_of_its_own() {
    let mut world = World::new(|spec| spec["schedule"] = json!({"cron": "@hourly"}));
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["+settings", "~cron"]);
    world.is(Phase::Scheduled, "Scheduled");
    assert!(world.plan().steps.is_empty());
    let mut cron = world.snapshot.cron_job.as_deref().cloned().unwrap();
    cron.spec.schedule = "1 2 3 4 5".into();
    world.snapshot.cron_job = Some(Arc::new(cron));
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["~cron"]);
    world.spec(|spec| drop(spec.as_object_mut().unwrap().remove("schedule")));
    world.settle();
    assert_eq!(world.counts(), (1, 1, false));
}
