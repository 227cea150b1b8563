//! Lists of indicators on their way to the feature engine.

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use anomal_core::{FeatureEngine, Result, blocking};
use anomal_packs::read_list;
use anomal_spec::{AnomalyJob, AnomalyJobSpec};

/// Gives the engine the lists of a job. Returns the job with their digests.
///
/// # Errors
/// `InvalidSettings` with the path of a list that can't be read; those of the engine.
pub(crate) async fn send<'a>(
    job: &'a AnomalyJob,
    engine: &dyn FeatureEngine,
) -> Result<Cow<'a, AnomalyJob>> {
    if job.spec.lists.is_empty() {
        return Ok(Cow::Borrowed(job));
    }
    let lists = job.spec.lists.clone();
    let read = move || {
        let lists = lists.iter().enumerate();
        let lists = lists.map(|(index, list)| {
            read_list(list).map_err(|error| error.at(&format!("lists[{index}].ref")))
        });
        lists.collect::<Result<Vec<_>>>()
    };
    let mut sent = Vec::with_capacity(job.spec.lists.len());
    for (settings, artifact) in blocking(move |_| read()).await? {
        engine.put_pack(Arc::new(artifact)).await?;
        sent.push(settings);
    }
    let mut job = job.clone();
    job.spec.lists = sent;
    Ok(Cow::Owned(job))
}

/// When the run started, in microseconds since the epoch: for settings with lists, whose entries expire.
pub(crate) fn started(spec: &AnomalyJobSpec) -> Option<i64> {
    if spec.lists.is_empty() {
        return None;
    }
    let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(started.as_micros()).ok()
}
