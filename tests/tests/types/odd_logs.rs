//! Text logs with what files have now and then: nothing, comments alone, cut headers, bytes that are no text, lines without
//! end.

use super::support::{fields, job, run};

/// A format, settings that it needs, and a line.
const FORMATS: [(&str, &str, &str); 9] = [
    ("common", "", "10.0.0.1 - - [14/Dec/2019:06:25:07 +0000] \"GET / HTTP/1.1\" 200 5"),
    (
        "combined",
        "",
        "10.0.0.1 - - [14/Dec/2019:06:25:07 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"",
    ),
    (
        "vhostCombined",
        "",
        "a.example:80 10.0.0.1 - - [14/Dec/2019:06:25:07 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"",
    ),
    ("zeek", "", "1517336041.9\ta"),
    ("w3c", "", "2025-11-12 06:21:00 a"),
    ("syslog", "", "<34>1 2003-10-11T22:14:15.003Z h app - - - msg"),
    ("logfmt", "", "level=info ms=3"),
    ("regex", ", pattern: '(?<a>\\S+) (?<b>.*)'", "x y"),
    ("lines", "", "x"),
];

fn header(format: &str) -> &'static str {
    match format {
        "zeek" => "#fields\tts\tx\n#types\ttime\tstring\n",
        "w3c" => "#Version: 1.0\n#Fields: date time x\n",
        _ => "",
    }
}

/// A job whose features need no column.
fn job_for(format: &str, more: &str) -> String {
    let input = format!("log: {{path: in.log, format: {format}{more}, raw: true}}");
    job(&input, &fields(&["event.original"]))
}

#[test]
fn empty_files_are_refused() {
    for (format, more, _) in FORMATS {
        for text in ["", "\n\n", "\u{feff}"] {
            let done = run("in.log", text.as_bytes(), &job_for(format, more));
            done.output.expect(3, &["in.log is empty"]);
        }
    }
}

#[test]
fn headers_without_records_have_columns() {
    for format in ["zeek", "w3c"] {
        let done = run("in.log", header(format).as_bytes(), &job_for(format, "")).succeeded();
        assert_eq!(done.csv("x").len(), 0);
    }
}

#[test]
fn comments_alone_and_cut_headers_are_refused() {
    for (format, text) in [
        ("zeek", "#separator \\x09\n#path\tdns\n"),
        ("zeek", "#separator \\x09\n#fie"),
        ("zeek", "1517336041.9\ta\n"),
        ("w3c", "#Software: IIS\n"),
        ("w3c", "# a comment\n2025-11-12 06:21:00 a\n"),
    ] {
        run("in.log", text.as_bytes(), &job_for(format, "")).output.expect(3, &["names columns"]);
    }
    // The types are cut off.
    let text = "#separator \\x09\n#unset_field\t-\n#fields\tts\tx\n1517336041.9\ta\n";
    let done = run("in.log", text.as_bytes(), &job_for("zeek", "")).succeeded();
    assert_eq!(done.csv("x"), ["a"]);
}

/// Line ends, a byte order mark and a last line without an end.
#[test]
fn ends_of_lines_do_not_matter() {
    for (format, more, line) in FORMATS {
        let unix = format!("{}{}", header(format), format!("{line}\n").repeat(12));
        let plain = run("in.log", unix.as_bytes(), &job_for(format, more)).succeeded();
        let expected = plain.workspace.read("out.csv");
        assert_eq!(plain.csv("event.original"), [line; 12]);
        for text in [
            unix.replace('\n', "\r\n"),
            unix.trim_end().to_owned(),
            format!("\u{feff}{unix}"),
            unix.replace('\n', "\n\n"),
        ] {
            let done = run("in.log", text.as_bytes(), &job_for(format, more)).succeeded();
            assert_eq!(done.workspace.read("out.csv"), expected, "{format}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_bad_lines() {
    for (format, more, line) in FORMATS {
        let mut text = format!("{}{line}\n", header(format)).into_bytes();
        text.extend(b"\x00\xff\xfe\x80\x01\n");
        text.extend(format!("{line}\n").as_bytes());
        // Behind the header and the line.
        let place = format!("in.log:{}", header(format).lines().count() + 2);
        let failed = run("in.log", &text, &job_for(format, more));
        failed.output.expect(3, &[&place, "is not UTF-8", "badLines: skip"]);
        let done =
            run("in.log", &text, &job_for(format, &format!("{more}, badLines: skip"))).succeeded();
        assert_eq!(done.csv("event.original").len(), 2, "{format}");
    }
}

#[test]
fn a_line_of_20_mb_is_a_bad_line() {
    for (format, more, line) in FORMATS {
        let long = format!("{}{line}\n{}\n{line}\n", header(format), "x".repeat(20 << 20));
        let done =
            run("in.log", long.as_bytes(), &job_for(format, &format!("{more}, badLines: skip")))
                .succeeded();
        assert_eq!(done.csv("event.original"), [line, line], "{format}");
        assert!(done.workspace.read("job.rejected.ndjson").contains("longer than 16 MiB"));
    }
}

#[test]
fn lines_of_other_formats_are_bad_lines_where_there_is_a_frame() {
    let others: Vec<&str> = FORMATS.iter().map(|(_, _, line)| *line).collect();
    for (format, more, line) in FORMATS {
        let text = format!("{}{line}\n{}\n{line}\n", header(format), others.join("\n"));
        let done =
            run("in.log", text.as_bytes(), &job_for(format, &format!("{more}, badLines: skip")))
                .succeeded();
        let read = done.csv("event.original").len();
        let rejected = done.workspace.path("job.rejected.ndjson");
        let rejected = if rejected.exists() {
            done.workspace.read("job.rejected.ndjson").lines().count()
        } else {
            0
        };
        assert_eq!(read + rejected, 11, "{format}");
        match format {
            "lines" => assert_eq!(read, 11),
            _ => assert!((3..=10).contains(&read), "{format}: {read}"),
        }
    }
}

#[test]
fn utf_16_is_read() {
    let text = "\u{feff}<34>Oct 11 22:14:15 web su: é\n";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let done = run("in.log", &bytes, &job_for("syslog", "")).succeeded();
    assert_eq!(done.csv("message"), ["é"]);
}
