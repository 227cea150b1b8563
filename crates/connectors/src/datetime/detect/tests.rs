use proptest::prelude::*;

use super::*;
use crate::typing::Class;

fn detected(texts: &[&str], demand: Demand) -> TimeDetection {
    let values: Vec<SampleValue<'_>> = texts
        .iter()
        .enumerate()
        .map(|(record, text)| SampleValue { text, class: Class::classify(text), record })
        .collect();
    detect(&values, "t", false, demand)
}

fn guessed(texts: &[&str]) -> TimeDetection {
    detected(texts, Demand::Guess { strays: 0 })
}

fn needed(texts: &[&str]) -> TimeDetection {
    detected(texts, Demand::Needed { strays: 0 })
}

#[test]
fn a_column_has_one_format() {
    let iso = TimeDetection::Format(TimeFormat::Iso, None);
    assert_eq!(guessed(&["2024-01-02", "2024-01-02T03:04:05Z"]), iso);
    let mixed = TimeDoubt::Mixed(vec![(TimeFormat::Iso, 2), (TimeFormat::Apache, 1)], 1);
    let texts = ["2024-01-02", "2024-01-03", "02/Jan/2024:03:04:05 +0000", "x"];
    assert_eq!(guessed(&texts), TimeDetection::Doubt(mixed.clone()));
    let message = mixed.message("t", |_| String::new());
    assert!(message.contains("2 iso, 1 apache, 1 are none"), "{message}");
    assert!(message.contains("format: [iso, apache]"), "{message}");
    // A declared column takes the format of most values; the others are bad records.
    assert_eq!(detected(&texts, Demand::Declared), iso);
    assert_eq!(guessed(&["2024-01-02", "x", "y"]), TimeDetection::None);
    assert_eq!(guessed(&[]), TimeDetection::None);
}

#[test]
fn a_number_above_12_is_a_day() {
    let decided = |format, text: &str, record| {
        let value = Example { text: text.to_owned(), record };
        TimeDetection::Format(format, Some(Evidence::Value(value)))
    };
    let us = guessed(&["01/02/2024", "12/31/2024 10:00 PM"]);
    assert_eq!(us, decided(TimeFormat::Us, "12/31/2024 10:00 PM", 1));
    assert_eq!(guessed(&["01.02.2024", "31.12.2024"]), decided(TimeFormat::Eu, "31.12.2024", 1));
    // One contradicts the other.
    let both = guessed(&["13/01/2024", "01/13/2024"]);
    assert!(matches!(both, TimeDetection::Doubt(TimeDoubt::Mixed(..))), "{both:?}");
}

#[test]
fn two_readings_are_none() {
    let TimeDetection::Doubt(doubt) = guessed(&["03/04/2025", "05/06/2025"]) else {
        panic!("it is ambiguous")
    };
    let message = doubt.message("t", |record| format!("in.csv:{}", record + 2));
    assert!(
        message.contains("`03/04/2025` at in.csv:2 is 4 March 2025 with the month first (us)"),
        "{message}"
    );
    assert!(message.contains("3 April 2025 with the day first (eu)"), "{message}");
    // Six readings.
    assert_eq!(guessed(&["01/02/03", "31/12/20"]), TimeDetection::None);
    assert_eq!(needed(&["01/02/03", "31/12/20"]), TimeDetection::None);
}

#[test]
fn the_order_of_records_shows_the_month() {
    // The first three days of six months.
    let day = |day: usize| format!("{:02}/{:02}/2025", 3 + day / 3, 1 + day % 3);
    let days: Vec<String> = (0..18).map(day).collect();
    let texts: Vec<&str> = days.iter().map(String::as_str).collect();
    let TimeDetection::Format(format, Some(Evidence::Order)) = guessed(&texts) else {
        panic!("{:?}", guessed(&texts))
    };
    assert_eq!(format, TimeFormat::Us);
    // Nine days are too few, and in disorder they show nothing.
    assert!(matches!(guessed(&texts[..9]), TimeDetection::Doubt(TimeDoubt::DayOrMonth(_))));
    let mut shuffled = texts.clone();
    shuffled.reverse();
    assert!(matches!(guessed(&shuffled), TimeDetection::Doubt(TimeDoubt::DayOrMonth(_))));
}

