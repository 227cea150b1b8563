//! Incidents and their pages where data is unusual: without times or entities, with one or very many of them, with a flag on
//! every row, and in reports of older versions.

use std::fmt::Write;

use anomal_tests::{Workspace, http, report_server::ReportServer};
use serde_json::Value;

const FLAG: &str = "flags: [{type: direct, name: big, expression: n > 500, severity: medium, message: '{count} are big'}]";

/// A run with a report, and a server of it.
struct Reported {
    workspace: Workspace,
    summary: Value,
    server: ReportServer,
    id: String,
}

impl Reported {
    fn new(csv: &str, settings: &str) -> Self {
        let workspace = Workspace::with_files(&[("in.csv", csv.as_bytes())]);
        let job = format!(
            "input: {{csv: {{path: in.csv}}}}\n{FLAG}\n{settings}\nreport: {{}}\n\
             outputs: [{{csv: {{path: results.csv}}}}]\n"
        );
        workspace.write("job.yaml", job.as_bytes());
        let run = ["run", "job.yaml", "--summary", "json", "--report-store", "store"];
        let ran = workspace.anomal(&run);
        ran.expect(0, &[]);
        let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
        let id = summary["report"]["id"].as_str().unwrap().to_owned();
        let server = ReportServer::start(&workspace, &[]);
        Self { workspace, summary, server, id }
    }

    fn answer(&self, path: &str) -> http::Answer {
        http::get(&self.server.address, &format!("/reports/{}{path}", self.id), &[])
    }

    fn page(&self, path: &str) -> String {
        let answer = self.answer(path);
        let text = answer.text();
        assert_eq!(answer.status, 200, "{path}: {text}");
        text
    }

    /// Every page opens, and its counts are those of the rows.
    fn check(&self) {
        for path in ["", "/incidents", "/entities", "/suspects", "/flags", "/run", "/incidents/1"] {
            let page = self.page(path);
            for wrong in ["NaN", " 1 rows", "inf%"] {
                assert!(!page.contains(wrong), "{wrong} on {path}: {page}");
            }
        }
        let evidence = self.summary["evidence"].as_u64().unwrap();
        assert_eq!(evidence, self.summary["flagged"].as_u64().unwrap());
        if self.count() == self.titles().len() as u64 {
            assert_eq!(self.titles().iter().map(|(_, rows)| rows).sum::<u64>(), evidence);
        }
    }

    /// All incidents.
    fn count(&self) -> u64 {
        let count = &self.summary["incidentCount"];
        ["high", "medium", "low"].map(|name| count[name].as_u64().unwrap()).iter().sum()
    }

    /// Those of the summary, with their rows.
    fn titles(&self) -> Vec<(String, u64)> {
        let all = self.summary["incidents"].as_array().unwrap().iter();
        let title =
            |it: &Value| (it["title"].as_str().unwrap().to_owned(), it["rows"].as_u64().unwrap());
        all.map(title).collect()
    }
}

/// Rows of a time, a user, a host and a number, which is big in every tenth.
fn rows(count: usize, time: impl Fn(usize) -> String, user: impl Fn(usize) -> String) -> String {
    let mut csv = String::from("timestamp,user,host,n\n");
    for n in 0..count {
        let big = if n % 10 == 3 { 900 } else { n % 7 };
        writeln!(csv, "{},{},h{},{big}", time(n), user(n), n % 20).unwrap();
    }
    csv
}

fn minute(n: usize) -> String {
    format!("2026-03-02T{:02}:{:02}:00Z", n / 60 % 24, n % 60)
}

fn user(n: usize) -> String {
    format!("u{}", n % 30)
}

const ENTITIES: &str =
    "roles: {entities: [{column: user, kind: user}, {column: host, kind: host}]}";
const TIMES: &str =
    "roles: {time: timestamp, entities: [{column: user, kind: user}, {column: host, kind: host}]}";

#[test]
fn rows_without_times_have_no_timeline() {
    let reported = Reported::new(&rows(300, |_| String::new(), user), ENTITIES);
    reported.check();
    assert!(reported.summary["incidents"][0]["first"].is_null(), "{}", reported.summary);
    let overview = reported.page("");
    assert!(!overview.contains("class=\"timeline\"") && overview.contains("class=\"incidents\""));
    assert!(!reported.page("/entities").contains(">By time<"));
}

#[test]
fn times_that_are_unsorted_equal_or_missing_for_half_lose_no_row() {
    let shuffled = |n: usize| minute(n * 7_919 % 1_440);
    let half = |n: usize| if n.is_multiple_of(2) { String::new() } else { minute(n) };
    for time in [&shuffled as &dyn Fn(usize) -> String, &|_| minute(5), &half] {
        let csv = rows(400, time, user);
        let reported = Reported::new(&csv, TIMES);
        reported.check();
        assert!(reported.page("").contains("timeline"));
        // The same rows from the last to the first.
        let (head, body) = csv.split_once('\n').unwrap();
        let mut lines: Vec<&str> = body.lines().collect();
        lines.reverse();
        let reversed = Reported::new(&format!("{head}\n{}\n", lines.join("\n")), TIMES);
        let (mut one, mut other) = (reported.titles(), reversed.titles());
        one.sort();
        other.sort();
        assert_eq!(one, other);
    }
}

