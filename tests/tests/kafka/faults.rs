//! Processes that are killed, also while they save and write, brokers that are away, topics that lose records.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anomal_tests::{
    RunOutput, Workspace,
    kafka::Kafka,
    ledger::{Moment, away, balance},
};

use super::job::{catch_up, ids, line, results, summary, workspace};

/// Runs a stream until it has written a line with this part to standard error, and then stops it.
pub fn stopped_after(mut command: Command, part: &str) -> RunOutput {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains(part) {
        let read = errors.read_line(&mut text).unwrap();
        assert!(read > 0, "it has ended without `{part}`: {text}");
    }
    terminate(child.id());
    errors.read_to_string(&mut text).unwrap();
    let mut output: RunOutput = child.wait_with_output().unwrap().into();
    output.stderr = text;
    output
}

fn terminate(process: u32) {
    assert!(Command::new("kill").arg(process.to_string()).status().unwrap().success());
}

fn wait_for(workspace: &Workspace, rows: usize) {
    let since = Instant::now();
    while results(workspace).len() < rows {
        assert!(since.elapsed() < Duration::from_mins(2), "{} of {rows}", results(workspace).len());
        thread::sleep(Duration::from_millis(50));
    }
}

/// `ANOMAL_TEST_KILLS=50` kills more often.
#[test]
fn a_stream_survives_kills() {
    let Some(kafka) = Kafka::shared() else { return };
    let kills = std::env::var("ANOMAL_TEST_KILLS").ok().and_then(|kills| kills.parse().ok());
    let kills: u64 = kills.unwrap_or(6);
    kafka.topic("kills", 3, &[]);
    let workspace = workspace(&kafka.broker(), "kills", "group: kills");
    let batch = 400;
    kafka.produce("kills", (0..batch).map(line));
    thread::scope(|scope| {
        let producer = scope.spawn(|| {
            for number in 1..=kills {
                kafka.produce("kills", (number * batch..(number + 1) * batch).map(line));
            }
        });
        for kill in 0..kills {
            let mut command = workspace.command(&["run", "job.yaml", "-q"]);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            Moment::of_round(kill).wait(&workspace.path("state"), &workspace.path(""));
            child.kill().unwrap();
            let ended = child.wait_with_output().unwrap();
            let errors = String::from_utf8_lossy(&ended.stderr);
            assert_eq!((ended.status.code(), errors.as_ref()), (None, ""), "kill {kill}");
        }
        producer.join().unwrap();
    });
    let last = catch_up(&workspace);
    last.expect(0, &[]);
    let records = (kills + 1) * batch;
    assert_eq!(summary(&last)["rows"], records);
    balance(&[("SIGKILLs", kills)], records, &ids(&workspace));
}

