//! Formats, zones and years that the settings give.

use anomal_tests::Workspace;

use super::support::{fields, job, run};

/// 2021-07-02 02:38:00 and 03:15:00 UTC in seconds since the epoch.
const SECONDS: [&str; 2] = ["1625193480", "1625195700"];

fn column(details: &str) -> String {
    format!("types: {{t: {{type: datetime, {details}}}}}")
}

/// A CSV file with the column `t` and a number.
fn table(values: &[&str]) -> String {
    let rows = values.iter().enumerate();
    let rows: String = rows.map(|(row, value)| format!("\"{value}\",{}\n", row % 3)).collect();
    format!("t,n\n{rows}")
}

/// A run over CSV values with these settings of the input.
fn csv(values: &[&str], settings: &str) -> super::support::Run {
    let job = job(&format!("csv: {{path: in.csv, {settings}}}"), &fields(&["t", "n"]));
    run("in.csv", table(values).as_bytes(), &job)
}

#[test]
fn formats_have_names() {
    let formats: [(&str, [&str; 2]); 19] = [
        ("iso", ["2021-07-02T02:38:00Z", "2021-07-02 03:15"]),
        ("isoBasic", ["20210702023800", "20210702T031500Z"]),
        ("epoch", ["1625193480", "1625195700.0"]),
        ("epochMillis", ["1625193480000", "1625195700000.25"]),
        ("epochMicros", ["1625193480000000", "1625195700000000"]),
        ("epochNanos", ["1625193480000000000", "1625195700000000000"]),
        ("apache", ["02/Jul/2021:02:38:00 +0000", "[02/Jul/2021:05:15:00 +0200]"]),
        ("rfc2822", ["Fri, 02 Jul 2021 02:38:00 +0000", "Thu, 1 Jul 2021 23:15 EDT"]),
        ("http", ["Fri, 02 Jul 2021 02:38:00 GMT", "Fri, 02 Jul 2021 03:15:00 GMT"]),
        ("ctime", ["Fri Jul  2 02:38:00 2021", "Fri Jul  2 03:15:00 UTC 2021"]),
        ("syslog, year: 2021", ["Jul  2 02:38:00", "Jul 02 03:15:00"]),
        ("kibana", ["Jul 2, 2021 @ 02:38:00.000", "Jul 2, 2021 @ 03:15:00"]),
        ("slash", ["2021/07/02 02:38:00", "2021.07.02 03:15:00"]),
        ("us", ["7/2/2021  2:38:00 AM", "07/02/21 03:15"]),
        ("eu", ["02.07.2021 02:38:00", "2-7-2021, 3:15 AM"]),
        ("dayMonth", ["2 Jul 2021 02:38:00", "02-JUL-21 03:15"]),
        ("filetime", ["132696670800000000", "132696693000000000"]),
        ("'%d.%m.%y, %H Uhr %M'", ["02.07.21, 02 Uhr 38", "02.07.21, 03 Uhr 15"]),
        ("[iso, '%d.%m.%Y %H:%M']", ["2021-07-02 02:38:00", "02.07.2021 03:15"]),
    ];
    for (format, values) in formats {
        let done = csv(&values, &column(&format!("format: {format}"))).succeeded();
        let seconds = done.csv("anomal.features.t");
        let whole: Vec<&str> =
            seconds.iter().map(|second| second.split('.').next().unwrap_or_default()).collect();
        assert_eq!(whole, SECONDS, "{format}");
        // Outputs have what was read.
        assert_eq!(done.csv("t"), values, "{format}");
        assert_eq!(done.json("t"), values.map(|value| format!("\"{value}\"")), "{format}");
        let records = values.map(|value| format!("{{\"t\":\"{value}\",\"n\":1}}\n")).concat();
        let settings =
            format!("ndjson: {{path: in.ndjson, {}}}", column(&format!("format: {format}")));
        let done = run("in.ndjson", records.as_bytes(), &job(&settings, &fields(&["t", "n"])));
        let done = done.succeeded();
        assert_eq!(done.csv("anomal.features.t"), seconds, "{format} in NDJSON");
        assert_eq!(done.json("t"), values.map(|value| format!("\"{value}\"")), "{format}");
    }
}

