//! What differs between two runs of one program: durations, rates, ports, the ids of reports and the time they are made.
//! Each is replaced by a placeholder before texts are compared. Nothing else is.

use std::time::{SystemTime, UNIX_EPOCH};

/// A text with placeholders in place of what differs from run to run.
pub fn mask(text: &str) -> String {
    let dates = dates();
    let lines = text.lines().filter(|line| !is_progress(line));
    lines.map(|line| mask_line(line, &dates) + "\n").collect()
}

/// A line such as `read: 120,000 rows, 12 %, 60,000 rows/s`: how many come depends on the speed.
fn is_progress(line: &str) -> bool {
    let words = line.split_once(": ").map_or("", |(_, words)| words);
    words.ends_with(" rows/s")
        && words.split(' ').nth(1).is_some_and(|word| word.starts_with("rows"))
}

fn mask_line(line: &str, dates: &[String]) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let starts_word = !masked.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '.');
        let found = if starts_word { variable(rest, dates) } else { None };
        if let Some((length, placeholder)) = found {
            masked.push_str(placeholder);
            rest = &rest[length..];
        } else {
            masked.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    masked
}

/// The length of what differs at the start of a text, with its placeholder.
fn variable(text: &str, dates: &[String]) -> Option<(usize, &'static str)> {
    uuid(text)
        .map(|length| (length, "<id>"))
        .or_else(|| port(text).map(|length| (length, "127.0.0.1:<port>")))
        .or_else(|| time(text, dates).map(|length| (length, "<time>")))
        .or_else(|| duration(text).map(|length| (length, "<duration>")))
        .or_else(|| json_seconds(text))
}

/// 36 characters: hexadecimal digits in groups of 8, 4, 4, 4 and 12.
fn uuid(text: &str) -> Option<usize> {
    let id = text.get(..36)?;
    let mut groups = id.split('-');
    let whole = [8, 4, 4, 4, 12].iter().all(|length| {
        groups.next().is_some_and(|group| {
            group.len() == *length && group.chars().all(|c| c.is_ascii_hexdigit())
        })
    });
    whole.then_some(36)
}

/// `127.0.0.1:` with a port.
fn port(text: &str) -> Option<usize> {
    let digits = leading(text.strip_prefix("127.0.0.1:")?, |c| c.is_ascii_digit());
    (digits > 0).then_some("127.0.0.1:".len() + digits)
}

/// A date of the run with the time of day behind it, as `2026-03-02T10:00:00.123Z` or `2 Mar 2026, 10:00`.
fn time(text: &str, dates: &[String]) -> Option<usize> {
    let date = dates.iter().find(|date| text.starts_with(date.as_str()))?;
    let rest = &text[date.len()..];
    let time = leading(rest, |c| c.is_ascii_digit() || " T:.,Z".contains(c));
    Some(date.len() + rest[..time].trim_end().len())
}

/// Seconds with decimals or milliseconds, such as `1.25 s` or `250 ms`, with a space of either kind.
fn duration(text: &str) -> Option<usize> {
    let number = leading(text, |c| c.is_ascii_digit() || c == '.');
    let rest = &text[number..];
    let unit = rest.strip_prefix(' ').or_else(|| rest.strip_prefix('\u{a0}'))?;
    let letters = leading(unit, char::is_alphanumeric);
    let seconds = text[..number].contains('.') && &unit[..letters] == "s";
    let milliseconds = number > 0 && &unit[..letters] == "ms";
    (seconds || milliseconds).then_some(text.len() - unit.len() + letters)
}

/// A field of JSON whose name ends with `seconds`.
fn json_seconds(text: &str) -> Option<(usize, &'static str)> {
    let (name, value) = text.strip_prefix('"')?.split_once("\":")?;
    if !name.to_lowercase().ends_with("seconds") || name.contains('"') {
        return None;
    }
    let number = leading(value.trim_start(), |c| c.is_ascii_digit() || ".e-".contains(c));
    let space = value.len() - value.trim_start().len();
    (number > 0).then_some((1 + name.len() + 2 + space + number, "\"<seconds>\""))
}

fn leading(text: &str, accept: impl Fn(char) -> bool) -> usize {
    text.find(|c| !accept(c)).unwrap_or(text.len())
}

/// Today and yesterday in UTC, in the forms of data and of pages: a comparison may run past midnight.
fn dates() -> Vec<String> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let today = elapsed.as_secs() / 86_400;
    let forms = [today, today.saturating_sub(1)].into_iter().flat_map(|days| {
        let (year, month, day) = date(days);
        let name = MONTHS.get(month - 1).copied().unwrap_or_default();
        [format!("{year:04}-{month:02}-{day:02}"), format!("{day} {name} {year}")]
    });
    forms.collect()
}

/// Year, month and day of a day since 1970-01-01, by Hinnant's `civil_from_days` ("chrono-Compatible Low-Level Date
/// Algorithms").
fn date(days: u64) -> (u64, usize, u64) {
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    // The algorithm's year starts in March.
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + carry, usize::try_from(month).unwrap_or(1), day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_runs_is_masked() {
        let dates = dates();
        let (iso, short) = (&dates[0], &dates[1]);
        for (text, masked) in [
            ("Done in 1.25 s (read 0.10 s)", "Done in <duration> (read <duration>)"),
            ("<dd>2.2\u{a0}s</dd><dd>250\u{a0}ms</dd>", "<dd><duration></dd><dd><duration></dd>"),
            ("Report 0193a1b2-0000-7000-8000-0123456789ab", "Report <id>"),
            ("http://127.0.0.1:40123: no answer", "http://127.0.0.1:<port>: no answer"),
            (r#"{"durationSeconds":1.5e-3,"rows":5}"#, r#"{"<seconds>","rows":5}"#),
            (&format!("made {iso} 10:15 UTC"), "made <time> UTC"),
            (&format!("\"{iso}T10:15:01.123Z\""), "\"<time>\""),
            (&format!(">{short}, 10:15 UTC<"), "><time> UTC<"),
        ] {
            assert_eq!(mask(text), format!("{masked}\n"));
        }
    }

    #[test]
    fn what_belongs_to_the_result_stays() {
        for text in [
            "row 3983  score 0.273  name=a.b",
            "2026-03-02T10:00:00.000Z",
            "21 names in 3600 s",
            "load 1.5 suspects",
            "2 Mar 2026, 10:00 UTC",
            "21 msgs, 3 s",
            "0193a1b2-0000-7000-8000-0123456789a",
            "10.127.0.0.1:80",
        ] {
            assert_eq!(mask(text), format!("{text}\n"));
        }
    }

    #[test]
    fn progress_is_left_out() {
        assert_eq!(mask("read: 120,000 rows, 12 %, 60,000 rows/s\nx\n"), "x\n");
        assert_eq!(mask("job: 5,000 rows\n"), "job: 5,000 rows\n");
    }

    #[test]
    fn days_are_dates() {
        for (day, expected) in
            [(0, (1970, 1, 1)), (59, (1970, 3, 1)), (20_514, (2026, 3, 2)), (19_782, (2024, 2, 29))]
        {
            assert_eq!(date(day), expected);
        }
    }
}
