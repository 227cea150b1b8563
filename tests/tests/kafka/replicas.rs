//! Several processes that share the partitions of a topic.

use std::{thread, time::Duration};

use anomal_tests::{RunOutput, Workspace, kafka::Kafka, process::Process};

use super::{
    job::{catch_up, ids, line, results, summary},
    processes::{catch_up_and_balance, shared_workspace, start, start_all, wait_for},
};

const PARTITIONS: u32 = 6;

fn workspace(broker: &str, topic: &str, replicas: usize) -> Workspace {
    shared_workspace(broker, topic, replicas, "start: earliest")
}

/// 1, 3, 2, 5 and 1 processes one after the other, while records come. Those before are still there when the next begin, and
/// one of these is killed while it takes over.
#[test]
fn partitions_move_between_processes_that_are_killed() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("moves", PARTITIONS, &[]);
    let workspace = workspace(&kafka.broker(), "moves", 5);
    let batch = 400;
    let mut sent = 0;
    let mut produce = |more: u64| {
        let partitions = u64::from(PARTITIONS);
        let record =
            |id| serde_json::json!({"value": line(id), "partition": id % partitions}).to_string();
        let records: String = (sent..sent + more).map(|id| record(id) + "\n").collect();
        kafka.client(&["produce", "moves"], &records);
        sent += more;
        sent
    };
    produce(batch);
    let mut before: Vec<Process> = Vec::new();
    let mut kills = 0;
    for (round, count) in [1, 3, 2, 5, 1].into_iter().enumerate() {
        let mut processes = start_all(&workspace, count);
        produce(batch);
        // The former owners, in the middle of their work.
        for process in before.drain(..) {
            drop(process);
            kills += 1;
        }
        thread::sleep(Duration::from_millis(400 + round as u64 * 977 % 1_500));
        let victim = round % count;
        let replica = format!("{victim}/{count}");
        drop(std::mem::replace(&mut processes[victim], start(&workspace, &replica)));
        kills += 1;
        let sent = produce(batch);
        wait_for(&workspace, sent);
        before = processes;
    }
    drop(before);
    kills += 1;
    let sent = produce(batch);
    catch_up_and_balance(&workspace, (sent, u64::from(PARTITIONS)), kills);
    // Each partition has its files and its own model, which comes after its own warm-up.
    for number in 0..PARTITIONS {
        let rows = results(&workspace);
        let own: Vec<_> = rows.iter().filter(|row| row["kafka.partition"] == number).collect();
        assert!(!own.is_empty() && own.iter().all(|row| row["anomal.partition"] == number));
        let unscored = own.iter().filter(|row| row["anomal.warm"] == false).count();
        assert_eq!(unscored, 50, "partition {number}");
        assert!(workspace.path(&format!("results-moves-{number}-000001.ndjson")).exists());
        assert!(workspace.path(&format!("state/moves-{number}")).is_dir());
    }
}

/// What each process says of itself adds up to all.
#[test]
fn processes_share_the_partitions_of_several_topics() {
    let Some(kafka) = Kafka::shared() else { return };
    for topic in ["shared-a", "shared-b"] {
        kafka.topic(topic, 4, &[]);
    }
    let workspace = workspace(&kafka.broker(), "shared-a, shared-b", 3);
    kafka.produce("shared-a", (0..300).map(line));
    kafka.produce("shared-b", (300..600).map(line));
    let processes = start_all(&workspace, 3);
    wait_for(&workspace, 600);
    // One that is added is read whole, by the process that it belongs to.
    kafka.client(&["partitions", "shared-a", "5"], "");
    let records: String = (600..650)
        .map(|id| serde_json::json!({"value": line(id), "partition": 4}).to_string() + "\n")
        .collect();
    kafka.client(&["produce", "shared-a"], &records);
    wait_for(&workspace, 650);
    let outputs: Vec<RunOutput> = processes.into_iter().map(Process::stop).collect();
    let sum = |key: &str, of: &str| -> u64 {
        let counts = outputs.iter().map(|output| {
            output.expect(0, &[]);
            let counts = summary(output);
            if of.is_empty() { counts[key].as_u64() } else { counts[key][of].as_u64() }
        });
        counts.map(Option::unwrap).sum()
    };
    assert_eq!((sum("rows", ""), sum("results", "")), (650, 650));
    assert_eq!((sum("partitions", "owned"), sum("partitions", "read")), (9, 9));
    assert_eq!(ids(&workspace), (0..650).collect::<Vec<_>>());
}

