//! Fields that are written with escapes come back, and sizes of blocks make no difference.

use proptest::prelude::*;

use super::*;

/// A text of any characters but line ends.
fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "[a\"\\\\ =\t\\[\\]-]{0,8}",
        "\\PC{0,6}",
        "[\u{1}-\u{9}\u{b}\u{c}]{0,3}"
    ]
}

/// A field as servers escape it.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        0..=0x1f | 0x7f.. => format!("\\x{byte:02x}"),
        other => char::from(other).to_string(),
    };
    text.bytes().map(escape).collect()
}

/// A value as it is read: blanks and `-` are missing.
fn present(text: &str) -> &str {
    if text.is_empty() || text == "-" { "NULL" } else { text }
}

proptest! {
    #[test]
    fn fields_of_web_servers_come_back(rows in prop::collection::vec((field(), field(), field()), 1..20)) {
        let lines = rows.iter().map(|(target, referrer, agent)| {
            let (target, referrer, agent) = (escaped(target), escaped(referrer), escaped(agent));
            format!("1.2.3.4 - - [14/Dec/2019:06:25:07 +0000] \"GET /{target} HTTP/1.1\" 200 5 \"{referrer}\" \"{agent}\"\n")
        });
        let read = log(&lines.collect::<String>(), LogFormat::Combined);
        let target: Vec<String> = rows.iter().map(|row| format!("/{}", row.0)).collect();
        prop_assert_eq!(read.typed("url.original"), target);
        let referrers: Vec<&str> = rows.iter().map(|row| present(&row.1)).collect();
        prop_assert_eq!(read.typed("http.request.referrer"), referrers);
        let agents: Vec<&str> = rows.iter().map(|row| present(&row.2)).collect();
        prop_assert_eq!(read.typed("user_agent.original"), agents);
    }

    #[test]
    fn fields_of_zeek_come_back(rows in prop::collection::vec((field(), prop::option::of(field())), 1..20)) {
        let write = |text: &String| match text.as_str() {
            "" => "(empty)".to_owned(),
            "-" => "\\x2d".to_owned(),
            "(empty)" => "\\x28empty)".to_owned(),
            text => {
                let escape = |byte: u8| match byte {
                    b'\\' | b'#' | 0..=0x1f | 0x7f.. => format!("\\x{byte:02x}"),
                    other => char::from(other).to_string(),
                };
                text.bytes().map(escape).collect()
            }
        };
        let mut text = "#separator \\x09\n#unset_field\t-\n#fields\ta\tb\n#types\tstring\tstring\n".to_owned();
        for (a, b) in &rows {
            writeln!(text, "{}\t{}", write(a), b.as_ref().map_or("-".to_owned(), write)).unwrap();
        }
        let read = log(&text, LogFormat::Zeek);
        let a: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
        prop_assert_eq!(read.typed("a"), a);
        let b: Vec<&str> = rows.iter().map(|row| row.1.as_deref().unwrap_or("NULL")).collect();
        prop_assert_eq!(read.typed("b"), b);
    }

    #[test]
    fn pairs_of_logfmt_come_back(rows in prop::collection::vec((field(), field()), 1..20)) {
        let lines = rows.iter().map(|(a, b)| format!("a=\"{}\" flag b=\"{}\"\n", escaped(a), escaped(b)));
        let change = |input: &mut LogInput| {
            input.format = LogFormat::Logfmt;
            for name in ["a", "b"] {
                input.types.insert(name.into(), anomal_spec::ColumnType::String.into());
            }
        };
        let read = read_log(lines.collect::<String>().as_bytes(), change, &OpenOptions::default()).unwrap();
        let value = |text: &str| if text.is_empty() { "NULL".to_owned() } else { text.to_owned() };
        let a: Vec<String> = rows.iter().map(|row| value(&row.0)).collect();
        prop_assert_eq!(read.typed("a"), a);
        let b: Vec<String> = rows.iter().map(|row| value(&row.1)).collect();
        prop_assert_eq!(read.typed("b"), b);
        prop_assert_eq!(read.typed("flag")[0], "true");
    }

    /// Sizes of blocks and batches do not matter, whatever the lines are.
    #[test]
    fn blocks_make_no_difference(
        format in prop::sample::select(vec![
            LogFormat::Auto, LogFormat::Common, LogFormat::Combined, LogFormat::VhostCombined, LogFormat::Zeek,
            LogFormat::W3c, LogFormat::Syslog, LogFormat::Logfmt, LogFormat::Regex, LogFormat::Lines,
        ]),
        lines in prop::collection::vec(prop_oneof![
            field(),
            Just("#Fields: date time x".to_owned()),
            Just("#fields\ta\tb".to_owned()),
            Just("2025-11-12 06:21:00 z".to_owned()),
            Just("1.2.3.4 - - [14/Dec/2019:06:25:07 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"".to_owned()),
            Just("<34>1 2003-10-11T22:14:15.003Z h app - ID47 [a x=\"1\"] msg".to_owned()),
            Just("a=1 b=\"x\" c".to_owned()),
            Just("x\ty".to_owned()),
        ], 0..30),
        ends in prop::sample::select(vec!["\n", "\r\n"]),
        block in 1_usize..40,
        batch in 1_usize..7,
    ) {
        let text = lines.join(ends);
        let small = OpenOptions { block_bytes: block, batch_rows: batch, ..OpenOptions::default() };
        let reason = |result: Result<ReadLog>| result.map_err(|error| error.reason);
        let whole = reason(skipping(&text, format, &OpenOptions::default()));
        prop_assert_eq!(reason(skipping(&text, format, &small)), whole);
    }
}
