//! What differs between two runs of one program: durations, rates, ports, the ids of reports and the time they are made.
//! Each is replaced by a placeholder before texts are compared. Nothing else is.

use std::time::{SystemTime, UNIX_EPOCH};

/// A text with placeholders in place of what differs from run to run.
pub fn mask(text: &str) -> String {
    let lines = text.lines().filter(|line| !is_progress(line));
    lines.map(|line| mask_line(line) + "\n").collect()
}

/// A line such as `read: 120,000 rows, 12 %, 60,000 rows/s`: how many come depends on the speed.
fn is_progress(line: &str) -> bool {
    let words = line.split_once(": ").map_or("", |(_, words)| words);
    words.ends_with(" rows/s")
        && words.split(' ').nth(1).is_some_and(|word| word.starts_with("rows"))
}

fn mask_line(line: &str) -> String {
    let today = today();
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let starts_word = !masked.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '.');
        let found = if starts_word { variable(rest, &today) } else { None };
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
fn variable(text: &str, today: &str) -> Option<(usize, &'static str)> {
    uuid(text)
        .map(|length| (length, "<id>"))
        .or_else(|| port(text).map(|length| (length, "127.0.0.1:<port>")))
        .or_else(|| time(text, today).map(|length| (length, "<time>")))
        .or_else(|| seconds(text).map(|length| (length, "<seconds> s")))
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

/// A date of today with the time of day behind it, as `2026-03-02T10:00:00.123Z` or `2026-03-02 10:00`.
fn time(text: &str, today: &str) -> Option<usize> {
    let rest = text.strip_prefix(today)?;
    let time = leading(rest, |c| c.is_ascii_digit() || " T:.Z".contains(c));
    Some(today.len() + rest[..time].trim_end().len())
}

/// A number of seconds with decimals, such as `1.25 s`.
fn seconds(text: &str) -> Option<usize> {
    let number = leading(text, |c| c.is_ascii_digit() || c == '.');
    let rest = &text[number..];
    let ends = !rest.get(2..).unwrap_or_default().starts_with(|c: char| c.is_alphanumeric());
    (text[..number].contains('.') && rest.starts_with(" s") && ends).then_some(number + 2)
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

/// The date in UTC.
fn today() -> String {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    date(elapsed.as_secs() / 86_400)
}

/// The date of a day since 1970-01-01, by Hinnant's `civil_from_days` ("chrono-Compatible Low-Level Date Algorithms").
fn date(days: u64) -> String {
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day_of_month:02}", year + era * 400 + carry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_runs_is_masked() {
        let today = today();
        for (text, masked) in [
            (
                "Done in 1.25 s (read 0.10 s, score 0.02 s)",
                "Done in <seconds> s (read <seconds> s, score <seconds> s)",
            ),
            ("Report 0193a1b2-0000-7000-8000-0123456789ab is kept", "Report <id> is kept"),
            ("http://127.0.0.1:40123: no answer", "http://127.0.0.1:<port>: no answer"),
            (r#"{"durationSeconds":1.5e-3,"rows":5}"#, r#"{"<seconds>","rows":5}"#),
            (&format!("made {today} 10:15 UTC"), "made <time> UTC"),
            (&format!("\"{today}T10:15:01.123Z\""), "\"<time>\""),
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
            [(0, "1970-01-01"), (59, "1970-03-01"), (20_514, "2026-03-02"), (19_782, "2024-02-29")]
        {
            assert_eq!(date(day), expected);
        }
    }
}
