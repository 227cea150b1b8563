//! Each format beside jiff.

use jiff::{Timestamp, civil::DateTime, tz};
use proptest::prelude::*;

use super::*;

/// The forms of a format, as jiff writes them, and the finest unit of each in microseconds.
fn forms(format: &TimeFormat) -> &'static [(&'static str, i64)] {
    const SECOND: i64 = 1_000_000;
    const MINUTE: i64 = 60 * SECOND;
    const DAY: i64 = 24 * 60 * MINUTE;
    match format {
        TimeFormat::Iso => &[
            ("%Y-%m-%dT%H:%M:%S%.6f", 1),
            ("%Y-%m-%d %H:%M:%S.%3f", 1000),
            ("%Y-%m-%dt%H:%M:%S,%9f", 1),
            ("%Y-%m-%d %H:%M", MINUTE),
            ("%Y-%m-%d", DAY),
        ],
        TimeFormat::IsoBasic => {
            &[("%Y%m%dT%H%M%S%.6f", 1), ("%Y%m%d%H%M%S", SECOND), ("%Y%m%d", DAY)]
        }
        TimeFormat::Epoch => &[("%s.%6f", 1), ("%s", SECOND)],
        TimeFormat::EpochMillis => &[("%s%3f", 1000), ("%s%3f.0", 1000)],
        TimeFormat::EpochMicros => &[("%s%6f", 1)],
        TimeFormat::EpochNanos => &[("%s%9f", 1)],
        TimeFormat::Apache => &[("%d/%b/%Y:%H:%M:%S", SECOND), ("%-d/%^b/%Y:%T%.3f", 1000)],
        TimeFormat::Rfc2822 => &[
            ("%a, %d %b %Y %H:%M:%S", SECOND),
            ("%a, %-d %b %Y %H:%M", MINUTE),
            ("%d %b %Y %T%.6f", 1),
        ],
        TimeFormat::Http => &[("%a, %d %b %Y %H:%M:%S GMT", SECOND)],
        TimeFormat::Ctime => &[("%a %b %e %H:%M:%S %Y", SECOND), ("%a %b %d %T UTC %Y", SECOND)],
        TimeFormat::Syslog => &[("%b %e %H:%M:%S", SECOND), ("%b %d %T%.6f", 1)],
        TimeFormat::Kibana => &[("%b %-d, %Y @ %H:%M:%S.%3f", 1000)],
        TimeFormat::Slash => {
            &[("%Y/%m/%d %H:%M:%S%.6f", 1), ("%Y.%m.%dT%H:%M", MINUTE), ("%Y/%m/%d", DAY)]
        }
        TimeFormat::Us => &[
            ("%m/%d/%Y %H:%M:%S.%6f", 1),
            ("%-m/%-d/%Y, %-I:%M:%S %p", SECOND),
            ("%-m-%-d-%Y  %-I:%M %P", MINUTE),
            ("%m/%d/%Y", DAY),
            ("%m.%d.%Y %H:%M", MINUTE),
        ],
        TimeFormat::Eu => &[
            ("%d.%m.%Y %H:%M:%S,%3f", 1000),
            ("%d/%m/%Y %-H:%M", MINUTE),
            ("%-d-%-m-%Y %I:%M:%S\u{202f}%p", SECOND),
            ("%d.%m.%Y", DAY),
        ],
        TimeFormat::DayMonth => {
            &[("%d %b %Y %H:%M:%S.%6f", 1), ("%-d-%^b-%Y %-I:%M %p", MINUTE), ("%d-%b-%Y", DAY)]
        }
        TimeFormat::Filetime | TimeFormat::Strptime(_) => &[],
    }
}

fn jiff_micros(time: DateTime) -> i64 {
    tz::TimeZone::UTC.to_timestamp(time).unwrap().as_microsecond()
}

/// Offsets in the spellings that follow a time.
fn offsets(hours: i64) -> [String; 4] {
    let sign = if hours < 0 { '-' } else { '+' };
    let hours = hours.abs();
    [
        format!("{sign}{hours:02}:30"),
        format!(" {sign}{hours:02}30"),
        format!("{sign}{hours:02}"),
        " UTC".to_owned(),
    ]
}

