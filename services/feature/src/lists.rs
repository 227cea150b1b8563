//! The lists of jobs, parsed once for all batches.

use std::sync::{Arc, Mutex, PoisonError};

use anomal_components::Lists;
use anomal_core::{Error, FeatureSettings, Result, proto::Diagnostic};
use anomal_indicators::{List, Statistics};
use anomal_packs::{Artifact, Digest};
use anomal_spec::{ListFormat, ListSettings, seconds};

/// The bytes of memory that parsed lists may take. The list that is in use is kept however large it is.
const MAX_MEMORY: usize = 1 << 30;

/// The lists of a job, and what became of their entries.
pub(crate) struct JobLists {
    pub lists: Lists,
    pub diagnostics: Vec<Diagnostic>,
}

/// The lists that were parsed last.
#[derive(Default)]
pub(crate) struct ParsedLists(Mutex<Vec<ParsedList>>);

#[derive(Clone)]
struct ParsedList {
    settings: ListSettings,
    list: Arc<List>,
    statistics: Statistics,
}

impl ParsedLists {
    /// The lists of a job. `find`: the artifact with a digest.
    ///
    /// # Errors
    /// `InvalidSettings` with the path: a list without entries, in another format, or older than `maxAge`; those of `find`.
    pub fn for_job(
        &self,
        settings: &FeatureSettings,
        mut find: impl FnMut(Digest) -> Result<Arc<Artifact>>,
    ) -> Result<JobLists> {
        let started = settings.started.unwrap_or_default();
        let (mut lists, mut diagnostics) = (Vec::new(), Vec::new());
        for (index, list) in settings.lists.iter().enumerate() {
            let path = format!("lists[{index}]");
            let digest =
                list.digest.as_deref().unwrap_or_default().parse().map_err(|error| {
                    Error::settings(format!("{path}.digest"), "LIST_DIGEST", error)
                })?;
            let artifact = find(digest)?;
            let parsed = self.parse(list, &artifact, &path)?;
            check_age(list, &parsed.list, started, &path)?;
            diagnostics.push(Diagnostic {
                path,
                reason: "LIST".into(),
                message: format!("the list {}: {}", list.name, describe(&parsed)),
                count: 0,
            });
            lists.push((list.name.clone(), parsed.list, list.except.clone()));
        }
        let lists = Lists::new(started, lists).map_err(|(index, message)| {
            Error::settings(format!("lists[{index}].except"), "LIST_UNKNOWN", message)
        })?;
        Ok(JobLists { lists, diagnostics })
    }

    fn parse(
        &self,
        settings: &ListSettings,
        artifact: &Artifact,
        path: &str,
    ) -> Result<ParsedList> {
        // The name and what takes precedence matter to jobs, not to the list.
        let settings = ListSettings {
            name: String::new(),
            reference: String::new(),
            except: Vec::new(),
            ..settings.clone()
        };
        let mut parsed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = parsed.iter().position(|parsed| parsed.settings == settings) {
            parsed[..=position].rotate_right(1);
            return Ok(parsed[0].clone());
        }
        drop(parsed);
        let invalid = |message: String| Error::settings(path, "LIST_INVALID", message);
        let bytes = artifact.list().ok_or_else(|| invalid("what was sent is no list".into()))?;
        let (list, statistics) =
            List::parse(&bytes, &settings).map_err(|error| invalid(error.to_string()))?;
        let new = ParsedList { settings, list: Arc::new(list), statistics };
        parsed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parsed.insert(0, new.clone());
        let mut memory = 0;
        let fits = |parsed: &&ParsedList| {
            memory += parsed.list.memory();
            memory <= MAX_MEMORY
        };
        let fitting = parsed.iter().take_while(fits).count();
        parsed.truncate(fitting.max(1));
        Ok(new)
    }
}

/// # Errors
/// The list is older than its `maxAge`, or its age is unknown.
fn check_age(settings: &ListSettings, list: &List, started: i64, path: &str) -> Result<()> {
    // The entries of a bundle have dates of their own.
    let max_age = settings.max_age.as_deref().filter(|_| settings.format != ListFormat::Stix);
    let Some((text, age)) = max_age.and_then(|text| Some((text, seconds(text)?))) else {
        return Ok(());
    };
    let path = format!("{path}.maxAge");
    let Some(date) = list.date() else {
        let message = "the date of the list is unknown; set it by `updated`";
        return Err(Error::settings(path, "LIST_UNDATED", message));
    };
    let seconds_old = started.saturating_sub(date) / 1_000_000;
    if u64::try_from(seconds_old).is_ok_and(|old| old > age) {
        let message = format!(
            "the list {} is {} days old, older than {text}; fetch a newer one, or allow it by `maxAge`",
            settings.name,
            seconds_old / 86_400
        );
        return Err(Error::settings(path, "LIST_STALE", message));
    }
    Ok(())
}

fn describe(parsed: &ParsedList) -> String {
    match parsed.list.database() {
        Some(database) => format!("{}, networks: {}", database.name(), parsed.statistics.entries),
        None => parsed.statistics.to_string(),
    }
}
