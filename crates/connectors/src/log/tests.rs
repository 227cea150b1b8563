use std::fmt::Write;

use anomal_core::{RejectedRecord, Result, proto::Diagnostic};
use anomal_dataflow::read_batches;
use anomal_spec::{BadLines, Columns, CsvInput, Input, LogFormat, LogInput};
use polars::prelude::{AnyValue, Column};

use crate::{OpenOptions, TypeFindings, open};

mod properties;

/// What was read: names, rows as they were read, their texts, rejected records and notes.
#[derive(Debug, Default, PartialEq)]
struct ReadLog {
    names: Vec<String>,
    types: Vec<String>,
    raw: Vec<Vec<Option<String>>>,
    typed: Vec<Vec<Option<String>>>,
    rejected: Vec<(u64, u64, String)>,
    notes: Vec<String>,
}

impl ReadLog {
    /// The values of a column as they were read.
    fn raw(&self, name: &str) -> Vec<&str> {
        self.column(&self.raw, name)
    }

    /// The texts of typed values.
    fn typed(&self, name: &str) -> Vec<&str> {
        self.column(&self.typed, name)
    }

    fn column<'a>(&self, rows: &'a [Vec<Option<String>>], name: &str) -> Vec<&'a str> {
        let place = self.names.iter().position(|known| known == name).expect("the column");
        rows.iter().map(|row| row[place].as_deref().unwrap_or("NULL")).collect()
    }
}

fn read(input: &Input, options: &OpenOptions) -> Result<ReadLog> {
    let options = OpenOptions { findings: TypeFindings::for_run(), ..options.clone() };
    let mut source = open(input, &options)?;
    let schema = source.schema().to_vec();
    source.select(&schema)?;
    let mut read = ReadLog {
        names: schema.iter().map(|column| column.name.clone()).collect(),
        types: schema.iter().map(|column| format!("{:?}", column.data_type())).collect(),
        ..ReadLog::default()
    };
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    for batch in read_batches(source) {
        let batch = batch?;
        for row in 0..batch.height() {
            read.raw.push(batch.raw.columns().iter().map(|column| text(column, row)).collect());
            read.typed.push(batch.typed.columns().iter().map(|column| text(column, row)).collect());
        }
        // How many mismatches are explained depends on the batch.
        let reason = |bad: &RejectedRecord| bad.reason.split(" pattern").next().map(str::to_owned);
        let rejected = |bad: RejectedRecord| (bad.row, bad.line, reason(&bad).unwrap_or_default());
        read.rejected.extend(batch.rejected.into_iter().map(rejected));
        diagnostics.extend(batch.statistics.diagnostics);
    }
    let notes = options.findings.notes("input.log").into_iter().chain(diagnostics);
    read.notes = notes.map(|note| note.reason).collect();
    Ok(read)
}

fn text(column: &Column, row: usize) -> Option<String> {
    match column.get(row).unwrap() {
        AnyValue::Null => None,
        value => {
            let mut text = String::new();
            crate::text::push(&mut text, &value);
            Some(text)
        }
    }
}

fn read_log(
    content: &[u8],
    change: impl FnOnce(&mut LogInput),
    options: &OpenOptions,
) -> Result<ReadLog> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.log");
    std::fs::write(&path, content).unwrap();
    let mut input = LogInput::new(path.to_str().unwrap());
    change(&mut input);
    read(&input.into(), options)
}

fn log(content: &str, format: LogFormat) -> ReadLog {
    read_log(content.as_bytes(), |input| input.format = format, &OpenOptions::default()).unwrap()
}

fn skipping(content: &str, format: LogFormat, options: &OpenOptions) -> Result<ReadLog> {
    let change = |input: &mut LogInput| {
        (input.format, input.bad_lines) = (format, BadLines::Skip);
        input.pattern = (format == LogFormat::Regex).then(|| r"(?<a>\w+) ?(?<b__c>.*)".to_owned());
    };
    read_log(content.as_bytes(), change, options)
}

const ZEEK: &str = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n\
    #fields\tts\tuid\tport\trtt\tquery\tok\n#types\ttime\tstring\tport\tinterval\tstring\tbool\n\
    1517336041.927318\tC1\t53\t-\ta\\x09b\tT\n1517336042.5\t-\t-\t0.5\t(empty)\tF\n";