/// They are learned once, whichever process begins first, and each partition begins with them, also one that is added later.
#[test]
fn partitions_begin_with_records_from_before() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("learned", 4, &[]);
    let workspace = workspace(&kafka.broker(), "learned", 2);
    let preload = "{preload: {ndjson: {path: history.ndjson}}}";
    let job = workspace.read("job.yaml").replace("{rows: 50}", preload);
    workspace.write("job.yaml", job.as_bytes());
    let history: String = (0..3_000).map(|id| line(id) + "\n").collect();
    workspace.write("history.ndjson", history.as_bytes());
    let produce = |ids: std::ops::Range<u64>, partition: fn(u64) -> u64| {
        let record = |id| {
            serde_json::json!({"value": line(id), "partition": partition(id)}).to_string() + "\n"
        };
        kafka.client(&["produce", "learned"], &ids.map(record).collect::<String>());
    };
    produce(5_000..5_200, |id| id % 4);
    let processes = start_all(&workspace, 2);
    wait_for(&workspace, 200);
    for process in processes {
        let output = process.stop();
        output.expect(0, &[]);
        assert_eq!(summary(&output)["preloaded"], 3_000);
    }
    std::fs::remove_file(workspace.path("history.ndjson")).unwrap();
    kafka.client(&["partitions", "learned", "5"], "");
    produce(5_200..5_250, |_| 4);
    let output = catch_up(&workspace);
    output.expect(0, &[]);
    let counts = summary(&output);
    assert_eq!((&counts["rows"], &counts["preloaded"]), (&250.into(), &3_000.into()));
    assert_eq!(ids(&workspace), (5_000..5_250).collect::<Vec<_>>());
    for row in results(&workspace) {
        assert!(row["anomal.warm"] == true && row["anomal.model"] == 1, "{row:#}");
        assert!(row["anomal.pvalue"].is_number(), "{row:#}");
    }
}

/// A process whose partitions another one has waits for them.
#[test]
fn a_second_process_of_one_number_waits_for_the_first() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("waits", 2, &[]);
    let workspace = workspace(&kafka.broker(), "waits", 1);
    kafka.produce("waits", (0..200).map(line));
    let first = start(&workspace, "0/1");
    wait_for(&workspace, 200);
    let second = start(&workspace, "0/1");
    kafka.produce("waits", (200..300).map(line));
    wait_for(&workspace, 300);
    // To the end of the input, it does not wait.
    let parts = ["state/waits-", "another process runs this job"];
    catch_up(&workspace).expect(2, &parts);
    drop(first);
    kafka.produce("waits", (300..400).map(line));
    wait_for(&workspace, 400);
    let output = second.stop();
    output.expect(
        0,
        &["another process runs this job", "it is tried again", "is read by this process now"],
    );
    assert_eq!(summary(&output)["rows"], 400);
    assert_eq!(ids(&workspace), (0..400).collect::<Vec<_>>());
}

#[test]
fn what_processes_can_not_share_is_refused() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("layout", 2, &[]);
    kafka.produce("layout", (0..200).map(line));
    let with = workspace(&kafka.broker(), "layout", 2);
    let shared = with.read("job.yaml");
    let whole = shared.replace("  replicas: 2\n", "");
    let validate = |from: &str, to: &str, parts: &[&str]| {
        assert!(shared.contains(from), "{from}");
        let workspace = Workspace::with_files(&[("job.yaml", shared.replace(from, to).as_bytes())]);
        workspace.anomal(&["validate", "job.yaml"]).expect(2, parts);
    };
    validate(", to: state", "", &["stream.replicas", "that all of them reach"]);
    validate("replicas: 2", "replicas: 0", &["stream.replicas"]);
    let parts = ["outputs[0].ndjson.path", "a file is of one machine"];
    validate("to: state", "to: \"s3://b/state/\"", &parts);
    let parts = ["stream.entity.silence", "begins with the entities of all records"];
    let silence = "warmUp: {preload: {ndjson: {path: a}}}\n  entity: {by: [method], silence: 15m}";
    validate("warmUp: {rows: 50}", silence, &parts);
    let input = &shared[shared.find("  kafka").unwrap()..shared.find("features").unwrap()];
    validate(
        input,
        "  ndjson: {path: a.ndjson, badLines: skip}\n",
        &["stream.replicas", "one reader"],
    );

    let run = |workspace: &Workspace, replica: &str| {
        workspace.anomal(&["run", "job.yaml", "--until-caught-up", "--replica", replica])
    };
    run(&with, "2/2").expect(2, &["--replica", "the last one of 2 is 1"]);
    run(&with, "1").expect(2, &["--replica", "such as 1/3"]);
    // One after the other, each its own.
    run(&with, "0/2").expect(0, &[]);
    run(&with, "1/2").expect(0, &[]);
    assert_eq!(ids(&with), (0..200).collect::<Vec<_>>());
    run(&with, "2/9").expect(0, &[]);

    // One stream for all partitions, and one for each, are not taken for each other.
    with.write("job.yaml", whole.as_bytes());
    catch_up(&with).expect(2, &["stream.replicas", "has a stream for each partition"]);
    run(&with, "0/2").expect(2, &["--replica is for jobs that share"]);
    let other = Workspace::with_files(&[("job.yaml", whole.as_bytes())]);
    catch_up(&other).expect(0, &[]);
    other.write("job.yaml", shared.as_bytes());
    catch_up(&other).expect(2, &["stream.replicas", "one stream for all partitions"]);
    assert_eq!(ids(&other).len(), 200);
}
