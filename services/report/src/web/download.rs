//! Downloads: the report and its tables as files, and the rows that a flag has hit.

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

use super::{Open, Reports};
use crate::{
    exports::field,
    pages::text::{encode, short},
    view::Hit,
};

/// Rows hit that are read at once.
const HITS: usize = 1000;

pub async fn answer(reports: &dyn Reports, id: &str, name: &str) -> Result<Response> {
    let open = reports.open(id).await?;
    let (kind, content) = match file(name) {
        Some((format, suspects_only, kind)) => {
            let format = format.into();
            let request = ExportReportRequest {
                id: id.to_owned(),
                format,
                suspects_only,
                flag: String::new(),
            };
            (kind, reports.export(request).await?)
        }
        None => ("text/csv; charset=utf-8", hits(&open, flag(name, open.as_ref())?)),
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(value) = HeaderValue::try_from(disposition(&open.report().job, name)) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok((headers, Body::from_stream(content)).into_response())
}

fn file(name: &str) -> Option<(ExportFormat, bool, &'static str)> {
    const CSV: &str = "text/csv; charset=utf-8";
    const PARQUET: &str = "application/vnd.apache.parquet";
    Some(match name {
        "all.csv" => (ExportFormat::Csv, false, CSV),
        "suspects.csv" => (ExportFormat::Csv, true, CSV),
        "all.parquet" => (ExportFormat::Parquet, false, PARQUET),
        "suspects.parquet" => (ExportFormat::Parquet, true, PARQUET),
        "report.pdf" => (ExportFormat::Pdf, false, "application/pdf"),
        "report.html" => (ExportFormat::Html, false, "text/html; charset=utf-8"),
        _ => return None,
    })
}

fn flag(name: &str, open: &dyn Open) -> Result<usize> {
    name.strip_prefix("flag-")
        .and_then(|rest| rest.strip_suffix(".csv"))
        .and_then(|place| place.parse().ok())
        .filter(|&place: &usize| place < open.report().flags.len())
        .ok_or_else(|| Error::not_found("There is no such download."))
}

/// The name in ASCII for all, and as it is for who reads it.
fn disposition(job: &str, name: &str) -> String {
    let job = short(job, 80).replace(['/', '\\'], "-");
    let plain: String = job
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' })
        .collect();
    let full = encode(&format!("{job}-{name}"));
    format!("attachment; filename=\"{plain}-{name}\"; filename*=UTF-8''{full}")
}

/// The rows hit, read as they are sent.
fn hits(open: &Arc<dyn Open>, flag: usize) -> Download {
    let start = (Arc::clone(open), 0, false);
    Box::pin(stream::try_unfold(start, move |(open, offset, done)| async move {
        if done {
            return Ok(None);
        }
        let page = open.hits(flag, offset, HITS).await?;
        let mut text = String::new();
        if offset == 0 {
            text.push_str("row,value\r\n");
        }
        for Hit { row, value } in &page.items {
            let value = field(value);
            let value = quoted(&value);
            // Writing to a string cannot fail.
            let _ = write!(text, "{row},{value}\r\n");
        }
        let offset = offset + page.items.len();
        let done = page.items.is_empty() || offset >= page.total;
        Ok(Some((Bytes::from(text), (open, offset, done))))
    }))
}

/// A field as CSV has it.
fn quoted(value: &str) -> Cow<'_, str> {
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
    fn names_of_files_are_safe() {
        assert_eq!(
            disposition("dns \"ü\"\r\n/../x", "all.csv"),
            "attachment; filename=\"dns_____U_000D__U_000A_-..-x-all.csv\"; \
             filename*=UTF-8''dns%20%22%C3%BC%22%E2%9F%A8U%2B000D%E2%9F%A9%E2%9F%A8U%2B000A%E2%9F%A9-..-x-all.csv"
        );
    }
}
