//! The paths in settings, all in one place, for whoever has to resolve them.

use crate::AnomalyJobSpec;

/// Calls `visit` with each path to a file or folder and its place; `-` is none.
pub fn visit_paths(spec: &mut AnomalyJobSpec, visit: &mut dyn FnMut(&str, &mut String)) {
    let mut visit = |place: &str, path: &mut String| {
        if path != "-" {
            visit(place, path);
        }
    };
    let input = &mut spec.input;
    if let Some(csv) = &mut input.csv {
        visit("input.csv.path", &mut csv.path);
    }
    if let Some(parquet) = &mut input.parquet {
        visit("input.parquet.path", &mut parquet.path);
    }
    if let Some(ndjson) = &mut input.ndjson {
        visit("input.ndjson.path", &mut ndjson.path);
    }
    for (index, output) in spec.outputs.iter_mut().enumerate() {
        if let Some(csv) = &mut output.csv {
            visit(&format!("outputs[{index}].csv.path"), &mut csv.path);
        }
        if let Some(parquet) = &mut output.parquet {
            visit(&format!("outputs[{index}].parquet.path"), &mut parquet.path);
        }
        if let Some(ndjson) = &mut output.ndjson {
            visit(&format!("outputs[{index}].ndjson.path"), &mut ndjson.path);
        }
    }
    if let Some(dead_letter) = &mut spec.dead_letter {
        visit("deadLetter.path", &mut dead_letter.path);
    }
    if let Some(classification) = &mut spec.classification {
        let model = classification.model.as_mut();
        if let Some(file) = model.and_then(|model| model.save.as_mut().or(model.load.as_mut())) {
            visit("classification.model", file);
        }
        if let Some(ca) = classification.tls.as_mut().and_then(|tls| tls.ca.as_mut()) {
            visit("classification.tls.ca", ca);
        }
    }
    let engines = spec.engines.iter_mut();
    for (name, engine) in engines.flat_map(|engines| {
        [
            ("feature", &mut engines.feature),
            ("classification", &mut engines.classification),
            ("report", &mut engines.report),
        ]
    }) {
        let tls = engine.as_mut().and_then(|engine| engine.tls.as_mut());
        if let Some(ca) = tls.and_then(|tls| tls.ca.as_mut()) {
            visit(&format!("engines.{name}.tls.ca"), ca);
        }
    }
}
