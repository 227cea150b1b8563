//! Packs from outside of the product, registered beside the built-in ones or in their place.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anomal_components::{
    AggregationFlag, Component, ComponentRegistry, DirectFlag, Filter, FlagHits, Hit, Input,
    Inputs, Key, Metric, NoParameters, Pack, within,
};
use anomal_core::{
    Cancel, Code, Error, ExtractRequest, Extraction, FeatureEngine, FeatureSettings, PlanRequest,
    Result, Scope, Table,
    proto::{Column, DataType, Plan, component::Type},
};
use anomal_feature::{LocalFeatureEngine, builtin_components};
use polars::prelude::{AnyValue, DataFrame, df};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Above {
    /// The largest temperature that is not hit.
    max_degrees: f64,
}

impl DirectFlag for Above {
    fn hits(&self, inputs: &Inputs<'_>) -> Result<FlagHits> {
        let degrees = inputs.required(0)?.f64()?;
        let rows = degrees.iter().enumerate();
        let hit = |(row, degrees): (usize, Option<f64>)| {
            degrees.filter(|degrees| *degrees > self.max_degrees).map(|degrees| (row, degrees))
        };
        let hits = rows.filter_map(hit).map(|(row, degrees)| (row, format!("{degrees} degrees")));
        Ok(hits.collect::<Vec<Hit>>().into())
    }
}

/// Hits the rows of the sensor with the most rows.
struct Busiest;

impl AggregationFlag for Busiest {
    fn hits(&self, inputs: &Inputs<'_>, cancel: &Cancel) -> Result<FlagHits> {
        cancel.check()?;
        let sensors = inputs.dictionary(0)?;
        let mut counts = vec![0; sensors.len()];
        for code in sensors.codes() {
            counts[*code as usize] += 1;
        }
        let most = counts.iter().max().copied().unwrap_or_default();
        let rows = sensors.codes().iter().enumerate();
        let busiest = rows.filter(|(_, code)| counts[**code as usize] == most);
        let hits = busiest.map(|(row, code)| (row, sensors.value(*code).to_owned()));
        Ok(hits.collect::<Vec<Hit>>().into())
    }
}

/// Hits a row that no table has.
struct OutOfBounds;

impl DirectFlag for OutOfBounds {
    fn hits(&self, _: &Inputs<'_>) -> Result<FlagHits> {
        Ok(vec![(1_000_000, String::new())].into())
    }
}

/// Sensors are named `site-number`.
fn pack() -> Pack {
    let site = Key::new(|sensor| Some(sensor.split('-').next()?.into()));
    let sites = site.clone();
    let sensor = || [Input::text("sensor")];
    Pack::new(
        "sensors",
        [
            Component::metric(
                "site_length",
                "The length of the site's name.",
                sensor(),
                move |NoParameters {}| {
                    Ok(Metric::key(&site, |site| i64::try_from(site.len()).ok()))
                },
            )
            .with_alias("site_size"),
            Component::metric(
                "fahrenheit",
                "A temperature in degrees Fahrenheit.",
                [Input::number("celsius")],
                |NoParameters {}| {
                    Ok(Metric::<f64>::column(|celsius| {
                        let converted =
                            celsius.f64()?.iter().map(|value| Some(value? * 1.8 + 32.0));
                        Ok(polars::prelude::Column::new("".into(), converted.collect::<Vec<_>>()))
                    }))
                },
            ),
            Component::filter(
                "remove_site",
                "Removes the rows of a test site.",
                sensor(),
                move |NoParameters {}| Ok(Filter::key(&sites, |site| site == "test")),
            ),
            Component::direct_flag(
                "too_hot",
                "A temperature above `maxDegrees`.",
                [Input::number("celsius")],
                |above: Above| {
                    within("maxDegrees", above.max_degrees, -273.15..)?;
                    Ok(above)
                },
            ),
            Component::aggregation_flag(
                "busiest",
                "The sensor with the most rows.",
                sensor(),
                |NoParameters {}| Ok(Busiest),
            ),
            Component::direct_flag("out_of_bounds", "A wrong flag.", sensor(), |NoParameters {}| {
                Ok(OutOfBounds)
            }),
        ],
    )
}

fn engine(packs: impl IntoIterator<Item = Pack>) -> LocalFeatureEngine {
    let mut components = builtin_components();
    packs.into_iter().for_each(|pack| components.register(pack).unwrap());
    LocalFeatureEngine::with_components(components)
}

fn request(settings: serde_json::Value) -> PlanRequest {
    let settings: FeatureSettings = serde_json::from_value(settings).unwrap();
    let column =
        |name: &str, data_type: DataType| Column { name: name.into(), data_type: data_type.into() };
    let schema = vec![column("sensor", DataType::String), column("celsius", DataType::Float)];
    PlanRequest { settings, schema, times: Vec::new() }
}

