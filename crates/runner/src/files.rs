//! Checks of paths before any work.

use std::path::{Path, PathBuf};

use anomal_core::{Error, Result};
use anomal_spec::{AnomalyJobSpec, Auth, Output, OutputDriver, is_url};

/// The paths that a job writes, with their places in the settings.
pub(crate) fn targets(spec: &AnomalyJobSpec) -> Vec<(String, &Path)> {
    let drivers = || {
        let drivers = spec.outputs.iter().map(Output::driver).enumerate();
        drivers.filter_map(|(index, driver)| Some((index, driver?)))
    };
    let outputs = drivers().filter_map(|(index, driver)| {
        let path = driver.path().filter(|path| *path != "-")?;
        Some((format!("outputs[{index}].{}.path", driver.name()), Path::new(path)))
    });
    let refused = drivers().filter_map(|(index, driver)| {
        let file = driver.dead_letter()?;
        let place = format!("outputs[{index}].{}.deadLetter.path", driver.name());
        Some((place, Path::new(&file.path)))
    });
    let dead_letter = spec.dead_letter.as_ref();
    let dead_letter = dead_letter.map(|file| ("deadLetter.path".to_owned(), Path::new(&file.path)));
    let model = spec.classification.as_ref().and_then(|known| known.model.as_ref());
    let model = model.and_then(|model| model.save.as_deref());
    let model = model.map(|file| ("classification.model.save".to_owned(), Path::new(file)));
    outputs.chain(refused).chain(dead_letter).chain(model).collect()
}

/// No output may be one of the files read: a run must never destroy its input.
///
/// # Errors
/// `InvalidSettings` with the output's path.
pub(crate) fn differ(targets: &[(String, &Path)], inputs: &[PathBuf]) -> Result<()> {
    let objects: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
    let inputs: Vec<PathBuf> = inputs.iter().filter_map(|path| path.canonicalize().ok()).collect();
    for (place, target) in targets {
        let object = is_url(&target.to_string_lossy()) && objects.contains(target);
        if object || target.canonicalize().is_ok_and(|target| inputs.contains(&target)) {
            return Err(Error::settings(
                place.clone(),
                "OUTPUT_IS_INPUT",
                format!("{} is the input itself; name another file", target.display()),
            ));
        }
    }
    Ok(())
}

/// Where rows are spilled: the folder of the first file written, the one place that is meant for large files.
pub(crate) fn spill_folder(targets: &[(String, &Path)]) -> PathBuf {
    let file = targets.iter().find(|(_, path)| !is_url(&path.to_string_lossy()));
    match file.and_then(|(_, path)| path.parent()) {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) => folder.to_owned(),
        None => std::env::temp_dir(),
    }
}

/// Where rejected records go: as the settings say, else `<job>.rejected.ndjson` beside the first file
/// output (and entered as that is), or in the working directory.
pub(crate) fn dead_letter(spec: &AnomalyJobSpec, job: &str) -> (PathBuf, Option<Auth>) {
    if let Some(file) = &spec.dead_letter {
        return (PathBuf::from(&file.path), file.auth.clone());
    }
    beside(spec, &format!("{job}.rejected.ndjson"))
}

/// Where an output stores the documents that a server refuses, unless it names a file: as [`dead_letter`], with a name
/// for each output.
pub(crate) fn refused(spec: &AnomalyJobSpec, job: &str, output: usize) -> (PathBuf, Option<Auth>) {
    let drivers = spec.outputs.iter().filter_map(Output::driver);
    let servers = drivers.filter(|driver| matches!(driver, OutputDriver::Elasticsearch(_))).count();
    let which = if servers > 1 { format!("-{output}") } else { String::new() };
    beside(spec, &format!("{job}.refused{which}.ndjson"))
}

/// A file of that name beside the first file output, and entered as that is; of a stream without one, beside its
/// checkpoints.
pub(crate) fn beside(spec: &AnomalyJobSpec, name: &str) -> (PathBuf, Option<Auth>) {
    let targets = targets(spec);
    let Some((_, first)) = targets.first() else {
        let state = spec.stream.as_ref().and_then(|stream| stream.state.checkpoint.to.as_deref());
        let state = state.filter(|folder| !is_url(folder)).map(Path::new);
        let folder = state.and_then(Path::parent).unwrap_or(Path::new(""));
        return (folder.join(name), None);
    };
    let first = first.to_string_lossy();
    if is_url(&first) {
        // Keys are not paths: they are used as they are.
        let folder = first.rfind('/').map_or(&*first, |end| &first[..=end]);
        return (PathBuf::from(format!("{folder}{name}")), first_auth(spec));
    }
    let folder = Path::new(&*first).parent();
    (folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name)), None)
}

/// Of the first output that has a path.
fn first_auth(spec: &AnomalyJobSpec) -> Option<Auth> {
    let mut drivers = spec.outputs.iter().filter_map(Output::driver);
    drivers.find(|driver| driver.path().is_some_and(|path| path != "-"))?.auth().cloned()
}

#[cfg(test)]
mod tests {
    use anomal_spec::{CsvOutput, SecretRef};

    use super::*;

    fn writing(path: &str) -> AnomalyJobSpec {
        let secret_ref = SecretRef { name: "s".into() };
        let csv = CsvOutput { auth: Some(Auth { secret_ref }), ..CsvOutput::new(path) };
        let outputs = vec![Output { csv: Some(csv), ..Output::default() }];
        AnomalyJobSpec { outputs, ..AnomalyJobSpec::default() }
    }

    #[test]
    fn rejected_records_go_beside_the_first_output() {
        let (path, auth) = dead_letter(&writing("s3://b/a//r.csv"), "job");
        assert_eq!(path, Path::new("s3://b/a//job.rejected.ndjson"));
        assert_eq!(auth.unwrap().secret_ref.name, "s");
        let (path, auth) = dead_letter(&writing("out/r.csv"), "job");
        assert_eq!((path.as_path(), auth), (Path::new("out/job.rejected.ndjson"), None));
    }

    #[test]
    fn each_server_has_a_file_for_refused_documents() {
        let mut spec = writing("out/r.csv");
        let server = anomal_spec::ElasticsearchOutput::new("http://h:9200");
        spec.outputs.push(Output { elasticsearch: Some(server.clone()), ..Output::default() });
        assert_eq!(refused(&spec, "job", 1).0, Path::new("out/job.refused.ndjson"));
        spec.outputs.push(Output { elasticsearch: Some(server), ..Output::default() });
        assert_eq!(refused(&spec, "job", 2).0, Path::new("out/job.refused-2.ndjson"));
    }

    #[test]
    fn an_object_is_not_output_and_input_at_once() {
        let spec = writing("s3://b/r.csv");
        assert!(differ(&targets(&spec), &["s3://b/in.csv".into()]).is_ok());
        let error = differ(&targets(&spec), &["s3://b/r.csv".into()]).unwrap_err();
        assert_eq!(error.violations[0].path, "outputs[0].csv.path");
        // Rows are spilled on this machine.
        assert_eq!(spill_folder(&targets(&spec)), std::env::temp_dir());
    }
}
