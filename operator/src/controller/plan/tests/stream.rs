//! Streams: a `StatefulSet`, and never a Job or `CronJob` beside it.

use k8s_openapi::api::core::v1::Pod;

use super::*;
use crate::controller::figures::PodFigures;

fn stream(spec: &mut Value) {
    let mount = json!({"name": "data", "mountPath": "/data"});
    *spec = json!({
        "input": {"ndjson": {"path": "app.ndjson", "badLines": "skip"}},
        "features": [{"type": "field", "name": "bytes"}],
        "classification": {"engine": "HBOS"},
        "stream": {},
        "outputs": [{"ndjson": {"path": "results.ndjson", "rotate": "1h"}}],
        "runner": {
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
            "volumeMounts": [mount],
        },
    });
}

/// A pod of the set whose container has this status.
fn pod(container: &Value) -> Vec<Arc<Pod>> {
    let mut container = container.clone();
    container["name"] = "runner".into();
    for (key, value) in
        [("image", json!("runner")), ("imageID", json!("")), ("restartCount", json!(0))]
    {
        container.as_object_mut().unwrap().entry(key).or_insert(value);
    }
    let owner =
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "dns", "uid": "uid-set"});
    let pod = json!({
        "metadata": {"name": "dns-0", "ownerReferences": [owner]},
        "status": {"phase": "Running", "containerStatuses": [container]},
    });
    vec![Arc::new(serde_json::from_value(pod).unwrap())]
}

#[test]
fn a_stream_has_a_stateful_set_with_probes() {
    let mut world = World::new(stream);
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["+settings", "~set", "~budget"]);
    world.is(Phase::Pending, "Starting");
    assert!(world.plan().steps.is_empty(), "nothing is written twice");
    let set = world.snapshot.stateful_set.as_deref().cloned().unwrap();
    let spec = json!(set.spec);
    assert_eq!(spec["replicas"], 1);
    let pod_spec = &spec["template"]["spec"];
    assert_eq!(pod_spec["restartPolicy"], "Always");
    assert_eq!(pod_spec["terminationGracePeriodSeconds"], 60);
    let container = &pod_spec["containers"][0];
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
    let names: Vec<&str> = container["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"ANOMAL_METRICS_LISTEN") && !names.contains(&"ANOMAL_RUN"),
        "{names:?}"
    );

    world.snapshot.pods = pod(&json!({"ready": true}));
    world.settle();
    world.is(Phase::Streaming, "Streaming");
    let status = world.job.status.clone().unwrap();
    assert!(status.is("Running") && status.is("Ready") && !status.is("Reconciling"));
    assert_eq!(status.attempts, Some(1));
}

/// The figures that a pod reports.
fn pod_figures(figures: &Value) -> PodFigures {
    serde_json::from_value(figures.clone()).unwrap()
}

