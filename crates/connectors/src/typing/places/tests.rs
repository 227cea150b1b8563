use proptest::prelude::*;

use super::*;

const AUTO: Numbers = Numbers {
    decimal: anomal_spec::DecimalMark::Auto,
    thousands: ThousandsMark::Auto,
    marks: Marks::Auto,
};

fn detected(values: &[&str]) -> Detected {
    detect(values.iter().copied(), &AUTO, 0)
}

/// The numbers of values in the format that they show.
fn numbers(values: &[&str]) -> Vec<f64> {
    let Detected::Format(format) = detected(values) else {
        panic!("{values:?}: {:?}", detected(values));
    };
    values.iter().map(|value| format.number(value).unwrap()).collect()
}

#[test]
fn evidence_decides_about_marks() {
    assert_eq!(numbers(&["1,234.50", "12.5", "7", "1,234"]), [1234.5, 12.5, 7.0, 1234.0]);
    assert_eq!(numbers(&["1.234,50", "12,5", "1.234"]), [1234.5, 12.5, 1234.0]);
    assert_eq!(numbers(&["1,200", "48,900,112"]), [1200.0, 48_900_112.0]);
    assert_eq!(numbers(&["1.200.000", "1,5"]), [1_200_000.0, 1.5]);
    assert_eq!(numbers(&["100,0", "101,25", "97100,7"]), [100.0, 101.25, 97100.7]);
    assert_eq!(numbers(&["1,234", "12.5"]), [1234.0, 12.5]);
    assert_eq!(
        numbers(&["1 234,5", "1\u{a0}234".replace('\u{a0}', " ").as_str()]),
        [1234.5, 1234.0]
    );
    assert_eq!(numbers(&["1\u{202f}234\u{202f}567", "12"]), [1_234_567.0, 12.0]);
    assert_eq!(numbers(&["1'234'567.5", "0.5"]), [1_234_567.5, 0.5]);
}

#[test]
fn marks_are_taken_off() {
    assert_eq!(
        numbers(&["$1,200.00", "($20.00)", "-$5.25", "$-1.50"]),
        [1200.0, -20.0, -5.25, -1.5]
    );
    assert_eq!(numbers(&["1200 USD", "15 USD"]), [1200.0, 15.0]);
    assert_eq!(numbers(&["EUR 12,50", "7"]), [12.5, 7.0]);
    assert_eq!(numbers(&["45%", "0.5 %"]), [45.0, 0.5]);
    assert_eq!(numbers(&["'-10", "401", "12-"]), [-10.0, 401.0, -12.0]);
}

#[test]
fn doubtful_values_are_no_numbers() {
    assert_eq!(detected(&["1,234", "5,678"]), Detected::Ambiguous("1,234".into()));
    assert_eq!(detected(&["$5.00", "€5.00"]), Detected::Currencies("$".into(), "€".into()));
    for values in [
        &["192.168.100.101", "192.168.100.102"][..],
        &["10.0.0.1"],
        &["1,2,3"],
        &["1.5", "1,5"],
        &["12,34,567"],
        &["1,234.5", "1.234,5"],
        &["007,5"],
        &["2024-01-02"],
        &["5 km"],
        &["ABC 5"],
        &["-"],
        &["("],
        &["()"],
        &["%"],
        &["$"],
        &["USD"],
        &["'"],
        &["é"],
        &["--5"],
        &["(-5)"],
    ] {
        assert_eq!(detected(values), Detected::None, "{values:?}");
    }
}

#[test]
fn settings_decide_where_values_do_not() {
    let comma = Numbers { decimal: anomal_spec::DecimalMark::Comma, ..AUTO };
    let thousands = Numbers { thousands: ThousandsMark::Comma, ..AUTO };
    for (settings, number) in [(comma, 1.234), (thousands, 1234.0)] {
        let Detected::Format(format) = detect(["1,234"].into_iter(), &settings, 0) else {
            panic!("no format");
        };
        assert_eq!(format.number("1,234"), Some(number));
    }
}

proptest! {
    #[test]
    fn numbers_are_read_as_they_were_written(
        cents in -99_999_999_999_i64..99_999_999_999,
        comma: bool,
        apostrophe: bool,
        currency in prop::option::of(prop::sample::select(vec!["$", "€", "CHF"])),
        parentheses: bool,
    ) {
        let decimal = if comma { ',' } else { '.' };
        let thousands = match (apostrophe, comma) { (true, _) => '\'', (_, true) => '.', _ => ',' };
        let whole = (cents.abs() / 100).to_string();
        let mut grouped = String::new();
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) {
                grouped.push(thousands);
            }
            grouped.push(digit);
        }
        let digits = format!("{grouped}{decimal}{:02}", cents.abs() % 100);
        let marked = match currency {
            Some(sign) => format!("{sign} {digits}"),
            None => digits,
        };
        let text = match cents < 0 {
            true if parentheses => format!("({marked})"),
            true => format!("-{marked}"),
            false => marked,
        };
        let format = NumberFormat { decimal, thousands: Some(thousands), marks: true };
        let sign = if cents < 0 { "-" } else { "" };
        let plain: f64 = format!("{sign}{whole}.{:02}", cents.abs() % 100).parse().unwrap();
        prop_assert_eq!(format.number(&text), Some(plain));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-+0-9.,' %$€()A-Z\u{a0}é]{0,12}") {
        let _ = detected(&[&text]);
        for marks in [true, false] {
            let format = NumberFormat { decimal: ',', thousands: Some('.'), marks };
            prop_assert!(format.number(&text).is_none_or(f64::is_finite));
        }
    }
}
