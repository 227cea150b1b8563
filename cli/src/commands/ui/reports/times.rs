//! Times of results as text, and rows by time.

use anomal_connectors::text::grouped;
use anomal_report::view::incidents;
use anomal_tui::{TimeBin, Timeline};
use jiff::Timestamp;

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 1_440 * MINUTE;
const UNITS: [(i64, &str); 6] =
    [(DAY, "d"), (60 * MINUTE, "h"), (MINUTE, "min"), (1_000_000, "s"), (1_000, "ms"), (1, "us")];

/// A time in microseconds since the epoch, to the second; a number where times count a unit of `step` microseconds.
pub fn instant(time: i64, step: u64) -> String {
    match i64::try_from(step) {
        Ok(step @ 1..) => time.div_euclid(step).to_string(),
        _ => {
            let time = Timestamp::from_second(time.div_euclid(1_000_000));
            time.map(|time| time.to_string()).unwrap_or_default()
        }
    }
}

/// The timeline of results, if there is something on it.
pub fn timeline(rows: &incidents::Timeline, step: u64) -> Option<Timeline> {
    let bin = |at: usize| TimeBin {
        from: rows.time(at),
        to: rows.time(at + 1),
        label: label(rows.time(at), rows.width, step),
        rows: rows.rows[at],
        suspects: rows.evidence.iter().filter_map(|level| level.get(at)).sum(),
    };
    let bins: Vec<TimeBin> = (0..rows.rows.len()).map(bin).collect();
    let end = label(rows.time(bins.len()), rows.width, step);
    let (width, without) = (length(rows.width, step), rows.without);
    (!bins.is_empty()).then_some(Timeline { bins, width, end, without })
}

/// The start of an interval, as exactly as its length needs.
fn label(time: i64, width: i64, step: u64) -> String {
    if step > 0 {
        return instant(time, step);
    }
    let format = if width % DAY == 0 {
        "%Y-%m-%d"
    } else if width % MINUTE == 0 {
        "%Y-%m-%d %H:%M"
    } else if width % 1_000_000 == 0 {
        "%Y-%m-%d %H:%M:%S"
    } else {
        "%H:%M:%S%.6f"
    };
    Timestamp::from_microsecond(time)
        .map(|time| time.strftime(format).to_string())
        .unwrap_or_default()
}

fn length(width: i64, step: u64) -> String {
    if let Ok(step @ 1..) = i64::try_from(step) {
        return grouped(width / step);
    }
    let unit = UNITS.into_iter().find(|(unit, _)| width % unit == 0);
    unit.map(|(unit, name)| format!("{} {name}", grouped(width / unit))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_exact_as_their_intervals() {
        let noon = 1_772_452_800_000_000;
        assert_eq!(label(noon, 15 * MINUTE, 0), "2026-03-02 12:00");
        assert_eq!(label(noon, 5 * DAY, 0), "2026-03-02");
        assert_eq!(label(noon + 1_000_000, 5_000_000, 0), "2026-03-02 12:00:01");
        assert_eq!(label(noon + 20, 10, 0), "12:00:00.000020");
        assert_eq!(label(7_200_000_000, 3_600_000_000, 3_600_000_000), "2");
        assert_eq!(length(15 * MINUTE, 0), "15 min");
        assert_eq!(length(10 * 3_600_000_000, 3_600_000_000), "10");
        assert_eq!(instant(noon + 999_999, 0), "2026-03-02T12:00:00Z");
    }

    #[test]
    fn intervals_follow_one_another() {
        let rows = incidents::Timeline {
            start: 0,
            width: MINUTE,
            rows: vec![5, 0, 2],
            evidence: [vec![1, 0, 0], vec![0, 0, 0], vec![1, 0, 2]],
            without: 3,
        };
        let timeline = timeline(&rows, 0).unwrap();
        let suspects: Vec<u64> = timeline.bins.iter().map(|bin| bin.suspects).collect();
        assert_eq!(suspects, [2, 0, 2]);
        assert_eq!(timeline.bins[1].from, timeline.bins[0].to);
        assert_eq!((timeline.end.as_str(), timeline.without), ("1970-01-01 00:03", 3));
        assert_eq!(super::timeline(&incidents::Timeline::default(), 0), None);
    }
}
