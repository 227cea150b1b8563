//! Finds out the format of a text log from its first lines.

use anomal_spec::LogFormat;

use super::dialect::sniff;
use crate::{dialect::GivenDialect, log::fits};

/// Lines that are looked at.
const LINES: usize = 1_000;
/// The share of lines that fit a format, in hundredths.
const FITS: usize = 95;
/// The formats by lines, from the most to the least specific.
const BY_LINES: [LogFormat; 5] = [
    LogFormat::Combined,
    LogFormat::VhostCombined,
    LogFormat::Common,
    LogFormat::Syslog,
    LogFormat::Logfmt,
];
/// The share of records with the same number of cells in a CSV file, in hundredths, and that number.
const UNIFORM: usize = 98;
const CSV_WIDTH: usize = 3;

/// What the first lines of a file are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFinding {
    pub kind: LogKind,
    /// Lines that were looked at, neither blank nor comments.
    pub lines: usize,
    /// The lines that fit each format, from the best.
    pub fits: Vec<(LogFormat, usize)>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogKind {
    Format(LogFormat),
    /// A JSON object in each line.
    Json,
    Csv,
}

impl LogFinding {
    /// The lines that fit the format.
    pub fn fitting(&self) -> usize {
        match self.kind {
            LogKind::Format(format) => {
                let found = self.fits.iter().find(|(known, _)| *known == format);
                found.map_or(self.lines, |(_, lines)| *lines)
            }
            LogKind::Json | LogKind::Csv => self.lines,
        }
    }
}

/// The format of a file with header lines that begins with these bytes.
pub(crate) fn header_format(prefix: &[u8]) -> Option<LogFormat> {
    let text = prefix.trim_ascii_start();
    let line = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())];
    let begins =
        |mark: &[u8]| line.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    let zeek = ["#separator ", "#fields\t", "#set_separator\t", "#path\t"];
    if zeek.iter().any(|mark| line.starts_with(mark.as_bytes())) {
        return Some(LogFormat::Zeek);
    }
    let w3c = ["#fields:", "#version:", "#software:"];
    let names = || memchr::memmem::find(text, b"#Fields:").is_some() || begins(b"#fields:");
    let is_w3c = w3c.iter().any(|mark| begins(mark.as_bytes())) && names();
    is_w3c.then_some(LogFormat::W3c)
}

/// The format of a log that begins with these bytes. `complete`: the prefix is the whole file.
pub(crate) fn detect(prefix: &[u8], complete: bool) -> LogFinding {
    let lines = first_lines(prefix, complete);
    let count = lines.len();
    let found = |kind, fits| LogFinding { kind, lines: count, fits };
    if let Some(format) = header_format(prefix) {
        return found(LogKind::Format(format), vec![(format, count)]);
    }
    let enough = |fitting: usize| fitting > 0 && fitting * 100 >= count * FITS;
    let objects = lines.iter().filter(|line| line.starts_with('{') && line.ends_with('}'));
    if enough(objects.count()) {
        return found(LogKind::Json, Vec::new());
    }
    let mut by_format: Vec<(LogFormat, usize)> = BY_LINES
        .map(|format| (format, lines.iter().filter(|line| fits(format, line)).count()))
        .into();
    let best = by_format.iter().find(|(_, fitting)| enough(*fitting)).map(|(format, _)| *format);
    // Stable: of equal ones the more specific stays first.
    by_format.sort_by_key(|(_, fitting)| std::cmp::Reverse(*fitting));
    by_format.retain(|(_, fitting)| *fitting > 0);
    let kind = match best {
        Some(format) => LogKind::Format(format),
        None if is_csv(prefix, complete) => LogKind::Csv,
        None => LogKind::Format(LogFormat::Lines),
    };
    found(kind, by_format)
}

/// The first lines that are neither blank nor comments; the last one only if its end is there.
fn first_lines(prefix: &[u8], complete: bool) -> Vec<String> {
    let end = if complete { prefix.len() } else { memchr::memrchr(b'\n', prefix).unwrap_or(0) };
    let lines = prefix[..end].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    lines.take(LINES).map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

/// Whether the lines are records of at least three cells.
fn is_csv(prefix: &[u8], complete: bool) -> bool {
    let found = sniff(prefix, complete, &GivenDialect::default());
    match found.candidates.iter().find(|candidate| candidate.dialect == found.dialect) {
        Some(candidate) => {
            let (same, all) = candidate.records;
            candidate.width >= CSV_WIDTH && same * 100 >= all * UNIFORM
        }
        None => found.candidates.is_empty() && found.first.len() >= CSV_WIDTH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> LogKind {
        detect(text.as_bytes(), true).kind
    }

    #[test]
    fn formats_are_found_by_most_of_the_lines() {
        let combined = r#"1.2.3.4 - - [02/Mar/2026:00:00:01 +0000] "GET / HTTP/1.1" 200 5 "-" "x""#;
        let common = r#"1.2.3.4 - bob [02/Mar/2026:00:00:01 +0000] "\x16\x03" 400 -"#;
        let vhost = format!("a.example:443 {combined}");
        let syslog = "Mar  2 00:00:01 h cron[1]: (root) CMD (x)";
        for (line, format) in [
            (combined, LogFormat::Combined),
            (common, LogFormat::Common),
            (&format!("{common} 0.004"), LogFormat::Common),
            (&vhost, LogFormat::VhostCombined),
            (syslog, LogFormat::Syslog),
            ("<165>1 2026-03-02T00:00:01Z h a - - - x", LogFormat::Syslog),
            (&format!("Mar  2 00:00:01 h nginx: {combined}"), LogFormat::Syslog),
            ("t=2026-03-02T00:00:01Z level=info msg=\"a b\"", LogFormat::Logfmt),
            ("an unknown line", LogFormat::Lines),
            ("#fields\tts\tuid", LogFormat::Zeek),
            ("#separator \\x09", LogFormat::Zeek),
            ("#Software: IIS\n#Fields: date time", LogFormat::W3c),
        ] {
            let text = format!("{line}\n").repeat(20);
            assert_eq!(kind(&text), LogKind::Format(format), "{line}");
            let one_other = format!("{text}what is this\n");
            assert_eq!(kind(&one_other), LogKind::Format(format), "{line}");
        }
        let half = format!("{combined}\n{syslog}\n").repeat(10);
        assert_eq!(kind(&half), LogKind::Format(LogFormat::Lines));
        let finding = detect(half.as_bytes(), true);
        assert_eq!(finding.fits[0].1, 10);
        assert_eq!(kind(&"{\"a\": 1}\n".repeat(3)), LogKind::Json);
        assert_eq!(kind(&"a,b,c\n".repeat(30)), LogKind::Csv);
        assert_eq!(kind(&"a;b;1\n".repeat(30)), LogKind::Csv);
        assert_eq!(kind("\n\n# comments\n"), LogKind::Format(LogFormat::Lines));
        assert_eq!(kind("#Version: 2 of the text\na\nb\n"), LogKind::Format(LogFormat::Lines));
    }

    #[test]
    fn a_line_that_is_cut_off_does_not_count() {
        let line = "Mar  2 00:00:01 h a: b\n";
        assert_eq!(detect(format!("{line}Ma").as_bytes(), false).fitting(), 1);
        assert_eq!(detect(format!("{line}Ma").as_bytes(), true).lines, 2);
    }
}
