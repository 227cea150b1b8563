//! Text logs with a record in each line.
//!
//! Each format has a scanner of its own ([`LineFormat`]). A scanner finds the frame of a line before it looks at the
//! fields, so that a request of garbage is a row and not a bad line. Only users write regular expressions.

mod connector;
mod header;
mod inspect;
mod keys;
mod line;
mod lines;
mod logfmt;
mod mismatch;
mod pattern;
mod records;
mod source;
mod structured_data;
mod syslog;
mod syslog_line;
mod w3c;
mod web;
mod web_line;
mod zeek;

pub(crate) use connector::LogConnector;
pub(crate) use inspect::inspect;
pub(crate) use logfmt::named_values;
pub(crate) use source::{open, with_header_lines};
pub(crate) use structured_data::data_items;
pub(crate) use syslog_line::{SyslogLine, year_of_first};

use anomal_spec::LogFormat;

/// Pairs that a line of the format logfmt has, to be distinguished from text.
const PAIRS: usize = 3;

/// Whether a line is of a format that lines show, and hardly of another.
pub(crate) fn fits(format: LogFormat, line: &str) -> bool {
    match format {
        LogFormat::Common | LogFormat::Combined | LogFormat::VhostCombined => {
            let vhost = format == LogFormat::VhostCombined;
            let parts = web_line::WebLine::parse(line, vhost, format != LogFormat::Common);
            parts.is_ok_and(|parts| {
                // A user's name with a blank is more probably a field in front.
                let user = &line[parts.user.0..parts.user.1];
                let address = &line[parts.address.0..parts.address.1];
                !user.contains(' ') && address != "-"
            })
        }
        LogFormat::Syslog => SyslogLine::parse(line).is_ok(),
        LogFormat::Logfmt => logfmt::count_pairs(line) >= PAIRS,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