#[test]
fn json_numbers_are_times_in_a_unit_and_stay_numbers_in_outputs() {
    for (format, values) in [
        ("epoch", ["1625193480", "1625195700"]),
        ("epoch", ["1625193480.00", "1625195700"]),
        ("epochMillis", ["1625193480000", "1625195700000"]),
    ] {
        let records = values.map(|value| format!("{{\"t\":{value},\"n\":1}}\n")).concat();
        let settings =
            format!("ndjson: {{path: in.ndjson, {}}}", column(&format!("format: {format}")));
        let done = run("in.ndjson", records.as_bytes(), &job(&settings, &fields(&["t", "n"])));
        let done = done.succeeded();
        assert_eq!(done.csv("anomal.features.t"), SECONDS, "{values:?}");
        assert_eq!(done.json("t"), values);
    }
}

#[test]
fn other_values_are_bad_records() {
    for (format, value, wanted) in [
        ("us", "13/01/2021", "a time with the month first (us)"),
        ("eu", "01/13/2021", "a time with the day first (eu)"),
        ("iso", "02/Jul/2021:03:15:00 +0000", "a time in the format iso"),
        ("epoch", "yesterday", "a number of seconds since 1970 (epoch)"),
        ("[iso, apache]", "7", "a time in one of the column's formats"),
        ("'%d.%m.%Y'", "30.02.2021", "a time in the column's format"),
    ] {
        let first = match format {
            "us" | "eu" => "01/02/2021",
            "epoch" => "7",
            "'%d.%m.%Y'" => "01.02.2021",
            _ => "2021-02-01",
        };
        let values = [first, value];
        let failed = csv(&values, &column(&format!("format: {format}")));
        failed.output.expect(3, &["in.csv:3", "column `t`", value, wanted]);
        let skipped =
            csv(&values, &format!("{}, badLines: skip", column(&format!("format: {format}"))));
        assert_eq!(skipped.succeeded().csv("t"), [first]);
    }
}

#[test]
fn a_zone_applies_to_times_without_an_offset() {
    let values = ["2024-03-31 02:30", "2024-10-27 02:30", "2024-07-01 12:00", "2024-07-01T12:00Z"];
    let utc = ["1711848600", "1729989000", "1719828000", "1719835200"];
    for settings in [
        column("zone: Europe/Vienna"),
        "times: {zone: Europe/Vienna}".to_owned(),
        format!("times: {{zone: America/New_York}}, {}", column("zone: Europe/Vienna")),
    ] {
        let done = csv(&values, &settings).succeeded();
        assert_eq!(done.csv("anomal.features.t"), utc, "{settings}");
        let note = done.note("CLOCK_CHANGES");
        assert!(note.contains("`t`: the zone's clock skips 1 of the times"), "{note}");
        assert!(note.contains("has 1 of them twice"), "{note}");
        assert_eq!(done.notes("NO_ZONE"), [""; 0]);
    }
    let done = csv(&values, "badLines: error").succeeded();
    let note = done.note("NO_ZONE");
    assert!(note.contains("`t`: times without a zone are taken as UTC"), "{note}");
    // The remedy of the note.
    let confirmed = csv(&values, "times: {zone: UTC}").succeeded();
    assert_eq!(confirmed.notes("NO_ZONE"), [""; 0]);
    assert_eq!(confirmed.csv("anomal.features.t"), done.csv("anomal.features.t"));
}

