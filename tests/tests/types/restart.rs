//! Values behind the first 10,000 records that need a wider type.

use std::io::Write;

use super::support::{Run, fields, job, run};

const ROWS: usize = 12_000;
const LATE: usize = 11_000;

/// A column `b` of whole numbers with `late` in one of the last rows, and a column `a`.
fn csv(late: &str) -> String {
    let mut csv = String::from("a,b\n");
    for row in 0..ROWS {
        let number = (row % 5).to_string();
        csv.push_str(&format!("{},{}\n", row % 3, if row == LATE { late } else { &number }));
    }
    csv
}

fn ndjson(late: &str) -> String {
    let record = |row: usize| {
        let number = (row % 5).to_string();
        format!("{{\"a\":{},\"b\":{}}}\n", row % 3, if row == LATE { late } else { &number })
    };
    (0..ROWS).map(record).collect()
}

fn over_csv(late: &str, more: &str) -> Run {
    let job = job(&format!("csv: {{path: in.csv{more}}}"), &fields(&["a", "b"]));
    run("in.csv", csv(late).as_bytes(), &job)
}

#[test]
fn a_late_fraction_makes_numbers() {
    let done = over_csv("2.5", "").succeeded();
    assert_eq!(done.csv("anomal.features.b")[LATE - 1..=LATE], ["4", "2.5"]);
    assert_eq!(done.json("b")[LATE - 1..=LATE], ["4", "2.5"]);
    let note = done.note("RESTARTED");
    assert!(
        note.contains("read again from the start, because `b` has `2.5` at in.csv:11002"),
        "{note}"
    );
    assert_eq!(done.summary()["input"]["restarts"], 1);
    let typed = over_csv("2.5", ", types: {b: float}").succeeded();
    assert_eq!(typed.notes("RESTARTED"), [""; 0]);
    assert_eq!(done.workspace.read("out.csv"), typed.workspace.read("out.csv"));
}

#[test]
fn a_late_code_makes_text() {
    let done = over_csv("007", "").succeeded();
    let typed = over_csv("007", ", types: {b: string}").succeeded();
    assert_eq!(done.csv("anomal.features.b")[LATE], "007");
    assert_eq!(done.workspace.read("out.csv"), typed.workspace.read("out.csv"));
}

#[test]
fn a_late_text_is_a_stray() {
    let done = over_csv("seven", "").succeeded();
    assert_eq!(done.strays(), [LATE]);
    assert_eq!(done.notes("RESTARTED"), [""; 0]);
    assert!(done.note("STRAYS").contains("`seven` at in.csv:11002"));
    let text = over_csv("seven", ", strays: text").succeeded();
    assert_eq!(text.csv("anomal.features.b")[LATE], "seven");
    assert_eq!(text.summary()["input"]["restarts"], 1);
}

#[test]
fn a_column_without_values_takes_the_type_of_late_ones() {
    let mut csv = String::from("a,b\n");
    for row in 0..ROWS {
        let late = if row >= LATE { "7" } else { "" };
        csv.push_str(&format!("{},{late}\n", row % 3));
    }
    let done = run("in.csv", csv.as_bytes(), &job("csv: {path: in.csv}", &fields(&["a", "b"])))
        .succeeded();
    assert_eq!(done.json("anomal.features.b")[LATE], "7.0");
}

#[test]
fn late_json_values_stay_what_they_are() {
    for (late, written) in
        [("2.5", "2.5"), ("1e3", "1e3"), ("\"x\"", "\"x\""), ("[1,2]", "[1,2]"), ("true", "true")]
    {
        let text = ndjson(late);
        let settings = "ndjson: {path: in.ndjson}";
        // Whether a setting uses the column or not.
        for used in [&["a", "b"][..], &["a"]] {
            let done = run("in.ndjson", text.as_bytes(), &job(settings, &fields(used))).succeeded();
            assert_eq!(done.json("b")[LATE - 1..=LATE], ["4", written]);
            assert_eq!(done.summary()["input"]["restarts"], 1, "{late} {used:?}");
        }
    }
}

