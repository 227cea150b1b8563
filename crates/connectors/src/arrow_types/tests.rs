use polars::prelude::{AnyValue, DataType, Field};
use polars_arrow::datatypes::TimeUnit;
use proptest::prelude::*;

use super::{float16::shortest, *};

fn text(kind: &ArrowType, value: &AnyValue<'_>) -> String {
    let mut text = String::new();
    push(&mut text, kind, value).unwrap();
    text
}

#[test]
fn names_are_read_back() {
    let kinds = [
        ArrowType::Int8,
        ArrowType::UInt16,
        ArrowType::Float16,
        ArrowType::Decimal { precision: 38, scale: 9 },
        ArrowType::Date64,
        ArrowType::Seconds(None),
        ArrowType::Seconds(Some("Europe/Berlin".into())),
        ArrowType::DurationSeconds,
        ArrowType::Time(TimeUnit::Nanosecond),
        ArrowType::Binary,
        ArrowType::Hexadecimal,
        ArrowType::Uuid,
        ArrowType::Map,
    ];
    for kind in kinds {
        let field = Field::new(kind.field_name(), DataType::Null);
        assert_eq!(ArrowType::from_dtype(&DataType::Struct(vec![field])), Some(kind));
    }
    for name in ["", "int9", "decimal(3)", "decimal(3,x)", "time(min)", "seconds(a"] {
        assert_eq!(name.parse::<ArrowType>(), Err(UnknownType), "{name}");
    }
}

#[test]
fn texts_are_exact() {
    let time = |unit, count| text(&ArrowType::Time(unit), &AnyValue::Int64(count));
    assert_eq!(time(TimeUnit::Millisecond, 23_107_123), "06:25:07.123");
    assert_eq!(time(TimeUnit::Nanosecond, 1), "00:00:00.000000001");
    assert_eq!(time(TimeUnit::Second, 86_399), "23:59:59");
    assert_eq!(time(TimeUnit::Second, 86_400), "86400");
    let day = 86_400_000;
    assert_eq!(text(&ArrowType::Date64, &AnyValue::Int64(day)), "1970-01-02");
    assert_eq!(text(&ArrowType::Date64, &AnyValue::Int64(day + 1)), "1970-01-02T00:00:00.001Z");
    let far = AnyValue::Int64(i64::MAX);
    assert_eq!(text(&ArrowType::Seconds(None), &far), "+292277026596-12-04T15:30:07Z");
    assert_eq!(text(&ArrowType::Binary, &AnyValue::Binary(b"\xc3\xa4")), "ä");
    assert_eq!(text(&ArrowType::Binary, &AnyValue::Binary(b"\xff\x00")), "0xff00");
    assert_eq!(text(&ArrowType::Hexadecimal, &AnyValue::Binary(b"a")), "0x61");
    assert_eq!(text(&ArrowType::Int8, &AnyValue::Int32(-3)), "-3");
}

#[test]
fn halves_are_short() {
    let halves = [0x2e66, 0x3555, 0x7bff, 0x0001, 0x8000, 0x3c00, 0xf400];
    let texts = halves.map(|bits| shortest(widen(bits)));
    assert_eq!(texts, ["0.1", "0.3333", "65500", "0.00000006", "-0", "1", "-16384"]);
}

proptest! {
    #[test]
    fn a_half_is_nearest_to_its_text(bits: u16) {
        let value = widen(bits);
        prop_assume!(value.is_finite());
        let text: f64 = shortest(value).parse().unwrap();
        for other in [bits.wrapping_sub(1), bits.wrapping_add(1)].map(widen) {
            let distance = |half: f32| (f64::from(half) - text).abs();
            prop_assert!(!other.is_finite() || other == value || distance(value) < distance(other));
        }
    }
}