#[test]
fn zeek_has_types_and_missing_values() {
    let read = log(ZEEK, LogFormat::Auto);
    assert_eq!(read.names, ["ts", "uid", "port", "rtt", "query", "ok"]);
    assert_eq!(read.types, ["Datetime", "String", "Integer", "Float", "String", "Boolean"]);
    assert_eq!(read.typed("ts")[0], "2018-01-30T18:14:01.927318Z");
    assert_eq!(read.raw("ts")[0], "1517336041.927318");
    assert_eq!(
        (read.raw("query"), read.typed("query")),
        (vec!["a\\x09b", "(empty)"], vec!["a\tb", ""])
    );
    assert_eq!((read.raw("uid")[1], read.typed("uid")[1]), ("-", "NULL"));
    assert_eq!((read.typed("port"), read.typed("rtt")), (vec!["53", "NULL"], vec!["NULL", "0.5"]));
    assert_eq!(read.typed("ok"), ["true", "false"]);
    assert_eq!(read.notes, ["LOG_FORMAT"]);
}

#[test]
fn later_headers_have_the_same_names_or_are_read_by_name() {
    let second = "#fields\tquery\tts\textra\n#types\tstring\ttime\tcount\nz\t1517336050.0\t7\n";
    let both = format!("{ZEEK}{second}");
    let error = read_log(both.as_bytes(), |_| (), &OpenOptions::default()).unwrap_err();
    assert!(error.message.contains("in.log:12: "), "{error}");
    assert!(error.message.contains("query, ts, extra instead of ts, uid"), "{error}");
    assert!(error.message.contains("columns: union"), "{error}");
    let union = |input: &mut LogInput| input.columns = Columns::Union;
    let read = read_log(both.as_bytes(), union, &OpenOptions::default()).unwrap();
    assert_eq!(read.names, ["ts", "uid", "port", "rtt", "query", "ok", "extra"]);
    assert_eq!(read.raw("query")[2], "z");
    assert_eq!((read.raw("uid")[2], read.raw("extra")), ("NULL", vec!["NULL", "NULL", "7"]));
    // The same names in another order are the same columns.
    let same =
        format!("{ZEEK}#fields\tok\tquery\trtt\tport\tuid\tts\nT\tq\t0.1\t1\tC\t1517336050.0\n");
    let read = log(&same, LogFormat::Zeek);
    assert_eq!((read.raw("query")[2], read.raw("ok")[2]), ("q", "T"));
}

#[test]
fn headers_of_zeek_cut_may_have_empty_names() {
    let read = log("#fields\ta\t\tb\t\nx\ty\n", LogFormat::Zeek);
    assert_eq!(
        (read.names.as_slice(), read.raw("b")),
        (&["a".to_owned(), "b".to_owned()][..], vec!["y"])
    );
}

#[test]
fn w3c_has_times() {
    let text = "#Software: IIS\n#Fields: date time s-ip cs(User-Agent) time-taken\n\
        2025-11-12 06:21:00 192.0.2.1 Mozilla/5.0+(X11) 20\n2025-11-12 06:21:01 - - 7\n";
    let read = log(text, LogFormat::Auto);
    assert_eq!(read.names, ["@timestamp", "date", "time", "s-ip", "cs(User-Agent)", "time-taken"]);
    assert_eq!(read.typed("@timestamp"), ["2025-11-12T06:21:00Z", "2025-11-12T06:21:01Z"]);
    assert_eq!(read.typed("cs(User-Agent)"), ["Mozilla/5.0 (X11)", "NULL"]);
    assert_eq!(read.raw("cs(User-Agent)")[0], "Mozilla/5.0+(X11)");
    assert_eq!(read.typed("time-taken"), ["20", "7"]);
    assert_eq!(read.notes, ["LOG_FORMAT"]);
    // Tabs, as CloudFront has them, and a cell in quotes.
    let tabs = "#Version: 1.0\n#Fields: date time x\n2025-11-12\t06:21:00\ta b\n";
    let read = log(tabs, LogFormat::W3c);
    assert_eq!(
        (read.typed("@timestamp"), read.raw("x")),
        (vec!["2025-11-12T06:21:00Z"], vec!["a b"])
    );
    let quoted = "#Fields: time date x y\n06:21:00 2025-11-12 \"a \"\"b\"\" c\" \"d\"\n";
    let read = log(quoted, LogFormat::W3c);
    assert_eq!((read.raw("x"), read.raw("y")), (vec!["a \"b\" c"], vec!["d"]));
    assert_eq!(read.typed("@timestamp"), ["2025-11-12T06:21:00Z"]);
    // The day of the header, which changes.
    let day = "#Date: 2025-11-12 06:21:00\n#Fields: time x\n06:21:00 a\n#Date: 2025-11-13 00:00:00\n00:00:01 b\n";
    let read = log(day, LogFormat::W3c);
    assert_eq!(read.typed("@timestamp"), ["2025-11-12T06:21:00Z", "2025-11-13T00:00:01Z"]);
}