#[test]
fn two_restarts_are_the_most() {
    // Three columns that each need another type; the third value counts as missing.
    let mut csv = String::from("a,b,c\n");
    for row in 0..ROWS {
        let true_or = |late, value| if row == late { value } else { "true" };
        csv.push_str(&format!(
            "{},{},{}\n",
            true_or(LATE, "x"),
            true_or(LATE + 10, "y"),
            true_or(LATE + 20, "z")
        ));
    }
    let done =
        run("in.csv", csv.as_bytes(), &job("csv: {path: in.csv}", &fields(&["a", "b", "c"])))
            .succeeded();
    assert_eq!(done.notes("RESTARTED").len(), 2);
    assert_eq!(done.csv("anomal.features.a")[LATE], "x");
    assert_eq!(done.csv("anomal.features.b")[LATE + 10], "y");
    assert_eq!(done.strays(), [LATE + 20]);
}

#[test]
fn compression_and_pipes_make_no_difference() {
    let text = csv("2.5");
    let plain = over_csv("2.5", "").succeeded();
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(text.as_bytes()).unwrap();
    let settings = job("csv: {path: in.csv.gz}", &fields(&["a", "b"]));
    let zipped = run("in.csv.gz", &zipped.finish().unwrap(), &settings).succeeded();
    let settings = job("csv: {path: '-'}", &fields(&["a", "b"]));
    let piped = run("job.yaml", settings.as_bytes(), &settings);
    let output = piped.workspace.anomal_with_input(&["run", "job.yaml"], text.as_bytes());
    output.expect(0, &[]);
    for name in ["out.csv", "out.ndjson"] {
        assert_eq!(zipped.workspace.bytes(name), plain.workspace.bytes(name), "{name}");
        assert_eq!(piped.workspace.bytes(name), plain.workspace.bytes(name), "{name}");
    }
}

#[test]
fn a_restart_begins_the_dead_letters_again() {
    let mut text = csv("2.5");
    text = text.replacen("a,b\n", "a,b\nragged\n", 1);
    let settings = job("csv: {path: in.csv, badLines: skip}", &fields(&["a", "b"]));
    let done = run("in.csv", text.as_bytes(), &settings).succeeded();
    assert_eq!(done.workspace.read("job.rejected.ndjson").lines().count(), 1);
    assert_eq!(done.csv("b").len(), ROWS);
}

#[test]
fn a_late_number_with_marks_makes_marked_numbers() {
    for (late, number) in
        [("\"1,200.50\"", "1200.5"), ("$7", "7"), ("45%", "45"), ("(3.5)", "-3.5"), ("'-47", "-47")]
    {
        let done = over_csv(late, "").succeeded();
        assert_eq!(done.csv("anomal.features.b")[LATE - 1..=LATE], ["4", number], "{late}");
        assert_eq!(done.csv("b")[LATE], late.trim_matches('"'));
        assert_eq!(done.summary()["input"]["restarts"], 1);
        assert_eq!(done.strays(), [0; 0]);
        assert!(done.note("MARKED_NUMBERS").contains("`b` is read as numbers with"), "{late}");
    }
}

#[test]
fn a_late_number_with_two_readings_or_another_format_is_a_stray() {
    // Whole numbers do not show what the comma is, and points that are decimals are no thousands.
    for (late, shown) in [("\"1,234\"", "1,234"), ("\"1.200,5\"", "1.200,5")] {
        let done = over_csv(late, "").succeeded();
        let decimals = csv(late).replace("\n1,4\n", "\n1,4.25\n");
        let settings = job("csv: {path: in.csv}", &fields(&["a", "b"]));
        let other = run("in.csv", decimals.as_bytes(), &settings).succeeded();
        for done in [&done, &other] {
            assert!(done.summary()["input"]["restarts"].as_u64() <= Some(1));
        }
        if shown == "1,234" {
            assert_eq!(done.strays(), [LATE]);
            // Beside plain decimals, it separates thousands.
            assert_eq!(other.csv("anomal.features.b")[LATE], "1234");
        } else {
            assert_eq!(done.csv("anomal.features.b")[LATE], "1200.5");
            assert_eq!(other.strays(), [LATE]);
        }
    }
}
