//! The parts of a report on its way, put together as they come.

use std::{io::Write, time::Duration};

use anomal_core::{
    Code, Error, PublishRequest, Result, Table,
    proto::{PublishRequest as Message, publish_request},
};
use anomal_rpc::{Assembler, analysis::Joined, from_status};
use polars::prelude::DataFrame;
use tempfile::NamedTempFile;
use tonic::Streaming;

use crate::contents::{full, invalid};

/// A report with the file that its rows came in.
pub(super) struct Publishing {
    pub request: PublishRequest,
    /// Removed when it is dropped.
    pub file: NamedTempFile,
}

/// Takes the messages of a publish. `limit`: bytes that its rows, and its hits, may have.
///
/// # Errors
/// `InvalidRequest` if a part is missing; `ResourceExhausted` beyond the limit; `Output` if there is no room.
pub(super) async fn receive(
    mut messages: Streaming<Message>,
    limit: usize,
    may: impl Fn(&str) -> Result<()>,
) -> Result<Publishing> {
    use publish_request::Part;
    let mut file = NamedTempFile::new().map_err(|error| full(&error))?;
    let mut contents = None;
    let (mut analysis, mut hits) = (Joined::default(), Assembler::new(limit));
    let (mut size, mut ended, mut any_hits) = (0_usize, false, false);
    while let Some(message) = messages.message().await.map_err(|status| from_status(&status))? {
        match message.part {
            Some(Part::Contents(told)) => {
                let namespace = told.report.as_ref().map(|report| report.namespace.as_str());
                may(namespace.unwrap_or_default())?;
                contents = Some(told);
            }
            // Nothing is taken from whoever may not.
            _ if contents.is_none() => return Err(invalid("its contents do not come first")),
            Some(Part::Analysis(part)) => analysis.add(part),
            Some(Part::Labels(part)) => analysis.label(part),
            Some(Part::Rows(chunk)) => {
                size += chunk.len();
                if size > limit {
                    let message = format!(
                        "the report has more than the {} MiB that one may have here; give the engine more \
                         (--max-request-bytes)",
                        limit >> 20
                    );
                    return Err(Error::new(Code::ResourceExhausted, "REPORT_TOO_LARGE", message));
                }
                file.write_all(&chunk).map_err(|error| full(&error))?;
            }
            Some(Part::Hits(chunk)) => {
                any_hits = true;
                hits.push(&chunk)?;
            }
            Some(Part::End(_)) => ended = true,
            None => {}
        }
    }
    let contents = contents.filter(|_| ended).ok_or_else(|| invalid("it was broken off"))?;
    let hits =
        if any_hits { hits.into_table()? } else { Table::new(Vec::new(), DataFrame::default())? };
    let request = PublishRequest {
        report: contents.report.ok_or_else(|| invalid("it has no figures"))?,
        analysis: contents.has_analysis.then_some(analysis.0),
        rows: file.path().to_owned(),
        hits,
        time_to_live: contents.time_to_live_seconds.map(Duration::from_secs),
    };
    Ok(Publishing { request, file })
}
