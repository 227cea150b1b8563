//! Two users of one release, each with a namespace: neither can access anything of the other through shared services.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anomal_core::{
    Code, Error, ReportEngine,
    proto::{ExportFormat, ExportReportRequest, ListReportsRequest},
};
use anomal_report::RemoteReportEngine;
use anomal_tests::{
    Workspace,
    cluster::{Namespace, PATIENCE, cluster, eventually, job, job_with},
    http,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{
    chart::{list, name},
    installation::{Release, apply_definition, exclusive_turn, token},
    jobs::{quickstart, report_path},
};

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn tenants_are_isolated() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    apply_definition(cluster);
    let home = Namespace::new(cluster, "tenancy");
    let values = json!({"crds": {"enabled": false}, "report": {"store": {"type": "emptyDir"}}});
    let release = Release::install(home, "default", &values);
    let [mine, theirs] = ["tenant-a", "tenant-b"].map(|name| Namespace::new(cluster, name));
    let reports = [&mine, &theirs].map(|tenant| report_path(&quickstart(tenant, |_| ())));

    assert_reports_are_private(&release, [&mine, &theirs], &reports);
    assert_publishing_is_limited_to_the_own_namespace(&release, [&mine, &theirs]);
    assert_other_tokens_are_refused(&release, &mine, &reports[0]);
    assert_only_the_jobs_pod_connects(&release, &mine);
    assert_secrets_are_private([&mine, &theirs]);
    assert_paths_are_on_volumes(&mine);
    assert_judging_needs_its_right(&release, &mine, &reports[0]);
    // Takes a right away.
    assert_engines_need_only_token_reviews(&release, &mine, &reports[0]);
}

/// An account that may read a report judges its incidents only with the right to create `anomalyjobs/verdicts`.
fn assert_judging_needs_its_right(release: &Release, tenant: &Namespace, report: &str) {
    let pages = format!("http://{}", release.pages());
    let bearer = format!("authorization: Bearer {}", token(tenant, Some("anomal")));
    let form = "chosen=1&after=0&verdict=benign&who=forged&note=known";
    let judge = || http::post(&pages, &format!("{report}/verdicts"), &[&bearer], form);
    let refused = judge();
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("anomalyjobs/verdicts"), "{}", refused.text());
    tenant.apply(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "judges"},
        "rules": [{"apiGroups": ["anomal.dev"], "resources": ["anomalyjobs/verdicts"], "verbs": ["create"]}],
    }));
    tenant.apply(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "judges"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "judges"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": tenant.name}],
    }));
    // A denial is cached for five seconds.
    eventually("the right to judge", PATIENCE, || (judge().status == 303).then_some(()));
    let path = format!("/verdicts?namespace={}&job=quickstart", tenant.name);
    let list = http::get(&pages, &path, &[&bearer]).text();
    let user = format!("system:serviceaccount:{}:default", tenant.name);
    assert!(list.contains(&user) && !list.contains("forged"), "{list}");
}

/// Connects to the report engine over gRPC with a token.
fn connect(release: &Release, runtime: &Runtime, token: &str) -> Result<RemoteReportEngine, Error> {
    let engine = release.engine("report-engine", 7403);
    runtime.block_on(RemoteReportEngine::connect(&engine, Some(token)))
}

fn id(path: &str) -> String {
    path.strip_prefix("/reports/").unwrap().to_owned()
}

