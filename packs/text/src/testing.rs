//! What the tests of metrics share.

use anomal_components::{Component, Dictionaries, Inputs};
use polars::prelude::{AnyValue, Column};

/// The value of a metric without parameters for a text, formatted.
pub fn evaluate(component: &Component, text: &str) -> Option<String> {
    let column = Column::new("text".into(), [text]);
    let metric = component.build(&serde_json::Map::new()).unwrap();
    let values =
        metric.values(&Inputs::new(vec![Some(&column)], &Dictionaries::default())).unwrap();
    match values.get(0).unwrap() {
        AnyValue::Null => None,
        AnyValue::Float64(number) => Some(number.to_string()),
        value => Some(value.get_str().map_or_else(|| value.to_string(), str::to_owned)),
    }
}

/// Asserts the value of each text.
#[track_caller]
pub fn assert_values(cases: &[(fn() -> Component, &str, Option<&str>)]) {
    for (component, text, expected) in cases {
        let component = component();
        assert_eq!(
            evaluate(&component, text).as_deref(),
            *expected,
            "{} of {text}",
            component.name()
        );
    }
}
