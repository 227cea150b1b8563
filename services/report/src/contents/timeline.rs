//! Rows by time in at most [`BINS`] intervals of a round length.

use anomal_core::proto;

use crate::view::incidents::Timeline;

const BINS: i128 = 120;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Seconds of round intervals up to a day.
const SECONDS: [i64; 18] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400,
];

/// `evidence`: time and severity level of rows; `step`: microseconds of the unit that times count, 0 where they are times.
pub(crate) fn timeline(
    all: &proto::Timeline,
    evidence: impl Iterator<Item = (Option<i64>, usize)>,
    step: u64,
) -> Timeline {
    let span = i128::from(all.last) - i128::from(all.first);
    let width = width(span, i64::try_from(step).unwrap_or(0));
    let start = all.first.div_euclid(width).saturating_mul(width);
    let bins = (i128::from(all.last) - i128::from(start)).max(0) / i128::from(width) + 1;
    let bins = usize::try_from(bins).unwrap_or(1);
    let mut timeline = Timeline {
        start,
        width,
        rows: vec![0; bins],
        evidence: [(); 3].map(|()| vec![0; bins]),
        without: all.without,
    };
    for (start, rows) in all.starts.iter().zip(&all.rows) {
        // The first interval may begin before the first time.
        if let Some(bin) = timeline.bin((*start).clamp(all.first, all.last.max(all.first))) {
            timeline.rows[bin] += rows;
        }
    }
    for (time, level) in evidence {
        if let Some(bin) = time.and_then(|time| timeline.bin(time)) {
            timeline.evidence[level][bin] += 1;
        }
    }
    timeline
}

/// The shortest round length that gives at most [`BINS`] intervals.
fn width(span: i128, step: i64) -> i64 {
    let fits = |width: &i64| span / i128::from(*width) < BINS;
    let round = |unit: i64| {
        let powers = (0..18).map(|power| 10_i64.saturating_pow(power));
        let steps = powers.flat_map(|power| [1, 2, 5].map(|times| power.saturating_mul(times)));
        steps.map(|times| unit.saturating_mul(times)).find(fits).unwrap_or(i64::MAX)
    };
    if step > 0 {
        return round(step);
    }
    if fits(&SECOND) && span > 0 {
        return round(1).min(SECOND);
    }
    let seconds = SECONDS.iter().map(|seconds| seconds * SECOND).find(fits);
    seconds.unwrap_or_else(|| round(DAY))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn intervals_are_round() {
        let day = i128::from(DAY) - 1;
        assert_eq!(width(day, 0), 900 * SECOND);
        assert_eq!(width(day * 30, 0), 21_600 * SECOND);
        assert_eq!(width(day * 365, 0), 5 * DAY);
        assert_eq!(width(0, 0), SECOND);
        assert_eq!(width(90_000_000, 0), SECOND);
        assert_eq!(width(700, 0), 10);
        // Hours 1 to 743.
        assert_eq!(width(743 * 3_600 * i128::from(SECOND), 3_600 * SECOND), 36_000 * SECOND);
    }

    proptest! {
        #[test]
        fn all_rows_are_in_an_interval(
            first in any::<i64>(), last in any::<i64>(), step in any::<u64>(),
            rows in prop::collection::vec((any::<i64>(), 1_u64..100), 0..50),
        ) {
            let (first, last) = (first.min(last), first.max(last));
            let within = |time: i64| time.clamp(first, last);
            let all = proto::Timeline {
                width: 1,
                starts: rows.iter().map(|(time, _)| within(*time)).collect(),
                rows: rows.iter().map(|(_, rows)| *rows).collect(),
                without: 0,
                first,
                last,
            };
            let evidence = rows.iter().map(|(time, _)| (Some(within(*time)), 2));
            let timeline = timeline(&all, evidence, step);
            prop_assert!(timeline.rows.len() <= 121);
            // An interval at the ends of the numbers may have no place.
            if first > i64::MIN / 2 && last < i64::MAX / 2 && step < 1 << 40 {
                let sum: u64 = rows.iter().map(|(_, rows)| rows).sum();
                prop_assert_eq!(timeline.rows.iter().sum::<u64>(), sum);
                prop_assert_eq!(timeline.evidence[2].iter().sum::<u64>(), rows.len() as u64);
            }
        }
    }
}