async fn extract(engine: &LocalFeatureEngine, plan: &Plan, scope: Scope) -> Result<Extraction> {
    let columns = df!(
        "sensor" => ["north-1", "test-1", "south-1", "north-1"],
        "celsius" => [Some(20.0), Some(90.0), Some(95.0), None],
    )
    .unwrap();
    let names = plan.columns.iter().map(|column| column.name.as_str());
    let table = Table::new(vec![10, 20, 30, 40], columns.select(names).unwrap()).unwrap();
    let (settings, columns) = (plan.settings.as_str().into(), plan.columns.clone());
    engine.extract(ExtractRequest { settings, columns, scope, table }).await
}

fn cells(frame: &DataFrame, column: &str) -> Vec<String> {
    let cell =
        |value: AnyValue<'_>| value.get_str().map_or_else(|| value.to_string(), str::to_owned);
    frame.column(column).unwrap().as_materialized_series().iter().map(cell).collect()
}

async fn refusal(engine: &LocalFeatureEngine, settings: serde_json::Value) -> Error {
    engine.plan(request(settings)).await.unwrap_err()
}

#[tokio::test]
async fn a_registered_pack_is_listed_planned_and_run() {
    let engine = engine([pack()]);
    let listed = engine.list_components().await.unwrap();
    assert_eq!(listed.first().map(|component| component.pack.as_str()), Some("dns"));
    let of_pack: Vec<_> = listed.iter().filter(|component| component.pack == "sensors").collect();
    assert_eq!(of_pack.len(), 6);
    let (length, hot) = (of_pack[0], of_pack[3]);
    assert_eq!((length.r#type(), length.output()), (Type::Metric, DataType::Integer));
    assert_eq!((hot.r#type(), hot.output()), (Type::FlagDirect, DataType::Unspecified));
    let schema: serde_json::Value = serde_json::from_str(&hot.parameters_schema).unwrap();
    assert_eq!(schema["required"], json!(["maxDegrees"]));

    let settings = json!({
        "packs": ["sensors"],
        "filters": [{"name": "remove_site", "dataNeeded": ["sensor"]}],
        "features": [
            {"type": "metric", "name": "site_size", "dataNeeded": ["sensor"], "as": "site"},
            {"type": "metric", "name": "sensors/fahrenheit", "dataNeeded": ["celsius"], "as": "f"},
        ],
        "flags": [
            {"type": "direct", "name": "too_hot", "dataNeeded": ["celsius"], "params": {"maxDegrees": 50}},
            {"type": "aggregation", "name": "busiest", "params": {"sensor": "sensor"}},
        ],
    });
    let plan = engine.plan(request(settings)).await.unwrap();
    let rows = extract(&engine, &plan, Scope::Row).await.unwrap();
    assert_eq!(rows.removed.rows(), [20]);
    assert_eq!(cells(rows.features.columns(), "site"), ["5", "5", "5"]);
    assert_eq!(cells(rows.features.columns(), "f"), ["68.0", "203.0", "null"]);
    assert_eq!(rows.hits.rows(), [30]);
    assert_eq!(cells(rows.hits.columns(), "value"), ["95 degrees"]);
    let whole = extract(&engine, &plan, Scope::Global).await.unwrap();
    assert_eq!(whole.hits.rows(), [10, 40]);
    assert_eq!(cells(whole.hits.columns(), "value"), ["north-1", "north-1"]);

    // An engine without the pack refuses the plan.
    let other = LocalFeatureEngine::default();
    let error = extract(&other, &plan, Scope::Row).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::InvalidSettings, "PACK_UNKNOWN"));
}

#[tokio::test]
async fn errors_of_registered_components_have_paths() {
    let engine = engine([pack()]);
    let metric = |name: &str| json!({"packs": ["sensors"], "features": [{"type": "metric", "name": name, "dataNeeded": ["sensor"]}]});
    let flag = |parameters: serde_json::Value| {
        json!({"packs": ["sensors"], "flags": [
            {"type": "direct", "name": "too_hot", "dataNeeded": ["celsius"], "params": parameters}
        ]})
    };
    let cases = [
        (
            metric("site_lenght"),
            "COMPONENT_UNKNOWN",
            "features[0].name",
            "did you mean `site_length`?",
        ),
        (
            metric("busiest"),
            "COMPONENT_TYPE",
            "features[0].name",
            "is a aggregation flag and no metric",
        ),
        (metric("fahrenheit"), "TYPE_MISMATCH", "features[0].dataNeeded", "fahrenheit needs"),
        (
            flag(json!({})),
            "PARAMETER_MISSING",
            "flags[0].params",
            "needs the parameter `maxDegrees`",
        ),
        (
            flag(json!({"maxDegrees": -300})),
            "PARAMETER_INVALID",
            "flags[0].params.maxDegrees",
            "is not -273.15 or more",
        ),
        (
            flag(json!({"maxDegrees": "x"})),
            "PARAMETER_INVALID",
            "flags[0].params.maxDegrees",
            "invalid type",
        ),
        (json!({"packs": ["sensor"]}), "PACK_UNKNOWN", "packs[0]", "did you mean `sensors`?"),
    ];
    for (settings, reason, path, message) in cases {
        let error = refusal(&engine, settings).await;
        assert_eq!((error.code, error.reason.as_str()), (Code::InvalidSettings, reason), "{error}");
        assert_eq!(error.violations[0].path, path);
        assert!(error.message.contains(message), "{error}");
    }
    let settings = json!({"packs": ["sensors"], "flags": [
        {"type": "direct", "name": "out_of_bounds", "dataNeeded": ["sensor"]}
    ]});
    let plan = engine.plan(request(settings)).await.unwrap();
    let error = extract(&engine, &plan, Scope::Row).await.unwrap_err();
    assert_eq!(error.code, Code::Internal, "{error}");
}

#[tokio::test]
async fn two_versions_of_a_pack_stand_side_by_side() {
    let next = Pack::new(
        "sensors-2",
        [Component::metric(
            "site_length",
            "One more than the length of the site's name.",
            [Input::text("sensor")],
            |NoParameters {}| Ok(Metric::text(|sensor| i64::try_from(sensor.len() + 1).ok())),
        )],
    );
    let engine = engine([pack(), next, pack().with_name("sensors-old")]);
    let feature = |packs: &[&str], name: &str| json!({"packs": packs, "features": [{"type": "metric", "name": name, "dataNeeded": ["sensor"]}]});
    let first = async |settings: serde_json::Value| {
        let plan = engine.plan(request(settings)).await.unwrap();
        let extraction = extract(&engine, &plan, Scope::Row).await.unwrap();
        cells(extraction.features.columns(), &plan.features[0].name)[0].clone()
    };
    // The packs that are listed decide, or the name of a pack before the component's.
    assert_eq!(first(feature(&["sensors"], "site_length")).await, "5");
    assert_eq!(first(feature(&["sensors-2"], "site_length")).await, "8");
    let both = ["sensors", "sensors-2"];
    assert_eq!(first(feature(&both, "sensors-2/site_length")).await, "8");
    assert_eq!(first(feature(&both, "sensors/site_length")).await, "5");
    assert_eq!(first(feature(&both, "sensors/site_size")).await, "5");
    assert_eq!(first(feature(&both, "site_size")).await, "5");

    let error = refusal(&engine, feature(&both, "site_length")).await;
    assert_eq!(error.reason, "COMPONENT_AMBIGUOUS");
    assert_eq!(error.violations[0].path, "features[0].name");
    assert!(
        error.message.contains("write `sensors/site_length` or `sensors-2/site_length`"),
        "{error}"
    );
    let error = refusal(&engine, feature(&["sensors"], "sensors-2/site_length")).await;
    assert_eq!(error.reason, "PACK_MISSING");
    assert!(error.message.contains("packs: [sensors-2]"), "{error}");
}

#[tokio::test]
async fn a_pack_may_need_no_entry() {
    let always = pack().with_name("always").always_enabled();
    let listed = Pack::new(
        "listed",
        [Component::metric(
            "site_length",
            "One more than the length of the site's name.",
            [Input::text("sensor")],
            |NoParameters {}| Ok(Metric::text(|sensor| i64::try_from(sensor.len() + 1).ok())),
        )],
    );
    let engine = engine([always, listed]);
    let first = async |packs: &[&str], name: &str| {
        let settings = json!({"packs": packs, "features": [{"type": "metric", "name": name, "dataNeeded": ["sensor"]}]});
        let plan = engine.plan(request(settings)).await.unwrap();
        let extraction = extract(&engine, &plan, Scope::Row).await.unwrap();
        cells(extraction.features.columns(), &plan.features[0].name)[0].clone()
    };
    assert_eq!(first(&[], "site_length").await, "5");
    // A listed pack takes precedence, so that a new component breaks no job.
    assert_eq!(first(&["listed"], "site_length").await, "8");
    assert_eq!(first(&["listed"], "always/site_length").await, "5");
}

#[test]
fn a_name_is_registered_once() {
    let mut components = builtin_components();
    let error = components.register(pack().with_name("dns")).unwrap_err();
    assert_eq!(error.to_string(), "`dns` is registered twice");
    let mut components = ComponentRegistry::default();
    components.register(pack().with_name("dns")).unwrap();
    assert_eq!(components.find("too_hot").len(), 1);
}
