//! Incidents of the examples: what an analyst has to look at, in which order.

use std::collections::BTreeMap;

use anomal_tests::{RunOutput, Workspace, csv_records, program, repository};
use serde_json::Value;

/// Intrusions that are concentrated in time or on a domain.
const FAMILIES: [&str; 4] = ["tunnelling", "dga", "base64_answers", "beaconing"];

/// An example with its own data in a workspace.
fn example(name: &str) -> Workspace {
    let workspace = Workspace::default();
    for file in [format!("{name}.csv"), "job.yaml".to_owned()] {
        let from = repository().join("examples").join(name).join(&file);
        workspace.write(&file, &std::fs::read(from).unwrap());
    }
    workspace
}

/// The example with generated data.
fn generated(name: &str, seed: u32) -> Workspace {
    let workspace = example(name);
    let data = workspace.path(&format!("{name}.csv"));
    let mut generate = std::process::Command::new(program("xtask"));
    generate.args(["generate", name, "--rows", "5000", "--seed", &seed.to_string()]);
    assert!(generate.arg("--output").arg(data).status().unwrap().success());
    workspace
}

fn run(workspace: &Workspace, arguments: &[&str]) -> RunOutput {
    let all: Vec<&str> = ["run", "job.yaml"].into_iter().chain(arguments.iter().copied()).collect();
    let done = workspace.anomal(&all);
    done.expect(0, &[]);
    done
}

fn summary(workspace: &Workspace, arguments: &[&str]) -> Value {
    let all: Vec<&str> =
        ["--summary", "json"].into_iter().chain(arguments.iter().copied()).collect();
    serde_json::from_str(&run(workspace, &all).stdout).unwrap()
}

/// Of each incident the labels of its rows, with their numbers; and the labels of all rows.
fn labels(
    workspace: &Workspace,
    label: &str,
) -> (BTreeMap<u64, BTreeMap<String, u64>>, BTreeMap<String, u64>) {
    let text = workspace.read("results.csv");
    let mut records = csv_records(&text).into_iter();
    let header = records.next().unwrap();
    let place = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (label, incident) = (place(label), place("anomal.incident"));
    let (mut incidents, mut all) = (BTreeMap::new(), BTreeMap::new());
    for record in records {
        *all.entry(record[label].clone()).or_default() += 1;
        if let Ok(number) = record[incident].parse::<u64>() {
            let of_it: &mut BTreeMap<String, u64> = incidents.entry(number).or_default();
            *of_it.entry(record[label].clone()).or_default() += 1;
        }
    }
    (incidents, all)
}

/// Counts of a summary agree with one another and with the rows.
fn assert_sums(summary: &Value, incidents: &BTreeMap<u64, BTreeMap<String, u64>>) {
    let count = &summary["incidentCount"];
    let total: u64 =
        ["high", "medium", "low"].iter().map(|name| count[name].as_u64().unwrap()).sum();
    assert_eq!(total, incidents.len() as u64);
    let rows: u64 = incidents.values().flat_map(BTreeMap::values).sum();
    assert_eq!(rows, summary["evidence"].as_u64().unwrap());
    for described in summary["incidents"].as_array().unwrap() {
        let rows: u64 = incidents[&described["incident"].as_u64().unwrap()].values().sum();
        assert_eq!(described["rows"].as_u64().unwrap(), rows);
    }
}

#[test]
fn dns_has_its_concentrated_intrusions_first() {
    let workspace = example("dns");
    let summary = summary(&workspace, &[]);
    let (incidents, all) = labels(&workspace, "label");
    assert_sums(&summary, &incidents);
    assert!(incidents.len() <= 45, "{} incidents", incidents.len());
    for family in FAMILIES {
        let rows = |number: u64| incidents[&number].get(family).copied().unwrap_or(0);
        let first: u64 = (1..=4).map(rows).sum();
        let holds = (1..=4).filter(|number| rows(*number) > 0).count();
        assert_eq!((first, holds), (all[family], 1), "{family}: {:?}", &summary["incidents"]);
    }
    let titles: Vec<&str> = summary["incidents"]
        .as_array()
        .unwrap()
        .iter()
        .take(4)
        .map(|it| it["title"].as_str().unwrap())
        .collect();
    assert!(titles.iter().all(|title| title.chars().count() <= 120), "{titles:?}");
    assert_eq!(summary["roles"]["entities"][0]["column"], "source.ip");
}

