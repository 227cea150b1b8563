//! Metrics of a pack of WebAssembly against those in the binary, over 1,000,000 distinct names, through the engine as
//! `anomal run` calls it; and the time to load a component.
//!
//! `ANOMAL_BENCH_GUEST`: the component of sdk/rust/example, or another with `name_length` and `name_entropy`. See
//! docs/benchmarks.md for the commands.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that fails has no result")]

use std::{fs, sync::Arc};

use anomal_core::{
    ExtractRequest, FeatureEngine, FeatureSettings, PlanRequest, Scope, Table,
    proto::{Column, DataType},
};
use anomal_feature::LocalFeatureEngine;
use anomal_pack_host::{Host, HostLimits};
use anomal_packs::Artifact;
use anomal_spec::{PackDetails, PackSetting};
use divan::{Bencher, counter::ItemsCount};
use polars::prelude::{DataFrame, IntoColumn, NewChunkedArray, StringChunked};
use tokio::runtime::Runtime;

const NAMES: usize = 1_000_000;

fn main() {
    if std::env::var_os("ANOMAL_BENCH_GUEST").is_some() {
        divan::main();
    }
}

fn guest() -> Vec<u8> {
    let path = std::env::var("ANOMAL_BENCH_GUEST").unwrap();
    fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn table() -> Table {
    let name = |row: usize| {
        let mixed = (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{:x}.host{row}.example.com", mixed >> 40)
    };
    let names: Vec<String> = (0..NAMES).map(name).collect();
    let names = StringChunked::from_iter_values("name".into(), names.iter().map(String::as_str));
    let frame = DataFrame::new(NAMES, vec![names.into_column()]).unwrap();
    Table::new((0..NAMES as u64).collect(), frame).unwrap()
}

fn metric(bencher: Bencher<'_, '_>, component: &str) {
    let engine = LocalFeatureEngine::default();
    let runtime = Runtime::new().unwrap();
    let mut packs = vec![PackSetting::from("dns")];
    if component.starts_with("guest/") {
        let pack = Artifact::from_component(guest()).unwrap();
        runtime.block_on(engine.put_pack(Arc::new(pack.to_upload()))).unwrap();
        let digest = Some(pack.digest().to_string());
        let details = PackDetails { name: "guest".into(), digest, ..PackDetails::default() };
        packs.push(PackSetting::Detailed(Box::new(details)));
    }
    let feature = serde_json::json!({"type": "metric", "name": component, "dataNeeded": ["name"]});
    let features = vec![serde_json::from_value(feature).unwrap()];
    let settings = FeatureSettings { packs, features, ..FeatureSettings::default() };
    let schema = vec![Column { name: "name".into(), data_type: DataType::String.into() }];
    let request = PlanRequest { settings, schema, times: Vec::new() };
    let plan = runtime.block_on(engine.plan(request)).unwrap();
    let table = table();
    bencher.counter(ItemsCount::new(NAMES)).bench(|| {
        let request = ExtractRequest {
            settings: plan.settings.as_str().into(),
            columns: plan.columns.clone(),
            scope: Scope::Row,
            table: table.clone(),
        };
        runtime.block_on(engine.extract(request)).unwrap()
    });
}

#[divan::bench(args = ["dns/hostname_length", "guest/name_length"])]
fn length(bencher: Bencher<'_, '_>, component: &str) {
    metric(bencher, component);
}

#[divan::bench(args = ["dns/hostname_entropy", "guest/name_entropy"])]
fn entropy(bencher: Bencher<'_, '_>, component: &str) {
    metric(bencher, component);
}

#[divan::bench]
fn load(bencher: Bencher<'_, '_>) {
    let host = Host::new(HostLimits { cache: None, ..HostLimits::default() }).unwrap();
    let guest = guest();
    bencher.bench(|| host.load(&guest).unwrap());
}

#[divan::bench]
fn load_from_cache(bencher: Bencher<'_, '_>) {
    let folder = std::env::temp_dir().join(format!("anomal-bench-{}", std::process::id()));
    let limits = HostLimits { cache: Some(folder.join("compiled")), ..HostLimits::default() };
    let (host, guest) = (Host::new(limits).unwrap(), guest());
    host.load(&guest).unwrap();
    bencher.bench(|| host.load(&guest).unwrap());
    let _ = fs::remove_dir_all(folder);
}
