//! A parsed list.

use std::{borrow::Cow, fmt};

use anomal_spec::{ListFormat, ListSettings, seconds};
use bytes::Bytes;

use crate::{
    builder::Builder, database::Database, entries::Entries, formats, periods::Period,
    statistics::Statistics,
};

/// Why a list can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListError(pub(crate) String);

impl fmt::Display for ListError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for ListError {}

/// An entry that matches a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match<'a> {
    /// In its normal form.
    pub entry: Cow<'a, str>,
    /// Where it is valid only at some times.
    pub(crate) periods: &'a [Period],
}

impl Match<'_> {
    /// Whether it is valid at a time, in microseconds since the epoch.
    pub fn is_valid(&self, time: i64) -> bool {
        self.periods.is_empty() || self.periods.iter().any(|period| period.contains(time))
    }
}

/// A parsed list: entries, or a MaxMind database.
pub struct List {
    contents: Contents,
    /// When it was made, in microseconds since the epoch.
    date: Option<i64>,
}

enum Contents {
    Entries(Box<Entries>),
    Database(Database),
}

impl List {
    /// Parses a list. Never panics, whatever the bytes.
    ///
    /// # Errors
    /// It has no entry that can be used, or is not in its format.
    pub fn parse(bytes: &Bytes, settings: &ListSettings) -> Result<(Self, Statistics), ListError> {
        if bytes.is_empty() {
            return Err(ListError(
                "the file is empty; a list without entries finds nothing".into(),
            ));
        }
        let given_date = settings.updated.as_deref().and_then(formats::time);
        if settings.format == ListFormat::Mmdb {
            let database = Database::new(bytes.clone())?;
            let date = given_date.or(database.date());
            let statistics = Statistics { entries: database.networks(), ..Statistics::default() };
            return Ok((Self { contents: Contents::Database(database), date }, statistics));
        }
        let max_age = settings.max_age.as_deref().and_then(seconds);
        let mut builder = Builder::new(settings, max_age.and_then(|age| i64::try_from(age).ok()));
        match settings.format {
            ListFormat::Plain => formats::plain::read(bytes, settings, &mut builder),
            ListFormat::Csv => formats::csv::read(bytes, settings, &mut builder)?,
            ListFormat::Hosts => formats::hosts::read(bytes, &mut builder),
            ListFormat::MispWarninglist => formats::misp::read(bytes, settings, &mut builder)?,
            ListFormat::Stix => formats::stix::read(bytes, settings, &mut builder)?,
            ListFormat::Mmdb => {}
        }
        let (entries, date, statistics) = builder.finish()?;
        let contents = Contents::Entries(Box::new(entries));
        Ok((Self { contents, date: given_date.or(date) }, statistics))
    }

    /// The entries that match a value, the most specific first, whenever they are valid. None in a MaxMind database.
    pub fn matches(&self, value: &str) -> Vec<Match<'_>> {
        let mut matches = Vec::new();
        if let Contents::Entries(entries) = &self.contents {
            entries.find(value, &mut |found| {
                matches.push(found);
                false
            });
        }
        matches
    }

    /// The most specific entry that matches a value and is valid at a time, in microseconds since the epoch.
    pub fn find(&self, value: &str, time: i64) -> Option<Match<'_>> {
        let mut first = None;
        if let Contents::Entries(entries) = &self.contents {
            entries.find(value, &mut |found| {
                let valid = found.is_valid(time);
                if valid {
                    first = Some(found);
                }
                valid
            });
        }
        first
    }

    /// Whether some entries are valid only at some times.
    pub fn has_periods(&self) -> bool {
        matches!(&self.contents, Contents::Entries(entries) if entries.have_periods())
    }

    /// The number of distinct entries; 0 for a MaxMind database.
    pub fn len(&self) -> usize {
        match &self.contents {
            Contents::Entries(entries) => entries.len(),
            Contents::Database(_) => 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries in their normal form.
    pub fn entries(&self) -> impl Iterator<Item = String> {
        let entries = match &self.contents {
            Contents::Entries(entries) => Some(entries.iter().map(|(_, text)| text)),
            Contents::Database(_) => None,
        };
        entries.into_iter().flatten()
    }

    /// The MaxMind database.
    pub fn database(&self) -> Option<&Database> {
        match &self.contents {
            Contents::Entries(_) => None,
            Contents::Database(database) => Some(database),
        }
    }

    /// When the list was made, as far as it is known, in microseconds since the epoch.
    pub fn date(&self) -> Option<i64> {
        self.date
    }

    /// The bytes of memory that it takes.
    pub fn memory(&self) -> usize {
        match &self.contents {
            Contents::Entries(entries) => entries.memory(),
            Contents::Database(database) => database.memory(),
        }
    }
}
