//! Processes whose partitions a consumer group assigns.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anomal_tests::{Workspace, kafka::Kafka, process::Process};

use super::{
    job::{catch_up, ids, line, results, summary},
    processes::{catch_up_and_balance, shared_workspace, start_with, wait_for},
};

const PARTITIONS: u64 = 6;
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

fn workspace(kafka: &Kafka, topic: &str) -> Workspace {
    let settings = format!("assignment: group, group: of-{topic}");
    shared_workspace(&kafka.broker(), topic, 3, &settings)
}

fn start(workspace: &Workspace, name: &str) -> Process {
    start_with(workspace, &["--member", name])
}

/// The partitions of each member.
fn members(kafka: &Kafka, topic: &str) -> BTreeMap<String, Vec<String>> {
    let text = kafka.client(&["members", &format!("of-{topic}")], "");
    serde_json::from_str(&text).unwrap()
}

/// Waits until these members, and no others, have so many partitions each.
fn wait_until_shared(
    kafka: &Kafka,
    topic: &str,
    counts: &[(&str, usize)],
) -> BTreeMap<String, Vec<String>> {
    let since = Instant::now();
    loop {
        let members = members(kafka, topic);
        let found: Vec<(&str, usize)> =
            members.iter().map(|(name, partitions)| (name.as_str(), partitions.len())).collect();
        if found == counts {
            return members;
        }
        assert!(since.elapsed() < Duration::from_mins(2), "{members:?}, not {counts:?}");
        thread::sleep(Duration::from_millis(250));
    }
}

/// Records in all partitions in turn.
struct Producer<'a> {
    kafka: &'a Kafka,
    topic: &'a str,
    sent: u64,
}

impl Producer<'_> {
    /// Returns how many were sent in all.
    fn send(&mut self, more: u64) -> u64 {
        let record = |id: u64| {
            serde_json::json!({"value": line(id), "partition": id % PARTITIONS}).to_string() + "\n"
        };
        let records: String = (self.sent..self.sent + more).map(record).collect();
        self.kafka.client(&["produce", self.topic], &records);
        self.sent += more;
        self.sent
    }
}

/// 1, 3, 2, 5 and 1 processes one after the other, while records come; in each round one is killed while partitions move, and
/// started again by its name.
#[test]
fn partitions_follow_the_group_while_members_are_killed() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = "followed";
    kafka.topic(topic, 6, &[]);
    let workspace = workspace(kafka, topic);
    let mut producer = Producer { kafka, topic, sent: 0 };
    producer.send(400);
    let mut processes: Vec<Process> = Vec::new();
    let mut kills = 0;
    for (round, count) in [1, 3, 2, 5, 1].into_iter().enumerate() {
        while processes.len() > count {
            drop(processes.pop());
            kills += 1;
        }
        for name in &NAMES[processes.len()..count] {
            processes.push(start(&workspace, name));
        }
        producer.send(400);
        thread::sleep(Duration::from_millis(400 + round as u64 * 977 % 1_500));
        let victim = round % count;
        // It is dead before the other one begins, whose name is the same.
        drop(processes.remove(victim));
        kills += 1;
        processes.insert(victim, start(&workspace, NAMES[victim]));
        let sent = producer.send(400);
        wait_for(&workspace, sent);
    }
    for process in processes {
        // It runs what the group keeps for the one that was killed.
        let output = process.stop();
        output.expect(0, &["it has a member a already", "can be reached again"]);
        assert_eq!(output.stderr.matches("already").count(), 1, "{}", output.stderr);
    }
    let sent = producer.send(200);
    // It needs no group.
    catch_up_and_balance(&workspace, (sent, PARTITIONS), kills);
    for number in 0..PARTITIONS {
        let rows = results(&workspace);
        let own: Vec<_> = rows.iter().filter(|row| row["kafka.partition"] == number).collect();
        let unscored = own.iter().filter(|row| row["anomal.warm"] == false).count();
        assert_eq!(
            (own.len() as u64, unscored),
            (sent / PARTITIONS + u64::from(number < sent % PARTITIONS), 50),
            "partition {number}"
        );
    }
}

