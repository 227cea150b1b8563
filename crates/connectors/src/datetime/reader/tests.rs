use jiff::civil::DateTime;
use proptest::prelude::*;

use super::*;

const ZONES: [&str; 6] = [
    "Europe/Vienna",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
];

fn reader(formats: &[TimeFormat], zone: &str) -> TimeReader {
    TimeReader::new(formats.to_vec(), Some(anomal_spec::time_zone(zone).unwrap()), None)
}

fn read(reader: &TimeReader, text: &str) -> (Option<i64>, TimeTally) {
    let mut tally = TimeTally::default();
    (reader.read(text, &mut tally), tally)
}

#[test]
fn gaps_and_folds_of_a_clock() {
    let vienna = reader(&[TimeFormat::Iso], "Europe/Vienna");
    let utc = |text: &str| text.parse::<Timestamp>().unwrap().as_microsecond();
    // 02:30 is skipped, and one hour later is 03:30 in summer.
    let (gap, tally) = read(&vienna, "2024-03-31 02:30");
    assert_eq!(gap, Some(utc("2024-03-31T01:30:00Z")));
    assert_eq!((tally.gaps, tally.folds, tally.without_zone), (1, 0, 0));
    // 02:30 is there twice; the earlier is in summer.
    let (fold, tally) = read(&vienna, "2024-10-27 02:30");
    assert_eq!(fold, Some(utc("2024-10-27T00:30:00Z")));
    assert_eq!((tally.gaps, tally.folds), (0, 1));
    // An offset applies whatever the zone.
    assert_eq!(
        read(&vienna, "2024-10-27T02:30Z"),
        (Some(utc("2024-10-27T02:30:00Z")), TimeTally::default())
    );
}

#[test]
fn times_without_a_zone_are_counted_unless_the_settings_have_one() {
    let any = TimeReader::default();
    assert_eq!(read(&any, "2024-01-02 03:04").1.without_zone, 1);
    assert_eq!(read(&any, "2024-01-02 03:04Z").1.without_zone, 0);
    assert_eq!(read(&reader(&[], "UTC"), "2024-01-02 03:04").1.without_zone, 0);
}

#[test]
fn instants_are_in_the_years_1_to_9999() {
    let utc = reader(&[TimeFormat::Iso], "UTC");
    for (text, is_time) in [
        ("0001-01-01T00:00Z", true),
        ("0001-01-01T00:00+00:01", false),
        ("0000-12-31", false),
        ("9999-12-31T23:59:59.999999Z", true),
        ("9999-12-31T23:59-01", false),
    ] {
        assert_eq!(read(&utc, text).0.is_some(), is_time, "{text}");
    }
}

#[test]
fn formats_are_tried_in_order() {
    let several = reader(&[TimeFormat::Eu, TimeFormat::Us, TimeFormat::Iso], "UTC");
    let eu = read(&reader(&[TimeFormat::Eu], "UTC"), "03/04/2024").0;
    let (time, tally) = read(&several, "03/04/2024");
    assert_eq!(time, eu);
    assert_eq!(tally.by_format, BTreeMap::from([("eu".to_owned(), 1)]));
    assert_eq!(read(&several, "12/31/2024").1.by_format, BTreeMap::from([("us".to_owned(), 1)]));
    assert_eq!(read(&several, "x"), (None, TimeTally::default()));
}

#[test]
fn numbers_of_another_unit_are_no_times_of_a_detected_one() {
    let millis = reader(&[TimeFormat::EpochMillis], "UTC");
    assert_eq!(read(&millis, "1625193480").0, Some(1_625_193_480_000));
    let detected = millis.with_detected_unit();
    assert_eq!(read(&detected, "1625193480").0, None);
    assert_eq!(read(&detected, "1625193480000").0, Some(1_625_193_480_000_000));
    assert_eq!(
        read(&reader(&[TimeFormat::Iso], "UTC").with_detected_unit(), "2024-01-02").0,
        Some(1_704_153_600_000_000)
    );
}

proptest! {
    #[test]
    fn zones_agree_with_jiff(second in -2_000_000_000_i64..4_000_000_000, micro in 0..1_000_000_i64, zone in 0..ZONES.len()) {
        let reader = reader(&[TimeFormat::Iso], ZONES[zone]);
        let local = Timestamp::from_microsecond(second * 1_000_000 + micro).unwrap();
        let local: DateTime = TimeZone::UTC.to_datetime(local);
        let text = local.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string();
        let zone = anomal_spec::time_zone(ZONES[zone]).unwrap();
        let expected = zone.to_zoned_datetime(local).unwrap().timestamp().as_microsecond();
        prop_assert_eq!(read(&reader, &text).0, Some(expected), "{}", text);
    }
}
