//! `anomal lists`: lists of indicators, before a job uses them.

use std::{fs, path::Path, time::SystemTime};

use anomal_indicators::{List, Statistics};
use anomal_spec::{ListFormat, ListMatch, ListSettings, ListType};
use bytes::Bytes;

use super::{CommandResult, print};
use crate::{
    args::lists::{self as args, CheckList, ListArgs, ListsCommand},
    present::error::Failure,
};

/// Overlapping entries that are shown.
const SHOWN: usize = 10;

pub fn run(command: &ListsCommand) -> CommandResult {
    match command {
        ListsCommand::Check(arguments) => check(arguments),
    }
}

fn check(arguments: &CheckList) -> CommandResult {
    let settings = settings(&arguments.parsing, arguments.parsing.format);
    let (list, statistics) = parse(&arguments.file, &settings)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
    let mut text = Vec::new();
    describe(&mut text, &arguments.file, &list, &statistics);
    if let Some(file) = &arguments.against {
        let format = arguments.against_format.unwrap_or(arguments.parsing.format);
        let (other, other_statistics) = parse(file, &self::settings(&arguments.parsing, format))?;
        text.push(format!("{}: {other_statistics}", file.display()));
        overlaps(&mut text, &list, &other, now, file);
    }
    for value in &arguments.find {
        match list.find(value, now) {
            Some(found) => text.push(format!("{value}: {}", found.entry)),
            None => text.push(format!("{value}: not found")),
        }
    }
    print(&(text.join("\n") + "\n"))
}

fn describe(text: &mut Vec<String>, file: &Path, list: &List, statistics: &Statistics) {
    if let Some(database) = list.database() {
        text.push(format!(
            "{}: {}, networks: {}",
            file.display(),
            database.name(),
            statistics.entries
        ));
    } else {
        text.push(format!("{}: {statistics}", file.display()));
    }
    if let Some(date) = list.date().and_then(|date| jiff::Timestamp::from_microsecond(date).ok()) {
        text.push(format!("its date: {}", date.strftime("%Y-%m-%d")));
    }
    for refused in &statistics.examples {
        text.push(format!("  {}: `{}`: {}", refused.place, refused.text, refused.reason));
    }
    let more = statistics.refused().saturating_sub(statistics.examples.len() as u64);
    if more > 0 {
        text.push(format!("  and {more} more"));
    }
}

fn overlaps(text: &mut Vec<String>, list: &List, other: &List, now: i64, file: &Path) {
    let mut count = 0;
    let mut shown = Vec::new();
    for entry in list.entries() {
        let Some(found) = other.find(&entry, now) else { continue };
        count += 1;
        if count <= SHOWN {
            shown.push(format!("  {entry}: {}", found.entry));
        }
    }
    let (entries, are) = if count == 1 { ("entry", "is") } else { ("entries", "are") };
    text.push(format!("{count} {entries} {are} in {}", file.display()));
    text.append(&mut shown);
    if count > SHOWN {
        text.push(format!("  and {} more", count - SHOWN));
    }
}

fn parse(file: &Path, settings: &ListSettings) -> Result<(List, Statistics), Failure> {
    let named = |message: String| Failure::usage(format!("{}: {message}", file.display()));
    let needs_type = matches!(settings.format, ListFormat::Plain | ListFormat::Csv);
    if needs_type && settings.entry_type.is_none() {
        return Err(named("which type have its entries? Set --type".into()));
    }
    let bytes = fs::read(file).map_err(|error| named(format!("cannot read it: {error}")))?;
    List::parse(&Bytes::from(bytes), settings).map_err(|error| named(error.to_string()))
}

fn settings(arguments: &ListArgs, format: args::ListFormat) -> ListSettings {
    let format = match format {
        args::ListFormat::Plain => ListFormat::Plain,
        args::ListFormat::Csv => ListFormat::Csv,
        args::ListFormat::Hosts => ListFormat::Hosts,
        args::ListFormat::MispWarninglist => ListFormat::MispWarninglist,
        args::ListFormat::Stix => ListFormat::Stix,
        args::ListFormat::Mmdb => ListFormat::Mmdb,
    };
    let entry_type = arguments.entry_type.map(|entry_type| match entry_type {
        args::ListType::Domain => ListType::Domain,
        args::ListType::Ip => ListType::Ip,
        args::ListType::Url => ListType::Url,
        args::ListType::Hash => ListType::Hash,
        args::ListType::Email => ListType::Email,
        args::ListType::Text => ListType::Text,
    });
    let matching = arguments.matching.map(|matching| match matching {
        args::ListMatch::Exact => ListMatch::Exact,
        args::ListMatch::Subdomains => ListMatch::Subdomains,
    });
    ListSettings {
        format,
        entry_type,
        matching,
        column: arguments.column.clone(),
        expires: arguments.expires.clone(),
        comment: arguments.comment.clone(),
        confidence: arguments.confidence,
        ..ListSettings::default()
    }
}