#[test]
fn figures_of_pods_become_the_status() {
    let mut world = World::new(stream);
    world.settle();
    world.snapshot.pods = pod(&json!({"ready": true}));
    world.snapshot.pod_figures =
        Some(pod_figures(&json!({"rows": 300, "suspicious": 2, "warm": true})));
    let plan = world.settle();
    assert!(plan.requeue_after.is_some_and(|after| after.as_secs() >= 15), "it is asked again");
    let status = world.job.status.clone().unwrap();
    let figures = status.stream.clone().unwrap();
    assert_eq!((figures.rows, figures.suspicious, figures.rate), (300, 2, None));
    assert!(status.is("Warm") && !status.is("CaughtUp") && !status.is("Degraded"));
    assert_eq!(status.condition("CaughtUp").unwrap().reason, "Behind");
    assert_eq!(status.condition("DataLost").unwrap().reason, "NothingLost");
    assert!(status.condition("Drifted").is_none(), "it does not learn");

    world.later(30);
    let figures = json!({"rows": 600, "warm": true, "caughtUp": true, "down": ["outputs[0]"]});
    world.snapshot.pod_figures = Some(pod_figures(&figures));
    world.settle();
    let status = world.job.status.clone().unwrap();
    assert_eq!(status.stream.as_ref().unwrap().rate, Some(10.0));
    assert!(status.is("CaughtUp") && status.is("Degraded"));
    let degraded = status.condition("Degraded").unwrap();
    assert_eq!(degraded.reason, "SinkDown");
    assert_eq!(degraded.message, "no answer: outputs[0]; it is tried again");
    let warm = status.condition("Warm").unwrap().last_transition_time.clone();
    assert_eq!(warm, "2026-01-01T00:00:00Z", "it has been so since");

    // Records that are gone stay so; a change of the records holds until another model is in use.
    world.later(5);
    let models = |drifted: bool| json!({"generation": 1, "drifted": drifted});
    let figures = json!({"rows": 600, "warm": true, "lost": 12, "models": models(true)});
    world.snapshot.pod_figures = Some(pod_figures(&figures));
    world.settle();
    let status = world.job.status.clone().unwrap();
    assert!(status.is("DataLost") && status.is("Drifted"));
    let lost = status.condition("DataLost").unwrap();
    assert_eq!(lost.reason, "RecordsGone");
    assert!(lost.message.starts_with("12 records were gone"), "{}", lost.message);
    assert_eq!(status.condition("Drifted").unwrap().reason, "RecordsChanged");
    world.later(5);
    assert!(status.condition("StateFull").is_none(), "its memory is not limited");
    let memory = json!({"bytes": 7, "limit": 9, "evicted": 4});
    let figures =
        json!({"rows": 600, "warm": true, "lost": 12, "models": models(false), "memory": memory});
    world.snapshot.pod_figures = Some(pod_figures(&figures));
    world.settle();
    let status = world.job.status.clone().unwrap();
    assert!(status.is("DataLost") && !status.is("Drifted") && status.is("StateFull"));
    let full = status.condition("StateFull").unwrap();
    assert_eq!(full.reason, "Forgotten");
    assert!(full.message.starts_with("4 entities and keys"), "{}", full.message);
    assert_eq!(status.condition("Drifted").unwrap().reason, "AsFitted");

    // A pod that does not answer changes nothing; what does not stream has no such conditions.
    world.later(60);
    world.snapshot.pod_figures = None;
    world.settle();
    assert_eq!(world.job.status.as_ref(), Some(&status));
    world.snapshot.pods.clear();
    world.settle();
    let status = world.job.status.clone().unwrap();
    assert!(status.condition("Warm").is_none() && status.stream.is_some());
    let batch = World::new(|_| ()).job.spec.value();
    world.spec(|spec| *spec = batch.clone());
    world.settle();
    assert_eq!(world.job.status.as_ref().unwrap().stream, None);
}

#[test]
fn a_pod_that_fails_again_and_again_tells_why() {
    let mut world = World::new(stream);
    world.settle();
    let message = r#"{"error": "job.yaml:3:1: input.kafka: no brokers"}"#;
    let ended = json!({"terminated": {"exitCode": 2, "message": message}});
    world.snapshot.pods = pod(&json!({
        "ready": false,
        "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": ended,
    }));
    world.settle();
    world.is(Phase::Pending, "SettingsRefused");
    let status = world.job.status.clone().unwrap();
    assert!(!status.is("Ready"));
    assert!(status.condition("Ready").unwrap().message.contains("no brokers"));
    assert_eq!(status.attempts, Some(4));
}

#[test]
fn suspend_ends_the_pod_and_keeps_the_set() {
    let mut world = World::new(stream);
    world.settle();
    world.spec(|spec| spec["suspend"] = true.into());
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["~set"]);
    world.settle();
    world.is(Phase::Suspended, "Suspended");
    let replicas =
        |world: &World| world.snapshot.stateful_set.as_ref().and_then(|set| set.spec.replicas);
    assert_eq!(replicas(&world), Some(0));
    world.spec(|spec| spec["suspend"] = false.into());
    world.settle();
    assert_eq!(replicas(&world), Some(1));
}

#[test]
fn other_settings_are_applied_to_the_set() {
    let mut world = World::new(stream);
    world.settle();
    world.spec(|spec| spec["classification"]["seed"] = 7.into());
    // The pod of the settings before may still need them.
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["+settings", "~set"]);
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["-settings"]);
    // What others have changed is restored.
    let set = world.snapshot.stateful_set.as_mut().unwrap();
    Arc::make_mut(set).spec.replicas = Some(5);
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["~set"]);
    assert!(world.plan().steps.is_empty());
}