#[test]
fn an_entity_of_all_rows_says_nothing() {
    let csv = rows(300, minute, |_| "root".to_owned());
    let reported = Reported::new(&csv, TIMES);
    reported.check();
    // Hosts still group: the user alone would have made one incident.
    assert!(reported.titles().len() > 1, "{:?}", reported.titles());
    let one = "roles: {entities: [{column: user, kind: user}]}";
    let reported = Reported::new(&csv, one);
    reported.check();
    assert_eq!(reported.titles(), [("30 are big (big)".to_owned(), 30)]);
    // Without any, pages of entities say what would help.
    let none = Reported::new(&csv.replace("user,host", "a,b"), "");
    none.check();
    assert!(none.page("/entities").contains("roles.entities"), "{}", none.page("/entities"));
}

#[test]
fn a_flag_on_every_row_is_counted_and_paged() {
    let mut all = String::from("timestamp,user,host,n\n");
    (0..2_000).for_each(|n| writeln!(all, "{},{},h{},900", minute(n), user(n), n % 20).unwrap());
    let reported = Reported::new(&all, TIMES);
    reported.check();
    assert_eq!(reported.summary["evidence"], 2_000);
    assert!(reported.page("").contains("2,000 of 2,000 rows stand out"));
    assert!(reported.page("/suspects?page=80").contains("1,976–2,000 of 2,000"));
}

#[test]
fn a_hundred_thousand_entities_and_incidents_stay_within_bounds() {
    const ROWS: usize = 100_000;
    let mut csv = String::from("timestamp,user,host,n\n");
    for n in 0..ROWS {
        writeln!(csv, "{},user{n},h{n},900", minute(n)).unwrap();
    }
    let reported = Reported::new(&csv, TIMES);
    assert_eq!(reported.count(), ROWS as u64);
    assert_eq!(reported.summary["incidents"].as_array().unwrap().len(), 100);
    reported.check();
    for (path, kilobytes) in [("", 120), ("/incidents", 90), ("/entities", 120), ("/suspects", 130)]
    {
        let size = reported.page(path).len();
        assert!(size <= kilobytes * 1_000, "{path}: {size} bytes");
    }
    let list = reported.page("/incidents?fold=no&page=200");
    assert!(
        list.contains("90,000 incidents of the lowest risk are counted, but not listed."),
        "{list}"
    );
    assert_eq!(reported.answer("/incidents/10000").status, 200);
    assert_eq!(reported.answer("/incidents/10001").status, 404);
    // A filter finds one of them by its entity.
    let found = reported.page("/suspects?actor=user77");
    assert!(found.contains("user77") && found.contains(">1<"), "{found}");
}

#[test]
fn reports_of_version_0_1_0_have_the_pages_that_they_can_fill() {
    let reported = Reported::new(&rows(300, minute, user), ENTITIES);
    // As that version stored them.
    let folder = format!("store/reports/{}", reported.id);
    let manifest = format!("{folder}/manifest.json");
    let mut report: Value = serde_json::from_str(&reported.workspace.read(&manifest)).unwrap();
    let fields = report.as_object_mut().unwrap();
    for name in ["incidents", "roles"] {
        assert!(fields.remove(name).is_some(), "{name}");
    }
    fields.insert("version".to_owned(), "0.1.0".into());
    reported.workspace.write(&manifest, report.to_string().as_bytes());
    for file in ["incidents", "entities", "groups"] {
        std::fs::remove_file(reported.workspace.path(&format!("{folder}/{file}.parquet"))).unwrap();
    }
    let server = ReportServer::start(&reported.workspace, &[]);
    let old = Reported { server, ..reported };
    let overview = old.page("");
    assert!(
        overview.contains("The report was made before incidents: run the job again"),
        "{overview}"
    );
    assert!(!overview.contains("/incidents\"") && !overview.contains("/entities\""));
    for path in ["/suspects", "/flags", "/run", "/rows/3", "/incidents", "/entities"] {
        old.page(path);
    }
    assert_eq!(old.answer("/incidents/1").status, 404);
    assert_eq!(old.answer("/download/report.pdf").status, 200);
    assert_eq!(old.answer("/download/report.html").status, 200);
    let compare = ["compare", &old.id, "latest", "--json", "--report-store", "store"];
    let compared = old.workspace.anomal(&compare);
    compared.expect(0, &[]);
    let all: Value = serde_json::from_str(&compared.stdout).unwrap();
    assert_eq!(all["entities"].as_array().unwrap().len(), 0);
}
