//! Continuous jobs through the binary: files that are followed, killed processes, and results that are written once.

#[path = "stream/checkpoints.rs"]
mod checkpoints;
#[path = "stream/clocks.rs"]
mod clocks;
#[path = "stream/dead_letters.rs"]
mod dead_letters;
#[path = "stream/disk.rs"]
mod disk;
#[path = "stream/entities.rs"]
mod entities;
#[path = "stream/headings.rs"]
mod headings;
#[path = "stream/job.rs"]
mod job;
#[path = "stream/kills.rs"]
mod kills;
#[path = "stream/learning.rs"]
mod learning;
#[path = "stream/memory.rs"]
mod memory;
#[path = "stream/objects.rs"]
mod objects;
#[path = "stream/outputs.rs"]
mod outputs;
#[path = "stream/poison.rs"]
mod poison;
#[path = "stream/preload.rs"]
mod preload;
#[path = "stream/refusals.rs"]
mod refusals;
#[path = "stream/reports.rs"]
mod reports;
#[path = "stream/rotation.rs"]
mod rotation;
#[path = "stream/time.rs"]
mod time;

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::Write,
    process::Stdio,
    time::{Duration, Instant},
};

use anomal_tests::{RunOutput, Workspace, http, program, repository};

use self::job::{JOB, line, lines, results};

/// Runs the job to the end of its input.
fn catch_up(workspace: &Workspace) -> RunOutput {
    workspace.anomal(&["run", "job.yaml", "--until-caught-up", "--summary", "json"])
}

fn append(workspace: &Workspace, name: &str, text: &str) {
    let path = workspace.path(name);
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn summary(output: &RunOutput) -> serde_json::Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:#?}"))
}

#[test]
fn rows_are_judged_as_in_a_run_over_the_same_records() {
    let batch = JOB
        .split("stream:")
        .next()
        .unwrap()
        .replace("{engine: HBOS, seed: 7}", "{engine: HBOS, seed: 7, model: {load: m.anomal}}");
    let stream = JOB
        .replace("{engine: HBOS, seed: 7}", "{engine: HBOS, seed: 7, model: {load: m.anomal}}")
        .replace(
            "  warmUp: {rows: 300}\n  model: {refit: {rows: 1000, shadow: {rows: 400}}}\n",
            "",
        );
    let outputs = "roles: {grouping: off}\noutputs: [{ndjson: {path: batch.ndjson, include: [features, contributions]}}]\n";
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..2_000).as_bytes()),
        ("batch.yaml", format!("{batch}{outputs}").as_bytes()),
        ("job.yaml", stream.as_bytes()),
    ]);
    workspace.anomal(&["fit", "batch.yaml", "--model", "m.anomal"]).expect(0, &[]);
    workspace.anomal(&["run", "batch.yaml"]).expect(0, &[]);
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    let stream = results(&workspace);
    let stream = stream.replace(",\"anomal.partition\":0,\"anomal.warm\":true", "");
    assert_eq!(stream.lines().count(), 2_000);
    for (stream, batch) in stream.lines().zip(workspace.read("batch.ndjson").lines()) {
        assert_eq!(stream, batch);
    }
    assert!(summary(&run)["suspicious"].as_u64().unwrap() > 0, "{run:#?}");
    assert!(summary(&run)["flagged"].as_u64().unwrap() > 0, "{run:#?}");
}

