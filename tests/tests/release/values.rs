//! Releases with the other values files: each is installed, runs a job, serves its report and is uninstalled. The test
//! provides or replaces what a file requires, such as a registry, cert-manager or a bucket.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use anomal_testbed::Cluster;
use anomal_tests::{
    cluster::{Namespace, cluster},
    s3::S3,
};
use serde_json::{Value, json};

use super::{
    certificates::Authority,
    chart::{ci_file, list, of_kind, rendered},
    installation::{
        Definitions, Release, Volume, apply_definition, exclusive_turn, remove_definition, secret,
        token,
    },
    jobs::{assert_report_served, assert_report_served_to, quickstart, report_path},
};

/// A namespace for the release and one for its user, in a cluster without the definition.
fn places(cluster: &'static Cluster, name: &str) -> (Namespace, Namespace) {
    remove_definition(cluster);
    (Namespace::new(cluster, name), Namespace::new(cluster, &format!("{name}-users")))
}

fn no_report(job: &mut Value) {
    job["spec"].as_object_mut().unwrap().remove("report");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn minimal_release_leaves_nothing() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    let (home, users) = places(cluster, "minimal");
    let release = Release::install(home, "minimal", &json!({}));
    let status = quickstart(&users, |_| ());
    assert_report_served(&release, &users, &status, "Quickstart");
    release.uninstall();
    // The definition is removed, and with it all jobs.
    let wait = ["wait", "--for=delete", "crd/anomalyjobs.anomal.dev", "--timeout=60s"];
    cluster.kubectl(&wait).unwrap();
    assert!(cluster.kubectl(&["get", "anomalyjobs", "--all-namespaces"]).is_err());
    apply_definition(cluster);
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn engines_work_without_a_report_engine() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    let (home, users) = places(cluster, "engines");
    let release = Release::install(home, "engines", &json!({}));
    quickstart(&users, no_report);
    assert!(release.answered("feature-engine", "Extract") > 0);
    // A job with a report is refused.
    users.kubectl(&["delete", "anomalyjob/quickstart"]).unwrap();
    for object in super::jobs::example("quickstart") {
        users.apply(&object);
    }
    let status = users.wait_for_status("quickstart", "Invalid", "InvalidSpec");
    let message = status["conditions"][0]["message"].as_str().unwrap();
    assert!(message.contains("no report engine"), "{message}");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn certificates_come_from_cert_manager() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    for file in ["cert-manager", "cert-manager-issuer"] {
        let (home, users) = places(cluster, file);
        let _definitions = Definitions::of_third_parties(cluster);
        let _reports = Volume::new(&home, "anomal-report-engine", "", "ReadWriteOnce");
        let authority = Authority::new();
        let objects = rendered(cluster, &home.name, &["--values", &ci_file(file)]).unwrap();
        authority.issue(&home, &objects);
        let release = Release::install(home, file, &json!({}));
        let status = quickstart(&users, |_| ());
        assert_report_served(&release, &users, &status, "Quickstart");
        assert!(release.answered("feature-engine", "Extract") > 0, "{file}");
        let route = release.home.get("httproute", "anomal-report");
        assert_eq!(route.is_some(), file == "cert-manager");
        if route.is_some() {
            let url = status["reportURL"].as_str().unwrap();
            assert!(url.starts_with("https://anomal.example/reports/"), "{url}");
        }
    }
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn monitors_select_the_components() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    for (file, kind) in [("monitoring", "ServiceMonitor"), ("pod-monitor", "PodMonitor")] {
        let (home, users) = places(cluster, file);
        let _definitions = Definitions::of_third_parties(cluster);
        let _reports = Volume::new(&home, "anomal-report-engine", "", "ReadWriteOnce");
        // The collector does not exist, which must not matter.
        let release = Release::install(home, file, &json!({}));
        let status = quickstart(&users, |_| ());
        assert_report_served(&release, &users, &status, "Quickstart");
        let monitor = release.home.get(kind, "anomal").unwrap();
        let labels = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
        let selector: Vec<_> = labels
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap()))
            .collect();
        let what = if kind == "PodMonitor" { "pods" } else { "services" };
        let ask = ["get", what, "--output=name", "--selector", &selector.join(",")];
        let mut found = release.home.kubectl(&ask).unwrap();
        found.retain(|letter| letter != ' ');
        for component in ["operator", "feature-engine", "classification-engine", "report-engine"] {
            assert!(found.contains(&format!("/anomal-{component}")), "{kind}: {found}");
        }
        let streams = release.home.get("podmonitor", "anomal-streams");
        let rules = release.home.get("prometheusrule", "anomal-streams");
        assert_eq!(
            (streams.is_some(), rules.is_some()),
            (file == "monitoring", file == "monitoring")
        );
        if let Some(rules) = rules {
            let rules = list(&rules["spec"]["groups"][0]["rules"]).to_vec();
            let summaries = rules.iter().map(|rule| rule["annotations"]["summary"].to_string());
            assert_eq!(rules.len(), 7, "{rules:?}");
            // Helm leaves what Prometheus fills in.
            assert!(summaries.into_iter().all(|text| text.contains("{{ $labels.job }}")));
        }
    }
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn release_watches_only_its_namespaces_and_labels() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    apply_definition(cluster);
    let home = Namespace::new(cluster, "namespaced");
    let [mine, tests, other] = ["mine", "tests", "other"].map(|name| Namespace::new(cluster, name));
    let more = json!({"operator": {"watchNamespaces": [mine.name, tests.name]}});
    let release = Release::install(home, "namespaced", &more);
    let label = |job: &mut Value| job["metadata"]["labels"] = json!({"team": "a"});
    for object in super::jobs::example("quickstart") {
        let mut labelled = object.clone();
        label(&mut labelled);
        // One in another namespace, and one without the label.
        other.apply(&labelled);
        tests.apply(&object);
    }
    let status = quickstart(&mine, label);
    let token = token(&mine, Some("anomal-team-a"));
    assert_report_served_to(&release, &token, &status, "Quickstart");
    assert_eq!(other.status("quickstart"), Value::Null);
    assert_eq!(tests.status("quickstart"), Value::Null);
    tests.kubectl(&["label", "anomalyjob/quickstart", "team=a"]).unwrap();
    super::jobs::completes(&tests, "quickstart");
    // Another release's token is refused.
    let other = super::installation::token(&mine, Some("anomal"));
    let answer = anomal_tests::http::get(
        &format!("http://{}", release.pages()),
        &report_path(&status),
        &[&format!("authorization: Bearer {other}")],
    );
    assert_eq!(answer.status, 401, "{}", answer.text());
    let held = cluster.kubectl(&["get", "clusterroles", "--output=name"]).unwrap();
    assert!(!held.contains(&format!("{}-anomal-operator", release.home.name)), "{held}");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn without_tls_and_service_account_tokens_there_is_one_shared_token() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    let (home, users) = places(cluster, "open");
    let release = Release::install(home, "no-auth", &json!({}));
    let shared = secret(&release.home, "anomal-report-engine-token", "token").unwrap();
    // It is copied to the jobs' namespace, as the notes say.
    let literal = format!("--from-literal=token={shared}");
    users
        .kubectl(&["create", "secret", "generic", "anomal-report-engine-token", &literal])
        .unwrap();
    let status = quickstart(&users, |job| {
        job["spec"]["runner"]["env"] = json!([{
            "name": "ANOMAL_REPORT_TOKEN",
            "valueFrom": {"secretKeyRef": {"name": "anomal-report-engine-token", "key": "token"}},
        }]);
    });
    assert_report_served_to(&release, &shared, &status, "Quickstart");
    let notes = release.helm_output(&["get", "notes", "anomal"]);
    for warning in
        ["TLS is off", "auth.enabled is off", "they are lost with the pod of the report engine"]
    {
        assert!(notes.contains(warning), "{notes}");
    }
    assert!(release.helm_output(&["test", "anomal"]).contains("Succeeded"));
    // An upgrade keeps the token.
    release.upgrade("no-auth", &json!({"logging": {"level": "debug"}}));
    assert_eq!(secret(&release.home, "anomal-report-engine-token", "token").unwrap(), shared);
}

