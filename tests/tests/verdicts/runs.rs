//! What is decided in one run counts in the next.

use anomal_tests::csv_records;
use serde_json::Value;

use super::support::{anomal, day, example, listed, run};

const REPORT: &str = "report: {}";

fn judge(workspace: &anomal_tests::Workspace, incidents: &[&str], verdict: &str, more: &[&str]) {
    let add = [&["verdicts", "add", "latest"], incidents, &["--verdict", verdict, "--who", "Ann"]];
    anomal(workspace, &[&add.concat(), more].concat()).expect(0, &[]);
}

#[test]
fn verdicts_are_kept_listed_and_deleted() {
    let workspace = example(REPORT);
    let first = run(&workspace);
    assert!(listed(&workspace).is_empty());
    judge(&workspace, &["1"], "true-positive", &["--note", "isolated"]);
    judge(&workspace, &["2", "3"], "benign", &["--note", "test", "--until", &day(30)]);
    let all = listed(&workspace);
    let numbers: Vec<(u64, u64)> = all
        .iter()
        .map(|it| (it["number"].as_u64().unwrap(), it["incident"].as_u64().unwrap()))
        .collect();
    assert_eq!(numbers, [(1, 1), (2, 2), (2, 3)]);
    assert_eq!((&all[0]["who"], &all[0]["verified"]), (&"Ann".into(), &false.into()));
    assert_eq!(all[0]["keys"], first["incidents"][0]["keys"]);
    anomal(&workspace, &["verdicts", "list", "--job", "job"])
        .expect(0, &[])
        .stdout
        .find("Ann (?)")
        .expect("a name as typed");

    // Wrong verdicts store nothing.
    for (arguments, words) in [
        (vec!["99", "--verdict", "benign"], "no incident 99"),
        (vec!["1", "--verdict", "benign", "--until", "soon", "--note", "x"], "not a day"),
        (
            vec!["1", "--verdict", "benign", "--until", "2020-01-01", "--note", "x"],
            "not after today",
        ),
        (vec!["1", "--verdict", "benign", "--until", &day(30)], "needs a reason"),
        (vec!["1", "--verdict", "undecided", "--until", &day(30), "--note", "x"], "undecided"),
        (vec!["1", "--verdict", "benign", "--note", &"é".repeat(4_001)], "4000 characters"),
    ] {
        let wrong = anomal(&workspace, &[&["verdicts", "add", "latest"][..], &arguments].concat());
        assert!(wrong.stderr.contains(words), "{words}: {}", wrong.stderr);
        assert_ne!(wrong.code, Some(0), "{words}");
    }
    // Others have decided since.
    let late = ["verdicts", "add", "latest", "1", "--verdict", "benign", "--after", "0"];
    anomal(&workspace, &late).expect(1, &["in the meantime", "true-positive", "--after 1"]);
    assert_eq!(listed(&workspace).len(), 3);

    // They outlive the report.
    let id = first["report"]["id"].as_str().unwrap();
    anomal(&workspace, &["report", "delete", id]).expect(0, &[]);
    assert_eq!(listed(&workspace).len(), 3);
    anomal(&workspace, &["verdicts", "delete", "--job", "job"]).expect(0, &["3 verdicts deleted"]);
    assert!(listed(&workspace).is_empty());
}

