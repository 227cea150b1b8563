//! Event time of a partition: how far its records have come by their own times, and which of them are late.
//!
//! It is a function of the records but for two things: whether a record is of the future is judged by the time of the call, and
//! where nothing comes, it follows that time.

use serde::{Deserialize, Serialize};

/// How records are taken to be out of order. All times are in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOptions {
    /// How far behind the newest time the watermark is; none: as far as 99.9 % of the last [`ESTIMATED_OVER`] records,
    /// between 1 s and 10 min.
    pub disorder: Option<i64>,
    /// How far behind the watermark a record takes part in windows.
    pub lateness: i64,
    /// How far in the future a time is believed.
    pub ahead: i64,
}

/// A record in event time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// When it takes part in windows; none: in none of them.
    pub time: Option<i64>,
    /// Its time is more than `lateness` behind the watermark.
    pub late: bool,
    /// Its time is more than `ahead` in the future: it takes part in windows at the newest time that was believed.
    pub skewed: bool,
}

/// The event time of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionClock {
    /// The largest time so far, without those of the future.
    newest: Option<i64>,
    watermark: Option<i64>,
    delays: Delays,
}

impl PartitionClock {
    /// Takes the next record in. `time` is its own, `now` that of the call. A record without a time is at the newest one.
    pub fn take(&mut self, options: &ClockOptions, time: Option<i64>, now: i64) -> Timing {
        let Some(time) = time else { return Timing { time: self.newest, ..Timing::default() } };
        if time > now.saturating_add(options.ahead) {
            return Timing { time: self.newest, skewed: true, late: false };
        }
        let line = self.watermark.map(|watermark| watermark.saturating_sub(options.lateness));
        let late = line.is_some_and(|line| time < line);
        let newest = self.newest.map_or(time, |newest| newest.max(time));
        self.newest = Some(newest);
        self.delays.add(newest.saturating_sub(time));
        let disorder = options.disorder.unwrap_or(self.delays.quantile);
        let watermark = newest.saturating_sub(disorder);
        self.watermark = Some(self.watermark.map_or(watermark, |before| before.max(watermark)));
        Timing { time: (!late).then_some(time), late, skewed: false }
    }

    /// Nothing has come for the time `idle`, at the time `now`: the watermark follows that, as far behind as records are out of
    /// order and this time, in steps of it. Whether it has gone on; of a partition without times it does not.
    pub fn rest(&mut self, options: &ClockOptions, idle: i64, now: i64) -> bool {
        let disorder = options.disorder.unwrap_or(self.delays.quantile);
        let behind = now.saturating_sub(disorder).saturating_sub(idle);
        let goes_on =
            self.watermark.is_some_and(|watermark| behind >= watermark.saturating_add(idle));
        if goes_on {
            self.watermark = Some(behind);
        }
        goes_on
    }

    /// No record is expected before this time; none before the first record with a time. It never goes back.
    pub fn watermark(&self) -> Option<i64> {
        self.watermark
    }
}

/// The records after which the delay of `disorder: auto` moves: by their number, so that a replay moves it at the same ones.
pub const ESTIMATED_OVER: u32 = 10_000;

const SECOND: i64 = 1_000_000;
/// Upper bounds of delays from 1 s to 10 min, each a twentieth above the one before.
const BOUNDS: [i64; 133] = bounds();

const fn bounds() -> [i64; 133] {
    let mut bounds = [SECOND; 133];
    let mut place = 1;
    while place < bounds.len() {
        let next = bounds[place - 1] + bounds[place - 1] / 20;
        bounds[place] = if next < 600 * SECOND { next } else { 600 * SECOND };
        place += 1;
    }
    bounds
}

/// How far records are behind the newest one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Delays {
    /// Of the records since it last moved, by the place of their bound.
    counts: Vec<u32>,
    records: u32,
    /// The bound that 99.9 % of records keep.
    quantile: i64,
}

impl Default for Delays {
    fn default() -> Self {
        Self { counts: Vec::new(), records: 0, quantile: SECOND }
    }
}