/// `ANOMAL_TEST_AWAY=300` takes it away for five minutes, and stops it for one.
#[test]
fn all_brokers_may_be_away() {
    let Some(mut kafka) = Kafka::start() else { return };
    kafka.topic("away", 2, &[]);
    kafka.produce("away", (0..300).map(line));
    let workspace = workspace(&kafka.broker(), "away", "group: away");
    let mut command = workspace.command(&["run", "job.yaml", "--summary", "json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&workspace, 300);
    kafka.kill();
    thread::sleep(away(15));
    kafka.restart();
    kafka.produce("away", (300..600).map(line));
    wait_for(&workspace, 600);
    // One that has stopped, but keeps its connections.
    kafka.signal("STOP");
    thread::sleep(away(25) / 5);
    kafka.signal("CONT");
    kafka.produce("away", (600..700).map(line));
    wait_for(&workspace, 700);
    terminate(child.id());
    let output: RunOutput = child.wait_with_output().unwrap().into();
    output.expect(0, &["reading is tried again", "the input can be read again"]);
    assert_eq!(summary(&output)["rows"], 700);
    let faults =
        [("s without brokers", away(15).as_secs()), ("s of a stopped one", away(25).as_secs() / 5)];
    balance(&faults, 700, &ids(&workspace));
}

#[test]
fn one_of_two_brokers_may_be_killed() {
    let Some(mut kafka) = Kafka::start_two() else { return };
    // Each leads some of the partitions.
    kafka.topic("two", 4, &["replicas=2"]);
    kafka.produce("two", (0..400).map(line));
    let workspace = workspace(&kafka.broker(), "two", "group: two");
    let mut command = workspace.command(&["run", "job.yaml", "--summary", "json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&workspace, 400);
    kafka.kill_broker(1);
    kafka.produce("two", (400..800).map(line));
    wait_for(&workspace, 800);
    kafka.restart_broker(1);
    kafka.produce("two", (800..1_000).map(line));
    wait_for(&workspace, 1_000);
    terminate(child.id());
    let output: RunOutput = child.wait_with_output().unwrap().into();
    output.expect(0, &[]);
    assert!(results(&workspace).iter().any(|row| row["kafka.partition"] == 3));
    balance(&[("killed brokers", 1)], 1_000, &ids(&workspace));
}

#[test]
fn topics_of_a_pattern_come_and_go() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("pattern-a", 1, &[]);
    kafka.topic("pattern-b", 2, &[]);
    kafka.topic("unlike-c", 1, &[]);
    kafka.produce("pattern-a", (0..100).map(line));
    kafka.produce("pattern-b", (100..200).map(line));
    kafka.produce("unlike-c", (900..950).map(line));
    let workspace = workspace(&kafka.broker(), "any", "attach: {topic: topic}");
    let job = workspace.read("job.yaml").replace("topics: [any]", "topicPattern: \"pattern-*\"");
    workspace.write("job.yaml", job.as_bytes());
    let mut command = workspace.command(&["run", "job.yaml", "--summary", "json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&workspace, 200);
    // One that comes later is read whole.
    kafka.topic("pattern-c", 1, &[]);
    kafka.produce("pattern-c", (200..300).map(line));
    wait_for(&workspace, 300);
    kafka.client(&["delete", "pattern-b"], "");
    kafka.produce("pattern-a", (300..400).map(line));
    kafka.produce("pattern-c", (400..500).map(line));
    wait_for(&workspace, 500);
    terminate(child.id());
    let output: RunOutput = child.wait_with_output().unwrap().into();
    output.expect(0, &["topics that are not there any more: pattern-b"]);
    assert_eq!(ids(&workspace), (0..500).collect::<Vec<_>>());
    for (name, count) in [("pattern-a", 200), ("pattern-b", 100), ("pattern-c", 200)] {
        let rows = results(&workspace);
        assert_eq!(rows.iter().filter(|row| row["topic"] == name).count(), count, "{name}");
    }
}

#[test]
fn partitions_may_be_added() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("added", 1, &[]);
    kafka.produce("added", (0..100).map(line));
    // A partition that comes later is read whole.
    let workspace = workspace(&kafka.broker(), "added", "start: earliest");
    let mut command = workspace.command(&["run", "job.yaml", "--summary", "json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&workspace, 100);
    kafka.client(&["partitions", "added", "4"], "");
    kafka.produce("added", (100..400).map(line));
    wait_for(&workspace, 400);
    terminate(child.id());
    let output: RunOutput = child.wait_with_output().unwrap().into();
    output.expect(0, &[]);
    assert_eq!(ids(&workspace), (0..400).collect::<Vec<_>>());
    assert!(results(&workspace).iter().any(|row| row["kafka.partition"] == 3));
}

#[test]
fn records_that_are_gone_are_counted_and_named() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("gone", 1, &[]);
    let workspace = workspace(&kafka.broker(), "gone", "reset: earliest");
    kafka.produce("gone", (0..100).map(line));
    catch_up(&workspace).expect(0, &[]);
    kafka.produce("gone", (100..200).map(line));
    kafka.client(&["delete_records", "gone", "0", "150"], "");

    let stop = workspace.read("job.yaml");
    workspace.write("job.yaml", stop.replace("reset: earliest", "reset: stop").as_bytes());
    let parts = ["topic gone, partition 0", "offsets 100 to 149", "set `reset: earliest`"];
    catch_up(&workspace).expect(3, &parts);
    assert_eq!(ids(&workspace).len(), 100);

    workspace.write("job.yaml", stop.as_bytes());
    let run = catch_up(&workspace);
    run.expect(0, &["offsets 100 to 149", "reading goes on at offset 150"]);
    assert_eq!((&summary(&run)["lost"], &summary(&run)["rows"]), (&50.into(), &150.into()));
    assert_eq!(ids(&workspace), (0..100).chain(150..200).collect::<Vec<_>>());
}

#[test]
fn a_topic_may_be_created_anew() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("anew", 1, &[]);
    let workspace = workspace(&kafka.broker(), "anew", "reset: earliest");
    kafka.produce("anew", (0..100).map(line));
    catch_up(&workspace).expect(0, &[]);
    kafka.client(&["delete", "anew"], "");
    kafka.topic("anew", 1, &[]);
    // As many as before, so that offsets alone do not show it.
    kafka.produce("anew", (100..250).map(line));
    let run = catch_up(&workspace);
    run.expect(0, &["topic anew, partition 0: the topic was deleted and created anew"]);
    assert_eq!(summary(&run)["rows"], 250);
    assert_eq!(ids(&workspace), (0..250).collect::<Vec<_>>());
    let rows = results(&workspace);
    let last = rows.iter().find(|row| row["id"] == 249).unwrap();
    assert_eq!((&last["kafka.partition"], &last["anomal.partition"]), (&0.into(), &1.into()));
    // It goes on from there.
    kafka.produce("anew", (250..260).map(line));
    catch_up(&workspace).expect(0, &[]);
    assert_eq!(ids(&workspace), (0..260).collect::<Vec<_>>());
}
