//! Scales from values to coordinates, ticks at round values, numbers as short text.

use anomal_core::words::grouped;

/// A linear scale from `domain` to `range`, which may be descending.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    domain: (f64, f64),
    range: (f64, f64),
}

impl Scale {
    /// A domain that is empty or not finite maps to the middle of the range.
    pub fn new(domain: (f64, f64), range: (f64, f64)) -> Self {
        Self { domain, range }
    }

    /// The coordinate of a value, clamped to the range.
    pub fn at(&self, value: f64) -> f64 {
        let (low, high) = self.domain;
        let (start, end) = self.range;
        // Halved, so that the difference of large numbers does not overflow.
        let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.5 };
        start + share * (end - start)
    }
}

/// About `count` round values from `low` to `high`, and the step between them.
pub fn ticks(low: f64, high: f64, count: usize) -> (Vec<f64>, f64) {
    let span = high - low;
    if !(span.is_finite() && span > 0.0) || count == 0 {
        return (if low.is_finite() { vec![low] } else { Vec::new() }, 0.0);
    }
    let rough = span / count as f64;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = match rough / magnitude {
        r if r < 1.5 => magnitude,
        r if r < 3.5 => 2.0 * magnitude,
        r if r < 7.5 => 5.0 * magnitude,
        _ => 10.0 * magnitude,
    };
    let first = (low / step - 1e-9).ceil();
    let mut values = Vec::new();
    for i in 0..=(count * 3) {
        let value = (first + i as f64) * step;
        if value > high + step * 1e-9 {
            break;
        }
        values.push(if value == 0.0 { 0.0 } else { value });
    }
    (values, step)
}

/// 0 and about six powers of ten up to `high`, for a log1p axis.
pub fn powers(high: f64) -> Vec<f64> {
    let most = if high.is_finite() && high >= 1.0 { high.log10().floor() } else { 0.0 };
    let stride = (most / 5.0).ceil().max(1.0);
    let mut values = vec![0.0];
    let mut power = 0.0;
    while power <= most {
        values.push(10_f64.powf(power));
        power += stride;
    }
    values
}

/// The label of a tick, with as many decimals as the step requires.
pub fn tick(value: f64, step: f64) -> String {
    if (1000.0..1e6).contains(&step) && (1.0..999_500.0).contains(&value.abs()) {
        // The same unit along the axis: 2k, 4k, 10k.
        return format!("{}k", tick(value / 1000.0, step / 1000.0));
    }
    let size = value.abs().max(step.abs());
    if size >= 10_000.0 || (size > 0.0 && size < 0.001) {
        return short(value);
    }
    let decimals = if step > 0.0 && step < 1.0 { (-(step.log10() + 1e-9)).ceil() } else { 0.0 };
    let decimals = [0_usize, 1, 2, 3, 4].into_iter().find(|d| *d as f64 >= decimals).unwrap_or(4);
    // A single tick has no step: all digits count.
    if step > 0.0 { format!("{value:.decimals$}") } else { short(value) }
}

/// A number with three significant digits and the suffix `k`, `M` or `G`.
pub fn short(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let size = value.abs();
    if !(1e-3..1e15).contains(&size) {
        return format!("{value:.1e}");
    }
    let (unit, name) = match size {
        s if s >= 999_500_000.0 => (1e9, "G"),
        s if s >= 999_500.0 => (1e6, "M"),
        s if s >= 9_999.5 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let scaled = value / unit;
    let text = match scaled.abs() {
        s if s >= 99.95 => format!("{scaled:.0}"),
        s if s >= 9.995 => format!("{scaled:.1}"),
        s if s >= 0.0995 => format!("{scaled:.2}"),
        _ => format!("{scaled:.4}"),
    };
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    };
    text + name
}

/// A count with thousands separators.
pub fn count(value: u64) -> String {
    grouped(value)
}

/// `1 row`, `2 rows`.
pub fn rows(value: u64) -> String {
    format!("{} {}", count(value), if value == 1 { "row" } else { "rows" })
}

/// A share in percent: `62 %`, `0.4 %`, `<0.1 %`.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if !value.is_finite() {
        "–".to_owned()
    } else if value == 0.0 || value.abs() >= 9.95 {
        format!("{:.0} %", value.abs() * if value < 0.0 { -1.0 } else { 1.0 })
    } else if value > 0.0 && value < 0.05 {
        "<0.1 %".to_owned()
    } else {
        format!("{value:.1} %")
    }
}

/// The label of a tick in percent.
pub fn percent_tick(share: f64, step: f64) -> String {
    format!("{} %", tick(share * 100.0, step * 100.0))
}

/// The value if it is finite and positive, else 0.
pub fn positive(value: f64) -> f64 {
    if value.is_finite() && value > 0.0 { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (1234.0, "1234"),
            (12_345.0, "12.3k"),
            (1_500_000.0, "1.5M"),
            (2e9, "2G"),
            (0.5, "0.5"),
            (0.0123, "0.0123"),
            (2e-5, "2.0e-5"),
            (-42.0, "-42"),
            (f64::NAN, "–"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!((rows(1), rows(999)), ("1 row".to_owned(), "999 rows".to_owned()));
        assert_eq!(percent(0.6234), "62 %");
        assert_eq!(percent(0.0001), "<0.1 %");
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(0.0, 1.0, 5), (vec![0.0, 0.2, 0.4, 3.0 * 0.2, 0.8, 1.0], 0.2));
        assert_eq!(ticks(3.0, 3.0, 5), (vec![3.0], 0.0));
        assert_eq!(tick(3.0 * 0.2, 0.2), "0.6");
        assert_eq!([2000.0, 12_000.0, 0.0].map(|v| tick(v, 2000.0)), ["2k", "12k", "0"]);
        assert_eq!(percent_tick(0.05, 0.05), "5 %");
        assert_eq!(powers(12_000.0), [0.0, 1.0, 10.0, 100.0, 1000.0, 10_000.0]);
    }

    proptest! {
        #[test]
        fn any_numbers_are_accepted(low in prop::num::f64::ANY, high in prop::num::f64::ANY, value in prop::num::f64::ANY) {
            let (values, _) = ticks(low, high, 5);
            prop_assert!(values.len() <= 16);
            let y = Scale::new((low, high), (10.0, 90.0)).at(value);
            prop_assert!((10.0..=90.0).contains(&y));
            prop_assert!(powers(value).len() <= 330);
            prop_assert!(short(value).len() <= 12);
        }
    }
}
