//! Model files: written after fitting, read to score by.
//!
//! Eight bytes that name the format and its version, a checksum of the rest, then a `SavedModel`
//! (proto/anomal/v1/model.proto). There is no code in it.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

use anomal_connectors::write_file;
use anomal_core::{
    Error, FittedModel, Model, Result, Table, column_of_view,
    proto::{Analysis, Column, DataType, Detector, FeatureColumn, Plan, SavedModel},
};
use prost::Message;
use xxhash_rust::xxh3::xxh3_64;

use crate::drift::distributions;

const MAGIC: &[u8; 8] = b"ANOMALF1";
/// An engine's model has at most 1 GiB, the rest is small.
const MAX_BYTES: u64 = (1 << 30) + (64 << 20);

const SAVE: &str = "classification.model.save";
const LOAD: &str = "classification.model.load";

/// The model of a fit of `table`, with what a later run needs of those rows.
pub(crate) fn from_fit(
    engine: &str,
    fitted: &FittedModel,
    plan: &Plan,
    table: &Table,
) -> Result<SavedModel> {
    let features = &plan.features;
    let is_column = |column: &&Column| column_of_view(&column.name) == column.name;
    Ok(SavedModel {
        engine: engine.to_owned(),
        model: fitted.model.bytes().clone(),
        features: features.clone(),
        columns: plan.columns.iter().filter(is_column).cloned().collect(),
        summaries: fitted.analysis.features.clone(),
        distributions: distributions(features, table.columns())?,
        rows: table.height() as u64,
        threshold: fitted.analysis.threshold.clone(),
    })
}

/// # Errors
/// `Output`.
pub(crate) fn write(path: &Path, model: &SavedModel) -> Result<()> {
    write_file(path, &encode(model))
}

/// The bytes of a model file.
pub(crate) fn encode(model: &SavedModel) -> Vec<u8> {
    let rest = model.encode_to_vec();
    [MAGIC.as_slice(), &xxh3_64(&rest).to_le_bytes(), &rest].concat()
}

/// The model of a stream's state.
///
/// # Errors
/// `Internal` if it is damaged.
pub(crate) fn decode(bytes: &[u8]) -> Result<SavedModel> {
    parse(bytes).map_err(|why| Error::internal(format!("the model of the state: {why}")))
}

/// # Errors
/// `InvalidSettings` if it can't be read, is not a model, is damaged or from another version.
pub(crate) fn read(path: &Path) -> Result<SavedModel> {
    let refused = |why: String| {
        Error::settings(LOAD, "MODEL_INVALID", format!("cannot use {}: {why}", path.display()))
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| refused(error.to_string()))?;
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| refused(error.to_string()))?;
    parse(&bytes).map_err(refused)
}

fn parse(bytes: &[u8]) -> Result<SavedModel, String> {
    let whole = bytes.split_first_chunk::<8>();
    let Some((magic, rest)) = whole.filter(|(magic, _)| magic[..7] == MAGIC[..7]) else {
        return Err("it is not a model file of Anomal".into());
    };
    if magic != MAGIC {
        return Err("it was written by another version of Anomal; fit the model again".into());
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("it is larger than {} MiB", MAX_BYTES >> 20));
    }
    let sound = rest
        .split_first_chunk::<8>()
        .filter(|(checksum, rest)| xxh3_64(rest) == u64::from_le_bytes(**checksum));
    let Some((_, rest)) = sound else {
        return Err("it is damaged: its checksum does not match".into());
    };
    SavedModel::decode(rest).map_err(|error| format!("it is damaged: {error}"))
}