/// More records than a batch has, over two New Years: the years are found in the order of the records.
#[test]
fn years_of_syslog_times_follow_the_records() {
    const HOUR: i64 = 3600;
    let start = 1_672_531_200 + 300 * 24 * HOUR;
    let records = 70_000;
    let time = |record: i64| jiff::Timestamp::from_second(start + record * 700).expect("a time");
    let mut text = String::from("t,n\n");
    let mut lines = String::new();
    for record in 0..records {
        let time = time(record).strftime("%b %e %H:%M:%S").to_string();
        text.push_str(&format!("{time},{}\n", record % 7));
        lines.push_str(&format!("{{\"t\":\"{time}\",\"n\":{}}}\n", record % 7));
    }
    for (name, input, settings) in [
        ("in.csv", &text, "csv: {path: in.csv, times: {year: 2023}}"),
        ("in.ndjson", &lines, "ndjson: {path: in.ndjson, times: {year: 2023}}"),
    ] {
        let done = run(name, input.as_bytes(), &job(settings, &fields(&["t", "n"]))).succeeded();
        let seconds = done.csv("anomal.features.t");
        assert_eq!(seconds.len(), 70_000);
        for record in [0, 9_000, 30_000, 65_535, 65_536, 69_999] {
            let expected = (start + record * 700).to_string();
            let place = usize::try_from(record).expect("a place");
            assert_eq!(seconds[place], expected, "{name} {record}");
        }
    }
}

#[test]
fn times_without_a_year_need_one() {
    let values = ["Jul  2 02:38:00", "Jul  2 03:15:00"];
    let done = csv(&values, &column("format: syslog"));
    done.output.expect(2, &["types.t.format", "no year", "add `year`"]);
    let declared = csv(&values, "types: {t: datetime}");
    declared.output.expect(3, &["`Jul  2 02:38:00` at in.csv:2 has no year", "times: {year: "]);
    // The remedy of the message.
    let done = csv(&values, "types: {t: datetime}, times: {year: 2021}").succeeded();
    assert_eq!(done.csv("anomal.features.t"), SECONDS);
}

#[test]
fn wrong_settings_are_refused_with_their_place() {
    for (settings, parts) in [
        (
            "types: {t: {type: datetime, format: isoo}}",
            vec!["types.t.format", "did you mean `iso`?"],
        ),
        ("types: {t: {type: datetime, format: '%H:%M'}}", vec!["types.t.format", "it has no day"]),
        (
            "types: {t: {type: datetime, format: [iso, '%q']}}",
            vec!["types.t.format[1]", "can't be used"],
        ),
        (
            "types: {t: {type: datetime, format: [us, eu]}}",
            vec!["types.t.format", "different days"],
        ),
        ("types: {t: {type: integer, format: iso}}", vec!["types.t.format", "type: datetime"]),
        ("types: {t: {type: datetime, zone: Europe/Viena}}", vec!["types.t.zone", "Europe/Vienna"]),
        ("types: {t: {type: datetime, format: iso, year: 2024}}", vec!["types.t.year", "syslog"]),
        ("times: {zone: CET6}", vec!["times.zone", "no time zone `CET6`"]),
        ("times: {year: 21}", vec!["times.year", "1970"]),
        ("types: {t: {format: iso}}", vec!["types.t", "`type` is missing"]),
        ("types: {t: {type: datetime, formatt: iso}}", vec!["did you mean `format`?"]),
        ("types: {t: [datetime]}", vec!["types.t", "a list where text or a map is expected"]),
        ("types: {t: dattime}", vec!["types.t", "did you mean `datetime`?"]),
    ] {
        for driver in ["csv", "ndjson"] {
            let job = job(&format!("{driver}: {{path: in.csv, {settings}}}"), &fields(&["t"]));
            let workspace = Workspace::with_files(&[("job.yaml", job.as_bytes())]);
            let output = workspace.anomal(&["validate", "job.yaml"]);
            let parts = [&["job.yaml:1:"], parts.as_slice()].concat();
            output.expect(2, &parts);
        }
    }
}