fn assert_reports_are_private(release: &Release, tenants: [&Namespace; 2], paths: &[String; 2]) {
    let runtime = Runtime::new().unwrap();
    let tokens = tenants.map(|tenant| token(tenant, Some("anomal")));
    let [mine, theirs] = tokens.each_ref().map(|token| connect(release, &runtime, token).unwrap());
    let [own, other] = paths.each_ref().map(|path| id(path));
    runtime.block_on(async {
        let all = mine.list(ListReportsRequest::default()).await.unwrap();
        let seen: BTreeSet<_> =
            all.reports.iter().map(|report| report.namespace.as_str()).collect();
        assert_eq!((seen, all.total), ([tenants[0].name.as_str()].into(), 1));
        let named = ListReportsRequest { namespace: tenants[1].name.clone(), ..Default::default() };
        let named = mine.list(named).await;
        assert!(named.is_ok_and(|named| named.reports.is_empty() && named.total == 0));

        mine.get(&own).await.unwrap();
        assert_eq!(mine.get(&other).await.unwrap_err().code, Code::PermissionDenied);
        for format in [ExportFormat::Csv, ExportFormat::Parquet, ExportFormat::Html] {
            let id = other.clone();
            let request = ExportReportRequest { id, format: format.into(), ..Default::default() };
            let error = mine.export(request).await.err().map(|error| error.code);
            assert_eq!(error, Some(Code::PermissionDenied), "{format:?}");
        }
        assert_eq!(mine.delete(&other).await.unwrap_err().code, Code::PermissionDenied);
        theirs.get(&other).await.unwrap();
    });

    // The same on the pages.
    let pages = format!("http://{}", release.pages());
    let bearer = format!("authorization: Bearer {}", tokens[0]);
    let list = http::get(&pages, "/", &[&bearer]);
    assert_eq!(list.status, 200);
    assert!(list.text().contains(&own) && !list.text().contains(&other), "{}", list.text());
    assert!(!list.text().contains(&tenants[1].name), "{}", list.text());
    for below in [
        "",
        "/incidents",
        "/suspects",
        "/flags",
        "/explain/clusters",
        "/explain/behaviour",
        "/run",
        "/rows/8",
        "/download/all.csv",
    ] {
        let [own, other] =
            paths.each_ref().map(|path| http::get(&pages, &format!("{path}{below}"), &[&bearer]));
        assert_eq!((own.status, other.status), (200, 403), "{below}: {}", other.text());
        assert!(!other.text().contains("large payments"), "{}", other.text());
    }
}

/// A runner with one tenant's token can't publish for another namespace.
fn assert_publishing_is_limited_to_the_own_namespace(release: &Release, tenants: [&Namespace; 2]) {
    let engine = release.engine("report-engine", 7403);
    let publish = |namespace: &str| {
        let mut job = job("forged");
        job["metadata"]["namespace"] = namespace.into();
        let spec = job["spec"].as_object_mut().unwrap();
        spec.remove("runner");
        spec.insert("report".into(), json!({"title": "Forged"}));
        spec.insert("engines".into(), json!({"report": engine}));
        let logs = b"name,bytes,answers\na,1,2\nb,2,3\nc,1,3\nd,90,80\n";
        let workspace = Workspace::with_files(&[("in/logs.csv", logs)]);
        workspace.write("job.yaml", job.to_string().as_bytes());
        let mut command = workspace.command(&["run", "job.yaml"]);
        command.env("ANOMAL_REPORT_TOKEN", token(tenants[0], Some("anomal")));
        anomal_tests::RunOutput::from(command.output().unwrap())
    };
    let refused = publish(&tenants[1].name);
    assert_ne!(refused.code, Some(0), "{refused:#?}");
    let message = "may publish its reports";
    assert!(refused.stderr.contains(message), "{refused:#?}");
    publish(&tenants[0].name).expect(0, &[]);
    let runtime = Runtime::new().unwrap();
    let theirs = connect(release, &runtime, &token(tenants[1], Some("anomal"))).unwrap();
    let seen = runtime.block_on(theirs.list(ListReportsRequest::default())).unwrap();
    assert_eq!(seen.total, 1, "{seen:#?}");
}

/// Tokens for another audience or for the API server, and missing tokens, are refused.
fn assert_other_tokens_are_refused(release: &Release, tenant: &Namespace, report: &str) {
    let runtime = Runtime::new().unwrap();
    let pages = format!("http://{}", release.pages());
    let wrong = [token(tenant, Some("elsewhere")), token(tenant, None), "nothing".to_owned()];
    for token in &wrong {
        let refused = connect(release, &runtime, token).err().map(|error| error.code);
        assert_eq!(refused, Some(Code::Unauthenticated));
        let bearer = format!("authorization: Bearer {token}");
        assert_eq!(http::get(&pages, report, &[&bearer]).status, 401);
        assert_eq!(run_with_token(release, Some(token)).code, Some(4));
    }
    assert_eq!(run_with_token(release, None).code, Some(4));
    run_with_token(release, Some(&token(tenant, Some("anomal")))).expect(0, &[]);
}

