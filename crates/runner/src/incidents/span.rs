//! The time of several rows.

use jiff::Timestamp;

/// Of rows with a time, in microseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub first: i64,
    pub last: i64,
    /// The shortest interval that has 90 % of the rows; of equal ones the first.
    pub core_start: i64,
    pub core_end: i64,
    /// Rows in it.
    pub core_rows: u64,
}

impl Span {
    /// Seconds of the whole.
    pub fn seconds(&self) -> f64 {
        self.last.saturating_sub(self.first) as f64 / 1e6
    }

    /// Seconds of the core.
    pub fn core_seconds(&self) -> f64 {
        self.core_end.saturating_sub(self.core_start) as f64 / 1e6
    }
}

/// The span of rows whose times come in order. Of these it holds a tenth.
#[derive(Debug)]
pub(super) struct SpanBuilder {
    /// Rows of the core.
    needed: usize,
    /// Times at which a core may start.
    starts: Vec<i64>,
    most_starts: usize,
    rows: usize,
    last: i64,
    core: Option<Core>,
}

/// The shortest interval so far.
#[derive(Debug)]
struct Core {
    /// The place of its first row.
    place: usize,
    start: i64,
    end: i64,
    /// Rows behind it with the time of its end.
    behind: u64,
}

impl SpanBuilder {
    /// Of so many times.
    pub fn new(rows: usize) -> Self {
        let needed = (rows * 9).div_ceil(10).max(1);
        let most_starts = (rows + 1).saturating_sub(needed);
        Self {
            needed,
            starts: Vec::with_capacity(most_starts),
            most_starts,
            rows: 0,
            last: 0,
            core: None,
        }
    }

    pub fn add(&mut self, time: i64) {
        if self.starts.len() < self.most_starts {
            self.starts.push(time);
        }
        self.rows += 1;
        self.last = time;
        if let Some(core) = self.core.as_mut().filter(|core| core.end == time) {
            core.behind += 1;
        }
        let Some(place) = self.rows.checked_sub(self.needed) else { return };
        let Some(start) = self.starts.get(place).copied() else { return };
        let shortest = self.core.as_ref().map(|core| core.end.saturating_sub(core.start));
        if shortest.is_none_or(|shortest| time.saturating_sub(start) < shortest) {
            self.core = Some(Core { place, start, end: time, behind: 0 });
        }
    }

    /// None of none.
    pub fn finish(self) -> Option<Span> {
        let Core { place, start, end, behind } = self.core?;
        let before = self.starts[..place].iter().filter(|time| **time == start).count();
        Some(Span {
            first: *self.starts.first()?,
            last: self.last,
            core_start: start,
            core_end: end,
            core_rows: (self.needed + before) as u64 + behind,
        })
    }
}

/// A time as RFC 3339, or as a number of steps of so many microseconds.
pub(crate) fn text(micros: i64, step: Option<i64>) -> String {
    if let Some(step) = step {
        return (micros / step.max(1)).to_string();
    }
    Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_core_is_the_first_of_the_shortest_intervals(mut times in prop::collection::vec(-30..30_i64, 0..60)) {
            times.sort_unstable();
            let mut builder = SpanBuilder::new(times.len());
            times.iter().for_each(|time| builder.add(*time));
            let needed = (times.len() * 9).div_ceil(10).max(1);
            let core = times.windows(needed).min_by_key(|window| window[needed - 1] - window[0]);
            let expected = core.map(|core| {
                let (core_start, core_end) = (core[0], core[needed - 1]);
                let within = times.iter().filter(|time| (core_start..=core_end).contains(*time));
                let (first, last) = (times[0], times[times.len() - 1]);
                Span { first, last, core_start, core_end, core_rows: within.count() as u64 }
            });
            prop_assert_eq!(builder.finish(), expected);
        }
    }
}