impl Delays {
    fn add(&mut self, delay: i64) {
        let place = BOUNDS.partition_point(|bound| *bound < delay).min(BOUNDS.len() - 1);
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        self.counts[place] += 1;
        self.records += 1;
        if self.records < ESTIMATED_OVER {
            return;
        }
        let mut covered = 0_u64;
        let needed = u64::from(self.records) * 999;
        let place = self.counts.iter().position(|count| {
            covered += u64::from(*count) * 1_000;
            covered >= needed
        });
        self.quantile = place.and_then(|place| BOUNDS.get(place).copied()).unwrap_or(SECOND);
        self.counts.clear();
        self.records = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400 * SECOND;
    const OPTIONS: ClockOptions =
        ClockOptions { disorder: Some(10 * SECOND), lateness: 60 * SECOND, ahead: 120 * SECOND };

    #[test]
    fn clocks_that_are_wrong_do_not_carry_the_watermark_away() {
        let mut clock = PartitionClock::default();
        let now = 1_000 * DAY;
        assert_eq!(clock.take(&OPTIONS, None, now), Timing::default());
        let taken = |time: i64| Timing { time: Some(time), ..Timing::default() };
        assert_eq!(clock.take(&OPTIONS, Some(now), now), taken(now));
        assert_eq!(clock.watermark(), Some(now - 10 * SECOND));
        // A day ahead, and a year behind.
        let ahead = clock.take(&OPTIONS, Some(now + DAY), now);
        assert_eq!(ahead, Timing { time: Some(now), late: false, skewed: true });
        let behind = clock.take(&OPTIONS, Some(now - 365 * DAY), now);
        assert_eq!(behind, Timing { time: None, late: true, skewed: false });
        assert_eq!(clock.watermark(), Some(now - 10 * SECOND));
        // Just within the bounds, and just beyond.
        let line = now - 70 * SECOND;
        assert_eq!(clock.take(&OPTIONS, Some(line), now), taken(line));
        assert!(clock.take(&OPTIONS, Some(line - 1), now).late);
        let ahead = now + 120 * SECOND;
        assert_eq!(clock.take(&OPTIONS, Some(ahead), now), taken(ahead));
        assert_eq!(clock.take(&OPTIONS, None, now), taken(ahead));
        // Records of long ago need nothing: the watermark follows them.
        let mut old = PartitionClock::default();
        assert_eq!(old.take(&OPTIONS, Some(DAY), now), taken(DAY));
        assert_eq!(old.watermark(), Some(DAY - 10 * SECOND));
    }

    #[test]
    fn a_watermark_follows_the_time_where_nothing_comes() {
        let (mut clock, idle, now) = (PartitionClock::default(), 60 * SECOND, 1_000 * DAY);
        assert!(!clock.rest(&OPTIONS, idle, now), "nothing is known of its times");
        clock.take(&OPTIONS, Some(now), now);
        let begun = clock.watermark().unwrap();
        assert!(!clock.rest(&OPTIONS, idle, now + 119 * SECOND));
        assert_eq!(clock.watermark(), Some(begun));
        assert!(clock.rest(&OPTIONS, idle, now + 120 * SECOND));
        assert_eq!(clock.watermark(), Some(begun + idle));
        assert!(!clock.rest(&OPTIONS, idle, now + 121 * SECOND));
        // A record of then is late, and one that comes now moves it on from there.
        assert!(clock.take(&OPTIONS, Some(now - 11 * SECOND), now).late);
        clock.take(&OPTIONS, Some(now + 10 * SECOND), now + 120 * SECOND);
        assert_eq!(clock.watermark(), Some(begun + idle));
        // Old records do not hold it back, and no clock does.
        assert!(clock.rest(&OPTIONS, idle, now + DAY));
        assert!(!clock.rest(&OPTIONS, idle, 0));
    }

    #[test]
    fn the_disorder_is_that_of_999_in_1000_records() {
        let options = ClockOptions { disorder: None, ..OPTIONS };
        let feed = |clock: &mut PartitionClock, delayed: i64, delay: i64| {
            for record in 0..i64::from(ESTIMATED_OVER) {
                let newest = clock.newest.unwrap_or(DAY);
                let time = if record % 1_000 < delayed { newest - delay } else { newest + 1 };
                clock.take(&options, Some(time), i64::MAX / 2);
            }
            clock.newest.unwrap() - clock.watermark().unwrap()
        };
        let mut clock = PartitionClock::default();
        assert_eq!(feed(&mut clock, 0, 0), SECOND);
        // One in a thousand is no reason, two are.
        assert_eq!(feed(&mut clock, 1, 30 * SECOND), SECOND);
        feed(&mut clock, 2, 30 * SECOND);
        assert!((30 * SECOND..32 * SECOND).contains(&clock.delays.quantile), "{clock:?}");
        // The watermark waits until records are so far: it does not go back.
        let before = clock.watermark();
        clock.take(&options, clock.newest, i64::MAX / 2);
        assert_eq!(clock.watermark(), before);
        feed(&mut clock, 500, 365 * DAY);
        assert_eq!(clock.delays.quantile, 600 * SECOND);
    }

    proptest! {
        /// Any times, also those at the ends of the range, and a clock that is saved and read in the middle.
        #[test]
        fn a_watermark_never_goes_back_and_a_clock_survives_a_checkpoint(
            times in prop::collection::vec(
                prop::option::of(prop_oneof![0..200 * SECOND, Just(i64::MIN), Just(i64::MAX)]),
                0..60,
            ),
            cut in 0..60_usize,
        ) {
            let (mut clock, mut other) = (PartitionClock::default(), PartitionClock::default());
            for (place, time) in times.into_iter().enumerate() {
                let before = clock.watermark();
                let timing = clock.take(&OPTIONS, time, 150 * SECOND);
                prop_assert!(clock.watermark() >= before);
                prop_assert!(!(timing.late && timing.time.is_some()));
                if place == cut {
                    let saved = serde_json::to_vec(&other).unwrap();
                    other = serde_json::from_slice(&saved).unwrap();
                }
                prop_assert_eq!(other.take(&OPTIONS, time, 150 * SECOND), timing);
            }
            prop_assert_eq!(other, clock);
        }
    }
}
