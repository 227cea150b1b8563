//! Model files: read and used, or refused.
#![no_main]

use anomal_classification::{LocalClassificationEngine, Options};
use anomal_core::{
    ClassificationEngine, ClassifyRequest, Model, Table,
    proto::{FeatureColumn, FeatureKind},
};
use anomal_fuzz::{answer, seed};
use libfuzzer_sys::fuzz_target;
use polars::prelude::{Column, DataFrame};
use xxhash_rust::xxh3::xxh3_64;

/// What names the format, and the checksum and the length behind it.
const FRAME: usize = 8 + 8 + 4;

fn table() -> Table {
    let columns = vec![
        Column::new("a".into(), [Some(1.0), None, Some(-3.0)]),
        Column::new("b".into(), [Some("x"), Some("y"), None]),
    ];
    let columns = DataFrame::new(3, columns).expect("columns");
    Table::new(vec![0, 1, 2], columns).expect("a table")
}

/// A model of each detector, its header and its body a line each.
fn seeds() {
    let engine = LocalClassificationEngine::new(Options::default());
    let feature = |name: &str, kind: FeatureKind| FeatureColumn {
        name: name.into(),
        kind: kind.into(),
        weight: 1.0,
        origin: String::new(),
    };
    for detector in answer(engine.list_detectors()).unwrap_or_default() {
        let settings = serde_json::json!({"engine": detector.name});
        let request = ClassifyRequest {
            settings: serde_json::from_value(settings).expect("settings"),
            features: vec![
                feature("a", FeatureKind::Numeric),
                feature("b", FeatureKind::Categorical),
            ],
            table: table(),
        };
        let Some(fitted) = answer(engine.fit(request)) else { continue };
        let bytes = &fitted.model.0;
        let length = u32::from_le_bytes(bytes[16..FRAME].try_into().expect("four bytes"));
        let (header, body) = bytes[FRAME..].split_at(length as usize);
        seed(&detector.name, &[header, b"\n", body].concat());
    }
}

fuzz_target!(init: seeds(), |bytes: &[u8]| {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let (header, body) = (&bytes[..end], &bytes[end + 1..]);
    // As a file whose frame is right, or the checksum would refuse nearly all.
    let length = u32::try_from(header.len()).unwrap_or(0).to_le_bytes();
    let rest = [&length, header, body].concat();
    let file = [b"ANOMALM1".as_slice(), &xxh3_64(&rest).to_le_bytes(), &rest].concat();
    let engine = LocalClassificationEngine::new(Options::default());
    if let Some(scored) = answer(engine.score(&Model(file.into()), table())) {
        assert_eq!(scored.rows.height(), 3);
    }
});
