//! Model files: loaded and used, or refused.
#![no_main]

use anomal_classification::{LocalClassificationEngine, Options};
use anomal_core::{
    ClassificationEngine, ClassifyRequest, Model, Table,
    proto::{FeatureColumn, FeatureKind},
};
use anomal_fuzz::{block_on, write_seed};
use libfuzzer_sys::fuzz_target;
use polars::prelude::{Column, DataFrame};
use xxhash_rust::xxh3::xxh3_64;

/// The magic bytes, the checksum and the length of the header.
const FRAME: usize = 8 + 8 + 4;

fn table() -> Table {
    let columns = vec![
        Column::new("a".into(), [Some(1.0), None, Some(-3.0)]),
        Column::new("b".into(), [Some("x"), Some("y"), None]),
    ];
    let columns = DataFrame::new(3, columns).expect("columns");
    Table::new(vec![0, 1, 2], columns).expect("a table")
}

/// Writes a model of each detector, with its header and body on a line each.
fn write_seeds() {
    let engine = LocalClassificationEngine::new(Options::default());
    let feature = |name: &str, kind: FeatureKind| FeatureColumn {
        name: name.into(),
        kind: kind.into(),
        weight: 1.0,
        ..FeatureColumn::default()
    };
    for detector in block_on(engine.list_detectors()).unwrap_or_default() {
        let settings = serde_json::json!({"engine": detector.name});
        let request = ClassifyRequest {
            settings: serde_json::from_value(settings).expect("settings"),
            features: vec![
                feature("a", FeatureKind::Numeric),
                feature("b", FeatureKind::Categorical),
            ],
            table: table(),
            progress: anomal_core::FitProgress::NONE,
        };
        let Some(fitted) = block_on(engine.fit(request)) else { continue };
        let bytes = fitted.model.bytes();
        let length = u32::from_le_bytes(bytes[16..FRAME].try_into().expect("four bytes"));
        let (header, body) = bytes[FRAME..].split_at(length as usize);
        write_seed(&detector.name, &[header, b"\n", body].concat());
    }
}

fuzz_target!(init: write_seeds(), |bytes: &[u8]| {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let (header, body) = (&bytes[..end], &bytes[end + 1..]);
    // With a valid frame: otherwise the checksum refuses nearly all inputs.
    let length = u32::try_from(header.len()).unwrap_or(0).to_le_bytes();
    let rest = [&length, header, body].concat();
    let file = [b"ANOMALM2".as_slice(), &xxh3_64(&rest).to_le_bytes(), &rest].concat();
    let engine = LocalClassificationEngine::new(Options::default());
    if let Some(scored) = block_on(engine.score(&Model::new(file), table())) {
        assert_eq!(scored.rows.height(), 3);
    }
});