#[test]
fn web_requests_of_garbage_are_rows() {
    let mut text = String::new();
    for (request, status) in
        [("GET /a?b=%20c HTTP/1.1", "200"), (r"\x16\x03\x01", "400"), ("", "400"), ("-", "408")]
    {
        writeln!(
            text,
            "203.0.113.7 - bob [14/Dec/2019:06:25:07 +0000] \"{request}\" {status} - \"-\" \"a \\\"b\\\"\""
        )
        .unwrap();
    }
    let read = log(&text, LogFormat::Auto);
    assert_eq!(read.typed("http.request.method"), ["GET", "NULL", "NULL", "NULL"]);
    assert_eq!(read.raw("url.original"), ["/a?b=%20c", r"\x16\x03\x01", "", "-"]);
    assert_eq!(read.typed("url.original"), ["/a?b=%20c", "\u{16}\u{3}\u{1}", "NULL", "NULL"]);
    assert_eq!(read.typed("http.response.status_code"), ["200", "400", "400", "408"]);
    assert_eq!(read.typed("@timestamp")[0], "2019-12-14T06:25:07Z");
    assert_eq!(read.typed("user_agent.original")[0], "a \"b\"");
    assert_eq!(read.typed("http.response.body.bytes")[0], "NULL");
    assert_eq!(read.notes, ["LOG_FORMAT"]);
}

#[test]
fn fields_behind_those_of_the_format_are_columns() {
    let line = r#"h.example:8080 1.2.3.4 - - [14/Dec/2019:06:25:07 +0000] "GET / HTTP/2" 200 5 "-" "x" 0.25 "a b""#;
    let read = log(&format!("{line}\n{line}\n"), LogFormat::Auto);
    assert_eq!(read.names[10..], ["url.domain", "url.port", "extra.1", "extra.2"]);
    assert_eq!(read.typed("url.domain")[0], "h.example");
    assert_eq!((read.typed("url.port")[0], read.typed("extra.1")[0]), ("8080", "0.25"));
    assert_eq!(read.raw("extra.2")[0], "a b");
    let named = |input: &mut LogInput| {
        input.format = LogFormat::VhostCombined;
        input.extra = vec!["ms".to_owned(), "upstream".to_owned(), "x".to_owned()];
        input.raw = true;
    };
    let text = format!("{line}\n{line} 1 2\n");
    let error = read_log(text.as_bytes(), named, &OpenOptions::default()).unwrap_err();
    assert!(error.message.contains("in.log:2: ") && error.message.contains("4 fields"), "{error}");
    let read = read_log(format!("{line}\n").as_bytes(), named, &OpenOptions::default()).unwrap();
    assert_eq!(read.names[12..], ["ms", "upstream", "x", "event.original"]);
    assert_eq!((read.raw("event.original")[0], read.raw("x")[0]), (line, "NULL"));
}

#[test]
fn syslog_of_all_kinds_is_read_line_by_line() {
    let text = "<34>Oct 11 22:14:15 web su[230]: failed\n\
        <165>1 2003-10-12T22:14:15.003Z h app - ID47 [a@1 x=\"y \\\"z\\\"\" n=\"3\"] msg\n";
    let year = |input: &mut LogInput| {
        input.format = LogFormat::Syslog;
        input.times = Some(anomal_spec::Times { year: Some(2003), zone: Some("UTC".into()) });
    };
    let read = read_log(text.as_bytes(), year, &OpenOptions::default()).unwrap();
    assert_eq!(read.typed("@timestamp"), ["2003-10-11T22:14:15Z", "2003-10-12T22:14:15.003Z"]);
    assert_eq!(read.typed("host.name"), ["web", "h"]);
    assert_eq!(read.typed("process.pid"), ["230", "NULL"]);
    assert_eq!(read.typed("log.syslog.facility"), ["4", "20"]);
    assert_eq!(read.typed("log.syslog.severity"), ["2", "5"]);
    assert_eq!(read.typed("log.syslog.msgid"), ["NULL", "ID47"]);
    assert_eq!(read.typed("sd.a@1.x"), ["NULL", "y \"z\""]);
    assert_eq!(
        (read.typed("sd.a@1.n"), read.typed("message")),
        (vec!["NULL", "3"], vec!["failed", "msg"])
    );
    // Without a year there is a note, and no time.
    let read = log("Oct 11 22:14:15 h a: b\nOct 12 22:14:15 h a: c\n", LogFormat::Syslog);
    assert_eq!(
        (read.types[0].as_str(), read.notes.as_slice()),
        ("String", &["NO_YEAR".to_owned()][..])
    );
}