/// Members come, one is started again, brokers are away, a topic gets a partition, and another topic comes.
fn share(kafka: &mut Kafka, topic: &str) {
    kafka.topic(topic, 6, &[]);
    let workspace = workspace(kafka, topic);
    let pattern = format!("topicPattern: \"{topic}*\"");
    let job = workspace.read("job.yaml").replace(&format!("topics: [{topic}]"), &pattern);
    workspace.write("job.yaml", job.as_bytes());
    let mut sent = Producer { kafka, topic, sent: 0 }.send(600);
    let mut produce = |kafka: &Kafka, more| {
        sent = Producer { kafka, topic, sent }.send(more);
        sent
    };
    let first = start(&workspace, "a");
    wait_until_shared(kafka, topic, &[("a", 6)]);
    wait_for(&workspace, 600);
    let [second, third] = ["b", "c"].map(|name| start(&workspace, name));
    let shared = wait_until_shared(kafka, topic, &[("a", 2), ("b", 2), ("c", 2)]);
    wait_for(&workspace, produce(kafka, 600));

    // It has its partitions again, and no other member has them meanwhile.
    second.stop().expect(0, &[]);
    for _ in 0..4 {
        let meanwhile = members(kafka, topic);
        assert_eq!((&meanwhile["a"], &meanwhile["c"]), (&shared["a"], &shared["c"]));
    }
    let second = start(&workspace, "b");
    wait_for(&workspace, produce(kafka, 600));
    assert_eq!(members(kafka, topic), shared);

    kafka.kill();
    thread::sleep(Duration::from_secs(8));
    kafka.restart();
    wait_for(&workspace, produce(kafka, 600));
    let after = wait_until_shared(kafka, topic, &[("a", 2), ("b", 2), ("c", 2)]);
    assert_eq!(after, shared);
    // For tools that show lag.
    let since = Instant::now();
    let group = format!("of-{topic}");
    while kafka.client(&["committed", &group, topic], "").trim() != sent.to_string() {
        assert!(since.elapsed() < Duration::from_mins(2), "its offsets are behind");
    }

    // They are found, and read from their beginnings.
    kafka.client(&["partitions", topic, "7"], "");
    let record =
        |id: u64| serde_json::json!({"value": line(id), "partition": 6}).to_string() + "\n";
    kafka.client(&["produce", topic], &(sent..sent + 70).map(record).collect::<String>());
    let more = format!("{topic}-more");
    kafka.topic(&more, 1, &[]);
    kafka.produce(&more, (sent + 70..sent + 100).map(line));
    wait_for(&workspace, sent + 100);

    for process in [first, second, third] {
        process.stop().expect(0, &["goes on with its partitions", "can be reached again"]);
    }
    let last = catch_up(&workspace);
    last.expect(0, &[]);
    let counts = summary(&last);
    assert_eq!((&counts["rows"], &counts["results"]), (&(sent + 100).into(), &(sent + 100).into()));
    assert_eq!(counts["partitions"], serde_json::json!({"owned": 8, "read": 8}));
    assert_eq!(ids(&workspace), (0..sent + 100).collect::<Vec<_>>());
}

#[test]
fn members_share_partitions_that_the_broker_assigns() {
    let Some(mut kafka) = Kafka::start() else { return };
    share(&mut kafka, "assigned");
}

/// By the protocol of brokers before Kafka 4.
#[test]
fn members_share_partitions_by_the_classic_protocol() {
    let Some(mut kafka) = Kafka::start_classic() else { return };
    share(&mut kafka, "classic");
}

/// Types are inferred from the first records, which these have not.
#[test]
fn members_of_a_quiet_topic_end_when_they_are_asked() {
    let Some(kafka) = Kafka::shared() else { return };
    kafka.topic("quiet", 2, &[]);
    let settings = "assignment: group, start: latest";
    let workspace = shared_workspace(&kafka.broker(), "quiet", 2, settings);
    let processes = ["a", "b"].map(|name| start(&workspace, name));
    thread::sleep(Duration::from_secs(3));
    for process in processes {
        let output = process.stop();
        output.expect(0, &[]);
        assert_eq!(summary(&output)["rows"], 0);
    }
}

#[test]
fn a_process_is_a_number_or_a_member() {
    let job = super::job::job("127.0.0.1:9", "t", "assignment: group");
    let alone = Workspace::with_files(&[("job.yaml", job.as_bytes())]);
    let parts = ["input.kafka.assignment", "add `stream: {replicas: 3}`"];
    alone.anomal(&["validate", "job.yaml"]).expect(2, &parts);
    let group = shared_workspace("127.0.0.1:9", "t", 2, "assignment: group");
    group.anomal(&["validate", "job.yaml"]).expect(0, &[]);
    let numbered = ["run", "job.yaml", "--replica", "0/2"];
    group.anomal(&numbered).expect(2, &["--replica is for `assignment: static`", "--member"]);
    let fixed = shared_workspace("127.0.0.1:9", "t", 2, "assignment: static");
    fixed.anomal(&["run", "job.yaml", "--member", "a"]).expect(2, &["assignment: group"]);
}