#[test]
fn finance_has_the_frauds_first() {
    let workspace = example("finance");
    let summary = summary(&workspace, &[]);
    let (incidents, all) = labels(&workspace, "isFraud");
    assert_sums(&summary, &incidents);
    assert!(incidents.len() <= 30, "{} incidents", incidents.len());
    let frauds: u64 = (1..=25).filter_map(|number| incidents.get(&number)?.get("1")).sum();
    assert_eq!(frauds, all["1"], "{:?}", summary["incidents"]);
    let first = summary["incidents"][0]["title"].as_str().unwrap();
    assert!(first.contains(" → "), "{first}");
}

#[test]
fn other_data_has_its_intrusions_among_the_first() {
    let (mut whole, mut families) = (0, 0);
    let mut missed = Vec::new();
    for seed in 1..=10 {
        let workspace = generated("dns", seed);
        run(&workspace, &["--summary", "none"]);
        let (incidents, all) = labels(&workspace, "label");
        let mut found = 0;
        for family in FAMILIES {
            let most = |rows: u64| rows * 10 >= all[family] * 9;
            let evidence = incidents.values().filter_map(|labels| labels.get(family)).sum();
            families += u32::from(most(evidence));
            let of_it = |number: u64| incidents.get(&number)?.get(family).copied();
            if (1..=6).filter_map(of_it).any(most) {
                found += 1;
            } else {
                missed.push((seed, family));
            }
        }
        whole += u32::from(found == FAMILIES.len());
    }
    assert!(
        whole >= 9,
        "only with {whole} of 10 seeds, all families are among the first: {missed:?}"
    );
    assert!(families >= 39, "only {families} of 40 families are evidence");
}

#[test]
fn the_order_of_rows_and_replicas_changes_no_incident() {
    let workspace = example("dns");
    let shape = |summary: &Value| -> Vec<(String, u64, i64)> {
        let incidents = summary["incidents"].as_array().unwrap().iter();
        let one = |it: &Value| {
            (
                it["title"].as_str().unwrap().to_owned(),
                it["rows"].as_u64().unwrap(),
                it["risk"].as_i64().unwrap(),
            )
        };
        let mut all: Vec<_> = incidents.map(one).collect();
        all.sort();
        all
    };
    // Flags alone: scores of equal rows depend on their order by a rounding.
    let job = workspace.read("job.yaml");
    let flags = job.split("classification:").next().unwrap().to_owned()
        + "outputs:\n  - csv: {path: results.csv}\n";
    workspace.write("job.yaml", flags.as_bytes());
    let one = shape(&summary(&workspace, &[]));
    let data = workspace.read("dns.csv");
    let mut lines: Vec<&str> = data.lines().collect();
    lines[1..].reverse();
    workspace.write("dns.csv", (lines.join("\n") + "\n").as_bytes());
    assert_eq!(shape(&summary(&workspace, &[])), one);
}

#[test]
fn the_summary_fits_a_screen() {
    let workspace = example("dns");
    let done = run(&workspace, &[]);
    let lines: Vec<&str> = done.stderr.lines().collect();
    assert!(lines.len() <= 30, "{} lines:\n{}", lines.len(), done.stderr);
    let table = lines.iter().filter(|line| !line.starts_with("note:"));
    assert!(table.clone().all(|line| line.chars().count() <= 80), "{}", done.stderr);
    for wrong in ["143631", "143,631", " 1 rows", "NaN"] {
        assert!(!done.stderr.contains(wrong), "{wrong}: {}", done.stderr);
    }
}

#[test]
fn incidents_decide_the_exit_code_and_can_be_off() {
    let workspace = example("dns");
    workspace.anomal(&["run", "job.yaml", "--fail-on", "incident:high"]).expect(10, &[]);
    let job = workspace.read("job.yaml");
    workspace.write("job.yaml", format!("roles: {{grouping: off}}\n{job}").as_bytes());
    workspace
        .anomal(&["run", "job.yaml", "--fail-on", "incident:low"])
        .expect(0, &["Worth a look first"]);
    assert!(!workspace.read("results.csv").contains("anomal.incident"));
}