#[test]
fn suppressed_incidents_are_quiet_counted_and_listed() {
    let workspace = example(&format!("{REPORT}\nsuppressions: {{report: true}}"));
    let before = run(&workspace);
    assert_eq!(before["incidentCount"]["suppressed"], 0);
    let high = before["incidentCount"]["high"].as_u64().unwrap();
    judge(&workspace, &["1"], "benign", &["--note", "backup\nclient", "--until", &day(2)]);
    let after = run(&workspace);
    let count = |name: &str| after["incidentCount"][name].as_u64().unwrap();
    assert_eq!((count("high"), count("suppressed")), (high - 1, 1));
    let quiet = &after["suppressions"]["quiet"][0];
    assert_eq!((&quiet["incident"], &quiet["who"]), (&1.into(), &"Ann".into()));
    // Rows and their counts are as before.
    for name in ["results", "evidence", "suspicious", "flagged"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    let records = csv_records(&workspace.read("results.csv"));
    let place = |name: &str| records[0].iter().position(|column| column == name).unwrap();
    let (incident, suppressed) = (place("anomal.incident"), place("anomal.suppressed"));
    for record in &records[1..] {
        let expected = match record[incident].as_str() {
            "" => "",
            "1" => "true",
            _ => "false",
        };
        assert_eq!(record[suppressed], expected);
    }
    let text = anomal(&workspace, &["run", "job.yaml"]);
    text.expect(0, &["Quiet 1", "backup", "1 quiet"]);

    // An exit code is about the others.
    let all: Vec<String> = (2..=high).map(|number| number.to_string()).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    anomal(&workspace, &["run", "job.yaml", "-q", "--fail-on", "incident:high"]).expect(10, &[]);
    judge(&workspace, &all, "benign", &["--note", "known", "--until", &day(2)]);
    anomal(&workspace, &["run", "job.yaml", "-q", "--fail-on", "incident:high"]).expect(0, &[]);
    // Taken back.
    judge(&workspace, &["1"], "undecided", &[]);
    assert_eq!(run(&workspace)["incidentCount"]["suppressed"], high - 1);
}

#[test]
fn a_file_of_suppressions_is_used_until_its_end() {
    let workspace = example(REPORT);
    run(&workspace);
    judge(&workspace, &["1"], "benign", &["--note", "a: \"b\" # c", "--until", &day(3)]);
    let printed = anomal(&workspace, &["verdicts", "suppressions", "--job", "job"]);
    printed.expect(0, &[]);
    let job = workspace.read("job.yaml") + "\nsuppressions: {path: quiet.yaml}\n";
    workspace.write("job.yaml", job.as_bytes());
    workspace.write("quiet.yaml", printed.stdout.as_bytes());
    let quiet = run(&workspace);
    assert_eq!(quiet["suppressions"]["quiet"][0]["reason"], "a: \"b\" # c");

    let ended = printed.stdout.replace(&day(3), &day(0));
    let more = format!(
        "{ended}- {{flag: beaconing_detector, target: nowhere.example, reason: x, until: {}}}\n\
         - {{flag: typosquatting, actor: 10.1.1.20, reason: x, until: {}}}\n",
        day(1),
        day(1)
    );
    workspace.write("quiet.yaml", more.as_bytes());
    let after = run(&workspace);
    assert_eq!(after["suppressions"]["ended"].as_array().unwrap().len(), 1);
    assert_eq!(after["suppressions"]["unmatched"][0], "beaconing_detector · nowhere.example");
    let notes = after["diagnostics"].to_string();
    assert!(notes.contains("SUPPRESSION_ENDED") && notes.contains("SUPPRESSION_UNMATCHED"));
    let quiet = after["suppressions"]["quiet"].as_array().unwrap();
    let numbers: Vec<u64> = quiet.iter().map(|it| it["incident"].as_u64().unwrap()).collect();
    assert!(!numbers.contains(&1), "{numbers:?}");

    for (file, words) in [
        (
            "suppressions:\n- {flag: typosquatting, reason: x, until: 2099-01-01}\n",
            "without `actor`",
        ),
        ("suppressions:\n- {keys: [a], until: 2099-01-01, reason: ''}\n", "no `reason`"),
        ("suppressions:\n- {keys: [a], until: soon, reason: x}\n", "`until` is no day"),
        ("suppressions:\n- {key: a}\n", "quiet.yaml"),
        ("- [", "quiet.yaml"),
    ] {
        workspace.write("quiet.yaml", file.as_bytes());
        anomal(&workspace, &["run", "job.yaml", "-q"]).expect(2, &["suppressions.path", words]);
    }
    std::fs::remove_file(workspace.path("quiet.yaml")).unwrap();
    anomal(&workspace, &["run", "job.yaml", "-q"]).expect(2, &["anomal verdicts suppressions"]);
    let none = workspace.read("job.yaml").replace("{path: quiet.yaml}", "{}");
    workspace.write("none.yaml", none.as_bytes());
    workspace.anomal(&["validate", "none.yaml"]).expect(2, &["suppressions", "`path`"]);
}

#[test]
fn verdicts_are_labels_and_cases() {
    let workspace = example(REPORT);
    let summary = run(&workspace);
    anomal(&workspace, &["evaluate", "results.csv", "--verdicts", "latest"])
        .expect(3, &["judge incidents"]);
    judge(&workspace, &["1", "2"], "true-positive", &[]);
    judge(&workspace, &["3"], "false-positive", &[]);
    let rows = |number: usize| summary["incidents"][number - 1]["rows"].as_u64().unwrap();
    let evaluated =
        anomal(&workspace, &["evaluate", "results.csv", "--verdicts", "latest", "--json"]);
    evaluated.expect(0, &[]);
    let found: Value = serde_json::from_str(&evaluated.stdout).unwrap();
    assert_eq!(found["rows"], rows(1) + rows(2) + rows(3));
    assert_eq!(found["anomalies"], rows(1) + rows(2));
    assert_eq!(found["unjudged"], 5_000 - rows(1) - rows(2) - rows(3));
    anomal(&workspace, &["report", "labels", "latest", "-o", "labels.csv"]).expect(0, &[]);
    let by_file = anomal(&workspace, &["evaluate", "job.yaml", "--labels", "labels.csv", "--json"]);
    assert_eq!(by_file.stdout, evaluated.stdout);
    anomal(&workspace, &["evaluate", "job.yaml", "--labels", "job.yaml"])
        .expect(3, &["first line"]);

    let case = anomal(&workspace, &["report", "case", "latest", "1"]);
    case.expect(0, &[]);
    for part in
        ["10\\[.\\]1\\[.\\]1\\[.\\]44", "unique\\_subdomains", "true positive", "## Rows", "Ann"]
    {
        assert!(case.stdout.contains(part), "{part}: {}", case.stdout);
    }
    assert!(!case.stdout.contains("10.1.1.44"));
    anomal(&workspace, &["report", "case", "latest", "1", "--plain", "-o", "case.json"])
        .expect(0, &[]);
    let case: Value = serde_json::from_str(&workspace.read("case.json")).unwrap();
    assert_eq!(case["records"].as_array().unwrap().len() as u64, rows(1));
    assert_eq!((&case["verdict"], &case["risk"]), (&"true-positive".into(), &100.into()));
    assert_eq!(case["records"][0]["actor"], "10.1.1.44");
    anomal(&workspace, &["report", "case", "latest", "99"]).expect(1, &["no incident 99"]);
    anomal(&workspace, &["report", "case", "latest", "1", "-o", "x.pdf"])
        .expect(2, &[".md or .json"]);
}
