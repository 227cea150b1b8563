//! Loading settings files, and resolving their paths.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use anomal_core::{Error, PackUpload};
use anomal_packs::{Artifact, ResolvedPack, Resolver};
use anomal_runner::OriginalFiles;
use anomal_spec::{
    AnomalyJob, AnomalyJobSpec, Form, LoadedSettings, OriginalCommand, OriginalTcp, SettingsError,
    Source,
};
use anomal_storage::Secrets;

use crate::{
    args::{Original, Run},
    overrides,
    packs::PackContext,
    present::error::{Failure, note},
};

/// The largest settings file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// A job that is ready to run.
pub struct Settings {
    pub job: AnomalyJob,
    pub original: Option<OriginalFiles>,
    /// The packs that references have named.
    pub packs: Vec<ResolvedPack>,
    pub lists: Vec<ResolvedPack>,
    /// What an engine needs of packs and lists.
    pub contents: Vec<Arc<PackUpload>>,
    loaded: LoadedSettings,
}

impl Settings {
    /// Settings whose packs and lists are not fetched yet.
    fn unresolved(job: AnomalyJob, loaded: LoadedSettings) -> Self {
        let (packs, lists) = (Vec::new(), Vec::new());
        Self { job, original: None, packs, lists, contents: Vec::new(), loaded }
    }

    /// Packs, then lists.
    pub fn references(&self) -> impl Iterator<Item = &ResolvedPack> {
        self.packs.iter().chain(&self.lists)
    }

    /// An error of an engine about the settings, with the line in the file.
    pub fn failure(&self, error: &Error) -> Failure {
        let place = |path: &str| self.loaded.locate(path);
        let lines: Vec<String> = error
            .violations
            .iter()
            .map(|violation| match place(&violation.path) {
                Some(place) => format!("{place}: {}: {}", violation.path, violation.message),
                None => format!("{}: {}", violation.path, violation.message),
            })
            .collect();
        let message = if lines.is_empty() { error.message.clone() } else { lines.join("\n") };
        Failure { message, ..Failure::from(error.clone()) }
    }
}

/// The settings of a run: those of the file, overridden by the command line.
pub fn for_run(run: &Run) -> Result<Settings, Failure> {
    let original = &run.original;
    let (loaded, base) = match (&original.features_file, &run.file) {
        (Some(features), _) => load_original(original, features, run.base_folder.as_deref())?,
        (None, Some(file)) => load_file(file, run.base_folder.as_deref())?,
        (None, None) => {
            let file = original.config_file.clone().unwrap_or_default();
            let file =
                run.base_folder.as_ref().map_or_else(|| file.clone(), |base| base.join(&file));
            load_file(&file, run.base_folder.as_deref())?
        }
    };
    let file = if run.original.features_file.is_some() { None } else { run.file.as_deref() };
    let context = PackContext { base: base.clone(), ..PackContext::new(&run.packs, file) };
    overridden(loaded, &base, run, context)
}

/// A settings file as it is written.
pub fn from_file(file: &Path) -> Result<LoadedSettings, Failure> {
    load_file(file, None).map(|(loaded, _)| loaded)
}

/// Settings that were made by this program.
pub fn from_text(text: &str) -> Result<AnomalyJob, Failure> {
    let source = Source { file: "the proposal", name: "proposal" };
    let other = |path: &str| Err(io::Error::other(format!("the proposal names {path}")));
    Ok(anomal_spec::load(text.as_bytes(), source, &other).map_err(settings_failure)?.job)
}

/// Settings that are being edited, in a folder; their lock is read, and not written.
pub fn from_text_in(text: &str, folder: &Path, secrets: Secrets) -> Result<Settings, Failure> {
    let source = Source { file: "job.yaml", name: "job" };
    let other = |path: &str| read(&folder.join(path));
    let mut loaded =
        anomal_spec::load(text.as_bytes(), source, &other).map_err(settings_failure)?;
    resolve_paths(&mut loaded.job, folder, loaded.form)?;
    let settings = Settings::unresolved(loaded.job.clone(), loaded);
    let context = PackContext::from_environment(&folder.join("job.yaml"));
    Ok(with_packs(settings, PackContext { secrets, ..context })?.0)
}

