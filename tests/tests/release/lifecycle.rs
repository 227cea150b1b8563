//! The lifecycle of a release with the chart's default values.

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

use anomal_testbed::Cluster;
use anomal_tests::cluster::{Namespace, PATIENCE, cluster, eventually};
use serde_json::{Value, json};

use super::{
    installation::{Release, Volume, exclusive_turn, remove_definition, secret},
    jobs::{
        assert_report_served, completes, completes_after, dns, dns_on_a_claim, files,
        local_results, quickstart, report_path, results,
    },
};

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn release_is_installed_used_upgraded_rolled_back_and_uninstalled() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    remove_definition(cluster);
    let home = Namespace::new(cluster, "anomal");
    let _reports = Volume::new(&home, "anomal-report-engine", "", "ReadWriteOnce");
    let before = objects(cluster, &home.name);
    let release = Release::install(home, "default", &json!({}));
    assert_notes_work(&release);

    // The examples, in a user's namespace.
    let users = Namespace::new(cluster, "users");
    let status = quickstart(&users, |_| ());
    assert_report_served(&release, &users, &status, "Quickstart");
    let (records, job) = (dns(), dns_on_a_claim("files"));
    let volume = files(&users, "files", &records);
    users.apply(&job);
    let first = completes(&users, "dns");
    let expected = local_results(&job, &records);
    assert!(expected.split(|byte| *byte == b'\n').count() > 5000);
    let same =
        || assert!(results(&volume) == expected, "the results differ from those of one process");
    same();
    assert_remote_engines_used(&release, &users, &first);
    assert_report_served(&release, &users, &first, "DNS");

    // An upgrade keeps the certificates and tokens.
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
    let second = run_again(&users, &first);
    same();
    // Earlier reports still exist.
    assert_report_served(&release, &users, &first, "DNS");
    assert_report_served(&release, &users, &second, "DNS");
    assert_ne!(report_path(&first), report_path(&second));

    release.helm_output(&["rollback", "anomal", "1"]);
    release.wait_until_ready();
    eventually("the second pods to go", PATIENCE, || {
        (release.pods("feature-engine").len() == 1 && release.pods("operator").len() == 1)
            .then_some(())
    });
    assert_eq!(keys(&release), kept);
    fs::remove_file(volume.folder.path().join("out/results.csv")).unwrap();
    let third = run_again(&users, &second);
    same();
    assert_report_served(&release, &users, &third, "DNS");
    assert!(release.helm_output(&["test", "anomal"]).contains("Succeeded"));

    // Jobs, their definition and reports remain.
    release.home.kubectl(&["delete", "anomalyjob/quickstart", "configmap/payments"]).unwrap();
    release.uninstall();
    let mut expected = before;
    // The API server creates one from the other.
    expected.insert("customresourcedefinition.apiextensions.k8s.io/anomalyjobs.anomal.dev".into());
    expected.insert("apiservice.apiregistration.k8s.io/v1alpha1.anomal.dev".into());
    expected.insert("persistentvolumeclaim/anomal-report-engine".into());
    let mut left = BTreeSet::new();
    for _ in 0..60 {
        left = objects(cluster, &release.home.name);
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

/// All objects of a namespace, and the cluster-wide objects that a release may create.
fn objects(cluster: &Cluster, namespace: &str) -> BTreeSet<String> {
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
    let of_third_parties =
        ["namespace/", "persistentvolume/", "node", "flowschema", "prioritylevel"];
    let global = names(&[&kinds("--namespaced=false")]);
    all.extend(
        global
            .into_iter()
            .filter(|name| !of_third_parties.iter().any(|start| name.starts_with(start))),
    );
    all
}

/// Runs the commands that Helm's notes print.
fn assert_notes_work(release: &Release) {
    let notes = release.helm_output(&["get", "notes", "anomal"]);
    let line = |start: &str| notes.lines().find(|line| line.starts_with(start)).unwrap();
    shell(release.home.cluster, line("kubectl rollout status"));
    let output = shell(release.home.cluster, line("helm test"));
    assert!(output.contains("Succeeded"), "{output}");
    let start = notes.find("kubectl apply").unwrap();
    let end = start + notes[start..].find("\nEOF\n").unwrap() + 5;
    shell(release.home.cluster, &notes[start..end]);
    let status = completes(&release.home, "quickstart");
    assert_eq!(status["summary"]["rows"], 12, "{status:#}");
    // The token for the page.
    let token = shell(release.home.cluster, line("kubectl create token"));
    super::jobs::assert_report_served_to(release, token.trim(), &status, "Quickstart");
}

/// The output of a shell script that can use the cluster's kubectl and Helm.
fn shell(cluster: &Cluster, script: &str) -> String {
    let programs = [cluster.kubectl_command(), cluster.helm_command()];
    let folders = programs.iter().filter_map(|program| Path::new(program.get_program()).parent());
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(folders.map(Path::to_owned).chain(env::split_paths(&path))).unwrap();
    let mut command = Command::new("sh");
    command.args(["-ec", script]).env("PATH", path).env("KUBECONFIG", cluster.kubeconfig());
    let output = command.output().unwrap();
    let [text, error] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{script}: {text} {error}");
    text
}

/// Asserts that the run used the remote engines, with TLS and tokens.
fn assert_remote_engines_used(release: &Release, users: &Namespace, status: &Value) {
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
    let job = settings["data"]["job.yaml"].as_str().unwrap();
    for engine in ["feature", "classification", "report"] {
        let address = format!("https://anomal-{engine}-engine.{}.svc:", release.home.name);
        assert!(job.contains(&address), "{job}");
    }
    assert_eq!(job.matches("/var/run/secrets/anomal.dev/identity/token").count(), 3, "{job}");
    assert_eq!(settings["data"]["ca.crt"], secret(&release.home, "anomal-ca", "ca.crt").unwrap());
}

/// The Secrets that a release creates once.
fn keys(release: &Release) -> Vec<Value> {
    ["anomal-ca", "anomal-feature-engine-tls", "anomal-report-engine-session"]
        .map(|name| release.home.get("secret", name).unwrap()["data"].clone())
        .into()
}

/// Runs the same job again.
fn run_again(users: &Namespace, before: &Value) -> Value {
    let run = before["run"].as_str().unwrap();
    let note = format!("anomal.dev/rerun=after-{run}");
    users.kubectl(&["annotate", "anomalyjob/dns", &note, "--overwrite"]).unwrap();
    completes_after(users, "dns", run)
}
