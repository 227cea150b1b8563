//! What the tests of metrics share.

use anomal_components::{Component, Dictionaries, Inputs};
use polars::prelude::{AnyValue, Column};

/// The value of a metric for a text, formatted.
pub fn evaluate(component: &Component, given: &serde_json::Value, text: &str) -> Option<String> {
    let column = Column::new("text".into(), [text]);
    let dictionaries = Dictionaries::default();
    let metric = component.build(given.as_object().unwrap()).unwrap();
    let values = metric.values(&Inputs::new(vec![Some(&column)], &dictionaries)).unwrap();
    match values.get(0).unwrap() {
        AnyValue::Null => None,
        AnyValue::Float64(number) => Some(number.to_string()),
        value => Some(value.get_str().map_or_else(|| value.to_string(), str::to_owned)),
    }
}
