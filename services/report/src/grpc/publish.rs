//! Assembles the messages of a publish into a report.

use std::{io::Write, time::Duration};

use anomal_core::{
    Code, Error, PublishRequest, Result, Table,
    proto::{Incidents, PublishRequest as Message, publish_request},
};
use anomal_rpc::{Assembler, analysis::AnalysisAssembler, from_status};
use polars::prelude::DataFrame;
use prost::Message as _;
use tempfile::NamedTempFile;
use tonic::Streaming;

use crate::{contents::invalid, files::temporary::no_space};

/// A published report with the file of its rows.
pub(super) struct ReceivedReport {
    pub request: PublishRequest,
    /// Removed on drop.
    pub file: NamedTempFile,
}

/// Receives the messages of a publish. `limit` bounds the bytes of its rows and those of its hits; `check_publish`
/// is called with the report's namespace before anything is stored.
///
/// # Errors
/// `InvalidRequest` if a part is missing; `ResourceExhausted` beyond the limit; `Output` if the temporary folder
/// is full; those of `check_publish`.
pub(super) async fn receive(
    mut messages: Streaming<Message>,
    limit: usize,
    check_publish: impl Fn(&str) -> Result<()>,
) -> Result<ReceivedReport> {
    use publish_request::Part;
    let mut file = NamedTempFile::new().map_err(|error| no_space(&error))?;
    let mut contents = None;
    let (mut analysis, mut hits) = (AnalysisAssembler::default(), Assembler::new(limit));
    let (mut incidents, mut any_incidents) = (Assembler::new(limit), false);
    let (mut size, mut ended, mut any_hits) = (0_usize, false, false);
    while let Some(message) = messages.message().await.map_err(|status| from_status(&status))? {
        match message.part {
            Some(Part::Contents(first)) => {
                let namespace = first.report.as_ref().map(|report| report.namespace.as_str());
                check_publish(namespace.unwrap_or_default())?;
                contents = Some(first);
            }
            // Nothing is stored for a caller who may not publish.
            _ if contents.is_none() => {
                return Err(invalid("its contents are not the first message"));
            }
            Some(Part::Analysis(part)) => analysis.add(part),
            Some(Part::Labels(part)) => analysis.add_labels(part),
            Some(Part::Rows(chunk)) => {
                size += chunk.len();
                if size > limit {
                    let message = format!(
                        "the report is larger than {} MiB; raise the report engine's \
                         --max-request-bytes",
                        limit >> 20
                    );
                    return Err(Error::new(Code::ResourceExhausted, "REPORT_TOO_LARGE", message));
                }
                file.write_all(&chunk).map_err(|error| no_space(&error))?;
            }
            Some(Part::Hits(chunk)) => {
                any_hits = true;
                hits.push(&chunk)?;
            }
            Some(Part::Incidents(piece)) => {
                any_incidents = true;
                incidents.push(&piece)?;
            }
            Some(Part::End(_)) => ended = true,
            None => {}
        }
    }
    let contents = contents.filter(|_| ended).ok_or_else(|| invalid("it is incomplete"))?;
    let hits =
        if any_hits { hits.into_table()? } else { Table::new(Vec::new(), DataFrame::default())? };
    let incidents = any_incidents.then(|| {
        let decoded = Incidents::decode(incidents.into_bytes().as_slice());
        decoded.map_err(|error| invalid(&format!("its incidents can't be decoded: {error}")))
    });
    let request = PublishRequest {
        report: contents.report.ok_or_else(|| invalid("it has no manifest"))?,
        analysis: contents.has_analysis.then_some(analysis.0),
        rows: file.path().to_owned(),
        hits,
        incidents: incidents.transpose()?,
        time_to_live: contents.time_to_live_seconds.map(Duration::from_secs),
    };
    Ok(ReceivedReport { request, file })
}