/// Labels the nodes as the pool `batch`, until dropped.
struct NodePoolLabel(&'static Cluster);

impl NodePoolLabel {
    fn new(cluster: &'static Cluster) -> Self {
        cluster.kubectl(&["label", "nodes", "--all", "--overwrite", "pool=batch"]).unwrap();
        Self(cluster)
    }
}

impl Drop for NodePoolLabel {
    fn drop(&mut self) {
        let _ = self.0.kubectl(&["label", "nodes", "--all", "pool-"]);
    }
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn replicas_share_a_bucket() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    let Some(machine) = cluster.machine_address() else {
        return anomal_tests::skip("pods of a named cluster don't reach this machine");
    };
    let Some(s3) = S3::start_at(machine) else { return };
    s3.bucket("anomal");
    let (home, users) = places(cluster, "production");
    let [address, http, region, id, key] = s3.environment();
    let literals =
        [&address, &http, &id, &key].map(|(name, value)| format!("--from-literal={name}={value}"));
    let create = ["create", "secret", "generic", "anomal-store"];
    home.kubectl(&[&create[..], &literals.each_ref().map(String::as_str)].concat()).unwrap();
    // The node has one pool; an image that was not pushed has no digest; the server has its own region.
    let _pool = NodePoolLabel::new(cluster);
    let more = json!({
        "classification": {"nodeSelector": {"pool": "batch"}, "image": {"digest": ""}},
        "report": {"extraEnv": [{"name": region.0, "value": region.1}]},
    });
    let release = Release::install(home, "production", &more);
    let status = quickstart(&users, |_| ());
    assert_eq!(status["reportURL"], format!("https://anomal.example{}", report_path(&status)));
    // Each replica serves the report.
    assert_eq!(release.pods("report-engine").len(), 2);
    for _ in 0..6 {
        assert_report_served(&release, &users, &status, "Quickstart");
    }
    let keys = s3.keys("anomal");
    assert!(keys.iter().any(|key| key.starts_with("reports/reports/")), "{keys:?}");
    let budgets = release.home.kubectl(&["get", "poddisruptionbudgets", "--output=name"]).unwrap();
    assert_eq!(budgets.lines().count(), 4, "{budgets}");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn replicas_share_a_volume_and_pages_are_served_over_tls() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    let (home, users) = places(cluster, "shared");
    let _reports = Volume::new(&home, "anomal-report-engine", "nfs", "ReadWriteMany");
    let file = ci_file("shared-volume");
    let objects = rendered(cluster, &home.name, &["--values", &file]).unwrap();
    // The user's own certificates for the names of the Services.
    let authority = Authority::new();
    for service in of_kind(&objects, "Service") {
        let name = service["metadata"]["name"].as_str().unwrap();
        let engine = name.trim_start_matches("anomal-").trim_end_matches("-engine");
        let mut names = vec![format!("{name}.{}.svc", home.name)];
        if name == "anomal-report-engine" {
            names.push(format!("anomal-report.{}.svc", home.name));
        }
        if name.ends_with("-engine") {
            authority.secret(&home, &format!("{engine}-tls"), &names);
        }
    }
    authority.secret(&home, "company-ca", &["unused.example".into()]);
    home.kubectl(&["create", "serviceaccount", "reports"]).unwrap();
    let key = format!("--from-literal=session-key={}", "k".repeat(48));
    home.kubectl(&["create", "secret", "generic", "anomal-session", &key]).unwrap();
    let release = Release::install(home, "shared-volume", &json!({}));
    fs::write(release.ca.path(), &authority.pem).unwrap();
    let status = quickstart(&users, |_| ());
    let name = format!("anomal-report.{}.svc", release.home.name);
    assert_eq!(status["reportURL"], format!("https://{name}:443{}", report_path(&status)));
    assert_eq!(release.pods("report-engine").len(), 2);
    let token = token(&users, Some("anomal"));
    for _ in 0..4 {
        let answer = over_tls(&release, &name, &report_path(&status), &token);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("Quickstart"), "{answer}");
    }
    let answer = over_tls(&release, &name, &report_path(&status), "nothing");
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

/// A page's response over TLS, with its certificate verified.
fn over_tls(release: &Release, name: &str, path: &str, token: &str) -> String {
    let ca = release.ca.path().to_str().unwrap();
    let mut command = Command::new("openssl");
    command.args(["s_client", "-quiet", "-verify_quiet", "-verify_return_error"]);
    command.args(["-connect", &release.pages(), "-CAfile", ca]);
    command.args(["-servername", name, "-verify_hostname", name]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let asked = format!(
        "GET {path} HTTP/1.1\r\nhost: {name}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    input.write_all(asked.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(input);
    assert!(!output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