#[test]
fn numbers_are_times_on_demand() {
    for (texts, format) in [
        (["1625193480", "1625195700.5"], TimeFormat::Epoch),
        (["1625193480000", "1625195700000"], TimeFormat::EpochMillis),
        (["1625193480000000", "1625195700000000"], TimeFormat::EpochMicros),
        (["1625193480000000000", "1625195700000000000"], TimeFormat::EpochNanos),
        (["20210702", "20210703"], TimeFormat::IsoBasic),
        (["20210702023800", "20210702031500"], TimeFormat::IsoBasic),
        (["2021/07/02", "2021/07/03"], TimeFormat::Slash),
    ] {
        assert_eq!(needed(&texts), TimeDetection::Format(format.clone(), None), "{texts:?}");
        assert_eq!(guessed(&texts), TimeDetection::None, "{texts:?}");
    }
    let TimeDetection::Doubt(doubt) = needed(&["1625193480", "1625193480000", "7"]) else {
        panic!("they have two units")
    };
    assert_eq!(doubt.reason(), "MIXED_EPOCH");
    let message = doubt.message("t", |_| String::new());
    assert!(message.contains("1 epoch, 1 epochMillis, 1 in none of them"), "{message}");
    let none = needed(&["7", "8"]);
    assert_eq!(none, TimeDetection::Doubt(TimeDoubt::Units(Vec::new(), 2)));
}

#[test]
fn file_times_are_named() {
    let values = |name: &str| {
        let value = SampleValue { text: "132207783070000000", class: Class::BigInteger, record: 0 };
        detect(&[value], name, false, Demand::Needed { strays: 0 })
    };
    assert_eq!(values("FileTime"), TimeDetection::Format(TimeFormat::Filetime, None));
    let TimeDetection::Doubt(doubt) = values("t") else { panic!("it is ambiguous") };
    let message = doubt.message("t", |_| "in.csv:2".to_owned());
    assert!(message.contains("14 December 2019 as a Windows file time"), "{message}");
}

#[test]
fn times_without_a_year_need_one() {
    let texts = ["Dec 31 23:59:59", "Jan  1 00:00:00"];
    assert!(matches!(guessed(&texts), TimeDetection::Doubt(TimeDoubt::NoYear(_))));
    let value = SampleValue { text: texts[0], class: Class::Text, record: 0 };
    let found = detect(&[value], "t", true, Demand::Guess { strays: 0 });
    assert_eq!(found, TimeDetection::Format(TimeFormat::Syslog, None));
}

#[test]
fn a_few_values_may_be_strays() {
    let mut texts = vec!["31.12.2024"; 300];
    texts.push("x");
    assert!(detected(&texts, Demand::Guess { strays: 3 }).format().is_some());
    assert!(guessed(&texts).format().is_none());
    let others: Vec<String> = (0..21).map(|index| format!("x{index}")).collect();
    texts.extend(others.iter().map(String::as_str));
    assert!(detected(&texts, Demand::Guess { strays: 30 }).format().is_none());
}

proptest! {
    /// A column is never read with the month first and the day first: each of its values that has both readings has the
    /// one of the column, and if it has one, some value or the order has decided.
    #[test]
    fn a_column_is_not_read_in_two_ways(days in prop::collection::vec((1..13_u8, 1..32_u8), 1..40), eu in any::<bool>()) {
        let days: Vec<(u8, u8)> = days.into_iter().map(|(month, day)| (month, day.min(28))).collect();
        let text = |(month, day): &(u8, u8)| {
            if eu { format!("{day:02}/{month:02}/2023") } else { format!("{month:02}/{day:02}/2023") }
        };
        let texts: Vec<String> = days.iter().map(text).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let written = if eu { TimeFormat::Eu } else { TimeFormat::Us };
        let other = if eu { TimeFormat::Us } else { TimeFormat::Eu };
        match guessed(&texts) {
            TimeDetection::Format(format, Some(Evidence::Value(_))) => {
                prop_assert_eq!(&format, &written);
                prop_assert!(days.iter().any(|(_, day)| *day > 12));
            }
            // Random days do not ascend.
            TimeDetection::Format(format, Some(Evidence::Order)) => prop_assert!(format == written || format == other),
            TimeDetection::Doubt(TimeDoubt::DayOrMonth(_)) => {
                prop_assert!(days.iter().all(|(_, day)| *day <= 12));
            }
            found => prop_assert!(false, "{:?}", found),
        }
    }
}
