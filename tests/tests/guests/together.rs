//! Packs of all kinds in one job: in one process and through replicas, with the same bytes.

use std::{fs, process::Command};

use anomal_tests::{Engine, RunOutput, TempDir, Workspace, program, repository, skip};
use serde_json::{Value, json};

use crate::everything::{Everything, HOUSE};

fn job() -> Value {
    let example = fs::read_to_string(repository().join("examples/dns/job.yaml")).unwrap();
    let mut job: Value = serde_saphyr::from_str(&example).unwrap();
    let spec = if job["spec"].is_object() { job["spec"].take() } else { job };
    let mut spec = spec;
    spec["packs"].as_array_mut().unwrap().push(json!({"name": "house", "ref": "house"}));
    spec["classification"] = json!({"engine": "HBOS"});
    spec["outputs"] =
        json!([{"csv": {"path": "out.csv", "include": ["features", "contributions"]}}]);
    spec.as_object_mut().unwrap().remove("report");
    spec
}

fn run(workspace: &Workspace, home: &TempDir, more: &[&str]) -> RunOutput {
    let arguments = ["run", "job.yaml", "--secrets", "secrets", "--trust", "trust.yaml"];
    anomal(Command::new(program("anomal")), workspace, home, &[&arguments, more].concat())
}

fn anomal(
    mut command: Command,
    workspace: &Workspace,
    home: &TempDir,
    arguments: &[&str],
) -> RunOutput {
    command.current_dir(workspace.folder.path()).args(arguments);
    for name in ["XDG_CACHE_HOME", "DOCKER_CONFIG", "ANOMAL_OFFLINE"] {
        command.env_remove(name);
    }
    command.env("HOME", home.path()).output().unwrap().into()
}

/// A program in a network namespace of its own, which has no routes and no interface that is up.
fn without_network(program: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net", program]);
    command
}

/// What a job needs beside the servers.
fn workspace(servers: &Everything) -> Workspace {
    let records = fs::read(repository().join("examples/dns/dns.csv")).unwrap();
    let files: [(&str, &[u8]); 2] = [("dns.csv", &records), ("house/pack.yaml", HOUSE.as_bytes())];
    let workspace = Workspace::with_files(&files);
    let mut spec = job();
    servers.add_to(&mut spec);
    workspace.write("job.yaml", spec.to_string().as_bytes());
    workspace.write("trust.yaml", servers.trust().to_string().as_bytes());
    workspace
}

#[test]
fn packs_of_all_kinds_run_together_with_the_same_bytes_everywhere() {
    let Some(servers) = Everything::start("127.0.0.1") else { return };
    let workspace = workspace(&servers);
    let home = TempDir::new().unwrap();
    workspace.write("trust.yaml", br#"{"apiVersion": "anomal.dev/trust/v1"}"#);
    servers.write_secrets(&workspace.path("secrets"));

    // Code that no policy allows.
    let line = format!("allow: {{digests: [{}]}}", servers.digest);
    run(&workspace, &home, &[]).expect(2, &["packs[2].ref", &line]);
    workspace.write("trust.yaml", servers.trust().to_string().as_bytes());
    run(&workspace, &home, &[]).expect(0, &[]);
    let expected = workspace.read("out.csv");
    for part in ["length", "long", "list_hit"] {
        assert!(expected.contains(part), "no {part}");
    }

    let engines: Vec<Engine> =
        (0..3).map(|_| Engine::start_with("anomal-feature-engine", &["--packs", "any"])).collect();
    let addresses: Vec<String> = engines
        .iter()
        .map(|engine| format!("http://{}", engine.address.trim_start_matches("http://")))
        .collect();
    let remote: Vec<&str> =
        addresses.iter().flat_map(|address| ["--feature-engine", address.as_str()]).collect();
    run(&workspace, &home, &remote).expect(0, &[]);
    assert!(workspace.read("out.csv") == expected, "replicas give other bytes");

    // Without the registry and the server, from the cache.
    drop(servers);
    run(&workspace, &home, &["--offline"]).expect(0, &[]);
    assert!(workspace.read("out.csv") == expected, "the cache gives other bytes");

    // By default an engine runs no code.
    let careful = Engine::start("anomal-feature-engine");
    let address = format!("http://{}", careful.address.trim_start_matches("http://"));
    run(&workspace, &home, &["--offline", "--feature-engine", &address])
        .expect(2, &["--packs declarative", "--packs signed"]);
}

#[test]
fn exported_packs_run_where_there_is_no_network() {
    if !without_network("true").status().is_ok_and(|status| status.success()) {
        return skip("namespaces of networks can't be made here");
    }
    let Some(servers) = Everything::start("127.0.0.1") else { return };
    let here = workspace(&servers);
    servers.write_secrets(&here.path("secrets"));
    let home = TempDir::new().unwrap();
    run(&here, &home, &[]).expect(0, &[]);
    let expected = here.read("out.csv");
    let export = ["pack", "export", "job.yaml", "-o", "packs.tar", "--trust", "trust.yaml"];
    let export = [&export[..], &["--secrets", "secrets"]].concat();
    anomal(Command::new(program("anomal")), &here, &home, &export).expect(0, &[]);

    let there = workspace(&servers);
    servers.write_secrets(&there.path("secrets"));
    fs::copy(here.path("packs.tar"), there.path("packs.tar")).unwrap();
    let home = TempDir::new().unwrap();
    let away = || without_network(program("anomal").to_str().unwrap());
    let job = ["run", "job.yaml", "--trust", "trust.yaml"];
    let offline = [&job[..], &["--offline"]].concat();
    anomal(away(), &there, &home, &[&job[..], &["--secrets", "secrets"]].concat()).expect(4, &[]);
    anomal(away(), &there, &home, &offline).expect(2, &["is not in the cache"]);
    anomal(away(), &there, &home, &["pack", "import", "packs.tar"]).expect(0, &[]);
    anomal(away(), &there, &home, &offline).expect(0, &[]);
    assert!(there.read("out.csv") == expected, "other bytes without a network");
}
