//! Packs in a cluster: from a private registry, through engines that come and go, for tenants who share them.

use std::{collections::BTreeMap, sync::Arc};

use anomal_core::{Code, FeatureEngine, FeatureSettings, PlanRequest};
use anomal_feature::RemoteFeatureEngine;
use anomal_packs::Artifact;
use anomal_spec::{PackDetails, PackSetting, RemoteEngine};
use anomal_testbed::Cluster;
use anomal_tests::{
    TempDir, Workspace,
    cluster::{Namespace, PATIENCE, cluster, eventually},
    program, skip,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{
    everything::{Everything, HOUSE},
    installation::{Release, answered, apply_definition, exclusive_turn, token},
    jobs::{completes, dns, dns_on_a_claim, files, results},
    throttled_file::ThrottledFile,
};

/// Packs that the engine keeps for one namespace.
const MAX_PACKS: usize = 3;

fn secret(namespace: &Namespace, name: &str, kind: &str, keys: Vec<(&'static str, String)>) {
    let data: BTreeMap<&str, String> = keys.into_iter().collect();
    namespace.apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": {"name": name}, "stringData": data,
    }));
}

/// Two feature engines that accept the code of these servers.
fn engines(
    cluster: &'static Cluster,
    home: &str,
    servers: &Everything,
    max_packs: usize,
) -> Release {
    apply_definition(cluster);
    let values = json!({
        "crds": {"enabled": false},
        "feature": {"replicas": 2},
        "packs": {"policy": "any", "trust": servers.trust(), "maxPacks": max_packs},
    });
    Release::install(Namespace::new(cluster, home), "engines", &values)
}

/// The DNS example on a claim with packs of all kinds.
fn job(servers: &Everything) -> Value {
    let mut job = dns_on_a_claim("files");
    let house: Value = serde_saphyr::from_str(HOUSE).unwrap();
    let spec = &mut job["spec"];
    spec["classification"] = json!({"engine": "HBOS"});
    spec["backoffLimit"] = 0.into();
    spec.as_object_mut().unwrap().remove("report");
    let packs = spec["packs"].as_array_mut().unwrap();
    packs.push(json!({"name": "house", "inline": {"components": house["components"]}}));
    servers.add_to(spec);
    job
}

/// The results of the same job in one process on this machine.
fn expected(job: &Value, servers: &Everything, records: &[u8]) -> Vec<u8> {
    let mut spec = job["spec"].clone();
    for part in ["runner", "report", "engines"] {
        spec.as_object_mut().unwrap().remove(part);
    }
    spec["input"]["csv"]["path"] = "in/dns.csv".into();
    let workspace = Workspace::with_files(&[("in/dns.csv", records), ("out/.keep", b"")]);
    workspace.write("job.yaml", spec.to_string().as_bytes());
    workspace.write("trust.yaml", servers.trust().to_string().as_bytes());
    servers.write_secrets(&workspace.path("secrets"));
    let home = TempDir::new().unwrap();
    let mut run = std::process::Command::new(program("anomal"));
    run.args(["run", "job.yaml", "--secrets", "secrets", "--trust", "trust.yaml"]);
    run.current_dir(workspace.folder.path()).env("HOME", home.path());
    anomal_tests::RunOutput::from(run.output().unwrap()).expect(0, &[]);
    workspace.bytes("out/results.csv")
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn packs_come_from_a_private_registry_and_stay_with_their_tenant() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    let Some(machine) = cluster.machine_address() else {
        return skip("pods of a named cluster don't reach this machine");
    };
    let Some(servers) = Everything::start(machine) else { return };
    let release = engines(cluster, "packs", &servers, MAX_PACKS);
    let [mine, theirs, wrong] =
        ["packs-a", "packs-b", "packs-c"].map(|name| Namespace::new(cluster, name));
    let docker = "kubernetes.io/dockerconfigjson";
    secret(&mine, "registry", docker, servers.registry_secret());
    secret(&mine, "files", "Opaque", servers.files_secret());
    let job = job(&servers);
    let volume = files(&mine, "files", &dns());
    mine.apply(&job);
    let name = job["metadata"]["name"].as_str().unwrap();
    completes(&mine, name);
    assert!(
        results(&volume) == expected(&job, &servers, &dns()),
        "other bytes than in one process"
    );

    // A namespace without the secret: the pod waits, and the status says for what.
    let _volume = files(&theirs, "files", &dns());
    theirs.apply(&job);
    eventually("the reason why the pod waits", PATIENCE, || {
        let status = theirs.status(name).to_string();
        let secret = ["registry", "files"].iter().any(|name| status.contains(name));
        (secret && status.contains("not found")).then_some(())
    });

    // With another user's secret: the registry refuses, and the status says so.
    let _files = files(&wrong, "files", &dns());
    let keys = servers.registry_secret().into_iter().map(|(key, value)| match key {
        "ca.crt" => (key, value),
        _ => (key, value.replacen("\"auth\":\"", "\"auth\":\"YTpi\",\"x\":\"", 1)),
    });
    secret(&wrong, "registry", docker, keys.collect());
    secret(&wrong, "files", "Opaque", servers.files_secret());
    wrong.apply(&job);
    let status = wrong.wait_for_status(name, "Failed", "*").to_string();
    assert!(
        status.contains("packs[2].ref") && status.contains("the registry refuses it"),
        "{status}"
    );

    // A reference without a digest.
    let mut loose = job.clone();
    loose["metadata"]["name"] = "loose".into();
    let reference = loose["spec"]["packs"][2]["ref"].as_str().unwrap().to_owned();
    loose["spec"]["packs"][2]["ref"] = reference.split('@').next().unwrap().into();
    wrong.apply(&loose);
    let status = wrong.wait_for_status("loose", "Invalid", "*").to_string();
    assert!(status.contains("has no digest"), "{status}");

    tenants_share_an_engine_and_no_packs(&release, &mine, &theirs, &servers);
    assert_refused_code_is_in_the_status(&release, &mine, &job);
}

