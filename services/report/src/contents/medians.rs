//! What is usual at a time: the rows of the median host, user or domain.

use crate::view::incidents::{MERGED, MedianRows, Timeline};

/// The median over all values of a column, those without a row in an interval included; of an even number the lower one.
/// `codes`: the value of each row, from 0; others than `0..values` are none.
pub(super) fn medians(
    codes: &[u32],
    values: usize,
    times: &[Option<i64>],
    timeline: &Timeline,
) -> MedianRows {
    let placed = |(code, time): (&u32, &Option<i64>)| {
        let bin = timeline.bin((*time)?)?;
        ((*code as usize) < values).then_some((u32::try_from(bin).ok()?, *code))
    };
    let mut rows: Vec<(u32, u32)> = codes.iter().zip(times).filter_map(placed).collect();
    rows.sort_unstable();
    let intervals = timeline.rows.len();
    let found = medians_of(&rows, values, intervals);
    let merged = u32::try_from(MERGED).unwrap_or(1);
    rows.iter_mut().for_each(|(bin, _)| *bin /= merged);
    rows.sort_unstable();
    MedianRows { rows: found, merged: medians_of(&rows, values, intervals.div_ceil(MERGED)) }
}

/// `rows`: interval and value of each row, ascending.
fn medians_of(rows: &[(u32, u32)], values: usize, intervals: usize) -> Vec<u64> {
    let mut medians = vec![0; intervals];
    for of_interval in rows.chunk_by(|a, b| a.0 == b.0) {
        let mut counts: Vec<u64> =
            of_interval.chunk_by(|a, b| a == b).map(|rows| rows.len() as u64).collect();
        let without = values - counts.len();
        let Some(place) = values.saturating_sub(1).div_euclid(2).checked_sub(without) else {
            continue;
        };
        medians[of_interval[0].0 as usize] = *counts.select_nth_unstable(place).1;
    }
    medians
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn medians_are_those_of_all_values(
            rows in prop::collection::vec((0..6_u32, prop::option::of(-5..80_i64)), 0..120), values in 1..6_usize,
        ) {
            let timeline = Timeline { width: 10, rows: vec![0; 7], ..Timeline::default() };
            let (codes, times): (Vec<u32>, Vec<Option<i64>>) = rows.iter().copied().unzip();
            let median = |first: usize, last: usize| {
                let within = |time: &Option<i64>| time.and_then(|it| timeline.bin(it)).is_some_and(|bin| (first..last).contains(&bin));
                let count = |value: usize| rows.iter().filter(|(code, time)| *code as usize == value && within(time)).count() as u64;
                let mut counts: Vec<u64> = (0..values).map(count).collect();
                counts.sort_unstable();
                counts[(values - 1) / 2]
            };
            let expected = MedianRows {
                rows: (0..7).map(|bin| median(bin, bin + 1)).collect(),
                merged: (0..3).map(|bin| median(bin * MERGED, (bin + 1) * MERGED)).collect(),
            };
            prop_assert_eq!(medians(&codes, values, &times, &timeline), expected);
        }
    }
}
