//! Checks of paths before any work.

use std::path::{Path, PathBuf};

use anomal_connectors::fixed_folder;
use anomal_core::{Error, Result};
use anomal_spec::{AnomalyJobSpec, Auth, DeadLetter, Output, OutputDriver, is_url};
use anomal_storage::Location;

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
        return (PathBuf::from(&file.path), object_auth(spec, file));
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
        if spec.stream.is_none() {
            return (PathBuf::from(format!("{folder}{name}")), first_auth(spec));
        }
        // A stream writes objects into a folder.
        let name = name.trim_end_matches(".ndjson");
        return (PathBuf::from(format!("{folder}{name}/")), dead_letter_auth(spec, &first));
    }
    let folder = match &spec.stream {
        Some(_) => fixed_folder(Path::new(&*first)),
        None => Path::new(&*first).parent().map(Path::to_path_buf).unwrap_or_default(),
    };
    (folder.join(name), None)
}

/// The credentials for a folder of a stream: those that it names, else those of checkpoints in the same bucket.
pub(crate) fn object_auth(spec: &AnomalyJobSpec, file: &DeadLetter) -> Option<Auth> {
    let location = |url: &str| Location::parse(url).ok();
    let checkpoint = spec.stream.as_ref().map(|stream| &stream.state.checkpoint);
    let same = checkpoint.filter(|checkpoint| {
        let both = checkpoint.to.as_deref().and_then(location).zip(location(&file.path));
        both.is_some_and(|(to, file)| to.is_beside(&file))
    });
    file.auth.clone().or_else(|| same?.auth.clone())
}

/// Those of the dead-letter folder with this path.
fn dead_letter_auth(spec: &AnomalyJobSpec, path: &str) -> Option<Auth> {
    let outputs = spec.outputs.iter().filter_map(|output| output.driver()?.dead_letter());
    let mut files = outputs.chain(&spec.dead_letter);
    object_auth(spec, files.find(|file| file.path == path)?)
}

/// Of the first output that has a path.
fn first_auth(spec: &AnomalyJobSpec) -> Option<Auth> {
    let mut drivers = spec.outputs.iter().filter_map(Output::driver);
    drivers.find(|driver| driver.path().is_some_and(|path| path != "-"))?.auth().cloned()
}

#[cfg(test)]
mod tests {
    use anomal_spec::{CsvOutput, SecretRef, Stream};

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
    fn what_a_stream_refuses_goes_to_a_folder_of_its_bucket() {
        let auth = Auth { secret_ref: SecretRef { name: "s3".into() } };
        let path = "s3://b/x.rejected/".to_owned();
        let mut spec = AnomalyJobSpec {
            stream: Some(Stream::default()),
            dead_letter: Some(DeadLetter { path: path.clone(), auth: None }),
            ..AnomalyJobSpec::default()
        };
        let state = |to: &str| {
            let mut stream = Stream::default();
            stream.state.checkpoint.to = Some(to.into());
            stream.state.checkpoint.auth = Some(auth.clone());
            Some(stream)
        };
        spec.stream = state("s3://b/y/");
        let server = anomal_spec::ElasticsearchOutput::new("http://h:9200");
        spec.outputs = vec![Output { elasticsearch: Some(server), ..Output::default() }];
        assert_eq!(dead_letter(&spec, "job"), (PathBuf::from(path), Some(auth.clone())));
        let refused = (PathBuf::from("s3://b/x.rejected/job.refused/"), Some(auth.clone()));
        assert_eq!(super::refused(&spec, "job", 0), refused);
        spec.stream = state("s3://other/y/");
        assert_eq!(dead_letter(&spec, "job").1, None);
        let file = anomal_spec::NdjsonOutput::new("out/%Y/%H.ndjson");
        spec.outputs.insert(0, Output { ndjson: Some(file), ..Output::default() });
        spec.dead_letter = None;
        assert_eq!(dead_letter(&spec, "job").0, Path::new("out/job.rejected.ndjson"));
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