#[test]
fn roles_are_checked_and_shown() {
    let workspace = example("dns");
    let job = workspace.read("job.yaml");
    let valid = workspace.anomal(&["validate", "job.yaml"]);
    let roles = "roles: time @timestamp (by its name), host source.ip (by its name), domain dns.question.name (by its name)";
    assert!(valid.expect(0, &[]).stdout.contains(roles), "{}", valid.stdout);
    let with = |roles: &str| workspace.write("job.yaml", format!("{roles}\n{job}").as_bytes());
    let cases = [
        (
            "roles: {entities: [{column: sorce.ip}]}",
            "roles.entities[0].column",
            "did you mean `source.ip`?",
        ),
        (
            "roles: {time: id}\ntimeColumn: \"@timestamp\"",
            "job.yaml:2",
            "name different columns; remove `timeColumn`",
        ),
        (
            "roles: {entities: [{column: id}]}\nentity: [source.ip]",
            "job.yaml:2",
            "name different columns; remove `entity`",
        ),
        ("roles: {timeUnit: h}", "job.yaml:1", "`timeUnit` goes with `time`"),
        ("roles: {entities: [{column: id}, {column: id}]}", "job.yaml:1", "listed twice"),
        ("roles: {entities: [{column: id, kind: hots}]}", "job.yaml:1", "did you mean `host`?"),
        (
            "roles: {entities: [{column: label}]}\nlabelColumn: label",
            "job.yaml:1",
            "this is `label`",
        ),
    ];
    for (roles, place, message) in cases {
        with(roles);
        workspace.anomal(&["validate", "job.yaml"]).expect(2, &[place, message]);
    }
    with(
        "roles: {time: \"@timestamp\", entities: [{column: source.ip, kind: host, name: {one: client, many: clients}}]}",
    );
    let valid = workspace.anomal(&["validate", "job.yaml"]);
    assert!(valid.expect(0, &[]).stdout.contains("client source.ip (as set)"), "{}", valid.stdout);
    let known = workspace.anomal(&["components", "--roles"]);
    for part in ["dns.question.name", "host (acts)"] {
        assert!(known.expect(0, &[]).stdout.contains(part), "{}", known.stdout);
    }
}

#[test]
fn rows_without_known_columns_are_grouped_by_flags_and_reasons() {
    let workspace = Workspace::default();
    let rows: String =
        (0..60).map(|n| format!("{},{}\n", n % 7, if n == 30 { 900 } else { n % 5 })).collect();
    workspace.write("in.csv", format!("a,b\n{rows}").as_bytes());
    workspace.write(
        "job.yaml",
        b"input: {csv: {path: in.csv}}\nfeatures: [{type: field, name: a}, {type: field, name: b}]\n\
          flags: [{type: direct, name: big, expression: b > 500, message: \"{count} are big\"}]\n\
          classification: {engine: KNN, threshold: {method: contamination, value: 0.05}}\n\
          outputs: [{csv: {path: results.csv}}]\n",
    );
    let summary = summary(&workspace, &[]);
    let diagnostics = summary["diagnostics"].to_string();
    assert!(diagnostics.contains("NO_ENTITY"), "{diagnostics}");
    assert_eq!(summary["incidents"][0]["flags"][0], "big");
}

