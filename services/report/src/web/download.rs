//! Downloads: the report and its tables as files, and the rows that a flag hit.

use std::{borrow::Cow, fmt::Write, sync::Arc};

use anomal_core::{
    Download, Error, Result,
    proto::{ExportFormat, ExportReportRequest},
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream;

use super::reports::{ReportReader, Reports};
use crate::{
    exports::safe_field,
    pages::format::text::{encode, shorten},
    view::Hit,
};

/// Hits that are read at once.
const HITS: usize = 1000;
const CSV: &str = "text/csv; charset=utf-8";
const PARQUET: &str = "application/vnd.apache.parquet";

/// `query`: that of the address, whose filters apply to suspects.
pub async fn answer(reports: &dyn Reports, id: &str, name: &str, query: &str) -> Result<Response> {
    let report = reports.open(id).await?;
    let case = case(name);
    let (content_type, content) =
        match export(name).or(case.map(|(format, _, kind)| (format, false, kind))) {
            Some((format, suspects_only, content_type)) => {
                let format = format.into();
                let request = ExportReportRequest {
                    id: id.to_owned(),
                    format,
                    suspects_only,
                    flag: String::new(),
                    filter: if suspects_only { query.to_owned() } else { String::new() },
                    full: query.split('&').any(|part| part == "full=yes"),
                    incident: case.map_or(0, |(_, number, _)| number),
                    plain: query.split('&').any(|part| part == "plain=1"),
                };
                (content_type, reports.export(request).await?)
            }
            None => (CSV, hits(&report, flag_index(name, report.as_ref())?)),
        };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(value) = HeaderValue::try_from(disposition(&report.report().job, name)) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok((headers, Body::from_stream(content)).into_response())
}

/// Format, whether it holds suspects only, and content type of a download.
fn export(name: &str) -> Option<(ExportFormat, bool, &'static str)> {
    Some(match name {
        "all.csv" => (ExportFormat::Csv, false, CSV),
        "suspects.csv" => (ExportFormat::Csv, true, CSV),
        "all.parquet" => (ExportFormat::Parquet, false, PARQUET),
        "suspects.parquet" => (ExportFormat::Parquet, true, PARQUET),
        "labels.csv" => (ExportFormat::Labels, false, CSV),
        "report.pdf" => (ExportFormat::Pdf, false, "application/pdf"),
        "report.html" => (ExportFormat::Html, false, "text/html; charset=utf-8"),
        _ => return None,
    })
}

/// Format, incident and content type of a case, such as `case-1.md`.
fn case(name: &str) -> Option<(ExportFormat, u64, &'static str)> {
    let (number, ending) = name.strip_prefix("case-")?.split_once('.')?;
    let (format, content_type) = match ending {
        "md" => (ExportFormat::CaseMarkdown, "text/markdown; charset=utf-8"),
        "json" => (ExportFormat::CaseJson, "application/json"),
        _ => return None,
    };
    Some((format, number.parse().ok()?, content_type))
}

/// The index of the flag whose hits are downloaded.
fn flag_index(name: &str, report: &dyn ReportReader) -> Result<usize> {
    name.strip_prefix("flag-")
        .and_then(|rest| rest.strip_suffix(".csv"))
        .and_then(|index| index.parse().ok())
        .filter(|&index: &usize| index < report.report().flags.len())
        .ok_or_else(|| Error::not_found("There is no such download."))
}

/// `Content-Disposition` with the name in ASCII, and in UTF-8 for browsers that support it.
fn disposition(job: &str, name: &str) -> String {
    let job = shorten(job, 80).replace(['/', '\\'], "-");
    let plain: String = job
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' })
        .collect();
    let full = encode(&format!("{job}-{name}"));
    format!("attachment; filename=\"{plain}-{name}\"; filename*=UTF-8''{full}")
}

/// The hits as CSV, read while they are sent.
fn hits(report: &Arc<dyn ReportReader>, flag: usize) -> Download {
    let start = (Arc::clone(report), 0, false);
    Box::pin(stream::try_unfold(start, move |(report, offset, done)| async move {
        if done {
            return Ok(None);
        }
        let page = report.hits(flag, offset, HITS).await?;
        let mut text = String::new();
        if offset == 0 {
            text.push_str("row,value\r\n");
        }
        for Hit { row, value } in &page.items {
            let value = safe_field(value);
            let value = quote(&value);
            // Writing to a string cannot fail.
            let _ = write!(text, "{row},{value}\r\n");
        }
        let offset = offset + page.items.len();
        let done = page.items.is_empty() || offset >= page.total;
        Ok(Some((Bytes::from(text), (report, offset, done))))
    }))
}

/// A CSV field, quoted if necessary.
fn quote(value: &str) -> Cow<'_, str> {
    if value.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", value.replace('"', "\"\"")).into()
    } else {
        value.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_safe() {
        assert_eq!(
            disposition("dns \"ü\"\r\n/../x", "all.csv"),
            "attachment; filename=\"dns_____U_000D__U_000A_-..-x-all.csv\"; \
             filename*=UTF-8''dns%20%22%C3%BC%22%E2%9F%A8U%2B000D%E2%9F%A9%E2%9F%A8U%2B000A%E2%9F%A9-..-x-all.csv"
        );
    }
}