/// The settings of the original's command line, with their paths relative to the current folder.
pub fn from_original(original: &Original, base: Option<&Path>) -> Result<AnomalyJob, Failure> {
    let (mut loaded, folder) = match (&original.features_file, &original.config_file) {
        (Some(features), _) => load_original(original, features, base)?,
        (None, Some(file)) => load_file(&base.unwrap_or(Path::new("")).join(file), base)?,
        (None, None) => {
            return Err(Failure::usage("name a features file (-ff) or a settings file (-c)"));
        }
    };
    resolve_paths(&mut loaded.job, &folder, loaded.form)?;
    Ok(loaded.job)
}

/// The settings of a file with their paths relative to the current folder, and with the contents of packs.
pub fn with_paths(file: &Path) -> Result<Settings, Failure> {
    let (settings, mut resolver) = with_resolver(file, PackContext::from_environment(file))?;
    finish(&mut resolver, false);
    Ok(settings)
}

/// The first output of a job that is a file. `path`: that of the settings.
///
/// # Errors
/// If it has none.
pub fn result_file(spec: &AnomalyJobSpec, path: &Path) -> Result<String, Failure> {
    let mut files = spec.outputs.iter().filter_map(|output| output.driver()?.path());
    let file = files.find(|path| *path != "-").ok_or_else(|| {
        let message = format!(
            "{} has no output that is a file; add one, such as `parquet: {{path: results.parquet, rows: all}}`",
            path.display()
        );
        Failure::usage(message)
    })?;
    Ok(file.to_owned())
}

/// The settings of a file with the contents of packs, for a machine that has none of the files. References to other
/// machines stay, with their digests.
pub fn with_contents(file: &Path) -> Result<AnomalyJob, Failure> {
    let (loaded, base) = load_file(file, None)?;
    let mut packs = loaded.job.clone();
    resolve_paths(&mut packs, &base, loaded.form)?;
    let settings = Settings::unresolved(packs, loaded.clone());
    let context = PackContext { keep_references: true, ..PackContext::from_environment(file) };
    let (settings, mut resolver) = with_packs(settings, context)?;
    finish(&mut resolver, false);
    let mut job = loaded.job;
    job.spec.packs = settings.job.spec.packs;
    job.spec.lists = settings.job.spec.lists;
    Ok(job)
}

/// The settings of a file with its packs, for commands about packs: with what resolved them.
pub fn with_resolver(file: &Path, context: PackContext) -> Result<(Settings, Resolver), Failure> {
    let (mut loaded, base) = load_file(file, None)?;
    resolve_paths(&mut loaded.job, &base, loaded.form)?;
    let settings = Settings::unresolved(loaded.job.clone(), loaded);
    with_packs(settings, context)
}

fn with_packs(
    mut settings: Settings,
    context: PackContext,
) -> Result<(Settings, Resolver), Failure> {
    let mut resolver = context.resolver()?;
    match resolver.resolve(&mut settings.job.spec) {
        Ok(resolved) => {
            let contents = resolved.contents.iter().map(Artifact::to_upload).map(Arc::new);
            let contents = contents.collect();
            let (packs, lists) = (resolved.packs, resolved.lists);
            Ok((Settings { packs, lists, contents, ..settings }, resolver))
        }
        Err(error) => Err(settings.failure(&error)),
    }
}

/// Writes the lock, and prints notes.
pub fn finish(resolver: &mut Resolver, quiet: bool) {
    for text in resolver.finish() {
        if !quiet {
            note(&format!("note: {text}"));
        }
    }
}

fn overridden(
    mut loaded: LoadedSettings,
    base: &Path,
    run: &Run,
    context: PackContext,
) -> Result<Settings, Failure> {
    let form = loaded.form;
    resolve_paths(&mut loaded.job, base, form)?;
    // The original's main file requests all extra files, its command line only those of its options.
    let by_command = run.original.features_file.is_some();
    let original = loaded.original.as_ref().map(|outputs| OriginalFiles {
        // A prefix, not a path: an empty one is the folder alone.
        prefix: prefix(base, &outputs.prefix),
        features: !by_command || run.original.save_features,
        classification: !by_command || run.original.save_classification,
        suspects: true,
    });
    overrides::apply(&mut loaded.job.spec, run).map_err(Failure::from)?;
    let settings = Settings { original, ..Settings::unresolved(loaded.job.clone(), loaded) };
    let (settings, mut resolver) = with_packs(settings, context)?;
    finish(&mut resolver, run.output_args.quiet);
    Ok(settings)
}

