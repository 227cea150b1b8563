//! Requests as servers and log shippers write them. The label is a field like others: the last cell of CSV, the last field
//! in quotes behind the duration of a combined line, `x-label` of IIS, `label` of a JSON object.

use std::io::{Result, Write};

use clap::ValueEnum;

use super::Request;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WebFormat {
    /// Cells under a header
    Csv,
    /// The combined log format, with the duration and the label behind the user agent
    Combined,
    /// The W3C extended log format, as IIS writes it
    Iis,
    /// JSON objects with names of the Elastic Common Schema
    Ndjson,
}

const HEADER: &str = "time,client_ip,method,path,status,bytes,duration_ms,user_agent,referer,label";
const IIS_HEADER: &str = "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n\
    #Date: 2026-03-02 00:00:00\n#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status sc-bytes time-taken \
    cs(User-Agent) cs(Referer) x-label";

/// The cells of CSV behind the time, which order requests of one second.
pub(super) fn cells(request: &Request) -> String {
    let Request { client, method, path, status, bytes, duration, agent, label, .. } = request;
    format!("{client},{method},{path},{status},{bytes},{duration},{agent},-,{label}")
}

/// Writes all requests.
pub(super) fn write(requests: &[Request], format: WebFormat, out: &mut impl Write) -> Result<()> {
    match format {
        WebFormat::Csv => writeln!(out, "{HEADER}")?,
        WebFormat::Iis => writeln!(out, "{IIS_HEADER}")?,
        WebFormat::Combined | WebFormat::Ndjson => {}
    }
    requests.iter().try_for_each(|request| match format {
        WebFormat::Csv => writeln!(out, "{},{}", apache_time(request), cells(request)),
        WebFormat::Combined => combined(request, out),
        WebFormat::Iis => iis(request, out),
        WebFormat::Ndjson => ndjson(request, out),
    })
}

fn clock(request: &Request) -> String {
    let time = request.time;
    format!("{:02}:{:02}:{:02}", time / 3_600, time / 60 % 60, time % 60)
}

fn apache_time(request: &Request) -> String {
    format!("02/Mar/2026:{} +0000", clock(request))
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn combined(request: &Request, out: &mut impl Write) -> Result<()> {
    let Request { client, method, path, status, bytes, duration, agent, label, .. } = request;
    let (time, label) = (apache_time(request), or_dash(label));
    writeln!(
        out,
        "{client} - - [{time}] \"{method} {path} HTTP/1.1\" {status} {bytes} \"-\" \"{agent}\" {duration} \"{label}\""
    )
}

fn iis(request: &Request, out: &mut impl Write) -> Result<()> {
    let Request { client, method, path, status, bytes, duration, agent, label, .. } = request;
    let (stem, query) = path.split_once('?').unwrap_or((path, "-"));
    let (time, agent, label) = (clock(request), agent.replace(' ', "+"), or_dash(label));
    writeln!(
        out,
        "2026-03-02 {time} {client} {method} {stem} {query} {status} {bytes} {duration} {agent} - {label}"
    )
}

/// None of the texts has a character that JSON escapes.
fn ndjson(request: &Request, out: &mut impl Write) -> Result<()> {
    let Request { client, method, path, status, bytes, duration, agent, label, .. } = request;
    let (time, nanos) = (clock(request), duration * 1_000_000);
    let agent = match *agent {
        "-" => String::new(),
        agent => format!(",\"user_agent\":{{\"original\":\"{agent}\"}}"),
    };
    writeln!(
        out,
        "{{\"@timestamp\":\"2026-03-02T{time}Z\",\"source\":{{\"address\":\"{client}\"}},\"http\":{{\"request\":{{\"method\":\
         \"{method}\"}},\"response\":{{\"status_code\":{status},\"body\":{{\"bytes\":{bytes}}}}}}},\"url\":{{\"original\":\
         \"{path}\"}},\"event\":{{\"duration\":{nanos}}}{agent},\"label\":\"{label}\"}}"
    )
}
