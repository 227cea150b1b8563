//! The format of a column of times is detected, and a format with two readings is never guessed.

use super::support::{Run, fields, job, run};

const CSV: &str = "csv: {path: in.csv}";

fn csv(values: &[&str], settings: &str, features: &str) -> Run {
    let rows = values.iter().enumerate();
    let rows: String = rows.map(|(row, value)| format!("\"{value}\",{}\n", row % 3)).collect();
    run("in.csv", format!("t,n\n{rows}").as_bytes(), &job(settings, features))
}

fn times(values: &[&str], settings: &str) -> Run {
    csv(values, settings, &fields(&["t", "n"])).succeeded()
}

#[test]
fn a_number_above_12_decides_between_day_and_month() {
    for (value, format, seconds) in [
        ("12/31/2021 10:00 PM", "us", "1640988000"),
        ("31.12.2021 22:00", "eu", "1640988000"),
        ("31/12/2021", "eu", "1640908800"),
    ] {
        let done = times(&[value, value], CSV);
        assert_eq!(done.csv("anomal.features.t")[0], seconds, "{value}");
        assert_eq!(done.csv("t")[0], value);
        let note = done.note("TIME_FORMAT");
        assert!(
            note.contains(&format!("in the format {format}, because of `{value}` at in.csv:2")),
            "{note}"
        );
        // The remedy of the note.
        let set =
            format!("csv: {{path: in.csv, types: {{t: {{type: datetime, format: {format}}}}}}}");
        let set = times(&[value, value], &set);
        assert_eq!(set.csv("anomal.features.t")[0], seconds);
        assert_eq!(set.notes("TIME_FORMAT"), [""; 0]);
    }
}

#[test]
fn the_order_of_records_decides_between_day_and_month() {
    let day = |day: usize| format!("{:02}/{:02}/2021", 3 + day / 3, 1 + day % 3);
    let days: Vec<String> = (0..18).map(day).collect();
    let days: Vec<&str> = days.iter().map(String::as_str).collect();
    let done = times(&days, CSV);
    assert!(done.note("TIME_FORMAT").contains("in the format us, since the days ascend so"));
    assert_eq!(done.csv("anomal.features.t")[0], "1614556800");
    // The other way round, they show nothing.
    let reversed: Vec<&str> = days.iter().rev().copied().collect();
    let labels = "- {type: field, name: t, kind: categorical}\n- {type: field, name: n}\n";
    let done = csv(&reversed, CSV, labels).succeeded();
    assert!(done.note("AMBIGUOUS_TIME").contains("`t` is text, since `08/03/2021` at in.csv:2 is"));
}

/// A flag that needs times names both readings, and the setting in its message works.
#[test]
fn two_readings_are_refused_where_times_are_needed() {
    let values = ["03/04/2021 02:38", "05/06/2021 03:15"];
    let flags = "- {type: field, name: n}\nflags:\n- {type: aggregation, name: beaconing_detector, \
                 dataNeeded: [n, t]}\npacks: [dns]";
    let refused = csv(&values, CSV, flags);
    refused.output.expect(
        2,
        &[
            "flags[0].dataNeeded",
            "`03/04/2021 02:38` at in.csv:2 is 4 March 2021 with the month first (us) and 3 April 2021 with the day first \
             (eu)",
            "types: {t: {type: datetime, format: us}}",
        ],
    );
    let column = csv(&values, CSV, "- {type: field, name: n}\ntimeColumn: t");
    column.output.expect(2, &["timeColumn", "4 March 2021"]);
    let declared = "csv: {path: in.csv, types: {t: datetime}}";
    csv(&values, declared, flags).output.expect(3, &["in.csv:2", "4 March 2021", "3 April 2021"]);
    for (format, seconds) in [("us", "1614825480"), ("eu", "1617417480")] {
        let set =
            format!("csv: {{path: in.csv, types: {{t: {{type: datetime, format: {format}}}}}}}");
        csv(&values, &set, flags).succeeded();
        assert_eq!(times(&values, &set).csv("anomal.features.t")[0], seconds);
    }
}

#[test]
fn several_formats_are_no_times_unless_they_are_listed() {
    let values = ["2021-07-02 02:38:00", "02/Jul/2021:03:15:00 +0000"];
    let labels = "- {type: field, name: t, kind: categorical}\n- {type: field, name: n}\n";
    let done = csv(&values, CSV, &labels.replace(", kind: categorical", "")).succeeded();
    let note = done.note("MIXED_TIMES");
    assert!(note.contains("1 iso, 1 apache"), "{note}");
    // The remedy of the note.
    assert!(note.contains("`types: {t: {type: datetime, format: [iso, apache]}}`"), "{note}");
    let listed = "csv: {path: in.csv, types: {t: {type: datetime, format: [iso, apache]}}}";
    let done = times(&values, listed);
    assert_eq!(done.csv("anomal.features.t"), ["1625193480", "1625195700"]);
    assert!(done.note("TIME_FORMATS").contains("`t`: times by format: apache 1, iso 1"));
}

