//! Lines of syslog: RFC 3164, RFC 5424, and what daemons write to files, with ISO times in place of those of RFC 3164.

use jiff::civil::Date;

use super::{line::find, structured_data::data_end};
use crate::dialect::Span;

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
/// The largest priority: facility 23, severity 7.
const MAX_PRIORITY: u8 = 191;
/// Bytes of the name of a program at most.
const MAX_TAG: usize = 64;

const NO_TIME: &str = "the line has no time as syslog has it";
const NO_HEADER: &str = "the line ends within the header of syslog";
const NO_PRIORITY: &str = "the line has no priority from <0> to <191>";
const NO_DATA: &str = "the structured data of the line is not closed";

/// The positions of the parts of a line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SyslogLine {
    pub priority: Option<u8>,
    pub time: Span,
    /// Whether the time has no year.
    pub old_time: bool,
    pub host: Option<Span>,
    pub process: Option<Span>,
    pub pid: Option<Span>,
    pub message_id: Option<Span>,
    /// Structured data, from the first bracket on.
    pub data: Option<Span>,
    pub message: Span,
}

impl SyslogLine {
    /// # Errors
    /// The reason, if the line has no header of syslog.
    pub fn parse(line: &str) -> Result<Self, &'static str> {
        let bytes = line.as_bytes();
        let (priority, at) = priority(bytes)?;
        if let Some(at) = version(bytes, at).filter(|_| priority.is_some()) {
            return Self::new_protocol(bytes, priority, at);
        }
        let (time, old_time) = match old_time(bytes, at) {
            Some(end) => ((at, end), true),
            None => {
                // A line of a time alone is a table of one column.
                let end = iso_time(bytes, at).filter(|end| *end < bytes.len());
                (end.map(|end| (at, end)).ok_or(NO_TIME)?, false)
            }
        };
        let mut parts = Self { priority, time, old_time, ..Self::default() };
        let mut at = after_blank(bytes, time.1);
        let word = (at, word_end(bytes, at));
        // The name of a program has a colon behind it; without a host it comes first.
        if !is_tag(&bytes[word.0..word.1]) && word.0 < word.1 {
            parts.host = Some(word);
            at = after_blank(bytes, word.1);
        }
        if let Some((process, pid, end)) = tag(bytes, at) {
            (parts.process, parts.pid) = (Some(process), pid);
            at = after_blank(bytes, end);
        }
        parts.message = (at, bytes.len());
        Ok(parts)
    }

    /// The rest of a line of RFC 5424, from the time on.
    fn new_protocol(bytes: &[u8], priority: Option<u8>, at: usize) -> Result<Self, &'static str> {
        let mut at = at;
        let mut word = || {
            let end = find(b' ', bytes, at).filter(|end| *end > at).ok_or(NO_HEADER)?;
            let word = (at, end);
            at = end + 1;
            Ok::<Span, &'static str>(word)
        };
        let (time, host, process, pid, message_id) = (word()?, word()?, word()?, word()?, word()?);
        if &bytes[time.0..time.1] != b"-" && iso_time(bytes, time.0) != Some(time.1) {
            return Err(NO_TIME);
        }
        let mut parts = Self {
            priority,
            time,
            host: Some(host),
            process: Some(process),
            pid: Some(pid),
            message_id: Some(message_id),
            ..Self::default()
        };
        let end = match bytes.get(at) {
            Some(b'[') => data_end(bytes, at).ok_or(NO_DATA)?,
            Some(b'-') => at + 1,
            _ => return Err(NO_HEADER),
        };
        if bytes[at] == b'[' {
            parts.data = Some((at, end));
        }
        if !matches!(bytes.get(end), None | Some(b' ')) {
            return Err(NO_DATA);
        }
        let start = (end + 1).min(bytes.len());
        let mark = if bytes[start..].starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        parts.message = (start + mark, bytes.len());
        Ok(parts)
    }
}

/// The year of the first record of a log that was written last on `day`, if it begins with a line of RFC 3164.
pub(crate) fn year_of_first(line: &str, day: Date) -> Option<i16> {
    let parts = SyslogLine::parse(line).ok().filter(|parts| parts.old_time)?;
    let time = &line.as_bytes()[parts.time.0..parts.time.1];
    let month = MONTHS.iter().position(|month| time.starts_with(month))?;
    let number: String = line[parts.time.0 + 3..].trim_start().chars().take(2).collect();
    let first = (i8::try_from(month + 1).ok()?, number.trim().parse::<i8>().ok()?);
    Some(if first > (day.month(), day.day()) { day.year() - 1 } else { day.year() })
}

