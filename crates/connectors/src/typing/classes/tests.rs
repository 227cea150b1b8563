use proptest::prelude::*;

use super::*;

#[test]
fn a_text_is_in_its_narrowest_class() {
    let cases: &[(Class, &[&str])] = &[
        (Class::Integer, &["0", "-0", "7", "-17", "9007199254740992"]),
        (Class::BigInteger, &["9007199254740993", "-9223372036854775808"]),
        (Class::Number, &["1.5", "-0.5", ".5", "5.", "+1.5", "1.2e5", "1e-7", "1E+5", "0.0"]),
        (Class::Boolean, &["true", "FALSE"]),
        (Class::Datetime, &["2022-11-02", "2022-11-02T13:04:05Z"]),
        (Class::LeadingZero, &["007", "00", "-01", "+01", "00.5", "01e5"]),
        (Class::PlusSign, &["+1", "+4915112345678"]),
        (Class::Long, &["9223372036854775808", "18446744073709551615"]),
        (Class::Exponent, &["12E5", "0e1", "4758331158E590003", "1e308", "1e999"]),
        (Class::Hexadecimal, &["0x1f", "0XAB"]),
        (Class::Beyond, &["1.5e999", "-1e+400"]),
        (
            Class::Text,
            &[
                "", "-", "+", ".", "-.", "e5", "1e", "1e+", "1.5.2", "0x", "1,5", "inf", "-inf",
                "NaN", "1_0", "１",
            ],
        ),
    ];
    for (class, texts) in cases {
        for text in *texts {
            assert_eq!(Class::classify(text), *class, "{text}");
        }
    }
    assert_eq!(Class::classify_json("1e3"), Class::Number);
    assert_eq!(Class::classify_json("1e999"), Class::Beyond);
}

#[test]
fn a_column_has_the_narrowest_type_of_its_classes() {
    let kind =
        |texts: &[&str]| texts.iter().map(|text| Class::classify(text)).collect::<Classes>().kind();
    assert_eq!(kind(&[]), Kind::Empty);
    assert_eq!(kind(&["1", "9007199254740993"]), Kind::Integer);
    assert_eq!(kind(&["1", "2.5", "1e308", "1e-7", "1.5e999"]), Kind::Number);
    assert_eq!(kind(&["1", "007"]), Kind::Code);
    assert_eq!(kind(&["1.5", "007"]), Kind::Code);
    assert_eq!(kind(&["1", "12E5"]), Kind::Code);
    assert_eq!(kind(&["1.5", "9007199254740993"]), Kind::Code);
    assert_eq!(kind(&["0x1f"]), Kind::Code);
    assert_eq!(kind(&["1.5e999"]), Kind::Text);
    assert_eq!(kind(&["true", "False"]), Kind::Boolean);
    assert_eq!(kind(&["true", "1"]), Kind::Text);
    assert_eq!(kind(&["2022-11-02", "1"]), Kind::Text);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+]?[0-9]{0,20}([.][0-9]{0,4})?([eE][-+]?[0-9]{0,4})?",
        "(0x)?[0-9a-f]{1,6}",
        "true|false|inf|nan|x",
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
    ]
}

proptest! {
    #[test]
    fn the_order_of_values_does_not_matter(texts in prop::collection::vec(text(), 0..8), cut in 0_usize..8) {
        let classes = |texts: &[String]| texts.iter().map(|text| Class::classify(text)).collect::<Classes>();
        let (one, two) = texts.split_at(cut.min(texts.len()));
        prop_assert_eq!(classes(one) | classes(two), classes(&texts));
        prop_assert_eq!(classes(two) | classes(one), classes(&texts));
    }

    #[test]
    fn the_readers_accept_their_classes_alone(text in text()) {
        let class = Class::classify(&text);
        let whole = matches!(class, Class::Integer | Class::BigInteger);
        prop_assert_eq!(integer(&text).is_some(), whole);
        let overflows = text.parse::<f64>().is_ok_and(f64::is_infinite);
        let numeric = matches!(class, Class::Integer | Class::Number | Class::Exponent);
        prop_assert_eq!(number(&text).is_some(), numeric && !overflows);
    }

    #[test]
    fn whole_numbers_are_given_back(number in any::<i64>()) {
        let text = number.to_string();
        prop_assert_eq!(integer(&text), Some(number));
        if number.unsigned_abs() <= EXACT {
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
            let float = number as f64;
            prop_assert_eq!(super::number(&text), Some(float));
        }
    }
}
