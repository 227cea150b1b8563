//! SQL expressions: planned and evaluated, or refused with a message.
#![no_main]

use anomal_core::{
    ExtractRequest, FeatureEngine, FeatureSettings, PlanRequest, Scope, Table,
    proto::{Column, DataType},
};
use anomal_feature::LocalFeatureEngine;
use anomal_fuzz::block_on;
use libfuzzer_sys::fuzz_target;
use polars::prelude::{Column as Values, DataFrame};

fn table(columns: &[Column]) -> Table {
    let column = |column: &Column| match column.name.as_str() {
        "n" => Values::new("n".into(), [Some(1_i64), None, Some(-3)]),
        "x" => Values::new("x".into(), [Some(0.5), Some(-0.0), None]),
        "s" => Values::new("s".into(), [Some("ab"), None, Some("ä\n'")]),
        _ => Values::new("ok".into(), [Some(true), Some(false), None]),
    };
    let columns = columns.iter().map(column).collect();
    Table::new(vec![0, 1, 2], DataFrame::new(3, columns).expect("columns")).expect("a table")
}

fuzz_target!(|sql: &str| {
    let column =
        |name: &str, data_type: DataType| Column { name: name.into(), data_type: data_type.into() };
    let schema = vec![
        column("n", DataType::Integer),
        column("x", DataType::Float),
        column("s", DataType::String),
        column("ok", DataType::Boolean),
    ];
    let feature = serde_json::json!([{"type": "expression", "name": "value", "expression": sql}]);
    let Ok(features) = serde_json::from_value(feature) else { return };
    let settings = FeatureSettings { features, ..FeatureSettings::default() };
    let engine = LocalFeatureEngine::default();
    let Some(plan) = block_on(engine.plan(PlanRequest { settings, schema })) else { return };
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