/// Checks that a model was fitted by these settings.
///
/// # Errors
/// `InvalidSettings` with what differs.
pub(crate) fn check(model: &SavedModel, engine: &str, features: &[FeatureColumn]) -> Result<()> {
    if model.engine != engine {
        let message =
            format!("the model was fitted by {}, and the job asks for {engine}", model.engine);
        return Err(Error::settings("classification.engine", "MODEL_OF_ANOTHER_ENGINE", message));
    }
    let columns = |features: &[FeatureColumn]| -> Vec<(String, i32)> {
        features.iter().map(|feature| (feature.name.clone(), feature.kind)).collect()
    };
    if columns(&model.features) == columns(features) {
        return Ok(());
    }
    let names = |features: &[FeatureColumn]| -> String {
        let names = features.iter().map(|feature| {
            format!("{} ({})", feature.name, feature.kind().as_str_name().to_lowercase())
        });
        names.collect::<Vec<_>>().join(", ").replace("feature_kind_", "")
    };
    let message = format!(
        "the model was fitted on the features {}; this job computes {}",
        names(&model.features),
        names(features)
    );
    Err(Error::settings(LOAD, "MODEL_OF_OTHER_FEATURES", message))
}

/// The part of an analysis that needs none of the rows that it was fitted on.
pub(crate) fn analysis(model: &SavedModel) -> Analysis {
    Analysis {
        detector: model.engine.clone(),
        rows: model.rows,
        threshold: model.threshold.clone(),
        features: model.summaries.clone(),
        ..Analysis::default()
    }
}

/// The types of the columns that it was fitted on.
pub(crate) fn column_types(model: &SavedModel) -> BTreeMap<String, DataType> {
    model.columns.iter().map(|column| (column.name.clone(), column.data_type())).collect()
}

pub(crate) fn engine_model(model: &SavedModel) -> Model {
    Model::new(model.model.clone())
}

/// # Errors
/// `InvalidSettings`, with the detectors that have one.
pub(crate) fn no_model(engine: &str, detectors: &[Detector]) -> Error {
    let row_wise = detectors.iter().filter(|known| known.row_wise);
    let names: Vec<&str> = row_wise.map(|known| known.name.as_str()).collect();
    let message = format!(
        "{engine} has no model to save: its scores need all rows at once; {} have one",
        names.join(", ")
    );
    Error::settings(SAVE, "DETECTOR_NOT_ROW_WISE", message)
}

#[cfg(test)]
mod tests {
    use anomal_core::Code;

    use super::*;

    fn model() -> SavedModel {
        SavedModel {
            engine: "HBOS".into(),
            model: vec![7; 300].into(),
            features: vec![FeatureColumn { name: "a".into(), kind: 1, ..FeatureColumn::default() }],
            rows: 12,
            ..SavedModel::default()
        }
    }

    #[test]
    fn damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.anomal");
        write(&path, &model()).unwrap();
        assert_eq!(read(&path).unwrap(), model());
        let bytes = std::fs::read(&path).unwrap();
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert!(parse(&damaged).is_err(), "byte {place}");
            assert!(parse(&bytes[..place]).is_err(), "cut at {place}");
        }
        // A good checksum does not make it a model.
        let junk = [MAGIC.as_slice(), &xxh3_64(&[255; 40]).to_le_bytes(), &[255; 40]].concat();
        assert!(parse(&junk).unwrap_err().contains("damaged"));
    }

    #[test]
    fn other_features_and_engines_are_errors() {
        let feature = |name: &str, kind| FeatureColumn {
            name: name.into(),
            kind,
            ..FeatureColumn::default()
        };
        assert!(check(&model(), "HBOS", &[feature("a", 1)]).is_ok());
        let error = check(&model(), "HBOS", &[feature("a", 2)]).unwrap_err();
        assert_eq!((error.code, error.violations[0].path.as_str()), (Code::InvalidSettings, LOAD));
        assert!(
            error.message.contains("a (numeric); this job computes a (categorical)"),
            "{error}"
        );
        let error = check(&model(), "ECOD", &[feature("a", 1)]).unwrap_err();
        assert_eq!(error.violations[0].path, "classification.engine");
    }
}
