//! How often calls at random times look regular.

use super::MAX_MISSED;

/// Calls of a Poisson process, of which those nearer than `dead` to the one before are left out. An interval is then
/// `dead` and an exponential time, whatever the rate, because a Poisson process has no memory.
pub struct RandomCalls {
    /// The number of intervals, at least 2.
    pub intervals: usize,
    /// Their median (the lower of two) in seconds, above `dead`.
    pub interval: f64,
    /// Seconds.
    pub dead: f64,
}

/// Values of the unknown rate that are averaged over.
const STEPS: u32 = 64;
/// Standard deviations of the distribution of the rate that are covered.
const SPREAD: f64 = 5.0;

impl RandomCalls {
    /// An upper bound of the probability that the median distance of the intervals to the nearest multiple of their
    /// median is at most `distance` seconds.
    ///
    /// It is an event of order statistics: at least half of the other intervals are within `distance` of a multiple
    /// (David and Nagaraja, "Order Statistics", 3rd edition, 2003, section 2.1). Given the median, those below and
    /// above it are independent (section 2.5), so their number within `distance` is a sum of independent trials with
    /// two probabilities, whose upper tail is at most that of the binomial distribution with their mean (Hoeffding, "On
    /// the distribution of the number of successes in independent trials", 1956, theorem 4). The rate is unknown: the
    /// share of all intervals below the median, which determines it, has a beta distribution (section 2.3), and the
    /// tail is averaged over it.
    pub fn chance(&self, distance: f64) -> f64 {
        if self.interval <= self.dead || distance >= self.interval / 2.0 {
            return 1.0;
        }
        let rank = (self.intervals - 1) / 2 + 1;
        let (below, above) = ((rank - 1) as f64, (self.intervals - rank) as f64);
        let tail = BinomialTail::new(self.intervals - 1, rank - 1);
        // Beta(rank, intervals - rank + 1).
        let all = below + above + 2.0;
        let mean = (below + 1.0) / all;
        let deviation = (mean * (1.0 - mean) / (all + 1.0)).sqrt();
        let start = (mean - SPREAD * deviation).max(0.0);
        let end = (mean + SPREAD * deviation).min(1.0);
        let (mut chance, mut weights) = (0.0, 0.0);
        for step in 0..STEPS {
            let share = start + (end - start) * (f64::from(step) + 0.5) / f64::from(STEPS);
            let weight = below * (share / mean).ln() + above * ((1.0 - share) / (1.0 - mean)).ln();
            let (near_below, near_above) = self.near(share, distance);
            let near = (below * near_below + above * near_above) / (below + above);
            chance += weight.exp() * tail.probability(near);
            weights += weight.exp();
        }
        chance / weights
    }

    /// The probabilities that an interval below and one above the median is within `distance` of a multiple of it, where
    /// `share` of all intervals are below the median.
    fn near(&self, share: f64, distance: f64) -> (f64, f64) {
        let rate = -(-share).ln_1p() / (self.interval - self.dead);
        let shorter = |time: f64| -(-rate * (time - self.dead).max(0.0)).exp_m1();
        let below = share - shorter(self.interval - distance);
        let mut above = shorter(self.interval + distance) - share;
        let mut multiple = 2.0;
        while multiple <= MAX_MISSED {
            let time = multiple * self.interval;
            above += shorter(time + distance) - shorter(time - distance);
            multiple += 1.0;
        }
        (below / share, above / (1.0 - share))
    }
}

/// The probability of at least so many successes in independent trials.
struct BinomialTail {
    trials: usize,
    least: usize,
    /// The logarithm of the number of ways to choose `least` of the trials.
    ways: f64,
}

impl BinomialTail {
    fn new(trials: usize, least: usize) -> Self {
        let way = |place: usize| ((trials - least + place) as f64 / place as f64).ln();
        Self { trials, least, ways: (1..=least).map(way).sum() }
    }

    fn probability(&self, success: f64) -> f64 {
        if self.least == 0 || success >= 1.0 {
            return 1.0;
        }
        if success <= 0.0 {
            return 0.0;
        }
        let (least, failures) = (self.least as f64, (self.trials - self.least) as f64);
        let first = self.ways + least * success.ln() + failures * (-success).ln_1p();
        // Each term by the one before it, relative to the first.
        let odds = success / (1.0 - success);
        let (mut term, mut sum) = (1.0, 1.0);
        for successes in self.least..self.trials {
            term *= (self.trials - successes) as f64 / (successes + 1) as f64 * odds;
            sum += term;
            if term < f64::EPSILON * sum {
                break;
            }
        }
        (first + f64::ln(sum)).exp().min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_the_binomial_distribution() {
        let tail = |trials, least, success| BinomialTail::new(trials, least).probability(success);
        assert!((tail(6, 3, 0.5) - 42.0 / 64.0).abs() < 1e-12);
        assert!((tail(4, 4, 0.1) - 1e-4).abs() < 1e-12);
        assert_eq!((tail(5, 0, 0.2), tail(5, 2, 0.0), tail(5, 2, 1.0)), (1.0, 0.0, 1.0));
        let large = tail(100_000, 50_000, 0.5);
        assert!((large - 0.5).abs() < 2e-3, "{large}");
        assert!(tail(100_000, 50_000, 0.1) < 1e-300);
    }

    #[test]
    fn the_chance_grows_with_the_distance_and_falls_with_the_number_of_calls() {
        let chance = |intervals, distance| {
            RandomCalls { intervals, interval: 60.0, dead: 1.0 }.chance(distance)
        };
        assert!(chance(7, 1.0) < chance(7, 4.0) && chance(7, 4.0) < chance(7, 15.0));
        assert!(chance(20, 4.0) < chance(7, 4.0) / 100.0);
        assert_eq!(chance(7, 30.0), 1.0);
        assert_eq!(RandomCalls { intervals: 7, interval: 1.0, dead: 1.0 }.chance(0.0), 1.0);
    }
}