#[test]
fn a_run_and_a_stream_never_run_at_once() {
    let mut world = World::new(|_| ());
    world.settle();
    let batch = world.job.spec.value();
    world.spec(stream);
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["-job"]);
    world.is(Phase::Pending, "Replacing");
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["+settings", "~set", "~budget", "-settings"]);
    world.settle();
    world.spec(|spec| *spec = batch.clone());
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["-set", "-budget"]);
    world.is(Phase::Pending, "Replacing");
    world.settle();
    assert_eq!(world.counts(), (1, 1, false));
    world.spec(|spec| spec["schedule"] = json!({"cron": "@daily"}));
    world.settle();
    world.spec(stream);
    world.settle();
    assert_eq!(world.counts(), (0, 1, false));
    assert!(world.snapshot.stateful_set.is_some());
    assert!(world.snapshot.disruption_budget.is_some());
}

/// A drain of nodes takes one pod at a time.
#[test]
fn pods_are_evicted_one_at_a_time() {
    let mut world = World::new(shared);
    world.settle();
    let budget = json!(world.snapshot.disruption_budget.as_ref().unwrap());
    assert_eq!(budget["metadata"]["name"], "dns");
    assert_eq!(budget["metadata"]["ownerReferences"][0]["uid"], "1");
    let set = json!(world.snapshot.stateful_set.as_ref().unwrap());
    let expected = json!({
        "maxUnavailable": 1,
        "selector": set["spec"]["selector"],
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    });
    assert_eq!(budget["spec"], expected);
    // What others have changed or deleted is restored; it stays while the job is suspended.
    let found = world.snapshot.disruption_budget.as_mut().unwrap();
    Arc::make_mut(found).spec.as_mut().unwrap().max_unavailable = None;
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["~budget"]);
    world.snapshot.disruption_budget = None;
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["~budget"]);
    world.spec(|spec| spec["suspend"] = true.into());
    world.settle();
    assert!(world.snapshot.disruption_budget.is_some());
    // A job with a schedule has none.
    let batch = World::new(|_| ()).job.spec.value();
    world.spec(|spec| {
        *spec = batch.clone();
        spec["schedule"] = json!({"cron": "@daily"});
    });
    assert!(steps(&world.reconcile(usize::MAX)).contains(&"-budget"));
    world.settle();
    assert!(world.snapshot.disruption_budget.is_none());
}

#[test]
fn what_is_pushed_is_led_to_the_pod() {
    let mut world = World::new(|spec| {
        stream(spec);
        spec["input"] =
            json!({"syslog": {"listen": [{"udp": "0.0.0.0:5514"}, {"tcp": "[::]:6514"}]}});
        spec["timeColumn"] = "syslog.timestamp".into();
    });
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["+settings", "~set", "~budget", "~service"]);
    assert!(world.plan().steps.is_empty());
    let ports = |world: &World| -> Vec<(String, i64)> {
        let service = json!(world.snapshot.service.as_ref().unwrap().spec);
        let ports = service["ports"].as_array().unwrap().iter();
        let port = |port: &Value| {
            (port["protocol"].as_str().unwrap().to_owned(), port["port"].as_i64().unwrap())
        };
        ports.map(port).collect()
    };
    assert_eq!(ports(&world), [("UDP".to_owned(), 5514), ("TCP".to_owned(), 6514)]);
    world.spec(|spec| {
        stream(spec);
        spec["input"] = json!({"http": {"listen": "0.0.0.0:4318", "grpc": "0.0.0.0:4317"}});
    });
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["+settings", "~set", "~service"]);
    assert_eq!(ports(&world), [("TCP".to_owned(), 4318), ("TCP".to_owned(), 4317)]);
    world.settle();
    world.spec(stream);
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["+settings", "~set", "-service"]);
}

/// Three pods that share the partitions of a topic.
fn shared(spec: &mut Value) {
    stream(spec);
    spec["input"] = json!({"kafka": {"brokers": ["kafka:9092"], "topics": ["requests"]}});
    spec["stream"] = json!({"replicas": 3, "state": {"checkpoint": {"to": "s3://bucket/state/"}}});
    spec["outputs"] = json!([{"elasticsearch": {"url": "http://es:9200"}}]);
    spec["deadLetter"] = json!({"path": "rejected.ndjson"});
}

