//! Numbers as people read them.

use anomal_connectors::text::grouped;

pub use crate::pages::format::numbers::counted;

/// `1,234,567`.
pub fn count(count: u64) -> String {
    grouped(count)
}

/// `1 row`, `2 rows`.
pub fn rows(rows: u64) -> String {
    counted(rows, "row", "rows")
}

/// Four significant digits, without trailing zeros: `0.1234`, `12.3`, `1200`, `1.2e-7`.
pub fn float(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return value.to_string();
    }
    let size = value.abs();
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.2e}");
    }
    let decimals = match size {
        1_000.0.. => 0,
        100.0.. => 1,
        10.0.. => 2,
        1.0.. => 3,
        0.01.. => 4,
        _ => 6,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A share of 0..1 as `42 %`; `< 1 %` for small shares above 0.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() {
        "–".to_owned()
    } else if percent > 0.0 && percent < 0.5 {
        "< 1 %".to_owned()
    } else {
        format!("{percent:.0} %")
    }
}

/// `0.8 s`, `2 min 5 s`, `3 h 12 min`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".to_owned();
    }
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let seconds = seconds.round();
    let minutes = (seconds / 60.0).floor();
    if minutes < 60.0 {
        return format!("{minutes:.0} min {:.0} s", seconds - minutes * 60.0);
    }
    let hours = (minutes / 60.0).floor();
    format!("{hours:.0} h {:.0} min", minutes - hours * 60.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1, 2].map(rows), ["0 rows", "1 row", "2 rows"]);
        assert_eq!(
            [0.0, 0.5, 0.123_456, 12.3, 1_200.0, -3.5, 1.2e-7, f64::NAN].map(float),
            ["0", "0.5", "0.1235", "12.3", "1200", "-3.5", "1.20e-7", "NaN"]
        );
        assert_eq!([0.0, 0.001, 0.424, 1.0].map(percent), ["0 %", "< 1 %", "42 %", "100 %"]);
        assert_eq!(
            [0.84, 59.99, 125.0, 11_520.0].map(duration),
            ["0.8 s", "1 min 0 s", "2 min 5 s", "3 h 12 min"]
        );
    }
}