proptest! {
    #[test]
    fn every_format_reads_what_jiff_writes(
        micros in -1_000_000_000_000_000_i64..4_102_444_800_000_000, at in 0..16_usize, hours in -12_i64..=14,
    ) {
        let format = &TimeFormat::NAMED[at];
        for (form, unit) in forms(format) {
            // Numbers of units have their sign before the whole.
            let micros = if form.starts_with("%s") { micros.abs() } else { micros };
            let time = micros - micros.rem_euclid(*unit);
            let civil = tz::TimeZone::UTC.to_datetime(Timestamp::from_microsecond(time).unwrap());
            let text = Timestamp::from_microsecond(time).unwrap().strftime(form).to_string();
            let parsed = parse_as(format, &text);
            let expected = match format {
                TimeFormat::Syslog => {
                    let leap = civil.with().year(2000).build().unwrap();
                    WrittenTime::WithoutYear(jiff_micros(leap) - date(2000, 1, 1).unwrap())
                }
                TimeFormat::Epoch | TimeFormat::EpochMillis | TimeFormat::EpochMicros
                | TimeFormat::EpochNanos | TimeFormat::Http => WrittenTime::Instant(time),
                TimeFormat::Ctime if form.contains("UTC") => WrittenTime::Instant(time),
                _ => WrittenTime::Local(time),
            };
            prop_assert_eq!(parsed, Some(expected), "{} as {}", text, format.name());
            prop_assert_eq!(parse_as(format, &format!("{text}x")), None, "{}x", text);
            let with_offset = !matches!(
                format,
                TimeFormat::Syslog | TimeFormat::Kibana | TimeFormat::Ctime | TimeFormat::Http
            );
            let time_of_day = form.contains("%H") || form.contains("%T") || form.contains("%I");
            if with_offset && time_of_day {
                let ahead = [hours * 3600, hours * 3600, hours * 3600, 0];
                for (offset, seconds) in offsets(hours).iter().zip(ahead) {
                    let minutes = if offset.contains("30") && offset.len() > 3 { 30 * 60 } else { 0 };
                    let minutes = if offset.contains('-') { -minutes } else { minutes };
                    let text = format!("{text}{offset}");
                    let utc = time - (seconds + minutes) * MICROS;
                    let parsed = parse_as(format, &text);
                    prop_assert_eq!(parsed, Some(WrittenTime::Instant(utc)), "{}", text);
                }
            }
        }
    }

    #[test]
    fn no_text_panics_in_any_format(text in "[0-9A-Za-z/:., +\\[\\]@-]{0,30}|[0-9.-]{0,24}|\\PC*") {
        for format in TimeFormat::NAMED {
            let _ = (parse_as(&format, &text), detect_as(&format, &text));
        }
        let _ = parse_as(&TimeFormat::Strptime("%d.%m.%y %H:%M".to_owned()), &text);
    }

    /// Whatever is detected is read in the same way by the format, and no text is a time of two years.
    #[test]
    fn detection_is_stricter_than_reading(text in "[0-9]{1,4}[/. -][0-9A-Z][0-9a-z]{0,2}[/. -][0-9]{2,4}( [0-9]{2}:[0-9]{2})?") {
        for format in TimeFormat::NAMED {
            if let Some(found) = detect_as(&format, &text) {
                prop_assert_eq!(parse_as(&format, &text), Some(found));
            }
        }
    }

    #[test]
    fn file_times_count_from_1601(seconds in -600_000_000_i64..4_000_000_000, fraction in 0..10_000_000_i64) {
        let text = ((seconds + 11_644_473_600) * 10_000_000 + fraction).to_string();
        let expected = WrittenTime::Instant(seconds * MICROS + fraction / 10);
        prop_assert_eq!(parse_as(&TimeFormat::Filetime, &text), Some(expected));
    }

    #[test]
    fn conversions_read_what_they_write(micros in 0_i64..4_102_444_800_000_000) {
        let time = Timestamp::from_microsecond(micros).unwrap();
        for form in ["%d.%m.%Y %H:%M:%S%.f", "%Y-%j %T.%6f", "%A %d %B %Y, %I:%M:%S.%f %p", "%G-W%V-%u %T%.6f"] {
            let text = time.strftime(form).to_string();
            let parsed = parse_as(&TimeFormat::Strptime(form.to_owned()), &text);
            prop_assert_eq!(parsed, Some(WrittenTime::Local(micros)), "{}", text);
        }
        let text = time.strftime("%F %T%.6f %z").to_string();
        let parsed = parse_as(&TimeFormat::Strptime("%F %T%.f %z".to_owned()), &text);
        prop_assert_eq!(parsed, Some(WrittenTime::Instant(micros)), "{}", text);
    }
}

