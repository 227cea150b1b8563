//! A job whose records are pushed while it waits for them: what comes is collected in a file, and that is its input.

use anomal_connectors::{Collection, collect as collect_records};
use anomal_core::Result;
use anomal_spec::{AnomalyJob, Input, NdjsonInput};

use crate::options::Options;

/// A job that reads what was collected.
pub(crate) struct Collected {
    pub job: AnomalyJob,
    /// Removed when the run has ended.
    _collection: Collection,
}

/// Collects what the input says; nothing for other inputs.
///
/// # Errors
/// Those of [`collect_records`].
pub(crate) async fn collect(job: &AnomalyJob, options: &Options) -> Result<Option<Collected>> {
    let Some(tcp) = &job.spec.input.tcp else { return Ok(None) };
    let collection = collect_records(tcp, &options.secrets).await?;
    let path = collection.path().to_string_lossy().into_owned();
    let mut job = job.clone();
    job.spec.input = Input::from(NdjsonInput { path, ..tcp.values() });
    Ok(Some(Collected { job, _collection: collection }))
}
