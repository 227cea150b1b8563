//! The formats of lists, one file each.

pub(crate) mod csv;
pub(crate) mod hosts;
pub(crate) mod misp;
pub(crate) mod plain;
pub(crate) mod stix;

use jiff::{Timestamp, civil, tz::TimeZone};

/// The first lines, in whose comments the date of a list may be.
const HEAD: u64 = 64;

/// A time in microseconds since the epoch: RFC 3339, `2026-11-20`, `2026-11-20 10:00:00` (UTC), or seconds.
pub(crate) fn time(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches("UTC").trim_end();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_microsecond());
    }
    if let Ok(seconds) = text.parse::<i64>() {
        // A number of eight digits or fewer is a date, or a mistake.
        return if text.len() > 8 { seconds.checked_mul(1_000_000) } else { compact_date(text) };
    }
    let time =
        text.parse::<civil::DateTime>().or_else(|_| text.parse().map(civil::Date::into)).ok()?;
    Some(TimeZone::UTC.to_timestamp(time).ok()?.as_microsecond())
}

/// A date such as `20261120`.
fn compact_date(text: &str) -> Option<i64> {
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    let date = civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some(TimeZone::UTC.to_timestamp(date.into()).ok()?.as_microsecond())
}

/// The lines of a text, numbered from 1, without line ends and without a byte order mark.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let lines = bytes.split(|byte| *byte == b'\n');
    (1..).zip(lines.map(<[u8]>::trim_ascii))
}

/// The date in a comment at the head of a list, such as `# Last updated: 2026-11-20 10:00:00 (UTC)`.
fn date_in_comment(line: u64, comment: &[u8]) -> Option<i64> {
    if line > HEAD {
        return None;
    }
    let comment = std::str::from_utf8(comment.get(..comment.len().min(256))?).ok()?;
    let lower = comment.to_ascii_lowercase();
    if !["update", "date", "modified", "generated", "version"]
        .iter()
        .any(|word| lower.contains(word))
    {
        return None;
    }
    let start = comment.char_indices().map(|(start, _)| start);
    start.filter_map(|start| comment.get(start..start + 10)).find_map(|part| {
        let shape = |(index, byte): (usize, u8)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        };
        part.bytes().enumerate().all(shape).then(|| time(part)).flatten()
    })
}

/// The number of lines, for reservations.
fn line_count(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_several_forms() {
        let expected = Some(1_763_596_800_000_000);
        for text in [
            "2025-11-20",
            "2025-11-20T00:00:00Z",
            "2025-11-20 00:00:00",
            "20251120",
            "1763596800",
            "2025-11-20 00:00:00 UTC",
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
        for text in ["", "now", "2025", "2025-13-01", "99999999999999999999", "12345678"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_found_in_comments() {
        let date = time("2025-11-20");
        assert_eq!(date_in_comment(3, b"# Last updated: 2025-11-20 10:00:00 (UTC)"), date);
        assert_eq!(date_in_comment(HEAD + 1, b"# Last updated: 2025-11-20"), None);
        assert_eq!(date_in_comment(1, b"# see RFC of 2025-11-20"), None);
        assert_eq!(date_in_comment(1, "# date: é2025-11-2".as_bytes()), None);
    }
}
