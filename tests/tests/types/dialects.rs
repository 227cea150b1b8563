//! CSV in other dialects than RFC 4180 with commas: found out with a note, or set.

use std::io::Write as _;

use super::support::{Run, fields, job, job_with_engine, run};

fn read(csv: &[u8], more: &str, columns: &[&str]) -> Run {
    run("in.csv", csv, &job(&format!("csv: {{path: in.csv{more}}}"), &fields(columns)))
}

/// Thirty records of a host, a number of bytes and a text that ends the record.
fn records(record: impl Fn(usize) -> String) -> String {
    (0..30).map(record).collect()
}

/// The settings that a note quotes first.
fn settings(note: &str) -> String {
    let quoted = note.split('`').nth(1).expect("settings in backquotes");
    quoted.to_owned()
}

/// Asserts that a table of `host` and `bytes` is found to be of the dialect with these settings, and that these settings
/// read the same without a note.
#[track_caller]
fn expect_found(csv: &str, expected: &str) -> Run {
    let done = read(csv.as_bytes(), "", &["host", "bytes"]).succeeded();
    assert_eq!(done.csv("host")[..3], ["web0", "web1", "web2"]);
    assert_eq!(done.csv("bytes")[..3], ["1000", "1001", "1002"]);
    assert_eq!(done.json("anomal.features.bytes")[0], "1000");
    let note = done.note("DIALECT");
    assert_eq!(settings(&note), expected, "{note}");
    let set = read(csv.as_bytes(), &format!(", {expected}"), &["host", "bytes"]).succeeded();
    assert_eq!(set.workspace.read("out.csv"), done.workspace.read("out.csv"));
    assert_eq!(set.notes("DIALECT"), [""; 0]);
    done
}

#[test]
fn separators() {
    for (separator, set) in [(';', "\";\""), ('\t', "tab"), ('|', "\"|\"")] {
        let rows =
            records(|row| format!("web{}{separator}{}{separator}a, \"b\"\n", row % 4, 1000 + row));
        let csv = format!("host{separator}bytes{separator}text\n{rows}");
        let done = expect_found(&csv, &format!("separator: {set}"));
        // Outputs have commas as before.
        assert!(done.workspace.read("out.csv").starts_with("host,bytes,text,anomal.row"));
    }
}

#[test]
fn semicolons_and_decimal_commas() {
    let rows = records(|row| {
        let amount = if row == 29 {
            "97100,7".to_owned()
        } else {
            format!("{},{}5", 100 + row % 9, row % 10)
        };
        format!("c{};\"35,86;104,19\";{amount};0{}/07/2024\n", row % 3, 1 + row % 9)
    });
    let csv = format!("Country;Place;Amount;Date\n{rows}");
    let job = job_with_engine("csv: {path: in.csv}", &fields(&["Amount", "Country"]), "KNN");
    let done = run("in.csv", csv.as_bytes(), &job).succeeded();
    assert_eq!(done.csv("anomal.features.Amount")[29], "97100.7");
    assert_eq!(done.highest(), Some(29));
    assert!(done.note("DIALECT").contains("4 columns in 31 of the first 31 records"));
    // The smallest case: both marks split evenly.
    let small = read(b"a;b\n1,5;2,7\n2,5;3,7\n3,5;1,7\n", "", &["a", "b"]).succeeded();
    assert_eq!(small.csv("anomal.features.a"), ["1.5", "2.5", "3.5"]);
}

#[test]
fn a_line_that_names_the_separator() {
    for line in ["sep=;", "\"sep=;\""] {
        let rows = records(|row| format!("\"web{}\";\"{}\"\r\n", row % 4, 1000 + row));
        let csv = format!("\u{feff}{line}\r\n\"host\";\"bytes\"\r\n{rows}");
        let done = expect_found(&csv, "separator: \";\", skipLines: 1");
        assert_eq!(done.csv("host").len(), 30);
        // With the separator set, the line goes away as well.
        let set = read(csv.as_bytes(), ", separator: \";\"", &["host", "bytes"]).succeeded();
        assert_eq!(set.csv("host").len(), 30);
        let excel = read(csv.as_bytes(), ", dialect: excelSemicolon", &["host", "bytes"]);
        assert_eq!(excel.succeeded().csv("bytes")[0], "1000");
    }
}

