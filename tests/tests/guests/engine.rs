//! A guest in the feature engine, and through the program.

use std::sync::Arc;

use anomal_core::{
    ExtractRequest, FeatureEngine, FeatureSettings, PlanRequest, Scope, Table,
    proto::{Column, DataType},
};
use anomal_feature::LocalFeatureEngine;
use anomal_packs::Artifact;
use anomal_spec::{Feature, PackDetails, PackSetting};
use anomal_tests::Workspace;
use polars::df;
use serde_json::json;

use crate::{support::expect_printed, wat};

const PACK: &str = "apiVersion: anomal.dev/pack/v1\nname: acme\nversion: 0.1.0\ndescription: Lengths.\n\
    world: anomal:pack@0.1.0\ncomponent: component.wasm\n";

fn folder(guest: &wat::Guest, cases: &str) -> Workspace {
    let component = guest.component();
    let files: [(&str, &[u8]); 3] = [
        ("acme/pack.yaml", PACK.as_bytes()),
        ("acme/component.wasm", &component),
        ("acme/tests/components.yaml", cases.as_bytes()),
    ];
    Workspace::with_files(&files)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metric_runs_in_the_engine() {
    let workspace = folder(&wat::length(), "[]");
    let pack = Artifact::from_folder(&workspace.path("acme")).unwrap();
    let engine = LocalFeatureEngine::default();
    let details = PackDetails {
        name: "acme".into(),
        digest: Some(pack.digest().to_string()),
        ..PackDetails::default()
    };
    let feature =
        json!({"type": "metric", "name": "acme/length", "as": "length", "dataNeeded": ["name"]});
    let settings = FeatureSettings {
        packs: vec![PackSetting::Detailed(Box::new(details))],
        features: vec![serde_json::from_value::<Feature>(feature).unwrap()],
        ..FeatureSettings::default()
    };
    let schema = vec![Column { name: "name".into(), data_type: DataType::String.into() }];
    let request = PlanRequest { settings, schema, times: Vec::new() };
    let absent = engine.plan(request.clone()).await.unwrap_err();
    assert_eq!(absent.reason, "PACK_ABSENT");
    engine.put_pack(Arc::new(pack.to_upload())).await.unwrap();
    let plan = engine.plan(request).await.unwrap();
    let frame = df!("name" => [Some("abc"), None, Some("ä")]).unwrap();
    let request = ExtractRequest {
        settings: plan.settings.as_str().into(),
        columns: plan.columns.clone(),
        scope: Scope::Row,
        table: Table::new(vec![0, 1, 2], frame).unwrap(),
    };
    let extraction = engine.extract(request).await.unwrap();
    let lengths = extraction.features.columns().column("length").unwrap();
    assert!(lengths.i64().unwrap().iter().eq([Some(3), None, Some(2)]));
}

#[test]
fn cases_of_a_guest_are_tested() {
    let cases = "- {component: length, rows: [{text: abc}, {}, {text: ä}], expect: [3, null, 2]}\n";
    let workspace = folder(&wat::length(), cases);
    expect_printed(&workspace.anomal(&["pack", "test", "acme"]), 0, &["1 passed, 0 failed"]);
    expect_printed(
        &workspace.anomal(&["pack", "show", "acme"]),
        0,
        &["length: metric of text (text)", "The component length."],
    );
    workspace.write("acme/tests/components.yaml", cases.replace("ä", "bb€").as_bytes());
    expect_printed(
        &workspace.anomal(&["pack", "test", "acme"]),
        1,
        &["row 2 gives 5, not 2", "0 passed, 1 failed"],
    );
}

#[test]
fn a_guest_with_state_fails_its_tests() {
    let mut guest = wat::length();
    guest.items = "(global $calls (mut i64) (i64.const 0))".into();
    guest.body = format!(
        "(global.set $calls (i64.add (global.get $calls) (i64.const 1))) {}",
        wat::integers("(global.get $calls)")
    );
    let workspace = folder(&guest, "- {component: length, rows: [{text: abc}], expect: [1]}\n");
    expect_printed(
        &workspace.anomal(&["pack", "test", "acme"]),
        1,
        &["a second call of the same instance has another answer"],
    );
}

#[test]
fn a_component_that_is_refused_is_an_error_of_the_settings() {
    let workspace = folder(&wat::length(), "[]");
    workspace.write("acme/component.wasm", &wat::with_import("wasi:sockets/tcp@0.2.0"));
    workspace
        .anomal(&["pack", "test", "acme"])
        .expect(2, &["it imports `wasi:sockets/tcp@0.2.0/connect`"]);
}
#[test]
fn a_job_uses_a_pack_of_a_folder() {
    let job = "input: {csv: {path: in.csv}}\npacks: [{name: acme, ref: acme}]\n\
        features: [{type: metric, name: acme/length, as: length, dataNeeded: [name]}]\n\
        outputs: [{csv: {path: out.csv, include: [features]}}]\n";
    let workspace = folder(&wat::length_unless_13("unreachable"), "[]");
    workspace.write("job.yaml", job.as_bytes());
    workspace.write("in.csv", b"name\nabc\nde\n");
    workspace.anomal(&["run", "job.yaml"]).expect(0, &[]);
    let rows = workspace.read("out.csv");
    let ends = [(1, ",3"), (2, ",2")];
    assert!(ends.iter().all(|(row, end)| rows.lines().nth(*row).unwrap().ends_with(end)), "{rows}");
    workspace.write("in.csv", b"name\nabc\nthirteen-byte\n");
    workspace
        .anomal(&["run", "job.yaml"])
        .expect(1, &["acme/length failed at row 1, \"thirteen-byte\"", "onTrap: missing"]);
    workspace.write("job.yaml", job.replace("ref: acme", "ref: acme, onTrap: missing").as_bytes());
    workspace
        .anomal(&["run", "job.yaml"])
        .expect(0, &["note: acme/length failed: row 1, \"thirteen-byte\": it stopped itself"]);
}