/// Runs a job on this machine through the release's engines, with this token.
fn run_with_token(release: &Release, token: Option<&str>) -> anomal_tests::RunOutput {
    let logs = b"name,bytes,answers\na,1,2\nb,2,3\nc,1,3\nd,90,80\n";
    let workspace = Workspace::with_files(&[("in/logs.csv", logs)]);
    let mut spec = job("here")["spec"].clone();
    spec.as_object_mut().unwrap().remove("runner");
    let mut engine = release.engine("feature-engine", 7401);
    if let Some(token) = token {
        workspace.write("token", token.as_bytes());
        engine.token_file = Some(workspace.path("token").display().to_string());
    }
    spec["engines"] = json!({"feature": engine});
    workspace.write("job.yaml", spec.to_string().as_bytes());
    workspace.anomal(&["run", "job.yaml"])
}

/// Only the job's own pod connects to the addresses that a job names.
fn assert_only_the_jobs_pod_connects(release: &Release, tenant: &Namespace) {
    let Some(machine) = tenant.cluster.machine_address() else { return };
    for (job, classification, named) in [
        ("external", json!({"engine": "External"}), ""),
        ("judged", json!({"engine": "KNN"}), "classification"),
        ("made", json!({"engine": "KNN"}), "feature"),
    ] {
        let listener = TcpListener::bind((machine, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let called = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&called);
        thread::spawn(move || {
            for stream in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
                drop(stream);
            }
        });
        let address = format!("http://{machine}:{port}");
        tenant.apply(&job_with(job, |spec| {
            spec["classification"] = classification;
            spec["backoffLimit"] = 0.into();
            if named.is_empty() {
                spec["classification"]["endpoint"] = address.into();
            } else {
                spec["engines"] = json!({named: {"endpoints": [address]}});
            }
        }));
        eventually("the address to be called", PATIENCE, || {
            (called.load(Ordering::SeqCst) > 0).then_some(())
        });
        // The node translates its pods' addresses to its own, and tracks them.
        let port = port.to_string();
        let ask = ["conntrack", "-L", "-p", "tcp", "--orig-port-dst", &port];
        let lines = tenant.cluster.inside(&ask).unwrap();
        let first = |line: &str| {
            let source = line.split_whitespace().find_map(|word| word.strip_prefix("src="));
            source.map(str::to_owned)
        };
        let callers: BTreeSet<String> = lines.lines().filter_map(first).collect();
        assert!(!callers.is_empty(), "{lines}");
        // A pod's address is reported shortly after it is assigned.
        let of_jobs = eventually("the pods' addresses", PATIENCE, || {
            let component = "--selector=app.kubernetes.io/component=runner";
            let pods = tenant.kubectl(&["get", "pods", "--output=json", component]).ok()?;
            let pods: Value = serde_json::from_str(&pods).ok()?;
            let address = |pod: &Value| pod["status"]["podIP"].as_str().map(str::to_owned);
            let pods = list(&pods["items"]).iter();
            pods.map(|pod| Some((address(pod)?, name(pod).to_owned())))
                .collect::<Option<BTreeMap<_, _>>>()
        });
        for caller in &callers {
            let pod = of_jobs.get(caller);
            let own = pod.is_some_and(|pod| pod.starts_with(&format!("{job}-")));
            assert!(own, "{job}: {caller} of {of_jobs:?}: {lines}");
        }
        for component in ["feature-engine", "classification-engine", "report-engine"] {
            assert!(!callers.contains(&release.address(component)), "{job}: {lines}");
        }
        tenant.kubectl(&["delete", "anomalyjob", job]).unwrap();
    }
}

