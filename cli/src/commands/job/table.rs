//! Tables and ages in kubectl's format.

use k8s_openapi::jiff::Timestamp;

/// Spaces between two columns.
const GAP: usize = 3;

/// The widths of columns, which later lines can only widen.
pub struct Table {
    widths: Vec<usize>,
}

impl Table {
    /// Columns wide enough for these rows.
    pub fn for_rows(rows: &[Vec<String>]) -> Self {
        let mut table = Self { widths: Vec::new() };
        rows.iter().for_each(|row| table.widen(row));
        table
    }

    /// Makes the columns wide enough for these cells.
    pub fn widen(&mut self, cells: &[String]) {
        self.widths.resize(self.widths.len().max(cells.len()), 0);
        for (width, cell) in self.widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }

    /// The line of these cells, with a newline.
    pub fn line(&mut self, cells: &[String]) -> String {
        self.widen(cells);
        let mut line = String::new();
        for (width, cell) in self.widths.iter().zip(cells) {
            line.push_str(cell);
            let space = width + GAP - cell.chars().count();
            line.extend(std::iter::repeat_n(' ', space));
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }
}

/// The time since `since` in at most two units, as kubectl prints it. It is 0s if `since` is in the future, which
/// happens where clocks differ.
pub fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |whole: i64, unit: char, rest: i64, part: char| match rest {
        0 => format!("{whole}{unit}"),
        rest => format!("{whole}{unit}{rest}{part}"),
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, 'd', hours % 24, 'h'),
        _ if days < 730 => format!("{days}d"),
        _ => two(days / 365, 'y', days % 365, 'd'),
    }
}

/// As [`age`], for a time in RFC 3339.
pub fn age_since(time: &str, now: Timestamp) -> Option<String> {
    Some(age(time.parse().ok()?, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(line: &str) -> Vec<String> {
        line.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn columns_are_aligned_and_stay_aligned() {
        let rows = ["NAME|ROWS", "a|1", "longer|20"].map(cells);
        let mut table = Table::for_rows(&rows);
        let text: String = rows.iter().map(|line| table.line(line)).collect();
        assert_eq!(text, "NAME     ROWS\na        1\nlonger   20\n");
        assert_eq!(table.line(&cells("b|2")), "b        2\n");
        assert_eq!(table.line(&cells("much-longer|3")), "much-longer   3\n");
        assert_eq!(table.line(&cells("b|")), "b\n");
    }

    #[test]
    fn ages_are_short() {
        let then: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let after =
            |seconds: i64| age(then, Timestamp::from_second(then.as_second() + seconds).unwrap());
        let hour = 3600;
        let ages = [
            (-5, "0s"),
            (119, "119s"),
            (121, "2m1s"),
            (180, "3m"),
            (hour, "60m"),
            (4 * hour + 300, "4h5m"),
            (9 * hour + 300, "9h"),
            (50 * hour, "2d2h"),
            (20 * 24 * hour, "20d"),
            (800 * 24 * hour, "2y70d"),
        ];
        for (seconds, text) in ages {
            assert_eq!(after(seconds), text);
        }
        assert_eq!(age_since("2025-12-31T23:59:00Z", then).as_deref(), Some("60s"));
        assert_eq!(age_since("yesterday", then), None);
    }
}
