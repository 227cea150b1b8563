//! Inputs of the kinds that public reports of other tools are about, with other traits than theirs: what `inspect` says, and
//! that the settings of `init` run as they are.

use std::io::Write;

use anomal_tests::Workspace;

/// A file, what `inspect` prints of it, and whether there is something for a detector in it.
struct Odd {
    name: &'static str,
    bytes: Vec<u8>,
    shown: &'static [&'static str],
}

fn odd(name: &'static str, bytes: impl Into<Vec<u8>>, shown: &'static [&'static str]) -> Odd {
    Odd { name, bytes: bytes.into(), shown }
}

fn lines(header: &str, line: impl Fn(usize) -> String) -> String {
    let rows: String = (0..300).map(|row| line(row) + "\n").collect();
    format!("{header}\n{rows}")
}

fn time(row: usize) -> String {
    format!("10:{:02}:{:02}", row / 60, row % 60)
}

fn utf16be(text: &str) -> Vec<u8> {
    let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
    units.flat_map(u16::to_be_bytes).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn tables() -> Vec<Odd> {
    let host = |row: usize| format!("web{}", row % 3);
    let quoted = |row: usize| format!("\"x{}\",\"line\n{row}\",{}", row % 5, row % 9);
    vec![
        odd(
            "utf16be-tabs.txt",
            utf16be(&lines("time\thost\tms", |row| {
                format!("2026-03-02 {}\t{}\t{}", time(row), host(row), row * 7 % 90)
            })),
            &["csv, utf-16be, 3 columns, 300 rows", "separator: tab"],
        ),
        odd(
            "returns-and-line-feeds-in-quotes.csv",
            // The last line ends in a line feed.
            lines("\"a\",\"b\",c", quoted).replace("c\n\"x", "c\r\"x").replace("\n\"x", "\r\"x"),
            &["3 columns, 300 rows", "lineEnd: cr"],
        ),
        odd(
            "swiss.csv",
            lines("k,v", |row| {
                format!("k{},CHF {}'{:03}.50", row % 5, row % 9 + 1, row * 37 % 1000)
            }),
            &["`v` is read as numbers", "`'` between thousands"],
        ),
        odd(
            "percent.csv",
            lines("k,v", |row| match row % 7 {
                0 => format!("k{},({row}%)", row % 5),
                _ => format!("k{},{row}%", row % 5),
            }),
            &["`v` is read as numbers"],
        ),
        odd(
            "hexadecimal.csv",
            lines("id,x,v", |row| format!("{:032x},0x{row:04x},{}", row * 0x9e37_79b9, row % 13)),
            &["`x` is text because of hexadecimal numbers"],
        ),
        odd(
            "afternoon.csv",
            lines("when,v", |row| {
                let half = if row % 2 == 0 { "PM" } else { "AM" };
                format!(
                    "{}/{}/2026 {}:07 {half},{}",
                    row % 12 + 1,
                    row % 28 + 1,
                    row % 12 + 1,
                    row % 9
                )
            }),
            &["in the format us, because of `1/13/2026 1:07 PM`"],
        ),
        odd(
            "fractions-with-commas.csv",
            lines("when;v", |row| format!("2026-03-02T{},{:03};{}", time(row), row, row % 13)),
            &["separator: \";\"", "datetime"],
        ),
        odd(
            "pipes-and-backslashes.csv",
            lines("a|b|c", |row| {
                format!("{}|\"say \\\"hi{}\\\"\"|{}", row % 9, row % 4, row * 3 % 17)
            }),
            &["separator: \"|\", escape: backslash", "3 columns, 300 rows"],
        ),
        odd(
            "null-words.csv",
            lines("a,b", |row| format!("{},{}", ["NULL", "n/a", "", "7"][row % 4], row % 9)),
            &["`NULL` 75 times, `n/a` 75 times"],
        ),
        odd(
            "zero-bytes.csv",
            lines("a,b", |row| format!("x\0{},{}", row % 5, row % 9)),
            &["2 columns, 300 rows"],
        ),
        odd(
            "two-tables.csv",
            lines("a,b", |row| format!("{},{}", row % 7, row % 9)).repeat(2),
            &["`a`: values that are not whole numbers count as missing: `a` at two-tables.csv:302"],
        ),
        odd(
            "names.csv",
            lines("ts,client,query", |row| {
                let name = ["WWW.M\u{fc}ller\u{3002}DE", "\u{4f8b}\u{3048}.jp.", "a.Example.co.uk"]
                    [row % 3];
                format!("2026-03-02T{}Z,10.0.0.{},{name}", time(row), row % 5)
            }),
            &["3 columns, 300 rows", "datetime"],
        ),
    ]
}

fn logs_and_json() -> Vec<Odd> {
    let object = |row: usize| format!("{{\"a\":{},\"b\":\"k{}\"}}", row % 7, row % 5);
    let zeek = "#separator \\x09\n#set_separator\t|\n#empty_field\tEMPTY\n#unset_field\t(none)\n#path\tconn\n\
                #fields\tts\tid.orig_h\tid.resp_p\tbytes\ttags\n#types\ttime\taddr\tport\tcount\tset[string]";
    vec![
        odd(
            "marks-of-its-own.log",
            lines(zeek, |row| {
                let bytes =
                    if row % 20 == 0 { "(none)".to_owned() } else { (row * 31 % 999).to_string() };
                let tags = if row % 4 == 0 { "a|b" } else { "EMPTY" };
                format!(
                    "{}.5\t10.0.0.{}\t{}\t{bytes}\t{tags}",
                    1_517_336_000 + row,
                    row % 9,
                    22 + row % 3
                )
            }),
            &["format: zeek", "5 columns, 300 rows"],
        ),
        odd(
            "mark-and-priority.log",
            lines("\u{feff}<34>Mar  1 10:00:00 host0 sshd[7]: Failed password for u1", |row| {
                let day = row % 28 + 1;
                format!(
                    "<{}>Mar {day:2} {} host{} sshd[{row}]: Failed password for u{}",
                    34 + row % 8,
                    time(row),
                    row % 3,
                    row % 9
                )
            }),
            &["format: syslog", "301 rows"],
        ),
        odd(
            "quotes-in-quotes.log",
            lines("level=info msg=\"first\" dur=7 n=1", |row| {
                format!("level=info msg=\"a \\\"b\\\" {row}\" dur={} n={}", row * 7 % 50, row % 11)
            }),
            &["format: logfmt", "4 columns, 301 rows"],
        ),
        odd(
            "objects-in-a-line.json.gz",
            gzip(&(0..300).map(object).collect::<String>()),
            &["json, 2 columns, 300 rows"],
        ),
        odd(
            "beyond-64-bits.ndjson",
            (0..300)
                .map(|row| {
                    let v = if row % 50 == 0 { format!("{row}.5") } else { row.to_string() };
                    format!("{{\"id\":{},\"v\":{v}}}\n", 9_223_372_036_854_775_808_u64 + row)
                })
                .collect::<String>(),
            &["`id` is text because of whole numbers beyond 64 bits", "float"],
        ),
    ]
}

#[test]
fn are_read_as_they_are_and_proposals_run() {
    for Odd { name, bytes, shown } in tables().into_iter().chain(logs_and_json()) {
        let workspace = Workspace::with_files(&[(name, &bytes)]);
        let inspected = workspace.anomal(&["inspect", name]);
        inspected.expect(0, &[]);
        for part in shown {
            assert!(inspected.stdout.contains(part), "{name}: {part} in\n{}", inspected.stdout);
        }
        workspace.anomal(&["init", name, "--output", "job.yaml"]).expect(0, &[]);
        workspace.anomal(&["run", "job.yaml", "--quiet"]).expect(0, &[]);
    }
}

#[test]
fn what_can_not_be_read_has_a_message_whose_remedy_works() {
    let table = lines("a,b,c", |row| format!("{},{},x", row % 7, row % 9));
    let fields = |names: &str, from: usize| {
        let rows = (0..150).map(|row| {
            let more = if from == 0 { String::new() } else { format!(" {}", row % 90) };
            format!("2026-03-02 {} 10.0.0.{} GET /p{} 200{more}\n", time(row), row % 7, row % 5)
        });
        format!(
            "#Fields: date time c-ip cs-method cs-uri-stem sc-status{names}\n{}",
            rows.collect::<String>()
        )
    };
    let iis = format!("#Software: IIS\n{}{}", fields("", 0), fields(" time-taken", 150));
    let findings: Vec<String> = (0..60)
        .map(|row| format!("{{\"sev\": {}, \"type\": \"t{}\"}}", row % 9, row % 4))
        .collect();
    let nested = format!(
        "{{\"meta\": {{\"v\": 1}},\n \"detail\": {{\"findings\": [{}]}}}}\n",
        findings.join(",\n")
    );
    let latin: Vec<u8> =
        lines("Ort;Betrag", |row| format!("K\u{f6}ln;{},{:02}", row % 9, row % 100))
            .chars()
            .map(|mark| u8::try_from(mark).unwrap())
            .collect();
    for (name, bytes, part, remedy) in [
        (
            "footer.csv",
            format!("{table}(300 rows affected)\n").into_bytes(),
            "footer.csv:302",
            "csv: {path: footer.csv, badLines: skip}",
        ),
        (
            "latin.csv",
            latin,
            "encoding: windows-1252",
            "csv: {path: latin.csv, encoding: windows-1252}",
        ),
        (
            "iis.log",
            iis.into_bytes(),
            "columns: union",
            "log: {path: iis.log, format: w3c, columns: union}",
        ),
        (
            "nested.json",
            nested.into_bytes(),
            "`records: detail.findings`",
            "json: {path: nested.json, records: detail.findings}",
        ),
    ] {
        let job = format!(
            "input: {{{remedy}}}\nfeatures: [{{type: field, match: '*'}}]\noutputs: [{{csv: {{path: out.csv}}}}]\n"
        );
        let workspace = Workspace::with_files(&[(name, &bytes), ("job.yaml", job.as_bytes())]);
        workspace.anomal(&["init", name]).expect(3, &[name, part]);
        workspace.anomal(&["run", "job.yaml", "--quiet"]).expect(0, &[]);
        assert!(workspace.read("out.csv").lines().count() > 60, "{name}");
    }
    for (name, bytes, part) in [
        ("header.csv", "\u{feff}a,b,c\n", "there are names of columns and no records"),
        ("one.csv", "a,b", "there are names of columns and no records"),
        ("empty.csv", "", "empty.csv is empty"),
    ] {
        let workspace = Workspace::with_files(&[(name, bytes.as_bytes())]);
        workspace.anomal(&["init", name]).expect(3, &[part]);
    }
}
