//! Elasticsearch and OpenSearch: one driver for both.

pub mod client;
mod connector;
pub mod dashboards;
mod document;
mod sink;
mod source;

use anomal_core::{Batch, Result};
use anomal_spec::{Include, Rows};

pub use client::Server;
pub(crate) use connector::ElasticsearchConnector;
pub(crate) use sink::ElasticsearchStream;
pub use sink::{incidents, template};

use crate::{run_info::RunInfo, sink::Projection};

/// Appends the documents of all rows of a batch, one per line, as an output writes them.
///
/// # Errors
/// `Internal` if it is not a batch of results.
pub fn documents(
    batch: &Batch,
    run: &RunInfo,
    include: &[Include],
    out: &mut Vec<u8>,
) -> Result<()> {
    let projection = Projection::new(Rows::All, &[Include::Features, Include::Contributions]);
    let writer = document::DocumentWriter::new(run, include);
    let projected = projection.project(batch)?;
    let batch = writer.columns(&projected)?;
    let mut ids = document::DocumentIds::new(run);
    for (place, row) in batch.rows().iter().enumerate() {
        batch.put(place, ids.id(*row), out);
        out.push(b'\n');
    }
    Ok(())
}