#[test]
fn a_stream_follows_until_it_is_stopped_and_continues() {
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    let start = || {
        let mut command = workspace.command(&["run", "job.yaml", "--summary", "json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let wait_for = |rows: usize| {
        let since = Instant::now();
        loop {
            let found = results(&workspace).lines().count();
            if found >= rows {
                assert_eq!(found, rows);
                return;
            }
            assert!(since.elapsed() < Duration::from_mins(1), "{found} of {rows} rows");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let terminate = |child: std::process::Child| -> RunOutput {
        let killed = std::process::Command::new("kill").arg(child.id().to_string()).status();
        assert!(killed.unwrap().success());
        child.wait_with_output().unwrap().into()
    };
    let child = start();
    wait_for(400);
    let second = workspace.anomal(&["run", "job.yaml"]);
    second.expect(2, &["stream.state.checkpoint.to", "another process runs this job"]);
    append(&workspace, "app.ndjson", &lines(400..500));
    wait_for(500);
    let first = terminate(child);
    first.expect(0, &[]);
    assert_eq!((&summary(&first)["rows"], &summary(&first)["warm"]), (&500.into(), &true.into()));

    append(&workspace, "app.ndjson", &format!("no JSON\n{}", lines(500..600)));
    let child = start();
    wait_for(600);
    let second = terminate(child);
    second.expect(0, &[]);
    let counts = summary(&second);
    assert_eq!((&counts["rows"], &counts["rejected"]), (&601.into(), &1.into()));
    assert_eq!(counts["results"], 600);
    let rejected = workspace.read("job.rejected.ndjson");
    assert_eq!(rejected.lines().count(), 1, "{rejected}");
    assert!(rejected.contains("\"line\":501") && rejected.contains("\"row\":500"), "{rejected}");
    let rows = results(&workspace);
    assert!(rows.lines().nth(299).unwrap().contains("\"anomal.warm\":false"));
    assert!(rows.lines().nth(300).unwrap().contains("\"anomal.warm\":true"));
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_is_used() {
    let (workspace, ..) = checkpoints::written();
    let newest = || {
        let state = std::fs::read_dir(workspace.path("state")).unwrap();
        let names = state.map(|entry| entry.unwrap().path());
        names.filter(|path| path.extension().is_some_and(|ending| ending == "ckpt")).max().unwrap()
    };
    let damage = |path: &std::path::Path| {
        let mut bytes = std::fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, bytes).unwrap();
    };
    let name = newest();
    damage(&name);
    append(&workspace, "app.ndjson", &lines(500..600));
    let run = catch_up(&workspace);
    let name = name.file_name().unwrap().to_str().unwrap().to_owned();
    run.expect(0, &[&name, "its checksum does not match; the one before it is used"]);
    let expected = Workspace::with_files(&[
        ("app.ndjson", lines(0..600).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    catch_up(&expected).expect(0, &[]);
    assert_eq!(results(&workspace), results(&expected));

    for entry in std::fs::read_dir(workspace.path("state")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "ckpt") {
            damage(&path);
        }
    }
    catch_up(&workspace).expect(2, &["no checkpoint can be used", "remove it to start anew"]);
}

#[test]
fn a_state_of_other_settings_is_refused_and_outputs_may_change() {
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    catch_up(&workspace).expect(0, &[]);
    let other = JOB.replace("size > 9000", "size > 8000");
    workspace.write("job.yaml", other.as_bytes());
    catch_up(&workspace)
        .expect(2, &["stream.state.checkpoint.to", "the state is of other settings"]);
    let more = JOB.replace("outputs:\n", "outputs:\n  - ndjson: {path: new.ndjson, rotate: 1h}\n");
    workspace.write("job.yaml", more.as_bytes());
    append(&workspace, "app.ndjson", &lines(400..450));
    catch_up(&workspace).expect(0, &[]);
    assert_eq!(results(&workspace).lines().count(), 450);
    // A new output begins where it is added.
    let new = workspace.read("new-000001.ndjson");
    assert_eq!(new.lines().count(), 50);
    assert!(new.contains(line(400).trim_matches(['{', '}', '\n'])), "{new}");

    // What is there without a state is not the stream's.
    std::fs::remove_dir_all(workspace.path("state")).unwrap();
    catch_up(&workspace).expect(1, &["new-000001.ndjson", "not from this stream"]);
}

#[test]
fn a_stream_continues_from_any_folder_and_with_several_files() {
    let job = JOB.replace("path: app.ndjson", "path: \"in/*.ndjson\"");
    let workspace = Workspace::with_files(&[
        ("in/a.ndjson", lines(0..400).as_bytes()),
        ("in/b.ndjson", lines(400..500).as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    catch_up(&workspace).expect(0, &[]);
    append(&workspace, "in/a.ndjson", &lines(500..600));
    append(&workspace, "in/c.ndjson", &lines(600..650));
    let file = workspace.path("job.yaml");
    let other = Workspace::default();
    let run = other.anomal(&["run", file.to_str().unwrap(), "--until-caught-up"]);
    run.expect(0, &["650 rows"]);
    assert!(other.files().is_empty());
    let rows = results(&workspace);
    let rows: Vec<serde_json::Value> =
        rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let mut ids: Vec<u64> = rows.iter().map(|row| row["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..650).collect::<Vec<u64>>());
    // Each file numbers its own records.
    let of_a = rows.iter().filter(|row| row["anomal.partition"] == 0);
    let of_a: Vec<u64> = of_a.map(|row| row["anomal.row"].as_u64().unwrap()).collect();
    assert_eq!(of_a, (0..500).collect::<Vec<u64>>());
}

#[test]
fn an_output_that_fails_gets_its_results_later() {
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    let mut command = workspace.command(&["run", "job.yaml"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let wait = |until: &dyn Fn() -> bool| {
        let since = Instant::now();
        while !until() {
            assert!(since.elapsed() < Duration::from_mins(1), "{:?}", workspace.files());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait(&|| results(&workspace).lines().count() == 400);
    let checkpoints = || std::fs::read_dir(workspace.path("state")).unwrap().count();
    let before = checkpoints();
    wait(&|| checkpoints() > before || workspace.path("state/0000000000000002.ckpt").exists());
    let newest = workspace.files().into_iter().rfind(|name| name.starts_with("results-")).unwrap();
    let (path, away) = (workspace.path(&newest), workspace.path("away"));
    std::fs::rename(&path, &away).unwrap();
    append(&workspace, "app.ndjson", &lines(400..500));
    // Long enough for a flush to fail.
    std::thread::sleep(Duration::from_secs(3));
    append(&workspace, "app.ndjson", &lines(500..600));
    std::fs::rename(&away, &path).unwrap();
    wait(&|| results(&workspace).lines().count() == 600);
    let killed = std::process::Command::new("kill").arg(child.id().to_string()).status();
    assert!(killed.unwrap().success());
    let ended: RunOutput = child.wait_with_output().unwrap().into();
    ended.expect(0, &["results wait, and writing is tried again", "takes results again"]);
    let expected = Workspace::with_files(&[
        ("app.ndjson", lines(0..600).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    catch_up(&expected).expect(0, &[]);
    assert_eq!(results(&workspace), results(&expected));
}

#[test]
fn text_logs_are_followed() {
    let job = JOB.replace("ndjson: {path: app.ndjson,", "log: {path: app.log, format: logfmt,");
    let text = |range: std::ops::Range<u64>| -> String {
        let line =
            |number| format!("id={number} size={} ms={}.5 method=GET\n", number % 97, number % 13);
        range.map(line).collect()
    };
    let workspace = Workspace::with_files(&[
        ("app.log", text(0..350).as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    catch_up(&workspace).expect(0, &[]);
    std::fs::rename(workspace.path("app.log"), workspace.path("app.log.1")).unwrap();
    append(&workspace, "app.log.1", &text(350..360));
    append(&workspace, "app.log", &text(360..400));
    catch_up(&workspace).expect(0, &[]);
    let rows = results(&workspace);
    let ids = rows.lines().map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap());
    // No step reads it, so it stays text.
    let ids: Vec<u64> = ids.map(|row| row["id"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(ids, (0..400).collect::<Vec<u64>>());
}

#[test]
fn the_example_finds_the_attacks_behind_its_warm_up() {
    let job = std::fs::read(repository().join("examples/stream/job.yaml")).unwrap();
    let workspace = Workspace::with_files(&[("job.yaml", &job)]);
    let requests = |seed: &str, rows: &str| {
        let mut generate = std::process::Command::new(program("xtask"));
        generate.args(["generate", "web", "--format", "ndjson", "--seed", seed, "--rows", rows]);
        let output = generate.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    append(&workspace, "access.ndjson", &requests("1", "3000"));
    catch_up(&workspace).expect(0, &[]);
    std::fs::rename(workspace.path("access.ndjson"), workspace.path("access.ndjson.1")).unwrap();
    append(&workspace, "access.ndjson", &requests("2", "500"));
    catch_up(&workspace).expect(0, &[]);
    let rows = workspace.read("results-000001.ndjson");
    let rows: Vec<serde_json::Value> =
        rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert_eq!(rows.len(), 3_500);
    let is_found = |row: &&serde_json::Value| {
        row["anomal.suspicious"] == true || !row["anomal.flags"].as_array().unwrap().is_empty()
    };
    let warm: Vec<_> = rows.iter().filter(|row| row["anomal.warm"] == true).collect();
    let attacks: Vec<_> = warm.iter().filter(|row| row["label"] != "").collect();
    assert!(attacks.len() > 10);
    let found = attacks.iter().filter(|row| is_found(row)).count();
    assert!(found * 10 >= attacks.len() * 9, "{found} of {}", attacks.len());
    let reported = warm.iter().filter(|row| is_found(row)).count();
    assert!(reported < warm.len() / 20, "{reported} of {}", warm.len());
}

/// A process that is killed when dropped.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_stream_tells_how_it_is() {
    let job = JOB
        .replace("path: results.ndjson", "path: out/results.ndjson")
        .replace("to: state}", "to: state}, maxMemory: 1Gi");
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", job.as_bytes()),
        ("out/there", b""),
    ]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut command = workspace.command(&["run", "job.yaml", "--metrics-listen", &address]);
    let child = Killed(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let get = |path: &str| http::get(&format!("http://{address}"), path, &[]).text();
    let since = Instant::now();
    while std::net::TcpStream::connect(&address).is_err() {
        assert!(since.elapsed() < Duration::from_mins(1), "{address} is not served");
        std::thread::sleep(Duration::from_millis(20));
    }
    let wait_for = |path: &str, part: &str| {
        let since = Instant::now();
        loop {
            let text = get(path);
            if text.contains(part) {
                return text;
            }
            assert!(since.elapsed() < Duration::from_mins(1), "no {part:?} in {text:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let metrics = wait_for("/metrics", "anomal_stream_caught_up 1");
    for metric in [
        "records_total 400",
        "results_total 400",
        "warm 1",
        "model_generation 1",
        "outputs_down 0",
        "state_evicted_total 0",
        "state_limit_bytes 1073741824",
    ] {
        assert!(metrics.contains(&format!("anomal_stream_{metric}")), "{metric}: {metrics}");
    }
    // The chart's dashboard and alerts name no others.
    for file in ["dashboard.json", "rules.yaml"] {
        let text = fs::read_to_string(repository().join("charts/anomal/files").join(file)).unwrap();
        let names = text.split("anomal_stream_").skip(1).map(|rest| {
            rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap_or_default()
        });
        let names: BTreeSet<&str> = names.collect();
        assert!(names.len() > 5, "{file}: {names:?}");
        for name in names {
            assert!(metrics.contains(&format!("\nanomal_stream_{name} ")), "{file}: {name}");
        }
    }
    assert_eq!(get("/readyz"), "ready\n");
    let status: serde_json::Value = serde_json::from_str(&get("/status")).unwrap();
    assert_eq!((&status["job"], &status["rows"]), (&"job".into(), &400.into()), "{status}");
    assert_eq!(status["down"], serde_json::json!([]));
    // The records change what is told.
    append(&workspace, "app.ndjson", "no JSON\n");
    wait_for("/metrics", "anomal_stream_rejected_total 1");
    drop(child);

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = workspace.anomal(&["run", "job.yaml", "--metrics-listen", &address]);
    refused.expect(2, &["--metrics-listen", "cannot listen on"]);
}