/// Batches of the job whose engines move.
const BATCHES: usize = 8;

/// The records of the DNS example, this many times.
fn repeated(times: usize) -> Vec<u8> {
    let records = dns();
    let header = records.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    [&records[..header], &records[header..].repeat(times)].concat()
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn engines_that_come_during_a_run_are_sent_its_packs() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    let Some(machine) = cluster.machine_address() else {
        return skip("pods of a named cluster don't reach this machine");
    };
    let Some(servers) = Everything::start(machine) else { return };
    let release = engines(cluster, "packs-moving", &servers, 64);
    let users = Namespace::new(cluster, "packs-moving-users");
    secret(&users, "registry", "kubernetes.io/dockerconfigjson", servers.registry_secret());
    secret(&users, "files", "Opaque", servers.files_secret());
    let volume = files(&users, "files", b"");
    let file = ThrottledFile::start(machine, repeated(BATCHES * 65_536 / 5_000));
    let mut job = job(&servers);
    let spec = &mut job["spec"];
    spec["input"]["csv"]["path"] = file.url().into();
    spec["flags"].as_array_mut().unwrap().retain(|flag| flag["type"] == "direct");
    spec["outputs"] = json!([{"csv": {"path": "out/results.csv", "rows": "suspicious"}}]);
    let expected = expected(&job, &servers, file.content());
    let name = job["metadata"]["name"].as_str().unwrap();
    users.apply(&job);

    file.allow(file.content().len() / 3);
    eventually("the run to call", PATIENCE, || {
        (release.answered("feature-engine", "Extract") >= 2).then_some(())
    });
    // One of two engines is lost, and two others come, which have no packs yet.
    let before = release.pods("feature-engine");
    let (lost, left) = (&before[0].0, &before[1].0);
    let delete = ["delete", "pod", lost, "--force", "--grace-period=0", "--wait=false"];
    release.home.kubectl(&delete).unwrap();
    let scale = ["scale", "deployment/anomal-feature-engine", "--replicas=3"];
    release.home.kubectl(&scale).unwrap();
    let come = eventually("three engines", PATIENCE, || {
        let mut pods = release.pods("feature-engine");
        pods.retain(|(name, _)| name != lost && name != left);
        (pods.len() == 2).then_some(pods)
    });
    eventually("their part of the work", PATIENCE, || {
        file.allow(file.content().len() / BATCHES / 8);
        come.iter().all(|(_, address)| answered(address, "Extract") > 0).then_some(())
    });
    file.release();
    let status = completes(&users, name);
    assert_eq!(status["attempts"], 1, "{status:#}");
    assert!(results(&volume) == expected, "other bytes than in one process");
}

fn engine(release: &Release, tenant: &Namespace, folder: &TempDir) -> RemoteEngine {
    let file = folder.path().join(&tenant.name);
    std::fs::write(&file, token(tenant, Some("anomal"))).unwrap();
    let token_file = Some(file.display().to_string());
    RemoteEngine { token_file, ..release.engine("feature-engine", 7401) }
}

fn tenants_share_an_engine_and_no_packs(
    release: &Release,
    mine: &Namespace,
    theirs: &Namespace,
    servers: &Everything,
) {
    let folder = TempDir::new().unwrap();
    let [own, other] = [mine, theirs].map(|tenant| engine(release, tenant, &folder));
    let plan = |digest: String| {
        let details =
            PackDetails { name: "code".into(), digest: Some(digest), ..PackDetails::default() };
        let packs = vec![PackSetting::Detailed(Box::new(details))];
        let settings = FeatureSettings { packs, ..FeatureSettings::default() };
        PlanRequest { settings, schema: Vec::new(), times: Vec::new() }
    };
    Runtime::new().unwrap().block_on(async {
        let own = RemoteFeatureEngine::connect(&own).await.unwrap();
        let other = RemoteFeatureEngine::connect(&other).await.unwrap();
        // The run has sent it, for its own namespace.
        own.plan(plan(servers.digest.clone())).await.unwrap();
        let refused = other.plan(plan(servers.digest.clone())).await.unwrap_err();
        assert_eq!((refused.code, refused.reason.as_str()), (Code::NotFound, "PACK_ABSENT"));
        let listed = other.list_packs().await.unwrap();
        assert!(listed.packs.is_empty() && listed.policy == "any", "{listed:?}");
        // Nor more packs than the quota, each of which is used just now.
        for index in 0..=MAX_PACKS {
            let list = Artifact::from_list_file(format!("{index}.example\n")).unwrap();
            other.put_pack(Arc::new(list.to_upload())).await.unwrap();
            let planned = other.plan(plan(list.pin().to_string())).await;
            if index < MAX_PACKS {
                planned.unwrap();
            } else {
                assert_eq!(planned.unwrap_err().reason, "PACK_QUOTA");
            }
        }
    });
}

/// An engine that accepts no code: the run fails, and says which pack and why.
fn assert_refused_code_is_in_the_status(release: &Release, mine: &Namespace, job: &Value) {
    release.upgrade("engines", &json!({"crds": {"enabled": false}, "feature": {"replicas": 1}}));
    let mut again = job.clone();
    again["metadata"]["name"] = "refused".into();
    mine.apply(&again);
    let status = mine.wait_for_status("refused", "Failed", "*").to_string();
    // Neither the runner's policy nor the engine allows it any longer.
    assert!(status.contains("packs[2].ref") && status.contains("allow"), "{status}");
}
