//! The chart grants the operator exactly the permissions that it uses.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::http::Method;
use serde_json::{Value, json};

use crate::proxy::{Proxy, Request, RequestHook};
use anomal_tests::cluster::{
    Namespace, Operator, PATIENCE, cluster, eventually, job, job_with, stream_with as stream,
};

/// A group, a resource and a verb.
type Right = (String, String, String);

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn each_right_is_used_and_no_other() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "rights");
    let used = Arc::new(UsedRights::default());
    let proxy = Proxy::start(cluster.kubeconfig(), Arc::clone(&used));
    let elect = ["--leader-elect", "--lease-namespace", &here.name, "--lease-identity", "a"];
    let operator = Operator::start_with_kubeconfig(&here, proxy.kubeconfig(), &elect);

    // Everything that it does: a run; a run that waits, is changed, suspended and replaced; a schedule that is added and
    // removed; a stream to which records are pushed, and which becomes a run; a time to live; repairs.
    here.apply(&job("runs"));
    here.wait_for_status("runs", "Complete", "*");
    let waits = |spec: &mut Value| {
        spec["runner"]["env"] =
            json!([{"name": "A", "valueFrom": {"secretKeyRef": {"name": "none", "key": "a"}}}]);
    };
    here.apply(&job_with("waits", waits));
    here.wait_for_status("waits", "Pending", "SecretNotFound");
    here.apply(&job_with("waits", |spec| {
        waits(spec);
        spec["suspend"] = true.into();
    }));
    here.wait_for_status("waits", "Suspended", "*");
    here.apply(&job_with("waits", |spec| spec["classification"]["seed"] = 7.into()));
    here.wait_for_status("waits", "Complete", "*");
    let schedule = |cron: &str| job_with("often", |spec| spec["schedule"] = json!({"cron": cron}));
    here.apply(&schedule("0 0 1 1 *"));
    here.wait_for_status("often", "Scheduled", "*");
    here.apply(&schedule("0 0 2 1 *"));
    eventually("the schedule to change", PATIENCE, || {
        (here.get("cronjob", "often")?["spec"]["schedule"] == "0 0 2 1 *").then_some(())
    });
    here.apply(&job("often"));
    here.wait_for_status("often", "Complete", "*");
    here.apply(&stream("lives", |spec| {
        spec["input"] = json!({"http": {"listen": "0.0.0.0:8088"}});
        spec["runner"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
    }));
    here.wait_for_status("lives", "Streaming", "*");
    here.apply(&job("lives"));
    here.wait_for_status("lives", "Complete", "*");
    here.apply(&job_with("short", |spec| spec["ttlSecondsAfterFinished"] = 1.into()));
    eventually("it to be created", PATIENCE, || here.get("aj", "short"));
    eventually("it to be gone", PATIENCE, || here.get("aj", "short").is_none().then_some(()));
    drop(operator);

    let used = used.0.lock().unwrap().clone();
    let chart_rights = chart_rights(cluster);
    let unused: Vec<_> = chart_rights.difference(&used).collect();
    let lacking: Vec<_> = used.difference(&chart_rights).collect();
    assert!(unused.is_empty(), "the chart grants permissions that are not used: {unused:?}");
    assert!(lacking.is_empty(), "the chart lacks permissions: {lacking:?}");
}

/// The permissions that the chart grants.
fn chart_rights(cluster: &anomal_testbed::Cluster) -> BTreeSet<Right> {
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/anomal");
    let only = "templates/operator-rbac.yaml";
    let text = cluster.helm(&["template", "anomal", chart, "--show-only", only]).unwrap();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let mut rights = BTreeSet::new();
    for rule in objects.iter().flat_map(|object| list(&object["rules"])) {
        for group in list(&rule["apiGroups"]) {
            for resource in list(&rule["resources"]) {
                for verb in list(&rule["verbs"]) {
                    let right =
                        [group, resource, verb].map(|word| word.as_str().unwrap().to_owned());
                    rights.insert(right.into());
                }
            }
        }
    }
    assert!(rights.len() > 10, "{rights:?}");
    rights
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Records the permissions that an operator uses.
#[derive(Default)]
struct UsedRights(Mutex<BTreeSet<Right>>);

impl RequestHook for UsedRights {
    fn after(&self, request: &Request, status: u16) -> bool {
        let Some((group, resource, named)) = parse_path(request.uri.path()) else { return true };
        let watches = request.uri.query().is_some_and(|query| query.contains("watch=true"));
        let mut verbs = vec![match request.method {
            Method::GET if watches => "watch",
            Method::GET if named => "get",
            Method::GET => "list",
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            _ => "delete",
        }];
        // Applying an object that does not exist creates it.
        if request.method == Method::PATCH && status == 201 {
            verbs.push("create");
        }
        let mut used = self.0.lock().unwrap();
        used.extend(
            verbs.into_iter().map(|verb| (group.clone(), resource.clone(), verb.to_owned())),
        );
        true
    }
}

/// The group, the resource and whether an object is named, from a path `/apis/GROUP/VERSION/namespaces/NAME/RESOURCE/NAME/
/// SUBRESOURCE`, or `/api/v1/…` of the core group.
fn parse_path(path: &str) -> Option<(String, String, bool)> {
    let mut words = path.trim_matches('/').split('/').peekable();
    let group = if words.next()? == "api" { "" } else { words.next()? };
    words.next()?;
    if words.next_if_eq(&"namespaces").is_some() {
        words.next()?;
    }
    let resource = words.next()?;
    let named = words.next().is_some();
    let resource = match words.next() {
        Some(sub) => format!("{resource}/{sub}"),
        None => resource.to_owned(),
    };
    Some((group.to_owned(), resource, named))
}