#[test]
fn parts_that_a_format_may_lack_or_have() {
    const TIME: WrittenTime = WrittenTime::Instant(1_576_304_707_000_000);
    for (format, text) in [
        (TimeFormat::Rfc2822, "Sat, 14 Dec 2019 01:25:07 EST"),
        (TimeFormat::Rfc2822, "14 Dec 2019 06:25:07 UT"),
        (TimeFormat::Rfc2822, "14 Dec 2019 06:25:07 Z"),
        (TimeFormat::Apache, "[14/Dec/2019:06:25:07 +0000]"),
        (TimeFormat::Us, "12/14/19 6:25:07 AM GMT"),
        (TimeFormat::Eu, "14-12-19 06:25:07Z"),
        (TimeFormat::DayMonth, "14-DEC-19 06:25:07+00:00"),
        (TimeFormat::Filetime, "132207783070000000"),
        (TimeFormat::EpochNanos, "1576304707000000999"),
        (TimeFormat::Strptime("%F %T %Q".to_owned()), "2019-12-14 07:25:07 Europe/Vienna"),
        (TimeFormat::Strptime("%s".to_owned()), "1576304707"),
    ] {
        assert_eq!(parse_as(&format, text), Some(TIME), "{text}");
    }
    let midnight = date(1970, 1, 2);
    assert_eq!(parse_as(&TimeFormat::Us, "1/2/70"), midnight.map(WrittenTime::Local));
    assert_eq!(parse_as(&TimeFormat::Us, "1/2/69"), date(2069, 1, 2).map(WrittenTime::Local));
    assert_eq!(
        parse_as(&TimeFormat::Us, "12/14/2019 12:00 AM"),
        date(2019, 12, 14).map(WrittenTime::Local)
    );
    assert_eq!(parse_as(&TimeFormat::Epoch, "-1.5"), Some(WrittenTime::Instant(-1_500_000)));
}

#[test]
fn texts_of_other_formats_are_refused() {
    for (format, text) in [
        (TimeFormat::Iso, "2019/12/14 06:25:07"),
        (TimeFormat::Iso, "2019-12-14T06:25:07 CET"),
        (TimeFormat::IsoBasic, "2019121406"),
        (TimeFormat::IsoBasic, "20191314"),
        (TimeFormat::Apache, "14/Dec/2019"),
        (TimeFormat::Apache, "[14/Dec/2019:06:25:07"),
        (TimeFormat::Apache, "14/Dec/2019:06:25:07 EST"),
        (TimeFormat::Http, "Sat, 14 Dec 2019 06:25:07 +0000"),
        (TimeFormat::Http, "14 Dec 2019 06:25:07 GMT"),
        (TimeFormat::Syslog, "Dec 14 2019 06:25:07"),
        (TimeFormat::Syslog, "Feb 30 06:25:07"),
        (TimeFormat::Us, "14/12/2019"),
        (TimeFormat::Us, "12/14.2019"),
        (TimeFormat::Us, "12/14/2019 13:00 PM"),
        (TimeFormat::Us, "12/14/2019 0:00 AM"),
        (TimeFormat::Eu, "12/14/2019"),
        (TimeFormat::Eu, "29.02.2019"),
        (TimeFormat::Epoch, ""),
        (TimeFormat::Epoch, "."),
        (TimeFormat::Epoch, "1e9"),
        (TimeFormat::Epoch, "+1"),
        (TimeFormat::Epoch, "9223372036854775807"),
        (TimeFormat::EpochMicros, "1576304707000000.5"),
        (TimeFormat::EpochNanos, "99999999999999999999"),
        (TimeFormat::Filetime, "1322077830700000"),
        (TimeFormat::Strptime("%d.%m.%Y".to_owned()), "30.02.2019"),
        (TimeFormat::Strptime("%F %T %Q".to_owned()), "2019-12-14 07:25:07 Mars/Base"),
    ] {
        assert_eq!(parse_as(&format, text), None, "{text} as {}", format.name());
    }
}