#[test]
fn names_of_logfmt_that_come_late_are_reported() {
    let options = OpenOptions { batch_rows: 5_000, ..OpenOptions::default() };
    let mut text = "level=info ms=1 msg=\"a \\\"b\\\"\"\n".repeat(10_000);
    text.push_str("level=warn late=1\n");
    let read =
        read_log(text.as_bytes(), |input| input.format = LogFormat::Logfmt, &options).unwrap();
    assert_eq!(read.names, ["level", "ms", "msg"]);
    assert_eq!((read.typed("msg")[0], read.typed("ms")[10_000]), ("a \"b\"", "NULL"));
    assert_eq!(read.notes, ["UNKNOWN_NAME"]);
    let named = |input: &mut LogInput| {
        input.format = LogFormat::Logfmt;
        input.types.insert("late".into(), anomal_spec::ColumnType::Integer.into());
    };
    let read = read_log(text.as_bytes(), named, &options).unwrap();
    assert_eq!((read.typed("late")[10_000], read.notes.len()), ("1", 0));
}

#[test]
fn lines_that_a_pattern_does_not_match_say_where() {
    let pattern = |input: &mut LogInput| {
        input.format = LogFormat::Regex;
        input.pattern = Some(r"^(?<source__ip>\S+) (?<ms>\d+)(?: (?<rest>.+))?$".to_owned());
    };
    let text = b"1.2.3.4 17\n1.2.3.5 5 x y\n1.2.3.6 z\n";
    let error = read_log(text, pattern, &OpenOptions::default()).unwrap_err();
    assert!(error.message.contains("in.log:3: "), "{error}");
    assert!(error.message.contains(r"from character 9 on (`z`), where `(?<ms>\d+)"), "{error}");
    let skip = |input: &mut LogInput| {
        pattern(input);
        input.bad_lines = BadLines::Skip;
    };
    let read = read_log(text, skip, &OpenOptions::default()).unwrap();
    assert_eq!(
        (read.typed("source.ip"), read.typed("ms")),
        (vec!["1.2.3.4", "1.2.3.5"], vec!["17", "5"])
    );
    assert_eq!(read.raw("rest"), ["NULL", "x y"]);
    assert_eq!((read.rejected[0].0, read.rejected[0].1), (2, 3));
}

#[test]
fn csv_reads_header_lines_as_the_driver_log_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.csv");
    std::fs::write(&path, ZEEK).unwrap();
    let csv = |separator: &str, header: Option<bool>| {
        let separator = separator.to_owned();
        let input = CsvInput { separator, header, ..CsvInput::new(path.to_str().unwrap()) };
        read(&input.into(), &OpenOptions::default())
    };
    let expected = log(ZEEK, LogFormat::Zeek);
    for separator in ["auto", "tab"] {
        let read = csv(separator, None).unwrap();
        assert_eq!(read.notes, ["LOG_FORMAT"]);
        assert_eq!(ReadLog { notes: Vec::new(), ..read }, expected);
    }
    // What the settings say wins.
    assert_ne!(csv("tab", Some(true)).map(|read| read.names).ok(), Some(expected.names.clone()));
    assert_ne!(csv(",", None).map(|read| read.names).ok(), Some(expected.names));
}

#[test]
fn other_kinds_name_their_driver() {
    for (content, part) in [
        ("{\"a\": 1}\n", "use `ndjson: {path: "),
        ("a,b,c\n1,2,3\n", "use `csv: {path: "),
        ("\n \n", "is empty"),
        ("", "is empty"),
    ] {
        let error = read_log(content.as_bytes(), |_| (), &OpenOptions::default()).unwrap_err();
        assert!(error.message.contains(part), "{content:?}: {error}");
    }
    let error =
        read_log(b"a\tb\n", |input| input.format = LogFormat::Zeek, &OpenOptions::default());
    assert!(error.unwrap_err().message.contains("no line `#fields`"));
}
