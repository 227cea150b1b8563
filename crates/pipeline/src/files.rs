//! Checks of paths before any work.

use std::path::{Path, PathBuf};

use anomal_core::{Error, Result};
use anomal_spec::AnomalyJobSpec;

/// The paths that a job writes, with their places in the settings.
pub(crate) fn targets(spec: &AnomalyJobSpec) -> Vec<(String, &Path)> {
    let outputs = spec.outputs.iter().enumerate().filter_map(|(index, output)| {
        let (driver, path) = if let Some(csv) = &output.csv {
            ("csv", &csv.path)
        } else if let Some(parquet) = &output.parquet {
            ("parquet", &parquet.path)
        } else if let Some(ndjson) = &output.ndjson {
            ("ndjson", &ndjson.path)
        } else {
            return None;
        };
        (path != "-").then(|| (format!("outputs[{index}].{driver}.path"), Path::new(path)))
    });
    let dead_letter = spec.dead_letter.as_ref();
    let dead_letter = dead_letter.map(|file| ("deadLetter.path".to_owned(), Path::new(&file.path)));
    let model = spec.classification.as_ref().and_then(|known| known.model.as_ref());
    let model = model.and_then(|model| model.save.as_deref());
    let model = model.map(|file| ("classification.model.save".to_owned(), Path::new(file)));
    outputs.chain(dead_letter).chain(model).collect()
}

/// No output may be one of the files read: a run must never destroy its input.
///
/// # Errors
/// `InvalidSettings` with the output's path.
pub(crate) fn differ(targets: &[(String, &Path)], inputs: &[PathBuf]) -> Result<()> {
    let inputs: Vec<PathBuf> = inputs.iter().filter_map(|path| path.canonicalize().ok()).collect();
    for (place, target) in targets {
        if target.canonicalize().is_ok_and(|target| inputs.contains(&target)) {
            return Err(Error::settings(
                place.clone(),
                "OUTPUT_IS_INPUT",
                format!("{} is the input itself; name another file", target.display()),
            ));
        }
    }
    Ok(())
}

/// The folder of the first file written, where temporary files go too: it is the one place that is
/// known to be meant for large files.
pub(crate) fn spool_folder(targets: &[(String, &Path)]) -> PathBuf {
    let folder = targets.first().and_then(|(_, path)| path.parent());
    match folder {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) => folder.to_owned(),
        None => std::env::temp_dir(),
    }
}

/// Where rejected records go: as the settings say, else `<job>.rejected.ndjson` beside the first file
/// output, or in the working directory.
pub(crate) fn dead_letter(spec: &AnomalyJobSpec, job: &str) -> PathBuf {
    if let Some(file) = &spec.dead_letter {
        return PathBuf::from(&file.path);
    }
    let name = format!("{job}.rejected.ndjson");
    let targets = targets(spec);
    let folder = targets.first().and_then(|(_, path)| path.parent());
    folder.map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name))
}
