//! Elasticsearch and OpenSearch: one driver for both.

mod bulk;
pub mod client;
mod credentials;
mod dead_letter;
mod delivery;
mod document;
mod ecs;
pub mod flavor;
mod ids;
mod mapping;
mod nodes;
mod query;
mod retry;
pub mod saved_objects;
mod sink;
mod slices;
mod source;
pub mod template;

use anomal_core::Result;
use anomal_spec::{Include, Rows};

pub(crate) use sink::ElasticsearchSink;
pub(crate) use source::ElasticsearchSource;

use crate::{ResultBatch, RunInfo, sink::Projection};

/// Appends the documents of all rows of a batch, one per line, as an output writes them.
///
/// # Errors
/// `Internal` if it is not a batch of results.
pub fn documents(
    batch: &ResultBatch,
    run: &RunInfo,
    include: &[Include],
    out: &mut Vec<u8>,
) -> Result<()> {
    let projected =
        Projection::new(Rows::All, &[Include::Features, Include::Contributions]).project(batch)?;
    let writer = document::DocumentWriter::new(run, include);
    let batch = writer.batch(&projected)?;
    let mut ids = ids::DocumentIds::new(run);
    for (place, row) in batch.rows().iter().enumerate() {
        batch.put(place, ids.id(*row), out);
        out.push(b'\n');
    }
    Ok(())
}