#[test]
fn values_of_entities_are_harmless() {
    let workspace = Workspace::default();
    let hostile =
        ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "a\u{202e}b", "\\", "{count}"];
    let mut rows = String::from("user,host,n\n");
    let user = |n: usize| match hostile.get(n) {
        Some(name) => format!("\"{name}\""),
        None => format!("u{}", n % 40),
    };
    rows.extend(
        (0..200).map(|n| {
            format!("{},h{},{}\n", user(n), n % 50, if n < hostile.len() { 900 } else { 1 })
        }),
    );
    workspace.write("in.csv", rows.as_bytes());
    workspace.write(
        "job.yaml",
        b"input: {csv: {path: in.csv}}\nroles: {entities: [{column: user, kind: user}, {column: host, kind: host}]}\n\
          flags: [{type: direct, name: big, expression: n > 500, title: \"{actor} uses {target}\"}]\n\
          outputs: [{csv: {path: results.csv}}]\n",
    );
    let summary = summary(&workspace, &[]);
    let titles: Vec<&str> = summary["incidents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles.len(), 5);
    assert!(titles.iter().any(|title| title.contains("{count} uses h4")), "{titles:?}");
    assert!(titles.iter().all(|title| !title.contains('\u{202e}')), "{titles:?}");
}

/// An example whose results have what flags found.
fn with_details(name: &str, output: &str) -> Workspace {
    let workspace = example(name);
    let job = workspace.read("job.yaml");
    let (before, _) = job.split_once("outputs:").unwrap();
    workspace.write("job.yaml", format!("{before}outputs:\n  - {output}\n").as_bytes());
    workspace
}

/// The incidents without what a summary alone knows.
fn listed(incidents: &Value) -> Vec<(u64, String, i64, u64, Value)> {
    let one = |it: &Value| {
        let (number, title) = (it["incident"].as_u64().unwrap(), it["title"].as_str().unwrap());
        let (risk, rows) = (it["risk"].as_i64().unwrap(), it["rows"].as_u64().unwrap());
        (number, title.to_owned(), risk, rows, it["key"].clone())
    };
    incidents.as_array().unwrap().iter().map(one).collect()
}

#[test]
fn a_result_file_has_the_incidents_of_its_run() {
    let outputs = [
        ("dns", "results.csv", "csv: {path: results.csv, include: [details]}"),
        ("dns", "results.parquet", "parquet: {path: results.parquet, include: [details]}"),
        ("finance", "results.ndjson", "ndjson: {path: results.ndjson, include: [details]}"),
    ];
    for (name, file, output) in outputs {
        let workspace = with_details(name, output);
        let summary = summary(&workspace, &[]);
        let expected = listed(&summary["incidents"]);
        for arguments in [vec!["job.yaml"], vec![file, "--job", "job.yaml"]] {
            let all = [&["incidents"], &arguments[..], &["--json"]].concat();
            let done = workspace.anomal(&all);
            done.expect(0, &[]);
            let found: Value = serde_json::from_str(&done.stdout).unwrap();
            assert_eq!(listed(&found["incidents"]), expected, "{file}");
            assert_eq!(found["incidentCount"], summary["incidentCount"]);
            assert_eq!(
                (&found["evidence"], &found["rows"]),
                (&summary["evidence"], &summary["results"])
            );
        }
        // Without the settings, the rows are in as many incidents, or a few more.
        let done = workspace.anomal(&["incidents", file, "--json"]);
        done.expect(0, &["--job has the keys and titles of flags"]);
        let found: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(found["evidence"], summary["evidence"]);
    }
}

/// Connections of a day with one long burst of large transfers, as a sensor writes them: times are seconds since 1970.
fn connections() -> String {
    let line = |row: u32| {
        let (host, bytes) =
            if row % 50 == 7 { (9, 900_000 + row) } else { (row % 6, 100 + row % 13) };
        format!(
            "{{\"ts\":{}.5,\"id.orig_h\":\"10.0.0.{host}\",\"id.resp_h\":\"192.0.2.{}\",\"bytes\":{bytes}}}\n",
            1_588_205_199 + row * 60,
            row % 5
        )
    };
    (0..400).map(line).collect()
}