/// A Secret of the same name in another namespace is not used.
fn assert_secrets_are_private(tenants: [&Namespace; 2]) {
    let literals = ["--from-literal=accessKeyId=a", "--from-literal=secretAccessKey=b"];
    let create = ["create", "secret", "generic", "private"];
    tenants[1].kubectl(&[&create, &literals[..]].concat()).unwrap();
    let mounted = |spec: &mut Value| {
        let runner = &mut spec["runner"];
        let volume = json!({"name": "private", "secret": {"secretName": "private"}});
        runner["volumes"].as_array_mut().unwrap().push(volume);
        let mount = json!({"name": "private", "mountPath": "/data/private"});
        runner["volumeMounts"].as_array_mut().unwrap().push(mount);
    };
    let taken = |spec: &mut Value| {
        spec["runner"]["env"] = json!([{
            "name": "KEY", "valueFrom": {"secretKeyRef": {"name": "private", "key": "accessKeyId"}},
        }]);
    };
    tenants[0].apply(&job_with("mounts", mounted));
    tenants[0].apply(&job_with("takes", taken));
    for job in ["mounts", "takes"] {
        tenants[0].wait_for_status(job, "Pending", "SecretNotFound");
        tenants[0].kubectl(&["delete", "anomalyjob", job]).unwrap();
    }
    tenants[1].apply(&job_with("mounts", mounted));
    tenants[1].wait_for_status("mounts", "Complete", "*");
}

/// The pod's own files and token can't be read as records.
fn assert_paths_are_on_volumes(tenant: &Namespace) {
    for (number, path) in [
        "/etc/passwd",
        "/etc/anomal/ca.crt",
        "/var/run/secrets/anomal.dev/identity/token",
        "/proc/self/environ",
        "../../etc/passwd",
        "in/../../etc/passwd",
        "file:///etc/passwd",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("path-{number}");
        let job = job_with(&name, |spec| spec["input"]["csv"]["path"] = path.into());
        let mut refused = job.clone();
        refused["metadata"]["namespace"] = tenant.name.as_str().into();
        // Refused by the API server or by the operator.
        if let Err(error) = tenant.cluster.apply(&refused.to_string()) {
            assert!(error.to_string().contains("path"), "{path}: {error}");
            continue;
        }
        let status = tenant.wait_for_status(&name, "Invalid", "InvalidSpec");
        let message = status["conditions"][0]["message"].as_str().unwrap();
        assert!(message.contains("spec.input.csv.path"), "{path}: {message}");
        let made =
            tenant.kubectl(&["get", "jobs", "--selector", &format!("anomal.dev/job={name}")]);
        assert!(!made.unwrap().contains(&name), "{path}");
    }
}

/// An engine without the right to review tokens refuses all clients; and it has no other rights.
fn assert_engines_need_only_token_reviews(release: &Release, tenant: &Namespace, report: &str) {
    let account = format!("system:serviceaccount:{}:anomal-feature-engine", release.home.name);
    let may = ["auth", "can-i", "--list", "--as", &account, "--no-headers"];
    let may = release.home.kubectl(&may).unwrap();
    for line in may.lines() {
        // Rights of all users: their own permissions, and the API server's version.
        let usual = ["tokenreviews", "selfsubject", "[/"].iter().any(|word| line.contains(word));
        assert!(usual, "{line}");
    }
    assert!(may.contains("tokenreviews.authentication.k8s.io"), "{may}");
    let binding = format!("{}-anomal-report-engine", release.home.name);
    release.home.cluster.kubectl(&["delete", "clusterrolebinding", &binding]).unwrap();
    let pages = format!("http://{}", release.pages());
    // A token that was not reviewed before.
    let status = eventually("the right to be gone", PATIENCE, || {
        let bearer = format!("authorization: Bearer {}", token(tenant, Some("anomal")));
        let answer = http::get(&pages, report, &[&bearer]);
        (answer.status != 200).then_some(answer.status)
    });
    assert_eq!(status, 503);
}