#[test]
fn backslashes() {
    let rows = records(|row| {
        let note = if row % 4 == 0 { "\"\\\"A dev, me.\\\"\"" } else { "\"free, text\"" };
        let score = if row % 10 == 7 { "\\N".to_owned() } else { format!("{}", 30 + row) };
        format!("\"web{}\",{},{note},{score}\n", row % 4, 1000 + row)
    });
    let csv = format!("host,bytes,note,score\n{rows}");
    let done = expect_found(&csv, "escape: backslash");
    assert_eq!(done.csv("score")[7], "\\N");
    let json = done.json("note");
    assert_eq!(json[..2], ["\"\\\"A dev, me.\\\"\"", "\"free, text\""]);
    let scored = read(csv.as_bytes(), "", &["score"]).succeeded();
    assert_eq!(scored.csv("anomal.features.score")[6..8], ["36", ""]);
    // Where the header decides.
    let tabs = records(|row| format!("{row}\tn{row}\ta\\\tb {row}\n"));
    let tabs = read(format!("id\tname\tnote\n{tabs}").as_bytes(), "", &["id"]).succeeded();
    assert_eq!(tabs.json("note")[0], "\"a\\tb 0\"");
    assert_eq!(settings(&tabs.note("DIALECT")), "separator: tab, escape: backslash");
    // Read without a bad record by both: as before, with a note.
    let text = "id,note\n1,\"\\\"A dev 1\\\"\"\n2,\"\\\"A dev 2\\\"\"\n3,x\n";
    let plain = read(text.as_bytes(), "", &["id", "note"]).succeeded();
    assert_eq!(plain.json("note")[0], r#""\\A dev 1\\\"\"""#);
    let set = format!(", {}", settings(&plain.note("ESCAPES")));
    let escaped = read(text.as_bytes(), &set, &["id", "note"]).succeeded();
    assert_eq!(escaped.json("note")[0], r#""\"A dev 1\"""#);
}

#[test]
fn separators_at_the_ends_of_lines() {
    let rows = records(|row| format!("web{},{},a.example.com,\n", row % 4, 1000 + row));
    let csv = format!("host,bytes,query\n{rows}");
    expect_found(&csv, "trailing: drop");
    // Where the last cell has text, the record is bad.
    let late = csv.replace("web3,1027,a.example.com,", "web3,1027,a.example.com,x");
    let set = read(late.as_bytes(), ", trailing: drop", &["bytes"]);
    set.output.expect(3, &["in.csv:29", "4 cells", "3"]);
    // A header that ends with a separator names a column, as before, unless the settings drop it.
    let named = csv.replace("query\n", "query,\n");
    let kept = read(named.as_bytes(), "", &["bytes"]).succeeded();
    assert_eq!(kept.csv("column_4")[0], "");
    let dropped = read(named.as_bytes(), ", trailing: drop", &["bytes"]).succeeded();
    assert!(!dropped.workspace.read("out.csv").contains("column_4"));
}

#[test]
fn blanks_before_quotes() {
    let rows = records(|row| format!("\"web{}\",   \"{}\",  \"x, y{row}\"\n", row % 4, 1000 + row));
    expect_found(&format!("\"host\",   \"bytes\",  \"note\"\n{rows}"), "blanks: beforeQuote");
    // Also where no quoted cell has a comma.
    let rows = records(|row| format!("\"web{}\", \"{}\"\n", row % 4, 1000 + row));
    let csv = format!("\"host\", \"bytes\"\n{rows}");
    expect_found(&csv, "blanks: beforeQuote");
    let kept = read(csv.as_bytes(), ", blanks: keep", &["host"]).succeeded();
    assert!(kept.workspace.read("out.csv").starts_with("host,\" \"\"bytes\"\"\","));
    let all = read(b"a , b\n 1 , x y \n2,z\n", ", blanks: all", &["a", "b"]).succeeded();
    assert_eq!(all.csv("b"), ["x y", "z"]);
}

#[test]
fn lines_above_the_header() {
    let rows = records(|row| format!("web{},{}\n", row % 4, 1000 + row));
    for (lines, count) in [
        ("Report of July\n\n", 2),
        ("# exported, by a tool\n# on Monday\n", 2),
        ("\n\n\n", 3),
        ("Title\nFrom: x\n# note\n", 3),
    ] {
        let csv = format!("{lines}host,bytes\n{rows}");
        let done = expect_found(&csv, &format!("skipLines: {count}"));
        assert_eq!(done.csv("host").len(), 30);
    }
    // A record that is too short is no title.
    let short = read(b"a,b\n1,2,3\n4,5,6\n7,8,9\n", "", &["a"]);
    short.output.expect(3, &["in.csv:2", "3 cells", "2"]);
    let amounts = read(b"amount\n1,5\n2,5\n3,7\n", "", &["amount"]);
    amounts.output.expect(3, &["in.csv:2"]);
}

#[test]
fn carriage_returns_as_line_ends() {
    for quote in ["", "\""] {
        let rows = records(|row| format!("{quote}web{}{quote},{}\r", row % 4, 1000 + row));
        let csv = format!("{quote}host{quote},{quote}bytes{quote}\r{rows}");
        let done = expect_found(&csv, "lineEnd: cr");
        assert_eq!(done.csv("host").len(), 30);
    }
    let rows = records(|row| format!("\"web{}\n\";{}\r", row % 4, 1000 + row));
    let both = read(format!("host;bytes\r{rows}").as_bytes(), "", &["bytes"]).succeeded();
    assert_eq!(settings(&both.note("DIALECT")), "separator: \";\", lineEnd: cr");
    // One carriage return is not enough to be sure.
    read(b"a,b\r1,2", "", &["a"]).output.expect(3, &["in.csv:1", "set lineEnd: cr"]);
    assert_eq!(read(b"a,b\r1,2", ", lineEnd: cr", &["a"]).succeeded().csv("b"), ["2"]);
}

#[test]
fn files_without_a_header() {
    // Equal cells in the first record can be no names.
    let rows = records(|row| format!("0,{},0,tcp,{}.5\n", 1000 + row, row % 7));
    let done = read(rows.as_bytes(), "", &["column_2", "column_5"]).succeeded();
    assert_eq!(done.csv("column_2").len(), 30);
    assert!(done.note("NO_HEADER").contains("column_1 to column_5"));
    // Otherwise the first record stays the header, as before, with a note.
    let rows = records(|row| format!("10.0.0.{},{},tcp\n", row % 9, 1000 + row));
    let named = read(rows.as_bytes(), "", &["10.0.0.0"]).succeeded();
    assert_eq!(named.csv("1000").len(), 29);
    assert!(named.note("NO_HEADER").contains("`header: false`"));
    let set = read(rows.as_bytes(), ", header: false", &["column_2"]).succeeded();
    assert_eq!((set.csv("column_1").len(), set.notes("NO_HEADER").len()), (30, 0));
    let given = ", header: false, names: [ip, bytes, proto]";
    let given = read(rows.as_bytes(), given, &["bytes"]).succeeded();
    assert_eq!(given.csv("proto").len(), 30);
    read(rows.as_bytes(), ", header: false, names: [ip]", &["ip"])
        .output
        .expect(2, &["input.csv.names", "names is 1", "3 columns"]);
    // In another dialect the first record is a record.
    let rows = records(|row| format!("10.0.0.{}|{}|tcp\n", row % 9, 1000 + row));
    let pipes = read(rows.as_bytes(), "", &["column_2"]).succeeded();
    assert_eq!(pipes.csv("column_2").len(), 30);
    // Years are names.
    let years = records(|row| format!("c{row};{};{};{}\n", row, row % 7, row % 3));
    let years = read(format!("country;2019;2020;2021\n{years}").as_bytes(), "", &["country"]);
    assert_eq!(years.succeeded().notes("NO_HEADER"), [""; 0]);
}

#[test]
fn equal_names_are_numbered_or_refused() {
    let csv = b"a,b,a,a_2\n1,2,3,4\n5,6,7,8\n9,8,7,6\n";
    let done = read(csv, "", &["a", "a_3"]).succeeded();
    assert_eq!(done.csv("a_3"), ["3", "7", "7"]);
    assert!(done.note("DUPLICATE_NAME").contains("`a` is there twice, and the second is `a_3`"));
    read(csv, ", duplicateNames: error", &["a"])
        .output
        .expect(3, &["duplicate column name `a`", "columns 1 and 3", "rename"]);
    read(csv, ", dialect: rfc4180", &["a"]).output.expect(3, &["duplicate column name `a`"]);
}

#[test]
fn two_dialects_that_fit_alike_are_no_finding() {
    let csv = "a;b,c\n1;x,2\n2;y,3\n3;z,4\n4;x,5;\n";
    let done = read(csv.as_bytes(), "", &["c"]).succeeded();
    assert_eq!(done.csv("c")[0], "2");
    let both = "a;b|c\n1;x|2\n2;y|3\n3;z|4\n";
    let note = read(both.as_bytes(), "", &["a;b|c"]).succeeded().note("AMBIGUOUS_DIALECT");
    assert!(
        note.contains("2 columns with `separator: \";\"` and as 2 with `separator: \"|\"`"),
        "{note}"
    );
    let set = read(both.as_bytes(), ", separator: \"|\"", &["c"]).succeeded();
    assert_eq!(set.csv("c"), ["2", "3", "4"]);
    // A file of one column, in which a separator is in most lines.
    let one = read(b"a\nx|y\nz|1|2\nw|2\n", "", &["a"]).succeeded();
    assert_eq!(one.csv("a")[0], "x|y");
    assert!(one.note("ONE_COLUMN").contains("`separator: \"|\"`"));
}

#[test]
fn json_in_lines_is_named() {
    let rows = records(|row| format!("{{\"a\":{row},\"b\":1}}\n"));
    let done = run(
        "in.csv",
        rows.as_bytes(),
        &job("csv: {path: in.csv}", "- {type: field, match: 'b*'}\n"),
    );
    assert!(done.output.stdout.contains("`ndjson`"), "{:?}", done.output);
}

#[test]
fn a_plain_file_has_no_notes() {
    let csv = b"a,b\n1,x;y\n2,\"q;\"\"\n\"\n3,'z|'\n";
    let done = read(csv, "", &["a", "b"]).succeeded();
    let plain = read(csv, ", dialect: rfc4180", &["a", "b"]).succeeded();
    assert_eq!(done.workspace.read("out.csv"), plain.workspace.read("out.csv"));
    assert_eq!(done.summary()["diagnostics"], plain.summary()["diagnostics"]);
}

#[test]
fn dialects_that_are_set_only() {
    let read_b = |csv: &str, more: &str| read(csv.as_bytes(), more, &["b"]).succeeded();
    let spaces = read_b("a  b\n1 \t 2\n  3  4 \n", ", separator: whitespace");
    assert_eq!(spaces.csv("b"), ["2", "4"]);
    let comments = read_b("%x\na,b\n%\"y\n1,2\n%\n3,4\n", ", comment: '%'");
    assert_eq!(comments.csv("b"), ["2", "4"]);
    let quotes = read_b("a,b\n~1,1~,2\n3,4\n", ", quote: '~'");
    assert_eq!(quotes.json("a"), ["\"1,1\"", "\"3\""]);
    let none = read_b("a,b\n\"1,2\n3\",4\n", ", quote: none");
    assert_eq!(none.json("a"), ["\"\\\"1\"", "\"3\\\"\""]);
    let mysql = read_b("a\tb\nx\\\ty\t2\n\\N\t4\n", ", dialect: mysql");
    assert_eq!(mysql.json("a"), ["\"x\\ty\"", "\"\\\\N\""]);
    let one = read_b("x\ty\nz\na,b\n1,2\n3,4\n", ", skipLines: 2");
    assert_eq!(one.csv("b"), ["2", "4"]);
    let apostrophes = records(|row| format!("{row};'a;{row}'\n"));
    let apostrophes = read_b(&format!("a;b\n{apostrophes}"), "");
    assert_eq!(apostrophes.csv("b")[1], "a;1");
}

#[test]
fn quotes_that_are_text() {
    let rows = records(|row| format!("web{}\t{}\t\"{row} inch\n", row % 4, 1000 + row));
    expect_found(&format!("host\tbytes\tsize\n{rows}"), "separator: tab, quote: none");
    // One is damage.
    let rows = records(|row| format!("w;{}{row}\n", if row == 20 { "\"" } else { "" }));
    let damaged = read(format!("host;bytes\n{rows}").as_bytes(), "", &["bytes"]);
    damaged.output.expect(3, &["in.csv:22", "a quote is opened and never closed"]);
}

#[test]
fn settings_of_dialects_are_checked() {
    for (more, parts) in [
        (", separator: ';;'", ["input.csv.separator", "one ASCII character"]),
        (", quote: ab", ["input.csv.quote", "one ASCII character"]),
        (", quote: a", ["input.csv.quote", "no letter"]),
        (", separator: ';', quote: ';'", ["quote", "differ"]),
        (", dialect: tsv, quote: \"\\t\"", ["quote", "blank"]),
        (", skipLines: 1001", ["skipLines", "1000"]),
        (", encoding: utf-7", ["encoding", "utf-8"]),
        (", header: auto", ["header", "true or false"]),
    ] {
        read(b"a,b\n1,2\n", more, &["a"]).output.expect(2, &parts);
    }
}

#[test]
fn pipes_and_compression_make_no_difference() {
    let rows = records(|row| format!("web{};{},5;\"a\n;b\"\n", row % 4, 1000 + row));
    let csv = format!("Report\nhost;ms;text\n{rows}");
    let plain = read(csv.as_bytes(), "", &["host", "ms"]).succeeded();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(csv.as_bytes()).unwrap();
    let gzip = read(&gzip.finish().unwrap(), "", &["host", "ms"]).succeeded();
    assert_eq!(gzip.workspace.read("out.csv"), plain.workspace.read("out.csv"));
    let piped = job("csv: {path: '-'}", &fields(&["host", "ms"]));
    let workspace = anomal_tests::Workspace::with_files(&[("job.yaml", piped.as_bytes())]);
    let arguments = ["run", "job.yaml", "--summary", "json"];
    workspace.anomal_with_input(&arguments, csv.as_bytes()).expect(0, &[]);
    assert_eq!(workspace.read("out.csv"), plain.workspace.read("out.csv"));
}

#[test]
fn files_of_an_input_have_one_dialect() {
    let rows =
        |from: usize| (from..from + 5).map(|row| format!("w{row};{row}\n")).collect::<String>();
    let first = format!("sep=;\nhost;bytes\n{}", rows(1));
    let second = format!("host;bytes\n{}", rows(6));
    let job = job("csv: {path: logs}", &fields(&["bytes"]));
    let workspace = anomal_tests::Workspace::with_files(&[
        ("logs/a.csv", first.as_bytes()),
        ("logs/b.csv", second.as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    let output = workspace.anomal(&["run", "job.yaml", "--summary", "json"]);
    let done = Run { workspace, output }.succeeded();
    assert_eq!(done.csv("host").len(), 10);
    done.workspace.write("logs/c.csv", b"host,bytes\nx,1\n");
    done.workspace.anomal(&["run", "job.yaml"]).expect(3, &["c.csv has other columns"]);
}
