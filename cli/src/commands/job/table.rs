//! Columns and ages as kubectl writes them.

use k8s_openapi::jiff::Timestamp;

/// Between two columns.
const GAP: usize = 3;

/// Lines whose columns stay where they are, also for lines that come later.
pub struct Table {
    widths: Vec<usize>,
}

impl Table {
    /// As wide as these lines need.
    pub fn over(lines: &[Vec<String>]) -> Self {
        let mut table = Self { widths: Vec::new() };
        lines.iter().for_each(|line| table.widen(line));
        table
    }

    /// For a line that comes later.
    pub fn widen(&mut self, cells: &[String]) {
        self.widths.resize(self.widths.len().max(cells.len()), 0);
        for (width, cell) in self.widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }

    /// With its line end.
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

/// How long ago, in the two units that tell most; less than nothing, by clocks that differ, is nothing.
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

/// Of a time as a status holds it.
pub fn age_of(time: &str, now: Timestamp) -> Option<String> {
    Some(age(time.parse().ok()?, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(line: &str) -> Vec<String> {
        line.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn columns_stand_below_each_other_and_stay_there() {
        let lines = ["NAME|ROWS", "a|1", "longer|20"].map(cells);
        let mut table = Table::over(&lines);
        let text: String = lines.iter().map(|line| table.line(line)).collect();
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
        let told = [
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
        for (seconds, text) in told {
            assert_eq!(after(seconds), text);
        }
        assert_eq!(age_of("2025-12-31T23:59:00Z", then).as_deref(), Some("60s"));
        assert_eq!(age_of("yesterday", then), None);
    }
}
