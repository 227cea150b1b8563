//! A release with the chart's own values, from its first day to its last.

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

use anomal_testbed::Cluster;
use anomal_tests::cluster::{Namespace, PATIENCE, cluster, eventually};
use serde_json::{Value, json};

use super::{
    installed::{Release, Volume, alone, secret, undefined},
    jobs::{
        completes, completes_after, dns, dns_on_a_claim, files, on_this_machine, path_of,
        quickstart, report_answers, results,
    },
};

#[test]
fn a_release_is_installed_used_upgraded_rolled_back_and_taken_away() {
    let _turn = alone();
    let Some(cluster) = cluster() else { return };
    undefined(cluster);
    let home = Namespace::new(cluster, "anomal");
    let _reports = Volume::new(&home, "anomal-report-engine", "", "ReadWriteOnce");
    let before = there(cluster, &home.name);
    let release = Release::install(home, "default", &json!({}));
    notes_hold(&release);

    // The examples, of somebody in a namespace of their own.
    let users = Namespace::new(cluster, "users");
    let status = quickstart(&users, |_| ());
    report_answers(&release, &users, &status, "Quickstart");
    let (records, job) = (dns(), dns_on_a_claim("files"));
    let volume = files(&users, "files", &records);
    users.apply(&job);
    let first = completes(&users, "dns");
    let expected = on_this_machine(&job, &records);
    assert!(expected.split(|byte| *byte == b'\n').count() > 5000);
    let same =
        || assert!(results(&volume) == expected, "the results differ from those of one process");
    same();
    through_the_engines(&release, &users, &first);
    report_answers(&release, &users, &first, "DNS");

    // Other values; what keeps calls secret stays.
    let kept = keys(&release);
    let more = json!({
        "operator": {"replicas": 2},
        "feature": {"replicas": 2},
        "logging": {"level": "debug", "format": "text"},
    });
    release.upgrade("default", &more);
    assert_eq!(release.pods("feature-engine").len(), 2);
    assert_eq!(release.pods("operator").len(), 2);
    assert_eq!(keys(&release), kept);
    fs::remove_file(volume.folder.path().join("out/results.csv")).unwrap();
    let second = again(&users, &first);
    same();
    // Reports from before are still there.
    report_answers(&release, &users, &first, "DNS");
    report_answers(&release, &users, &second, "DNS");
    assert_ne!(path_of(&first), path_of(&second));

    release.tell(&["rollback", "anomal", "1"]);
    release.is_there();
    eventually("the second pods to go", PATIENCE, || {
        (release.pods("feature-engine").len() == 1 && release.pods("operator").len() == 1)
            .then_some(())
    });
    assert_eq!(keys(&release), kept);
    fs::remove_file(volume.folder.path().join("out/results.csv")).unwrap();
    let third = again(&users, &second);
    same();
    report_answers(&release, &users, &third, "DNS");
    assert!(release.tell(&["test", "anomal"]).contains("Succeeded"));

    // What is left are jobs with their definition, and reports.
    release.home.kubectl(&["delete", "anomalyjob/quickstart", "configmap/payments"]).unwrap();
    release.uninstall();
    let mut expected = before;
    // The API server makes the second of the first.
    expected.insert("customresourcedefinition.apiextensions.k8s.io/anomalyjobs.anomal.dev".into());
    expected.insert("apiservice.apiregistration.k8s.io/v1alpha1.anomal.dev".into());
    expected.insert("persistentvolumeclaim/anomal-report-engine".into());
    let mut left = BTreeSet::new();
    for _ in 0..60 {
        left = there(cluster, &release.home.name);
        if left == expected {
            break;
        }
        std::thread::sleep(PATIENCE / 120);
    }
    let more: Vec<_> = left.difference(&expected).collect();
    let less: Vec<_> = expected.difference(&left).collect();
    assert!(more.is_empty() && less.is_empty(), "left over: {more:?}, gone: {less:?}");
    assert_eq!(users.status("dns")["phase"], "Complete");
}

