//! HBOS on numbers and categories in memory, through the engine as `anomal run` calls it: a fit (with the
//! analysis), then the scores (with all contributions) in batches.
//!
//! `cargo bench -p anomal-classification --bench hbos`

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run has no result")]

use anomal_classification::LocalClassificationEngine;
use anomal_core::{
    ClassificationEngine, ClassifyRequest, Table,
    proto::{FeatureColumn, FeatureKind},
};
use anomal_spec::Classification;
use divan::{Bencher, counter::ItemsCount};
use polars::prelude::{Column, DataFrame};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use tokio::runtime::Runtime;

const FEATURES: usize = 6;
const ROWS: [usize; 2] = [200_000, 5_000_000];
/// The runner's batch size.
const BATCH: usize = 65_536;

fn main() {
    divan::main();
}

/// Sums of a few uniform numbers; every 1000th row is far off in one feature.
fn request(rows: usize) -> ClassifyRequest {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let names: Vec<String> = (0..FEATURES).map(|feature| format!("f{feature}")).collect();
    let column = |(feature, name): (usize, &String)| {
        let values: Vec<f64> = (0..rows)
            .map(|row| {
                let usual: f64 = (0..4).map(|_| random.random::<f64>()).sum();
                if row % 1000 == 0 && row % FEATURES == feature { usual + 5.0 } else { usual }
            })
            .collect();
        Column::new(name.as_str().into(), values)
    };
    let columns = names.iter().enumerate().map(column).collect();
    let feature = |name: &String| FeatureColumn {
        name: name.clone(),
        kind: FeatureKind::Numeric.into(),
        weight: 1.0,
        origin: format!("field {name}"),
        ..FeatureColumn::default()
    };
    ClassifyRequest {
        settings: Classification { engine: "HBOS".into(), ..Classification::default() },
        features: names.iter().map(feature).collect(),
        table: Table::new((0..rows as u64).collect(), DataFrame::new(rows, columns).unwrap())
            .unwrap(),
        progress: anomal_core::FitProgress::NONE,
    }
}

#[divan::bench(args = ROWS, sample_count = 5, sample_size = 1)]
fn fit(bencher: Bencher<'_, '_>, rows: usize) {
    let (runtime, engine, request) =
        (Runtime::new().unwrap(), LocalClassificationEngine::default(), request(rows));
    bencher
        .counter(ItemsCount::new(rows))
        .bench_local(|| runtime.block_on(engine.fit(request.clone())).unwrap());
}

#[divan::bench(args = ROWS, sample_count = 5, sample_size = 1)]
fn score(bencher: Bencher<'_, '_>, rows: usize) {
    let (runtime, engine, request) =
        (Runtime::new().unwrap(), LocalClassificationEngine::default(), request(rows));
    let model = runtime.block_on(engine.fit(request.clone())).unwrap().model;
    bencher.counter(ItemsCount::new(rows)).bench_local(|| {
        for start in (0..rows).step_by(BATCH) {
            let batch = request.table.slice(start, BATCH);
            divan::black_box(runtime.block_on(engine.score(&model, batch)).unwrap());
        }
    });
}