/// The priority, and where the text behind it begins.
fn priority(bytes: &[u8]) -> Result<(Option<u8>, usize), &'static str> {
    if bytes.first() != Some(&b'<') {
        return Ok((None, 0));
    }
    let end = find(b'>', bytes, 1).filter(|end| (2..=4).contains(end)).ok_or(NO_PRIORITY)?;
    let number = std::str::from_utf8(&bytes[1..end]).ok().and_then(|text| text.parse().ok());
    let number = number.filter(|number| *number <= MAX_PRIORITY).ok_or(NO_PRIORITY)?;
    Ok((Some(number), end + 1))
}

/// The place behind a version of RFC 5424 and its blank.
fn version(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    ((1..=3).contains(&digits) && bytes.get(at + digits) == Some(&b' ')).then_some(at + digits + 1)
}

/// The end of a time such as `Oct  1 22:14:15.003`.
fn old_time(bytes: &[u8], at: usize) -> Option<usize> {
    let month = bytes.get(at..at + 3)?;
    if !MONTHS.contains(&month) {
        return None;
    }
    let digits = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let blanks = |at: usize| bytes[at..].iter().take_while(|byte| **byte == b' ').count();
    let day = at + 3 + blanks(at + 3);
    let end = day + digits(day);
    let clock = end + blanks(end);
    let is_clock = bytes.get(clock..clock + 8).is_some_and(|clock| {
        clock.iter().enumerate().all(|(place, byte)| match place {
            2 | 5 => *byte == b':',
            _ => byte.is_ascii_digit(),
        })
    });
    if day == at + 3 || !(1..=2).contains(&(end - day)) || clock == end || !is_clock {
        return None;
    }
    let mut end = clock + 8;
    if matches!(bytes.get(end), Some(b'.' | b',')) && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    matches!(bytes.get(end), None | Some(b' ')).then_some(end)
}

