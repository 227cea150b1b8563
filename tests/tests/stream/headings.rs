//! Followed files whose columns are named by lines at their heads: CSV, Zeek and W3C, through rotation.

use std::{fs, ops::Range};

use anomal_tests::Workspace;
use serde_json::Value as Json;

use super::{append, catch_up, job::results, summary};

const JUDGED: &str = "\
features:
  - {type: field, name: size}
  - {type: field, name: method, kind: categorical}
flags:
  - {type: direct, name: large, expression: size > 900, severity: high}
classification: {engine: HBOS, seed: 7}
stream:
  warmUp: {rows: 300}
  state: {checkpoint: {every: 1s, to: state}}
outputs:
  - ndjson: {path: results.ndjson, rotate: 64Mi, include: [features]}
";

fn workspace(input: &str) -> Workspace {
    Workspace::with_files(&[("job.yaml", format!("input: {{{input}}}\n{JUDGED}").as_bytes())])
}

fn size(id: u64) -> u64 {
    (id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 1_000
}

fn method(id: u64) -> &'static str {
    ["GET", "GET", "POST"][usize::try_from(id % 3).unwrap()]
}

fn rows(workspace: &Workspace) -> Vec<Json> {
    results(workspace).lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}

/// What does not depend on the format of the input.
fn verdicts(workspace: &Workspace) -> Vec<Vec<(String, Json)>> {
    let verdict = |row: &Json| {
        let cells = row.as_object().unwrap().iter();
        let cells = cells.filter(|(name, _)| name.starts_with("anomal."));
        cells.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    rows(workspace).iter().map(verdict).collect()
}

#[test]
fn files_of_csv_are_followed_by_their_own_names_of_columns() {
    let csv = workspace("csv: {path: app.csv, badLines: skip}");
    let json = workspace("ndjson: {path: app.ndjson, badLines: skip}");
    let lines = |ids: Range<u64>, line: fn(u64) -> String| -> String { ids.map(line).collect() };
    let first = |id| format!("{id},{},{}\n", size(id), method(id));
    let object =
        |id| format!("{{\"id\":{id},\"size\":{},\"method\":\"{}\"}}\n", size(id), method(id));
    append(&csv, "app.csv", "id,size,method\n");
    append(&csv, "app.csv", &lines(0..400, first));
    catch_up(&csv).expect(0, &[]);
    // In the middle of a file, by another process.
    append(&csv, "app.csv", &(lines(400..440, first) + "no,record\n"));
    catch_up(&csv).expect(0, &[]);
    append(&csv, "app.csv", &lines(440..450, first));
    // Other names, in another order, and one with a comma in quotes.
    fs::rename(csv.path("app.csv"), csv.path("app.csv.1")).unwrap();
    let second = |id| format!("{},\"x, y\",{id},{}\n", method(id), size(id));
    append(&csv, "app.csv", &("method,other,id,size\n".to_owned() + &lines(450..600, second)));
    catch_up(&csv).expect(0, &["app.csv: its columns", "missing: none", "have them: other"]);
    fs::rename(csv.path("app.csv"), csv.path("app.csv.2")).unwrap();
    let third = |id| format!("{id},{}\n", size(id));
    append(&csv, "app.csv", &("id,size\n".to_owned() + &lines(600..650, third)));
    let last = catch_up(&csv);
    last.expect(0, &["missing: method"]);
    assert_eq!((&summary(&last)["rows"], &summary(&last)["rejected"]), (&651.into(), &1.into()));
    let rejected: Json = serde_json::from_str(csv.read("job.rejected.ndjson").trim()).unwrap();
    assert_eq!((&rejected["line"], &rejected["row"]), (&442.into(), &440.into()), "{rejected}");

    let fourth = |id| format!("{{\"id\":{id},\"size\":{}}}\n", size(id));
    let records =
        lines(0..440, object) + "no record\n" + &lines(440..600, object) + &lines(600..650, fourth);
    append(&json, "app.ndjson", &records);
    catch_up(&json).expect(0, &[]);
    let (found, expected) = (verdicts(&csv), verdicts(&json));
    assert_eq!(found.len(), 650);
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    let id = |row: &Json| row["id"].as_str().unwrap().parse::<u64>().unwrap();
    assert!((0..650).eq(rows(&csv).iter().map(id)));
}

#[test]
fn logs_of_zeek_are_followed_through_rotation() {
    for format in ["format: zeek, ", ""] {
        let workspace = workspace(&format!("log: {{path: a.log, {format}badLines: skip}}"));
        let heading = |fields: &str, types: &str| {
            format!(
                "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tx\n#open\t2026-01-01-00-00-\
                 00\n#fields\t{fields}\n#types\t{types}\n"
            )
        };
        let first = heading("ts\tsize\tmethod", "time\tcount\tstring");
        let line = |id: u64| format!("{}.5\t{}\t{}\n", 1_767_225_600 + id, size(id), method(id));
        append(&workspace, "a.log", &(first.clone() + &(0..350).map(line).collect::<String>()));
        catch_up(&workspace).expect(0, &[]);
        append(&workspace, "a.log", &(350..400).map(line).collect::<String>());
        catch_up(&workspace).expect(0, &[]);
        append(&workspace, "a.log", &(line(400) + "#close\t2026-01-01-01-00-00\n"));
        fs::rename(workspace.path("a.log"), workspace.path("a.log.1")).unwrap();
        let second = heading("method\tts\tuid\tsize", "string\ttime\tstring\tcount");
        let other =
            |id: u64| format!("{}\t{}.5\tC{id}\t{}\n", method(id), 1_767_225_600 + id, size(id));
        append(&workspace, "a.log", &(second + &(401..500).map(other).collect::<String>()));
        let last = catch_up(&workspace);
        last.expect(0, &["`uid`: no column"]);
        let counts = summary(&last);
        assert_eq!((&counts["rows"], &counts["rejected"]), (&500.into(), &0.into()), "{last:#?}");
        for (id, row) in (0..).zip(rows(&workspace)) {
            assert_eq!(row["anomal.row"], id);
            assert_eq!(row["anomal.features.size"].as_f64(), Some(size(id) as f64), "{row}");
            assert_eq!(row["anomal.features.method"], method(id), "{row}");
        }
    }
}

#[test]
fn logs_of_w3c_are_followed_though_their_fields_change_between_records() {
    let workspace = workspace("log: {path: a.log, format: w3c, badLines: skip}");
    let job = workspace.read("job.yaml").replace("name: method", "name: cs-method");
    let job =
        job.replace("name: size", "name: sc-bytes").replace("size > 900", "'\"sc-bytes\" > 900'");
    workspace.write("job.yaml", (job + "timeColumn: \"@timestamp\"\n").as_bytes());
    let time = |id: u64| format!("2026-01-01 {:02}:{:02}:{:02}", id / 3_600, id / 60 % 60, id % 60);
    let first = |id: u64| format!("{} {} {}\n", time(id), method(id), size(id));
    let head = "#Software: x\n#Version: 1.0\n#Date: 2026-01-01 00:00:00\n#Fields: date time cs-method sc-bytes\n";
    append(&workspace, "a.log", &(head.to_owned() + &(0..310).map(first).collect::<String>()));
    catch_up(&workspace).expect(0, &[]);
    let second = |id: u64| format!("{} {}\n", size(id), time(id));
    let fields = "#Fields: sc-bytes date time\n";
    append(
        &workspace,
        "a.log",
        &(first(310) + fields + &(311..400).map(second).collect::<String>()),
    );
    let last = catch_up(&workspace);
    last.expect(0, &[]);
    assert_eq!((&summary(&last)["rows"], &summary(&last)["late"]), (&400.into(), &0.into()));
    for (id, row) in (0..).zip(rows(&workspace)) {
        assert_eq!(row["anomal.features.sc-bytes"].as_f64(), Some(size(id) as f64), "{row}");
        let expected = if id < 311 { Json::from(method(id)) } else { Json::Null };
        assert_eq!(row["anomal.features.cs-method"], expected, "{row}");
    }
}
