//! Times in any format that has one reading.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use proptest::prelude::*;

use super::{cursor::MICROS, *};

const FORMS: [&str; 10] = [
    "%Y%m%dT%H%M%SZ",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S UTC",
    "%b %d, %Y @ %H:%M:%S",
    "%d/%b/%Y:%H:%M:%S +0000",
    "[%d/%b/%Y:%H:%M:%S %z]",
    "%a, %d %b %Y %H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
    "%a %b %e %H:%M:%S UTC %Y",
];

#[test]
fn times_in_the_forms_of_exports() {
    for text in [
        "2022-11-02T13:04:05.123Z",
        "2022-11-02t14:04:05,123+01:00",
        "2022-11-02T11:34:05.123-0130",
        "2022-11-02 13:04:05.123",
        "2022-11-02 13:04:05.123000999+00",
        "Nov 2, 2022 @ 13:04:05.123",
        "nov 02, 2022 @ 13:04:05.123",
        "20221102T130405.123Z",
        "20221102t140405,123+0100",
        "2022-11-02 13:04:05.123 UTC",
        "2022/11/02 13:04:05.123",
        "2022.11.02 14:04:05.123 +01:00",
        "02/Nov/2022:13:04:05.123 +0000",
        "[02/nov/2022:11:34:05.123 -0130]",
        "Wed, 02 Nov 2022 14:04:05.123 +0100",
        "Wed, 2 Nov 2022 13:04:05.123 GMT",
        "2 Nov 2022 13:04:05.123",
        "02-NOV-2022 13:04:05.123",
        "Wed Nov  2 13:04:05.123 2022",
        "wed nov 2 13:04:05.123 UTC 2022",
    ] {
        assert_eq!(parse(text), Some(1_667_394_245_123_000), "{text}");
    }
    assert_eq!(parse("2022-11-02"), Some(1_667_347_200_000_000));
    assert_eq!(parse("2022-11-02 13:04"), Some(1_667_394_240_000_000));
    assert_eq!(parse("2016-12-31T23:59:60Z"), parse("2016-12-31T23:59:59Z"));
    assert_eq!(parse("9999-12-31"), Some(253_402_214_400_000_000));
}

#[test]
fn other_texts_are_refused() {
    for text in [
        "",
        "20221102",
        "2022",
        "2022-11",
        "2022-13-02",
        "2022-02-29",
        "2022-11-31",
        "2022-00-10",
        "2022-11-00",
        "2022-11-02T",
        "2022-11-02T24:00:00",
        "2022-11-02T13:60:00",
        "2022-11-02T13:04:05.",
        "2022-11-02T13:04:05Zulu",
        "2022-11-02T13:04:05+24:00",
        "2022-11-02T13:04:05+1",
        "10.0.0.1",
        "Nov 2 2022",
        "Nov  2 13:04:05",
        "2022/11/02",
        "2022.11.02",
        "2022-11/02 13:04:05",
        "02/11/2022 13:04:05",
        "02.11.2022 13:04:05",
        "11-02-2022",
        "02/Nov/2022",
        "02/Nov-2022:13:04:05",
        "02-Nov-22",
        "02/Nov/2022:13:04:05 CST",
        "[02/Nov/2022:13:04:05 +0000",
        "Wed, 02 Nov 2022 13:04:05 ",
        "Wed 02 Nov 2022 13:04:05",
        "Wed Nov 2 13:04:05",
        "20221102T1304",
        "20221102T250405Z",
        "[",
        "Nov 2, 2022",
        "Nov 32, 2022 @ 13:04:05",
        "Nox 2, 2022 @ 13:04:05",
        "äöü",
        "-1",
        "2022-1é-02",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn agrees_with_jiff(
        year in 0_i64..9999, month in 0_i64..14, day in 0_i64..33, seconds in 0_i64..90_000,
        fraction in 0_i64..MICROS, offset in -12_i64..12,
    ) {
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let civil = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}");
        let utc = civil.parse::<DateTime>().ok().map(|civil| TimeZone::UTC.to_timestamp(civil).unwrap());
        prop_assert_eq!(parse(&civil), utc.map(Timestamp::as_microsecond));
        let zoned = format!("{civil}{offset:+03}:30");
        prop_assert_eq!(parse(&zoned), zoned.parse::<Timestamp>().ok().map(Timestamp::as_microsecond));
    }

    #[test]
    fn reads_what_jiff_writes(second in 0_i64..253_402_300_799, form in 0..FORMS.len()) {
        let time = Timestamp::from_second(second).unwrap();
        let text = time.strftime(FORMS[form]).to_string();
        prop_assert_eq!(parse(&text), Some(time.as_microsecond()), "{}", text);
    }

    #[test]
    fn no_text_panics(text in "[0-9A-Za-z/:., +\\[\\]-]{0,30}|\\PC*") {
        let _ = parse(&text);
    }
}
