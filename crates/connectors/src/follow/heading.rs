//! What a followed file has before its records.

use crate::sniff::log::header_format;

/// Bytes at the beginning of a file in which its heading is looked for.
pub(super) const LONGEST: usize = 64 << 10;
/// Different lines that a heading has at most.
const MOST: usize = 64;
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// How a format writes what precedes its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heading {
    /// There is nothing.
    #[default]
    None,
    /// The first line that is not blank, behind so many others.
    Line { skip: u64 },
    /// Lines that begin with `#`, also between records: each holds until another one says the same.
    Comments,
    /// As `Comments` in files that begin with the header lines of a log, and nothing in others.
    Found,
}

/// Where the records of some lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub start: usize,
    /// Behind the last record before further lines of the heading.
    pub end: usize,
}

impl Heading {
    /// Takes what belongs to the heading from the first of these lines, of which `lines` are before in the file. `known` is
    /// what is known of it.
    pub(super) fn take(self, text: &[u8], lines: u64, known: &mut Option<String>) -> Bounds {
        match self {
            Self::Found if is_headed(text, lines, known.as_deref()) => {
                Self::Comments.take(text, lines, known)
            }
            Self::None | Self::Found => Bounds { start: 0, end: text.len() },
            Self::Line { .. } if known.is_some() => Bounds { start: 0, end: text.len() },
            Self::Line { skip } => {
                let mut start = 0;
                for (line, number) in text.split_inclusive(|byte| *byte == b'\n').zip(lines..) {
                    start += line.len();
                    if number >= skip && !line.trim_ascii().is_empty() {
                        *known = Some(as_text(line, number));
                        break;
                    }
                }
                Bounds { start, end: text.len() }
            }
            Self::Comments => {
                let (mut start, mut end) = (0, 0);
                let mut in_records = false;
                for (line, number) in text.split_inclusive(|byte| *byte == b'\n').zip(lines..) {
                    let line_text = as_text(line, number);
                    if line_text.starts_with('#') {
                        if in_records {
                            break;
                        }
                        remember(known, &line_text);
                    } else if !line_text.trim().is_empty() {
                        in_records = true;
                    }
                    end += line.len();
                    if !in_records {
                        start = end;
                    }
                }
                Bounds { start, end }
            }
        }
    }
}

/// Whether a file has header lines: it begins with them, or they are known.
fn is_headed(text: &[u8], lines: u64, known: Option<&str>) -> bool {
    let is_known = known.is_some_and(|known| !known.is_empty());
    is_known || lines == 0 && header_format(text).is_some()
}

/// A line without its end, and without the mark that may begin a file.
fn as_text(line: &[u8], number: u64) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\n', '\r']);
    let text = if number == 0 { text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text) } else { text };
    text.to_owned()
}

/// Adds a line, in the place of one that said the same thing.
fn remember(known: &mut Option<String>, line: &str) {
    let key = |line: &str| line.split([':', '\t', ' ']).next().unwrap_or_default().to_owned();
    let mut lines: Vec<&str> = known.iter().flat_map(|known| known.lines()).collect();
    lines.retain(|other| key(other) != key(line));
    if lines.len() < MOST {
        lines.push(line);
    }
    *known = Some(lines.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The heading, and the records in parts between which it changes.
    fn read(heading: Heading, text: &str) -> Vec<(String, String)> {
        let (mut known, mut parts, mut rest, mut lines) = (None, Vec::new(), text, 0);
        while !rest.is_empty() {
            let Bounds { start, end } = heading.take(rest.as_bytes(), lines, &mut known);
            let records = rest[start..end].to_owned();
            if !records.is_empty() {
                parts.push((known.clone().unwrap_or_default(), records));
            }
            lines += rest[..end].lines().count() as u64;
            rest = &rest[end..];
        }
        parts
    }

    fn part(heading: &str, records: &str) -> (String, String) {
        (heading.to_owned(), records.to_owned())
    }

    #[test]
    fn a_line_of_names_precedes_records() {
        let line = |skip| Heading::Line { skip };
        assert_eq!(read(line(0), "\u{feff}a,b\r\n1,2\n#3\n"), [part("a,b", "1,2\n#3\n")]);
        assert_eq!(read(line(2), "x\n\n\na,b\n1,2\n"), [part("a,b", "1,2\n")]);
        assert_eq!(read(line(0), "a,b\n"), []);
        assert_eq!(read(Heading::None, "a\n#b\n"), [part("", "a\n#b\n")]);
    }

    #[test]
    fn lines_of_a_heading_hold_until_others_say_the_same() {
        let text =
            "#Version: 1.0\n#Fields: a b\n1 2\n3 4\n#Date: x\n#Fields: a c\n5 6\n#Remark: r\n";
        let parts = [
            part("#Version: 1.0\n#Fields: a b", "1 2\n3 4\n"),
            part("#Version: 1.0\n#Date: x\n#Fields: a c", "5 6\n"),
        ];
        assert_eq!(read(Heading::Comments, text), parts);
        let zeek = "#separator \\x09\n#fields\ta\tb\n#types\tstring\tcount\n1\t2\n#close\t2026\n";
        let heading = "#separator \\x09\n#fields\ta\tb\n#types\tstring\tcount";
        assert_eq!(read(Heading::Comments, zeek), [part(heading, "1\t2\n")]);
        assert_eq!(read(Heading::Found, zeek), [part(heading, "1\t2\n")]);
        assert_eq!(read(Heading::Found, "a\n#b\n"), [part("", "a\n#b\n")]);
    }
}