/// Everything in a namespace, and what is the whole cluster's and may be of a release.
fn there(cluster: &Cluster, namespace: &str) -> BTreeSet<String> {
    let kinds = |namespaced: &str| {
        let ask = ["api-resources", "--verbs=list,delete", "--output=name", namespaced];
        let kinds = cluster.kubectl(&ask).unwrap();
        let passing = ["events", "events.events.k8s.io"];
        let kinds: Vec<_> = kinds.lines().filter(|kind| !passing.contains(kind)).collect();
        kinds.join(",")
    };
    let names = |arguments: &[&str]| {
        let ask = ["get", "--output=name", "--ignore-not-found"];
        let names = cluster.kubectl(&[&ask, arguments].concat()).unwrap();
        names.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let mut all = names(&[&kinds("--namespaced=true"), "--namespace", namespace]);
    let of_others = ["namespace/", "persistentvolume/", "node", "flowschema", "prioritylevel"];
    let global = names(&[&kinds("--namespaced=false")]);
    all.extend(
        global.into_iter().filter(|name| !of_others.iter().any(|start| name.starts_with(start))),
    );
    all
}

/// The commands that Helm prints, as they are printed.
fn notes_hold(release: &Release) {
    let notes = release.tell(&["get", "notes", "anomal"]);
    let line = |start: &str| notes.lines().find(|line| line.starts_with(start)).unwrap();
    shell(release.home.cluster, line("kubectl rollout status"));
    let told = shell(release.home.cluster, line("helm test"));
    assert!(told.contains("Succeeded"), "{told}");
    let start = notes.find("kubectl apply").unwrap();
    let end = start + notes[start..].find("\nEOF\n").unwrap() + 5;
    shell(release.home.cluster, &notes[start..end]);
    let status = completes(&release.home, "quickstart");
    assert_eq!(status["summary"]["rows"], 12, "{status:#}");
    // The token that the page asks for.
    let token = shell(release.home.cluster, line("kubectl create token"));
    super::jobs::report_answers_to(release, token.trim(), &status, "Quickstart");
}

/// What a shell prints, which finds the cluster's kubectl and Helm.
fn shell(cluster: &Cluster, script: &str) -> String {
    let programs = [cluster.kubectl_command(), cluster.helm_command()];
    let folders = programs.iter().filter_map(|program| Path::new(program.get_program()).parent());
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(folders.map(Path::to_owned).chain(env::split_paths(&path))).unwrap();
    let mut command = Command::new("sh");
    command.args(["-ec", script]).env("PATH", path).env("KUBECONFIG", cluster.kubeconfig());
    let output = command.output().unwrap();
    let [told, error] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{script}: {told} {error}");
    told
}

/// Neither by itself nor in the clear nor nameless.
fn through_the_engines(release: &Release, users: &Namespace, status: &Value) {
    for (component, method) in [
        ("feature-engine", "Plan"),
        ("feature-engine", "Extract"),
        ("classification-engine", "Classify"),
        ("report-engine", "Publish"),
    ] {
        assert!(release.answered(component, method) > 0, "{component} was not asked to {method}");
    }
    let job = users.get("job", status["jobName"].as_str().unwrap()).unwrap();
    let settings = job["metadata"]["annotations"]["anomal.dev/settings"].as_str().unwrap();
    let settings = users.get("configmap", settings).unwrap();
    let told = settings["data"]["job.yaml"].as_str().unwrap();
    for engine in ["feature", "classification", "report"] {
        let address = format!("https://anomal-{engine}-engine.{}.svc:", release.home.name);
        assert!(told.contains(&address), "{told}");
    }
    assert_eq!(told.matches("/var/run/secrets/anomal.dev/identity/token").count(), 3, "{told}");
    assert_eq!(settings["data"]["ca.crt"], secret(&release.home, "anomal-ca", "ca.crt").unwrap());
}

/// What a release made once.
fn keys(release: &Release) -> Vec<Value> {
    ["anomal-ca", "anomal-feature-engine-tls", "anomal-report-engine-session"]
        .map(|name| release.home.get("secret", name).unwrap()["data"].clone())
        .into()
}

/// The same job once more.
fn again(users: &Namespace, before: &Value) -> Value {
    let run = before["run"].as_str().unwrap();
    let note = format!("anomal.dev/rerun=after-{run}");
    users.kubectl(&["annotate", "anomalyjob/dns", &note, "--overwrite"]).unwrap();
    completes_after(users, "dns", run)
}
