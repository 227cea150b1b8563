//! SQL expressions: planned and evaluated, or refused with a message. The first byte chooses between a text and an
//! expression that is generated from the other bytes.
#![no_main]

#[path = "../../services/feature/tests/expressions/generator.rs"]
mod generator;

use anomal_core::{
    ExtractRequest, FeatureEngine, FeatureSettings, PlanRequest, Scope, Table,
    proto::{Column, DataType},
};
use anomal_feature::LocalFeatureEngine;
use anomal_fuzz::block_on;
use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use polars::prelude::{Column as Values, DataFrame, DataType as Dtype, TimeUnit};

use generator::{Generator, NUMBERS, TEXT, TIME, TRUTH};

fn table(columns: &[Column]) -> Table {
    let column = |column: &Column| match column.name.as_str() {
        name if name == NUMBERS[0] => Values::new(name.into(), [Some(1_i64), None, Some(-3)]),
        name if name == NUMBERS[1] => Values::new(name.into(), [Some(0.5), Some(-0.0), None]),
        name if name == TEXT => Values::new(name.into(), [Some("ab"), None, Some("ä\n'")]),
        name if name == TIME => Values::new(name.into(), [Some(0_i64), Some(-1), None])
            .cast(&Dtype::Datetime(TimeUnit::Microseconds, None))
            .expect("times"),
        name => Values::new(name.into(), [Some(true), Some(false), None]),
    };
    let columns = columns.iter().map(column).collect();
    Table::new(vec![0, 1, 2], DataFrame::new(3, columns).expect("columns")).expect("a table")
}

/// The first byte is a digit in seeds: `0` and even numbers are followed by a text.
fn sql(bytes: &[u8]) -> Option<String> {
    let (choice, rest) = bytes.split_first()?;
    if choice % 2 == 0 {
        return std::str::from_utf8(rest).ok().map(str::to_owned);
    }
    let mut choices = Unstructured::new(rest);
    Some(Generator { choices: &mut choices, whole_table: choice & 2 == 0 }.expression(4))
}

fuzz_target!(|bytes: &[u8]| {
    let Some(sql) = sql(bytes) else { return };
    let column =
        |name: &str, data_type: DataType| Column { name: name.into(), data_type: data_type.into() };
    let schema = vec![
        column(NUMBERS[0], DataType::Integer),
        column(NUMBERS[1], DataType::Float),
        column(TEXT, DataType::String),
        column(TRUTH, DataType::Boolean),
        column(TIME, DataType::Datetime),
    ];
    let feature = serde_json::json!([{"type": "expression", "name": "value", "expression": sql}]);
    let Ok(features) = serde_json::from_value(feature) else { return };
    let settings = FeatureSettings { features, ..FeatureSettings::default() };
    let engine = LocalFeatureEngine::default();
    let Some(plan) = block_on(engine.plan(PlanRequest { settings, schema, times: Vec::new() })) else { return };
    let scope = if plan.global { Scope::Global } else { Scope::Row };
    let request = ExtractRequest {
        settings: plan.settings.as_str().into(),
        table: table(&plan.columns),
        columns: plan.columns,
        scope,
    };
    if let Some(extraction) = block_on(engine.extract(request)) {
        assert_eq!(extraction.features.height(), 3);
    }
});
