//! The access logs of web servers.

use std::collections::HashMap;

use anomal_core::Result;
use anomal_spec::{ColumnType, LogFormat, TypeSetting};

use super::{
    line::{Bad, LineCutter, LineFormat, LogLine},
    web_line::WebLine,
};
use crate::{dialect::CellBuffer, tabular::TextSettings, typing::CellText};

const COMMON: [&str; 8] = [
    "source.address",
    "user.name",
    "@timestamp",
    "http.request.method",
    "url.original",
    "http.version",
    "http.response.status_code",
    "http.response.body.bytes",
];
const AGENT: [&str; 2] = ["http.request.referrer", "user_agent.original"];
const DOMAIN: [&str; 2] = ["url.domain", "url.port"];
/// Fields behind those of the format at most.
const MAX_EXTRA: usize = 64;

/// The formats common, combined and vhostCombined, with ECS names.
pub(super) struct Web {
    vhost: bool,
    agent: bool,
    columns: Vec<String>,
    /// The number of fields behind those of the format.
    extra: usize,
    /// Whether the settings name them.
    named: bool,
}

impl Web {
    /// `extra`: the names of the fields behind those of the format; none: as many as most of the first lines have.
    pub fn new(format: LogFormat, extra: Vec<String>) -> Self {
        let vhost = format == LogFormat::VhostCombined;
        let agent = format != LogFormat::Common;
        let (named, count) = (!extra.is_empty(), extra.len());
        let mut web = Self { vhost, agent, columns: Vec::new(), extra: count, named };
        web.set_columns(extra);
        web
    }

    fn set_columns(&mut self, extra: Vec<String>) {
        let agent = if self.agent { &AGENT[..] } else { &[] };
        let domain = if self.vhost { &DOMAIN[..] } else { &[] };
        let names = COMMON.iter().chain(agent).chain(domain);
        self.columns = names.map(|name| (*name).to_owned()).collect();
        for name in extra {
            // The name of a field may be one of the format's.
            let free = !self.columns.contains(&name);
            self.columns.push(if free { name } else { format!("extra.{name}") });
        }
    }
}

impl LineFormat for Web {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn learn(
        &mut self,
        first: &mut dyn Iterator<Item = LogLine<'_>>,
        _: &TextSettings,
    ) -> Result<()> {
        if self.named {
            return Ok(());
        }
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for line in first {
            let line = line.as_str();
            if let Ok(parts) = WebLine::parse(line, self.vhost, self.agent) {
                *counts.entry(parts.extra(line).count().min(MAX_EXTRA)).or_default() += 1;
            }
        }
        let most = counts.into_iter().max_by_key(|(extra, lines)| (*lines, *extra));
        self.extra = most.map_or(0, |(extra, _)| extra);
        self.set_columns((1..=self.extra).map(|field| format!("extra.{field}")).collect());
        Ok(())
    }

    fn declared(&self, column: &str) -> Option<TypeSetting> {
        let column_type = match column {
            "http.response.status_code" | "http.response.body.bytes" | "url.port" => {
                ColumnType::Integer
            }
            // In any form of times.
            "@timestamp" => return None,
            _ if COMMON.contains(&column)
                || AGENT.contains(&column)
                || DOMAIN.contains(&column) =>
            {
                ColumnType::String
            }
            _ => return None,
        };
        Some(column_type.into())
    }

    fn cell_text(&self, _: &str) -> CellText {
        CellText::Escaped
    }

    fn cutter(&self) -> Box<dyn LineCutter + '_> {
        Box::new(WebCutter { web: self })
    }
}

struct WebCutter<'a> {
    web: &'a Web,
}

impl LineCutter for WebCutter<'_> {
    fn cut(&mut self, line: LogLine<'_>, cells: &mut CellBuffer) -> Result<(), Bad> {
        let web = self.web;
        let text = line.as_str();
        let mut parts = WebLine::parse(text, web.vhost, web.agent)?;
        line.push(cells, parts.address);
        line.push(cells, parts.user);
        line.push(cells, parts.time);
        match parts.request(text) {
            Some(request) => {
                for span in [request.method, request.target, request.version] {
                    line.push(cells, span);
                }
            }
            None => {
                cells.push_absent();
                line.push(cells, parts.request);
                cells.push_absent();
            }
        }
        line.push(cells, parts.status);
        line.push(cells, parts.bytes);
        if let Some((referrer, agent)) = &mut parts.agent {
            // Not all servers escape quotes: the last one is that of the user agent.
            if web.extra == 0 && parts.rest < text.len() && text.ends_with('"') {
                agent.1 = text.len() - 1;
                parts.rest = text.len();
            }
            line.push(cells, *referrer);
            line.push(cells, *agent);
        }
        if let Some(domain) = parts.domain {
            let (name, port) = split_port(text, domain);
            line.push(cells, name);
            line.push_some(cells, port);
        }
        let mut extra = parts.extra(text);
        for _ in 0..web.extra {
            line.push_some(cells, extra.next());
        }
        if extra.next().is_some() {
            let (columns, fields) = (web.extra, parts.extra(text).count());
            return Err(format!(
                "the line has {fields} fields behind those of the format, and there are {columns} columns for them; `extra` \
                 names them"
            )
            .into());
        }
        Ok(())
    }
}

/// The name and the port of a virtual host.
fn split_port(
    line: &str,
    (start, end): (usize, usize),
) -> ((usize, usize), Option<(usize, usize)>) {
    let host = &line[start..end];
    match host.rsplit_once(':') {
        Some((name, port))
            if !port.is_empty()
                && port.bytes().all(|byte| byte.is_ascii_digit())
                && (!name.contains(':') || name.ends_with(']')) =>
        {
            let border = start + name.len();
            ((start, border), Some((border + 1, end)))
        }
        _ => ((start, end), None),
    }
}
