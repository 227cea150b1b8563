//! Expressions from a generator: each is planned and evaluated, or refused with a message.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod expressions {
    pub mod generator;
}

use std::sync::LazyLock;

use anomal_core::{
    Code, ExtractRequest, FeatureEngine, FeatureSettings, PlanRequest, Result, Scope, Table,
    proto::{Column, DataType, Plan},
};
use anomal_feature::LocalFeatureEngine;
use arbitrary::Unstructured;
use polars::prelude::{DataFrame, DataType as Dtype, TimeUnit, df};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use expressions::generator::{Generator, NUMBERS, TEXT, TIME, TRUTH};

fn schema() -> Vec<Column> {
    let columns = [
        (NUMBERS[0], DataType::Integer),
        (NUMBERS[1], DataType::Float),
        (TEXT, DataType::String),
        (TRUTH, DataType::Boolean),
        (TIME, DataType::Datetime),
    ];
    let column = |(name, data_type): (&str, DataType)| Column {
        name: name.into(),
        data_type: data_type.into(),
    };
    columns.map(column).into()
}

fn rows() -> DataFrame {
    let mut frame = df!(
        NUMBERS[0] => [Some(1_i64), None, Some(-3), Some(i64::MAX), Some(0)],
        NUMBERS[1] => [Some(0.5), Some(-0.0), None, Some(1e300), Some(2.0)],
        TEXT => [Some("ab"), None, Some("ä\n'"), Some("12"), Some("")],
        TRUTH => [Some(true), Some(false), None, Some(true), Some(false)],
        TIME => [Some(0_i64), Some(1_709_251_199_000_000), None, Some(-1), Some(86_400_000_000)],
    )
    .unwrap();
    let times = frame.column(TIME).unwrap().cast(&Dtype::Datetime(TimeUnit::Microseconds, None));
    frame.with_column(times.unwrap()).unwrap();
    frame
}

async fn plan(engine: &LocalFeatureEngine, sql: &str) -> Result<Plan> {
    let feature = serde_json::json!([{"type": "expression", "name": "value", "expression": sql}]);
    let features = serde_json::from_value(feature).unwrap();
    let settings = FeatureSettings { features, ..FeatureSettings::default() };
    engine.plan(PlanRequest { settings, schema: schema(), times: Vec::new() }).await
}

/// The values of some rows.
async fn values(
    engine: &LocalFeatureEngine,
    plan: &Plan,
    first: usize,
    end: usize,
) -> Result<DataFrame> {
    let names = plan.columns.iter().map(|column| column.name.as_str());
    let frame = rows().select(names).unwrap();
    // An expression without columns.
    let frame = if frame.width() == 0 { DataFrame::empty_with_height(5) } else { frame };
    let frame = frame.slice(i64::try_from(first).unwrap(), end - first);
    let table = Table::new((first as u64..end as u64).collect(), frame).unwrap();
    let scope = if plan.global { Scope::Global } else { Scope::Row };
    let (settings, columns) = (plan.settings.as_str().into(), plan.columns.clone());
    let request = ExtractRequest { settings, columns, scope, table };
    Ok(engine.extract(request).await?.features.columns().clone())
}

/// The values of rows, with all digits and the sign of zero.
fn cells(frame: &DataFrame) -> Vec<String> {
    let values = frame.column("value").unwrap().as_materialized_series();
    values.iter().map(|value| format!("{value:?}")).collect()
}

/// Plans and evaluates. Returns whether there were values.
async fn check(sql: &str) -> bool {
    let engine = LocalFeatureEngine::default();
    let refused = |error: anomal_core::Error| {
        // A panic is an internal error.
        assert_ne!(error.code, Code::Internal, "{sql}: {error}");
        assert!(!error.message.is_empty(), "{sql}");
    };
    let plan = match plan(&engine, sql).await {
        Ok(plan) => plan,
        Err(error) => {
            refused(error);
            return false;
        }
    };
    let whole = values(&engine, &plan, 0, 5).await;
    if let Ok(whole) = &whole {
        assert_eq!(whole.height(), 5, "{sql}");
    }
    if !plan.global {
        // Batches have the values, or the error, of all rows together.
        let mut parts = Vec::new();
        for (first, end) in [(0, 1), (1, 3), (3, 5)] {
            parts.push(values(&engine, &plan, first, end).await);
        }
        match &whole {
            Ok(whole) => {
                let parts: Result<Vec<DataFrame>> = parts.into_iter().collect();
                let parts = parts.unwrap_or_else(|error| panic!("{sql}: {error} in a batch only"));
                let parts =
                    parts.into_iter().reduce(|all, next| all.vstack(&next).unwrap()).unwrap();
                assert_eq!(cells(whole), cells(&parts), "{sql}");
            }
            Err(error) => assert!(parts.iter().any(Result::is_err), "{sql}: {error} in no batch"),
        }
    }
    whole.map_err(refused).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn expressions_have_values_or_are_refused(
        choices in prop::collection::vec(any::<u8>(), 0..64),
        whole_table in any::<bool>(),
    ) {
        let mut choices = Unstructured::new(&choices);
        let sql = Generator { choices: &mut choices, whole_table }.expression(3);
        static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
        RUNTIME.block_on(check(&sql));
    }
}

/// The generator would prove nothing if its expressions were refused.
#[tokio::test]
async fn most_expressions_have_values() {
    let mut state = 7_u64;
    let mut with_values = 0;
    for _ in 0..200 {
        let choices: Vec<u8> = (0..64)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_le_bytes()[7]
            })
            .collect();
        let mut choices = Unstructured::new(&choices);
        let sql = Generator { choices: &mut choices, whole_table: false }.expression(2);
        with_values += usize::from(check(&sql).await);
    }
    assert!(with_values > 100, "{with_values} of 200");
}