fn pods_of(world: &mut World, ready: &[bool]) {
    let pods = ready.iter().map(|ready| pod(&json!({"ready": ready})));
    world.snapshot.pods = pods.flatten().collect();
    world.settle();
}

#[test]
fn pods_share_the_partitions_of_topics() {
    let mut world = World::new(shared);
    world.settle();
    let spec = |world: &World| json!(world.snapshot.stateful_set.as_ref().unwrap().spec);
    assert_eq!(spec(&world)["replicas"], 3);
    let environment = |world: &World| -> Vec<Value> {
        let spec = spec(world);
        let variables = spec["template"]["spec"]["containers"][0]["env"].as_array().cloned();
        let own = ["ANOMAL_POD_INDEX", "ANOMAL_REPLICA"];
        let is_own = |it: &Value| own.iter().any(|name| it["name"] == *name);
        variables.unwrap().into_iter().filter(is_own).collect()
    };
    let index = "metadata.labels['apps.kubernetes.io/pod-index']";
    assert_eq!(environment(&world)[0]["valueFrom"]["fieldRef"]["fieldPath"], index);
    assert_eq!(environment(&world)[1]["value"], "$(ANOMAL_POD_INDEX)/3");

    pods_of(&mut world, &[true, false, true]);
    world.is(Phase::Streaming, "Streaming");
    world.snapshot.pod_figures = Some(pod_figures(&json!({"rows": 300, "warm": true})));
    pods_of(&mut world, &[true; 3]);
    world.is(Phase::Streaming, "Streaming");
    let figures = world.job.status.clone().unwrap().stream.unwrap();
    assert_eq!((figures.rows, figures.replicas, figures.ready_replicas), (300, 3, 3));
    assert!(figures.selector.contains("anomal.dev/job=dns"), "{}", figures.selector);
    world.snapshot.pod_figures = None;
    pods_of(&mut world, &[true, false, false]);
    let figures = world.job.status.clone().unwrap().stream.unwrap();
    assert_eq!((figures.rows, figures.replicas, figures.ready_replicas), (300, 3, 1));

    // As `kubectl scale` does: each pod learns the new number.
    world.spec(|spec| spec["stream"]["replicas"] = 5.into());
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["+settings", "~set"]);
    assert_eq!(
        (&spec(&world)["replicas"], &environment(&world)[1]["value"]),
        (&5.into(), &"$(ANOMAL_POD_INDEX)/5".into())
    );
    world.settle();
    world.spec(|spec| spec["suspend"] = true.into());
    world.settle();
    assert_eq!(spec(&world)["replicas"], 0);
}

/// The group of the job says which partitions a pod has: another count replaces no pod.
#[test]
fn pods_are_members_of_a_group() {
    let mut world = World::new(|spec| {
        shared(spec);
        spec["input"]["kafka"]["assignment"] = "group".into();
    });
    world.settle();
    let spec = |world: &World| json!(world.snapshot.stateful_set.as_ref().unwrap().spec);
    let template = spec(&world)["template"].clone();
    let variables = template["spec"]["containers"][0]["env"].as_array().cloned().unwrap();
    let member = variables.iter().find(|it| it["name"] == "ANOMAL_MEMBER").unwrap();
    assert_eq!(member["valueFrom"]["fieldRef"]["fieldPath"], "metadata.name");
    assert!(variables.iter().all(|it| it["name"] != "ANOMAL_REPLICA"));
    assert_eq!(spec(&world)["replicas"], 3);
    world.spec(|spec| spec["stream"]["replicas"] = 5.into());
    assert_eq!(steps(&world.reconcile(usize::MAX)), ["~set"]);
    assert_eq!((&spec(&world)["replicas"], &spec(&world)["template"]), (&5.into(), &template));
}

#[test]
fn pods_on_several_nodes_need_a_state_that_all_reach() {
    let mut world = World::new(shared);
    world.spec(|spec| spec["stream"]["state"]["checkpoint"]["to"] = "/data/state".into());
    let installation = Installation { image: "runner".into(), ..Installation::default() };
    let error = validate(&world.job, &installation).unwrap_err().0;
    assert!(error.contains("spec.stream.state.checkpoint.to: pods on several nodes"), "{error}");
    world.spec(|spec| spec["stream"]["replicas"] = 1.into());
    assert!(validate(&world.job, &installation).is_ok());
}