#[test]
fn times_as_numbers_are_read_from_the_results() {
    let workspace = Workspace::default();
    workspace.write("conn.log", connections().as_bytes());
    let job = "input: {ndjson: {path: conn.log}}\ntimeColumn: ts\n\
        features:\n  - {type: field, name: bytes}\n\
        classification: {engine: HBOS}\n\
        outputs:\n  - parquet: {path: results.parquet}\n  - ndjson: {path: results.ndjson}\n";
    workspace.write("job.yaml", job.as_bytes());
    let summary = summary(&workspace, &[]);
    let expected = listed(&summary["incidents"]);
    assert!(summary["incidents"][0]["first"].is_string(), "{:?}", summary["incidents"]);
    for arguments in [
        &["results.parquet", "--job", "job.yaml"][..],
        &["results.parquet"],
        &["results.ndjson", "--job", "job.yaml"],
    ] {
        let all = [&["incidents"], arguments, &["--json"]].concat();
        let done = workspace.anomal(&all);
        done.expect(0, &[]);
        let found: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(listed(&found["incidents"]), expected, "{arguments:?}");
        assert_eq!(found["incidents"][0]["first"], summary["incidents"][0]["first"]);
    }
}

#[test]
fn incidents_of_a_file_are_chosen_and_printed() {
    let workspace = with_details("dns", "csv: {path: results.csv, include: [details]}");
    run(&workspace, &["--summary", "none"]);
    let incidents = |arguments: &[&str]| {
        workspace.anomal(&[&["incidents", "results.csv", "--job", "job.yaml"], arguments].concat())
    };
    let all = incidents(&[]);
    let title = "1 H 100    21  16:57  10.1.1.44: 21 names below cpfhsl.net in 3 min";
    assert!(all.expect(0, &[]).stdout.contains(title), "{}", all.stdout);
    assert!(all.stdout.contains("530 rows stand out in 41 incidents"), "{}", all.stdout);
    assert!(all.stdout.lines().all(|line| line.chars().count() <= 80), "{}", all.stdout);
    let one = incidents(&["1"]);
    for part in [
        "risk      100 (high): flag 60, score 30, more evidence 10, rarity 10",
        "  names     21\n",
        "  window    1 h\n",
        "  host      10.1.1.44\n",
        "  domain    cpfhsl.net\n",
    ] {
        assert!(one.expect(0, &[]).stdout.contains(part), "{part}: {}", one.stdout);
    }
    let is_row = |line: &&str| line.trim_start().starts_with(|first: char| first.is_ascii_digit());
    let rows = |text: &str| text.lines().filter(is_row).count();
    assert_eq!(rows(&one.stdout), 10, "{}", one.stdout);
    assert_eq!(rows(&incidents(&["1", "--rows", "50"]).stdout), 21);
    let of_host = incidents(&["--entity", "10.1.1.44", "--csv"]);
    let lines = csv_records(&of_host.stdout);
    let title = lines[0].iter().position(|name| name == "title").unwrap();
    assert!(lines.len() > 2 && lines[1][title].starts_with("10.1.1.44: 21 names"), "{lines:?}");
    let late = incidents(&["--from", "16:00", "--to", "17:00", "--min-risk", "100", "--markdown"]);
    assert_eq!(late.expect(0, &[]).stdout.lines().count(), 3, "{}", late.stdout);
    let none = incidents(&["--to", "2026-03-01"]);
    assert_eq!(none.expect(0, &[]).stdout, "no incidents\n");
    incidents(&["--fail-on", "incident:high"]).expect(10, &[]);
    incidents(&["--fail-on", "high"]).expect(2, &["incident:high"]);
    incidents(&["--from", "soon"]).expect(2, &["this is no time; a time is 2026-03-02T16:00:00Z"]);
    incidents(&["99"]).expect(3, &["there is no incident 99 among 41"]);
    workspace.anomal(&["incidents", "dns.csv"]).expect(3, &["so it is no result file of a run"]);
    // Rows that stand out alone say nothing of the others.
    let text = workspace.read("results.csv");
    let place = csv_records(&text)[0].iter().position(|name| name == "anomal.incident").unwrap();
    let evidence: Vec<&str> = text
        .lines()
        .enumerate()
        .filter(|(line, text)| {
            *line == 0 || !csv_records(&format!("{text}\n"))[0][place].is_empty()
        })
        .map(|(_, text)| text)
        .collect();
    workspace.write("evidence.csv", (evidence.join("\n") + "\n").as_bytes());
    let some = workspace.anomal(&["incidents", "evidence.csv", "--job", "job.yaml", "--json"]);
    some.expect(0, &["only rows that are suspicious or flagged"]);
    let found: Value = serde_json::from_str(&some.stdout).unwrap();
    assert_eq!(found["evidence"], 530);
    assert!(found["incidents"].as_array().unwrap().iter().all(|it| it["parts"]["rarity"] == 0));
}

