//! Clients that call at regular intervals.

mod chance;
mod window;

use anomal_components::{
    AggregationFlag, Component, Fact, FlagHits, FlagWindow, Input, Inputs, KeyPart, ParameterError,
    Seconds, Window, within,
};
use anomal_core::{Cancel, Result, proto::plan::FactUnit};
use schemars::JsonSchema;
use serde::Deserialize;

use self::{chance::RandomCalls, window::BeaconWindow};
use crate::{
    calls::{Call, Calls},
    time::micros,
};

pub fn beaconing_detector() -> Component {
    Component::aggregation_flag(
        "beaconing_detector",
        "Rows of a client (or of a client and a registered domain, where `domain` names a column of names) \
         whose intervals are regular: hit where the regularity, 0 to 1, is above `threshold`, calls at random \
         times would be as regular with a probability of at most `maxChance`, and the median interval is at \
         least three times `minInterval`.",
        [Input::text("clientIp"), Input::time("timestamp"), Input::text("domain").optional()],
        |beaconing: Beaconing| {
            within("threshold", beaconing.threshold, 0.0..=1.0)?;
            within("minInterval", beaconing.min_interval.0, 0.0..=f64::MAX)?;
            within("maxChance", beaconing.max_chance, 0.0..=1.0)?;
            Ok(beaconing)
        },
    )
    .with_key(&[KeyPart::actor("clientIp"), KeyPart::target_domain("domain")])
    .with_facts(
        &[
            Fact::new("interval", FactUnit::Seconds),
            Fact::new("regularity", FactUnit::Number),
            Fact::new("requests", FactUnit::Count),
        ],
        "interval {interval}, regularity {regularity}, {requests} requests",
    )
    .with_title("{count} calls at regular intervals[, every {interval}]")
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Beaconing {
    /// The regularity above which rows are hit.
    #[serde(default = "seven_tenths")]
    threshold: f64,
    /// Calls that a group needs to be evaluated.
    #[serde(default = "eight")]
    min_requests: usize,
    /// Requests nearer to each other than this, in seconds or as `5s`, are one call: a question asked twice, a retry.
    #[serde(default = "one")]
    min_interval: Seconds,
    /// The largest probability, 0 to 1, that as many calls at random times (a Poisson process) are as regular.
    #[serde(default = "one_in_a_hundred")]
    max_chance: f64,
}

fn seven_tenths() -> f64 {
    0.7
}

fn eight() -> usize {
    8
}

fn one() -> Seconds {
    Seconds(1.0)
}

fn one_in_a_hundred() -> f64 {
    0.01
}

impl AggregationFlag for Beaconing {
    fn hits(&self, inputs: &Inputs<'_>, cancel: &Cancel) -> Result<FlagHits> {
        let calls = Calls::from_inputs(inputs, 0, 2)?;
        let micros = micros(inputs.required(1)?)?;
        cancel.check()?;
        Ok(calls.hits(self.min_calls(), |calls| {
            let timed = |call: &Call| Some((micros.get(call.row as usize)?, call.row as usize));
            let mut timed: Vec<(i64, usize)> = calls.iter().filter_map(timed).collect();
            timed.sort_unstable();
            let times: Vec<i64> = timed.iter().map(|(time, _)| *time).collect();
            let mut hits = FlagHits::default();
            if let Some(Regularity { interval, score }) = self.judge(&times) {
                let facts = vec![interval.into(), score.into(), timed.len().into()];
                hits.add(timed.into_iter().map(|(_, row)| row), facts);
            }
            hits
        }))
    }

    fn over(
        &self,
        window: Window,
    ) -> std::result::Result<Option<Box<dyn FlagWindow>>, ParameterError> {
        Ok(Some(Box::new(BeaconWindow::new(self.clone(), window))))
    }
}

struct Regularity {
    /// Seconds.
    interval: f64,
    score: f64,
}

impl Beaconing {
    /// Calls that a group needs to be judged: at least two intervals.
    fn min_calls(&self) -> usize {
        self.min_requests.max(3)
    }

    /// Judges a group by its times in microseconds, ascending.
    fn judge(&self, times: &[i64]) -> Option<Regularity> {
        // Pairs of questions (A and AAAA) and retries are one call.
        let mut calls: Vec<i64> = Vec::with_capacity(times.len());
        for time in times {
            let is_apart = |last: &i64| (time - last) as f64 >= self.min_interval.0 * 1e6;
            if calls.last().is_none_or(is_apart) {
                calls.push(*time);
            }
        }
        if calls.len() < self.min_calls() {
            return None;
        }
        let intervals: Vec<f64> =
            calls.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect();
        let interval = median(&mut intervals.clone());
        // Shorter ones are nearly all `minInterval` or little more, for any dense traffic.
        if interval <= 0.0 || interval < MIN_MEDIAN * self.min_interval.0 {
            return None;
        }
        let distance = median_distance(&intervals, interval);
        let score = (1.0 - distance / (WORST_DISTANCE * interval)).max(0.0);
        if score <= self.threshold {
            return None;
        }
        let random =
            RandomCalls { intervals: intervals.len(), interval, dead: self.min_interval.0 };
        let chance = random.chance(distance + resolution(&calls));
        (chance <= self.max_chance).then_some(Regularity { interval, score })
    }
}

/// Calls are no beacon where the median interval is below this multiple of `minInterval`.
const MIN_MEDIAN: f64 = 3.0;
/// The median distance, as a share of the median interval, at which calls are not regular at all.
const WORST_DISTANCE: f64 = 0.25;

/// An interval with missed beacons is at most this many times as long.
const MAX_MISSED: f64 = 4.0;

/// The median distance of intervals to the nearest of the first multiples of their median, in seconds. Medians make it
/// robust to a few strays, multiples to beacons that were missed; an interval of more multiples is as irregular as can
/// be, or bursts with long pauses would pass for beacons.
///
/// The regularity is 1 minus this distance over a quarter of the median interval, at least 0. Uniform jitter of ±10 %
/// scores about 0.8, exponential intervals (independent requests) about 0.
fn median_distance(intervals: &[f64], median_interval: f64) -> f64 {
    let mut distances: Vec<f64> = intervals
        .iter()
        .map(|interval| {
            let multiple = (interval / median_interval).round().max(1.0);
            if multiple > MAX_MISSED {
                return median_interval;
            }
            (interval - multiple * median_interval).abs()
        })
        .collect();
    median(&mut distances)
}

/// The resolution of times in microseconds, in seconds: the largest of 1, 0.1 and so on that all of them are multiples
/// of.
fn resolution(times: &[i64]) -> f64 {
    let mut unit = 1_000_000;
    for time in times {
        while time % unit != 0 {
            unit /= 10;
        }
    }
    unit as f64 / 1e6
}

/// Of a list that is not empty; the lower of two middle values.
fn median(values: &mut [f64]) -> f64 {
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use polars::prelude::{Column, Int64Chunked, IntoColumn, NewChunkedArray, TimeUnit};

    use super::*;
    use anomal_components::Dictionaries;

    fn hits(rows: &[(&str, &str, i64)], by_domain: bool) -> Vec<usize> {
        let clients = Column::new("c".into(), rows.iter().map(|row| row.0).collect::<Vec<_>>());
        let names = Column::new("n".into(), rows.iter().map(|row| row.1).collect::<Vec<_>>());
        let micros = rows.iter().map(|row| row.2 * 1_000_000);
        let times = Int64Chunked::from_iter_values("t".into(), micros);
        let times = times.into_datetime(TimeUnit::Microseconds, None).into_column();
        let flag = default();
        let dictionaries = Dictionaries::default();
        let columns = vec![Some(&clients), Some(&times), by_domain.then_some(&names)];
        let inputs = Inputs::new(columns, &dictionaries);
        let hits = flag.hits(&inputs, &Cancel::default()).unwrap();
        hits.rows.into_iter().map(|hit| hit.0).collect()
    }

    #[test]
    fn a_beacon_with_jitter_and_gaps_is_hit_whatever_the_order_of_rows() {
        // Every 60 s ± 3 s, three beacons missed.
        let mut times: Vec<i64> = (0..40).map(|n| n * 60 + (n * 7919) % 7 - 3).collect();
        times.drain(10..13);
        let mut rows: Vec<_> =
            times.iter().map(|time| ("10.0.0.5", "c2.example.com", *time)).collect();
        rows.reverse();
        assert_eq!(hits(&rows, true).len(), rows.len());
        // Other traffic of the same client hides it, unless each domain is judged for itself.
        let other = (0..200_i64).map(|n| ("10.0.0.5", "www.example.org", (n * n * 37) % 2400));
        rows.extend(other);
        assert_eq!(hits(&rows, true), (0..times.len()).collect::<Vec<_>>());
    }

    /// Times of a Poisson process in microseconds: the number of calls, the rate a second, the resolution.
    fn random_times(seed: u64, calls: usize, rate: f64, resolution: i64) -> Vec<i64> {
        let (mut state, mut time) = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1, 0.0);
        let uniform = |state: &mut u64| {
            // Marsaglia, "Xorshift RNGs" (2003), with the multiplication of xorshift64*.
            *state ^= *state >> 12;
            *state ^= *state << 25;
            *state ^= *state >> 27;
            let bits = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
            (bits as f64 + 1.0) / (1_u64 << 53) as f64
        };
        let next = |_| {
            time -= uniform(&mut state).ln() / rate;
            #[expect(clippy::cast_possible_truncation, reason = "days in microseconds")]
            let micros = (time * 1e6) as i64;
            micros / resolution * resolution
        };
        (0..calls).map(next).collect()
    }

    fn default() -> Beaconing {
        serde_json::from_str("{}").unwrap()
    }

    #[test]
    fn dense_random_traffic_is_no_beacon() {
        for rate in [5.0, 10.0, 30.0] {
            for seed in 0..1_000 {
                let times = random_times(seed, 600, rate, 1_000);
                assert!(default().judge(&times).is_none(), "{rate} a second, seed {seed}");
                let each_call = Beaconing { min_interval: Seconds(0.0), ..default() };
                assert!(each_call.judge(&times).is_none(), "{rate} a second, seed {seed}");
            }
        }
    }

    #[test]
    fn random_traffic_of_any_rate_is_hit_no_more_often_than_promised() {
        const SEEDS: u64 = 4_000;
        for (rate, calls) in [(0.3, 9), (0.3, 40), (0.1, 8), (0.02, 8), (0.02, 9), (0.002, 12)] {
            for resolution in [1_000, 1_000_000] {
                for max_chance in [0.01, 0.1] {
                    // The threshold alone would hit more of them.
                    let flag = Beaconing { max_chance, threshold: 0.3, ..default() };
                    let judge = |seed| flag.judge(&random_times(seed, calls, rate, resolution));
                    let hits = (0..SEEDS).filter_map(judge).count() as f64;
                    let promised = SEEDS as f64 * max_chance;
                    assert!(
                        hits <= promised + 3.0 * promised.sqrt(),
                        "{hits} of {calls} calls at {rate} a second with {max_chance}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_fast_beacon_is_hit_with_a_short_interval_between_calls() {
        let times: Vec<i64> = (0..200).map(|call| call * 500_000).collect();
        assert!(default().judge(&times).is_none());
        assert!(Beaconing { min_interval: Seconds(0.1), ..default() }.judge(&times).is_some());
        let hourly: Vec<i64> = (0..8).map(|call| call * 3_600_000_000).collect();
        assert!(default().judge(&hourly).is_some());
        assert!(Beaconing { max_chance: 0.0, ..default() }.judge(&hourly).is_none());
    }

    #[test]
    fn random_intervals_and_bursts_are_not_hit() {
        let mut seed = 42_u64;
        let mut time = 0.0;
        let rows: Vec<_> = (0..500)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let uniform = ((seed >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
                time += -60.0 * uniform.ln();
                #[expect(clippy::cast_possible_truncation, reason = "seconds of some hours")]
                let second = time as i64;
                ("10.0.0.5", "a.example.com", second)
            })
            .collect();
        assert!(hits(&rows, true).is_empty());
        // Bursts of page loads with long pauses between them.
        let visits: Vec<_> = (0..20_i64)
            .flat_map(|n| {
                (0..5_i64).map(move |m| ("10.0.0.5", "a.example.com", n * n * 977 + m * m * 3))
            })
            .collect();
        assert!(hits(&visits, true).is_empty());
        let burst: Vec<_> = (0..50).map(|_| ("10.0.0.5", "a.example.com", 7)).collect();
        assert!(hits(&burst, true).is_empty());
    }
}
