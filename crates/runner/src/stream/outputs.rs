//! The outputs of a stream, and what they write about it.

use std::path::{Path, PathBuf};

use anomal_connectors::{RunInfo, StreamOutputs, StreamResults, stream_sinks, suffixed};
use anomal_core::{Code, Error, Result};
use anomal_spec::{AnomalyJob, has_times, is_url};
use anomal_stream::NamedSink;

use crate::{files, options::Options};

/// The sinks of a job. `id`: that of the stream, if it begins now. `partition`: the name of the one that it reads alone, which the
/// names of its files have.
///
/// # Errors
/// `Output` if a folder does not exist; `InvalidSettings` for a secret that is unusable.
pub(super) fn sinks(
    job: &AnomalyJob,
    options: &Options,
    id: &str,
    partition: Option<&str>,
) -> Result<Vec<NamedSink<StreamResults>>> {
    let (spec, name) = (&job.spec, &job.metadata.name);
    let own = |path: PathBuf| match (partition, path.to_str().filter(|path| is_url(path))) {
        (None, _) => path,
        (Some(partition), Some(folder)) => PathBuf::from(format!("{folder}{partition}/")),
        (Some(partition), None) => suffixed(&path, partition),
    };
    let mut outputs = spec.outputs.clone();
    for output in &mut outputs {
        let file = output.file_mut().map(|file| file.path).filter(|path| *path != "-");
        if let Some(path) = file {
            *path = own(PathBuf::from(&*path)).to_string_lossy().into_owned();
        }
        if let Some(file) = output.dead_letter_mut() {
            file.auth = files::object_auth(spec, file);
            file.path = own(PathBuf::from(&file.path)).to_string_lossy().into_owned();
        }
    }
    let mut folders = spec.outputs.iter().filter_map(|output| output.driver()?.path());
    if let Some(path) = folders.find(|path| *path != "-" && !has_folder(path)) {
        let message = format!("cannot write {path}: its folder does not exist; create it");
        return Err(Error::new(Code::Output, "OUTPUT", message));
    }
    let own_place = |(path, auth)| (own(path), auth);
    let refused =
        (0..spec.outputs.len()).map(|output| own_place(files::refused(spec, name, output)));
    stream_sinks(&StreamOutputs {
        outputs: &outputs,
        dead_letter: own_place(files::dead_letter(spec, name)),
        refused: refused.collect(),
        secrets: &options.secrets,
        run: &RunInfo { moves: partition.is_some(), ..info(job, options, id) },
    })
}

fn info(job: &AnomalyJob, options: &Options, id: &str) -> RunInfo {
    let spec = &job.spec;
    RunInfo {
        job: job.metadata.name.clone(),
        namespace: options.namespace.clone(),
        run: id.to_owned(),
        engine: spec.classification.as_ref().map(|settings| settings.engine.clone()),
        time_column: spec.time_column().map(str::to_owned),
        row_keys: spec.row_keys().cloned().collect(),
        ..RunInfo::default()
    }
}

/// Whether the folder of a file exists, or is created as its name has times.
fn has_folder(path: &str) -> bool {
    let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
    has_times(path) || folder.is_none_or(Path::is_dir)
}