#[test]
fn results_have_what_flags_found() {
    let workspace = with_details("dns", "csv: {path: results.csv, include: [details]}");
    run(&workspace, &["--summary", "none"]);
    let records = csv_records(&workspace.read("results.csv"));
    let place = |name: &str| records[0].iter().position(|column| column == name).unwrap();
    let (row, details) = (place("anomal.row"), place("anomal.details"));
    let of_row = |number: &str| {
        let record = records.iter().find(|record| record[row] == number).unwrap();
        record[details].clone()
    };
    assert_eq!(
        of_row("3983"),
        "unique_subdomains.actor=10.1.1.44;unique_subdomains.target=cpfhsl.net;unique_subdomains.names=21;\
         unique_subdomains.window=3600"
    );
    assert_eq!(of_row("0"), "");
    // Columns of an expression, with all digits.
    let finance = with_details("finance", "ndjson: {path: results.ndjson, include: [details]}");
    run(&finance, &["--summary", "none"]);
    let text = finance.read("results.ndjson");
    let hit = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|record| record["anomal.flags"].to_string().contains("emptied_by_transfer"));
    let hit = hit.unwrap();
    let found: Vec<&Value> = hit["anomal.details"].as_array().unwrap().iter().collect();
    let named = |name: &str| found.iter().find(|one| one["name"] == name).unwrap();
    assert_eq!(named("type")["text"], hit["type"]);
    assert_eq!(named("oldbalanceOrg")["number"], hit["oldbalanceOrg"]);
    // Nothing where it is not asked for.
    assert!(!with_columns(&example("dns")).contains("anomal.details"));
}

/// The header of an example's results.
fn with_columns(workspace: &Workspace) -> String {
    run(workspace, &["--summary", "none"]);
    workspace.read("results.csv").lines().next().unwrap().to_owned()
}

#[test]
fn titles_name_facts_that_their_flag_has() {
    let workspace = example("dns");
    let job = workspace.read("job.yaml");
    let with = |title: &str| {
        let line = format!("name: unique_subdomains\n    title: \"{title}\"");
        workspace.write("job.yaml", job.replacen("name: unique_subdomains", &line, 1).as_bytes());
    };
    with("{names} names[ in {nowhere}]");
    workspace
        .anomal(&["validate", "job.yaml"])
        .expect(2, &["flags[0].title", "a title of this flag has no {nowhere}"]);
    with("{nmaes} names");
    workspace.anomal(&["validate", "job.yaml"]).expect(2, &["did you mean `names`?"]);
    with("{actor} asks for {names} names in {window}");
    let summary = summary(&workspace, &[]);
    let first = summary["incidents"][0]["title"].as_str().unwrap();
    assert!(first.contains("10.1.1.44 asks for 21 names in 1 h (unique_subdomains)"), "{first}");
    let facts = &summary["incidents"][0]["facts"];
    assert_eq!(facts[0]["number"], 21.0, "{facts}");
    assert_eq!(summary["entities"][0]["value"], "10.1.1.44");
}

#[test]
fn tables_show_the_columns_that_settings_name() {
    let workspace = example("dns");
    let job = workspace.read("job.yaml");
    let (before, _) = job.split_once("outputs:").unwrap();
    let roles = "roles: {show: [dns.response_code, source.ip]}\n";
    let outputs = "outputs:\n  - terminal: {limit: 3}\n";
    workspace.write("job.yaml", format!("{roles}{before}{outputs}").as_bytes());
    let done = workspace.anomal(&["run", "job.yaml", "--summary", "suspects"]);
    done.expect(0, &["dns.response_code=NOERROR  source.ip=10.1.1.44"]);
    let header = done.stdout.lines().find(|line| line.contains("anomal.row")).unwrap();
    let names: Vec<&str> = header.split_whitespace().collect();
    assert_eq!(names[..4], ["anomal.row", "dns.response_code", "source.ip", "anomal.score"]);
}