/// Behind the sample the format stays: the same digits are never another day.
#[test]
fn another_format_behind_the_sample_is_a_stray() {
    let mut values = vec!["31.12.2021"; 10_001];
    values.extend(["12/31/2021", "01.02.2021"]);
    let done = times(&values, CSV);
    assert_eq!(done.csv("anomal.features.t")[10_000..], ["1640908800", "", "1612137600"]);
    assert_eq!(done.strays(), [10_001]);
    assert!(done.note("STRAYS").contains("`12/31/2021` at in.csv:10003"));
    let declared = "csv: {path: in.csv, types: {t: datetime}}";
    let failed = csv(&values, declared, &fields(&["t", "n"]));
    failed
        .output
        .expect(3, &["in.csv:10003", "`12/31/2021` is not a time with the day first (eu)"]);
    // As text, the column is read again from the start.
    let text = times(&values, "csv: {path: in.csv, strays: text}");
    assert_eq!(text.csv("anomal.features.t")[10_000..], ["31.12.2021", "12/31/2021", "01.02.2021"]);
    assert!(text.note("RESTARTED").contains("`12/31/2021` at in.csv:10003"));
}

const UNITS: [[&str; 2]; 5] = [
    ["1625193480", "1625195700"],
    ["1625193480000", "1625195700000"],
    ["1625193480000000", "1625195700000000"],
    ["1625193480000000000", "1625195700000000000"],
    ["20210702023800", "20210702031500"],
];

/// Numbers are times where a component or the settings need times, and numbers everywhere else.
#[test]
fn numbers_are_times_on_demand() {
    let features = "- {type: metric, name: zulu_timestamp_minutes, dataNeeded: [t], as: minutes}\n\
                    - {type: field, name: t}\n- {type: field, name: n}\npacks: [dns]";
    let alone = features.replace("- {type: field, name: t}\n", "");
    for values in UNITS {
        for features in [features, &alone] {
            let done = csv(&values, CSV, features).succeeded();
            assert_eq!(done.csv("anomal.features.minutes"), ["158", "195"], "{values:?}");
            assert_eq!(done.csv("t"), values);
            let lines = values.map(|value| format!("{{\"t\":{value},\"n\":1}}\n")).concat();
            let done =
                run("in.ndjson", lines.as_bytes(), &job("ndjson: {path: in.ndjson}", features));
            let done = done.succeeded();
            assert_eq!(done.csv("anomal.features.minutes"), ["158", "195"], "{values:?}");
            assert_eq!(done.json("t"), values);
            assert!(done.note("TIME_FORMAT").contains("`t` is read as times in the format"));
        }
        let done = csv(&values, CSV, features).succeeded();
        let numbers = done.csv("anomal.features.t");
        assert_eq!(numbers[0].parse::<f64>(), values[0].parse::<f64>());
        let declared =
            csv(&values, "csv: {path: in.csv, types: {t: datetime}}", &alone).succeeded();
        assert_eq!(declared.csv("anomal.features.minutes"), ["158", "195"]);
    }
}

#[test]
fn aggregates_have_their_windows_over_numbers() {
    let features = "- {type: aggregate, name: seen, function: count, window: 1h}\n\
                    - {type: field, name: t}\ntimeColumn: t";
    for values in UNITS {
        for features in [features, &features.replace("- {type: field, name: t}\n", "")] {
            let done = csv(&[values[0], values[1], values[1]], CSV, features).succeeded();
            assert_eq!(done.csv("anomal.features.seen"), ["1", "2", "3"], "{values:?}");
        }
    }
}

#[test]
fn numbers_of_two_units_are_refused_with_their_counts() {
    let mut values = vec!["1625193480"; 150];
    values.extend(["1625193480000"; 10]);
    let features = "- {type: field, name: n}\ntimeColumn: t";
    let refused = csv(&values, CSV, features);
    refused.output.expect(
        2,
        &[
            "timeColumn",
            "150 epoch, 10 epochMillis",
            "types: {t: {type: datetime, format: [epoch, epochMillis]}}",
        ],
    );
    let small = csv(&["7", "8"], CSV, features);
    small.output.expect(2, &["timeColumn", "no value of `t` is in the magnitude of seconds"]);
    let aggregate = "- {type: aggregate, name: seen, function: count}\ntimeColumn: t";
    let text = csv(&["x", "y"], CSV, aggregate);
    text.output.expect(2, &["timeColumn", "needs times", "`t` holds text"]);
    // One in a hundred is a stray, and never a time of 1970.
    values.truncate(151);
    values.push("1625193480");
    let features = format!(
        "- {{type: metric, name: zulu_timestamp_minutes, dataNeeded: [t], as: m}}\n{features}\npacks: [dns]"
    );
    for (values, stray) in
        [(values.clone(), 150), ([vec!["1625193480"], vec!["1625193480000"; 150]].concat(), 0)]
    {
        let done = csv(&values, CSV, &features).succeeded();
        assert_eq!(done.strays(), [stray]);
        assert_eq!(done.csv("anomal.features.m")[stray], "");
    }
}
