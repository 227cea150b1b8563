//! Gower on numbers and categories in memory, all rows distinct, through the engine as `anomal run` calls
//! it: scores, clusters, map and analysis.
//!
//! `cargo bench -p anomal-classification --bench gower`
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

/// The first two with all pairs, the last by representatives.
const ROWS: [usize; 3] = [4_000, 20_000, 200_000];

fn main() {
    divan::main();
}

/// Four features of numbers and two of categories; every 1000th row is far off in one of the numbers.
fn request(rows: usize) -> ClassifyRequest {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut columns = Vec::new();
    for feature in 0..4 {
        let values: Vec<f64> = (0..rows)
            .map(|row| {
                let usual: f64 = (0..4).map(|_| random.random::<f64>()).sum();
                if row % 1000 == 0 && row / 1000 % 4 == feature { usual + 5.0 } else { usual }
            })
            .collect();
        columns.push(Column::new(format!("n{feature}").as_str().into(), values));
    }
    for (feature, levels) in [5, 12].into_iter().enumerate() {
        let values: Vec<String> =
            (0..rows).map(|_| random.random_range(0..levels).to_string()).collect();
        columns.push(Column::new(format!("c{feature}").as_str().into(), values));
    }
    let feature = |column: &Column| FeatureColumn {
        name: column.name().to_string(),
        kind: if column.name().starts_with('n') {
            FeatureKind::Numeric.into()
        } else {
            FeatureKind::Categorical.into()
        },
        weight: 1.0,
        origin: format!("field {}", column.name()),
        ..FeatureColumn::default()
    };
    ClassifyRequest {
        settings: Classification { engine: "Gower".into(), ..Classification::default() },
        features: columns.iter().map(feature).collect(),
        table: Table::new((0..rows as u64).collect(), DataFrame::new(rows, columns).unwrap())
            .unwrap(),
        progress: anomal_core::FitProgress::NONE,
    }
}

#[divan::bench(args = ROWS, sample_count = 3, sample_size = 1)]
fn classify(bencher: Bencher<'_, '_>, rows: usize) {
    let (runtime, engine, request) =
        (Runtime::new().unwrap(), LocalClassificationEngine::default(), request(rows));
    bencher
        .counter(ItemsCount::new(rows))
        .bench_local(|| runtime.block_on(engine.classify(request.clone())).unwrap());
}