fn prefix(base: &Path, prefix: &str) -> String {
    if anomal_spec::is_url(prefix) {
        return prefix.to_owned();
    }
    base.join(prefix).to_string_lossy().into_owned()
}

fn load_file(file: &Path, base: Option<&Path>) -> Result<(LoadedSettings, PathBuf), Failure> {
    let folder = base.map_or_else(|| folder_of(file), Path::to_owned);
    let bytes = read(file).map_err(|error| unreadable(file, &error))?;
    let name = file.display().to_string();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let source = Source { file: &name, name: &stem };
    let other = |path: &str| read(&folder.join(path));
    let loaded = anomal_spec::load(&bytes, source, &other).map_err(settings_failure)?;
    Ok((loaded, folder))
}

fn load_original(
    original: &Original,
    features: &Path,
    base: Option<&Path>,
) -> Result<(LoadedSettings, PathBuf), Failure> {
    let folder = base.unwrap_or(Path::new(".")).to_owned();
    let file = folder.join(features);
    let bytes = read(&file).map_err(|error| unreadable(&file, &error))?;
    let command = OriginalCommand {
        driver_in: original.driver_in.clone(),
        driver_out: original.driver_out.clone(),
        input: original.input_file.clone().unwrap_or_default(),
        output: original.output_file.clone(),
        engine: original.class_engine.clone(),
        tcp: OriginalTcp {
            host: original.tcp_in_host.clone(),
            port: original.tcp_in_port,
            collection_time: original.collection_time,
        },
    };
    let name = file.display().to_string();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let source = Source { file: &name, name: &stem };
    let loaded = anomal_spec::load_original(&command, &bytes, source).map_err(settings_failure)?;
    Ok((loaded, folder))
}

/// Reads a file. For one that is too large, blanks of its size are returned without reading it: the loader reports the
/// size.
pub fn read(file: &Path) -> io::Result<Vec<u8>> {
    if file.is_dir() {
        return Err(io::Error::other("it is a folder; name the settings file in it"));
    }
    let size = fs::metadata(file)?.len();
    if size > MAX_BYTES {
        return Ok(vec![b' '; usize::try_from(size).unwrap_or(usize::MAX).min(1 << 31)]);
    }
    fs::read(file)
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {error}", file.display()))
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that `map_err` needs")]
fn settings_failure(error: SettingsError) -> Failure {
    let path = error.problems.first().map(|problem| problem.path.clone());
    Failure { path: path.filter(|path| !path.is_empty()), ..Failure::usage(error.to_string()) }
}

pub fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Joins relative paths to the base folder. In the original's form, they must not leave it.
fn resolve_paths(job: &mut AnomalyJob, base: &Path, form: Form) -> Result<(), Failure> {
    let mut message = None;
    anomal_spec::visit_paths(&mut job.spec, &mut |place, path| {
        if form == Form::Original && leaves_folder(path) {
            message.get_or_insert_with(|| {
                format!(
                    "{place}: {path} leaves the base folder {}; name a path in it",
                    base.display()
                )
            });
        }
        let joined = base.join(path.as_str());
        // For messages: without a leading `./`.
        let plain = joined.strip_prefix(".").ok().filter(|plain| !plain.as_os_str().is_empty());
        *path = plain.unwrap_or(&joined).to_string_lossy().into_owned();
    });
    match message {
        Some(message) => Err(Failure::usage(message)),
        None => Ok(()),
    }
}

/// Whether a path leads out of the folder that it is relative to.
fn leaves_folder(path: &str) -> bool {
    let mut depth = 0;
    for component in Path::new(path).components() {
        match component {
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return true,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::leaves_folder;

    #[test]
    fn paths_that_leave_the_base_folder() {
        assert!(["../a", "a/../../b", "/etc/passwd"].into_iter().all(leaves_folder));
        assert!(!["a", "a/b/../c", "./a"].into_iter().any(leaves_folder));
    }
}
