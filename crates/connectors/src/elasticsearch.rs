//! Elasticsearch and OpenSearch: one driver for both.

mod bulk;
pub mod client;
mod credentials;
mod deliver;
mod document;
mod ecs;
pub mod flavor;
mod ids;
mod mapping;
mod nodes;
mod query;
mod refused;
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

/// Writes the documents of all rows of a batch, a line each, as an output has them.
///
/// # Errors
/// `Internal` if it is no batch of results.
pub fn documents(
    batch: &ResultBatch,
    run: &RunInfo,
    include: &[Include],
    out: &mut Vec<u8>,
) -> Result<()> {
    let chosen =
        Projection::new(Rows::All, &[Include::Features, Include::Contributions]).project(batch)?;
    let writer = document::Writer::new(run, include);
    let batch = writer.batch(&chosen)?;
    let mut ids = ids::Ids::new(run);
    for (place, row) in batch.rows().iter().enumerate() {
        batch.put(place, ids.of(*row), out);
        out.push(b'\n');
    }
    Ok(())
}