/// The end of a time such as `2003-10-11T22:14:15.003Z`.
fn iso_time(bytes: &[u8], at: usize) -> Option<usize> {
    let text = bytes.get(at..at + 19)?;
    let fits = text.iter().enumerate().all(|(place, byte)| match place {
        4 | 7 => *byte == b'-',
        10 => matches!(byte, b'T' | b't'),
        13 | 16 => *byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let end = word_end(bytes, at);
    (fits && is_time_end(&bytes[at + 19..end])).then_some(end)
}

/// Whether this is what may follow the seconds of a time: a fraction and an offset. A comma and few digits are the next cell of
/// a table.
fn is_time_end(rest: &[u8]) -> bool {
    let rest = match rest {
        [mark @ (b'.' | b','), fraction @ ..] => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits < if *mark == b'.' { 1 } else { 3 } {
                return false;
            }
            &fraction[digits..]
        }
        _ => rest,
    };
    match rest {
        [] | [b'Z' | b'z'] => true,
        [b'+' | b'-', offset @ ..] => {
            matches!(offset.len(), 2 | 4 | 5)
                && offset.iter().all(|byte| byte.is_ascii_digit() || *byte == b':')
        }
        _ => false,
    }
}

fn word_end(bytes: &[u8], at: usize) -> usize {
    find(b' ', bytes, at).unwrap_or(bytes.len())
}

/// The place behind one blank.
fn after_blank(bytes: &[u8], at: usize) -> usize {
    at + usize::from(bytes.get(at) == Some(&b' '))
}

/// Whether a word is the name of a program: a colon ends it.
fn is_tag(word: &[u8]) -> bool {
    word.ends_with(b":") && (word.ends_with(b"]:") || !word[..word.len() - 1].contains(&b':'))
}

/// The name of a program, its number in brackets, and the place behind the colon.
fn tag(bytes: &[u8], at: usize) -> Option<(Span, Option<Span>, usize)> {
    let rest = &bytes[at..];
    let name = rest.iter().take(MAX_TAG + 1).take_while(|byte| !matches!(byte, b' ' | b':' | b'['));
    let end = at + name.count();
    if end == at || end - at > MAX_TAG {
        return None;
    }
    match bytes.get(end)? {
        b':' => Some(((at, end), None, end + 1)),
        b'[' => {
            let close = find(b']', bytes, end)?;
            let pid = &bytes[end + 1..close];
            let plain = pid.len() <= MAX_TAG && !pid.contains(&b' ');
            // Some programs write no colon.
            let colon = usize::from(bytes.get(close + 1) == Some(&b':'));
            plain.then_some(((at, end), Some((end + 1, close)), close + 1 + colon))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::{super::structured_data::data_items, *};

    /// The texts of the parts: time, host, process, number, message.
    fn parts(line: &str) -> [&str; 5] {
        let parts = SyslogLine::parse(line).unwrap_or_else(|why| panic!("{line}: {why}"));
        let text = |span: Option<Span>| span.map_or("", |(start, end)| &line[start..end]);
        [
            text(Some(parts.time)),
            text(parts.host),
            text(parts.process),
            text(parts.pid),
            text(Some(parts.message)),
        ]
    }

    #[test]
    fn lines_of_files_and_of_both_protocols() {
        for (line, expected) in [
            (
                "Oct 11 22:14:15 web su[230]: 'su root' failed",
                ["Oct 11 22:14:15", "web", "su", "230", "'su root' failed"],
            ),
            (
                "<34>Oct  1 22:14:15.5 h kernel: [1.2] x",
                ["Oct  1 22:14:15.5", "h", "kernel", "", "[1.2] x"],
            ),
            (
                "Oct 1 22:14:15 h sshd(pam_unix)[9]: a",
                ["Oct 1 22:14:15", "h", "sshd(pam_unix)", "9", "a"],
            ),
            ("Oct 11 22:14:15 su: no host", ["Oct 11 22:14:15", "", "su", "", "no host"]),
            (
                "Oct 11 22:14:15 h last message repeated",
                ["Oct 11 22:14:15", "h", "", "", "last message repeated"],
            ),
            ("Oct 11 22:14:15", ["Oct 11 22:14:15", "", "", "", ""]),
            (
                "2024-05-01T10:00:00.123456+02:00 h systemd[1]: Started",
                ["2024-05-01T10:00:00.123456+02:00", "h", "systemd", "1", "Started"],
            ),
            (
                "<165>1 2003-10-11T22:14:15.003Z h app - ID47 - msg",
                ["2003-10-11T22:14:15.003Z", "h", "app", "-", "msg"],
            ),
            ("<165>1 - - - - - -", ["-", "-", "-", "-", ""]),
            (
                "<165>1 2003-10-11T22:14:15Z h app 8 - [a@1 x=\"y\"][b z=\"]\"] \u{feff}msg",
                ["2003-10-11T22:14:15Z", "h", "app", "8", "msg"],
            ),
            ("Oct 11 22:14:15 2001:db8::1 a: b", ["Oct 11 22:14:15", "2001:db8::1", "a", "", "b"]),
        ] {
            assert_eq!(parts(line), expected, "{line}");
        }
        for line in [
            "",
            "text",
            "Octo 11 22:14:15 h",
            "<192>Oct 11 22:14:15 h",
            "<1>1 2003",
            "<1>1 2003-10-11T22:14:15Z h a 1 - [x",
            "Oct 11 22:14 h",
            "  at java.lang.Thread.run(Thread.java:1)",
        ] {
            assert!(SyslogLine::parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_year_of_the_first_record_is_that_before_the_last() {
        let year = |line| year_of_first(line, date(2026, 1, 15));
        assert_eq!(year("Dec 31 22:14:15 h a: b"), Some(2025));
        assert_eq!(year("Jan  2 22:14:15 h a: b"), Some(2026));
        assert_eq!(year("2024-05-01T10:00:00Z h a: b"), None);
    }

    proptest! {
        #[test]
        fn any_text_has_parts_within_it(line in "(<1>)?(1 )?(Oct 11 22:14:15 |2003-10-11T22:14:15Z )?[ a\\[\\]:=\"\\\\é-]{0,30}") {
            if let Ok(parts) = SyslogLine::parse(&line) {
                let spans = [Some(parts.time), parts.host, parts.process, parts.pid, Some(parts.message), parts.data];
                for (start, end) in spans.into_iter().flatten() {
                    prop_assert!(line.get(start..end).is_some());
                }
                for item in parts.data.into_iter().flat_map(|data| data_items(&line, data)) {
                    for (start, end) in [item.id, item.name, item.value] {
                        prop_assert!(line.get(start..end).is_some());
                    }
                }
            }
        }
    }
}
