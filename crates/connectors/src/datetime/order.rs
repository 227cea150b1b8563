//! Whether the order of a file's records shows which of two numbers is the month.

use anomal_spec::TimeFormat;

use super::{
    cursor::{MICROS, WrittenTime},
    format::detect_as,
};
use crate::typing::SampleValue;

/// Days from which on their order means something.
const MIN_DAYS: usize = 10;
/// The shares, in percent, of steps to another day that ascend under the reading that applies, and at most under the
/// other.
const ASCENDING: usize = 99;
const OTHER: usize = 90;

/// The reading under which the days ascend, if they do not under the other.
pub(super) fn ascending(values: &[SampleValue<'_>]) -> Option<TimeFormat> {
    let us = Steps::new(&TimeFormat::Us, values);
    let eu = Steps::new(&TimeFormat::Eu, values);
    match (us.ascend(), us.may_be_random(), eu.ascend(), eu.may_be_random()) {
        (true, _, _, true) => Some(TimeFormat::Us),
        (_, true, true, _) => Some(TimeFormat::Eu),
        _ => None,
    }
}

/// Steps from one day to another.
struct Steps {
    all: usize,
    ascending: usize,
    days: usize,
}

impl Steps {
    fn new(format: &TimeFormat, values: &[SampleValue<'_>]) -> Self {
        const DAY: i64 = 24 * 3600 * MICROS;
        let mut days: Vec<i64> = values
            .iter()
            .filter_map(|value| match detect_as(format, value.text)? {
                WrittenTime::Local(time) | WrittenTime::Instant(time) => Some(time.div_euclid(DAY)),
                WrittenTime::WithoutYear(_) => None,
            })
            .collect();
        let steps = || days.windows(2).filter(|pair| pair[0] != pair[1]);
        let (all, ascending) = (steps().count(), steps().filter(|pair| pair[0] < pair[1]).count());
        days.sort_unstable();
        days.dedup();
        Self { all, ascending, days: days.len() }
    }

    fn ascend(&self) -> bool {
        self.days >= MIN_DAYS && self.ascending * 100 >= self.all * ASCENDING
    }

    fn may_be_random(&self) -> bool {
        self.ascending * 100 < self.all * OTHER
    }
}
