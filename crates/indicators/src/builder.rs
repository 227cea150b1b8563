//! Collects the entries that a format reads.

use anomal_spec::{ListFormat, ListMatch, ListSettings, ListType};

use crate::{
    entries::Entries,
    list::ListError,
    periods::Period,
    statistics::{Refusal, Statistics},
};

const SECOND: i64 = 1_000_000;

/// Collects entries, and counts what becomes of them.
pub(crate) struct Builder {
    entries: Entries,
    statistics: Statistics,
    entry_type: Option<ListType>,
    matching: Option<ListMatch>,
    /// In microseconds.
    max_age: Option<i64>,
    date: Option<i64>,
}

impl Builder {
    /// `max_age`: in seconds.
    pub fn new(settings: &ListSettings, max_age: Option<i64>) -> Self {
        // A list as a whole has one date, but each entry of a bundle its own.
        let max_age = max_age.filter(|_| settings.format == ListFormat::Stix);
        Self {
            entries: Entries::default(),
            statistics: Statistics::default(),
            entry_type: settings.entry_type,
            matching: settings.matching,
            max_age: max_age.map(|age| age.saturating_mul(SECOND)),
            date: None,
        }
    }

    /// Makes room for entries of a type, and for their bytes together.
    pub fn reserve(
        &mut self,
        entry_type: ListType,
        matching: ListMatch,
        entries: usize,
        bytes: usize,
    ) {
        let matching = self.matching.unwrap_or(matching);
        self.entries = Entries::with_capacity(entry_type, matching, entries, bytes);
    }

    /// Sets the date of the list.
    pub fn set_date(&mut self, date: Option<i64>) {
        self.date = self.date.or(date);
    }

    /// Adds an entry of a type that always matches. `place`: its line.
    pub fn add(&mut self, place: u64, text: &str, entry_type: ListType) {
        self.add_matching(place, text, entry_type, ListMatch::Exact, Period::default());
    }

    /// Adds an entry with what it matches where the settings have no `match`, and when it is valid.
    pub fn add_matching(
        &mut self,
        place: u64,
        text: &str,
        entry_type: ListType,
        matching: ListMatch,
        period: Period,
    ) {
        let matching = self.matching.unwrap_or(matching);
        let period = self.limited(period);
        match self.entries.add(text, entry_type, matching, period) {
            Ok(true) => {}
            Ok(false) => self.statistics.duplicates += 1,
            Err(reason) => self.refuse(place, text.as_bytes(), reason),
        }
    }

    /// Whether the settings ask for entries of this type.
    pub fn wants(&self, entry_type: ListType) -> bool {
        self.entry_type.is_none_or(|wanted| wanted == entry_type)
    }

    pub fn refuse(&mut self, place: u64, text: &[u8], reason: Refusal) {
        self.statistics.refuse(place, text, reason);
    }

    pub fn count_unsupported(&mut self) {
        self.statistics.unsupported += 1;
    }

    pub fn count_left_out(&mut self) {
        self.statistics.left_out += 1;
    }

    fn limited(&self, period: Period) -> Period {
        let Some((age, from)) = self.max_age.zip(period.from) else { return period };
        let oldest = from.saturating_add(age);
        Period { until: Some(period.until.map_or(oldest, |until| until.min(oldest))), ..period }
    }

    /// The entries, the date of the list, and the counts.
    ///
    /// # Errors
    /// There is no entry.
    pub fn finish(self) -> Result<(Entries, Option<i64>, Statistics), ListError> {
        let Self { mut entries, mut statistics, date, .. } = self;
        entries.shrink();
        statistics.entries = entries.len() as u64;
        if statistics.entries == 0 {
            return Err(ListError(useless(&statistics)));
        }
        Ok((entries, date, statistics))
    }
}

fn useless(statistics: &Statistics) -> String {
    let example = statistics.examples.first().map(|example| {
        format!(
            "; the first refused one, at {}: `{}`: {}",
            example.place, example.text, example.reason
        )
    });
    format!(
        "the list finds nothing: {statistics}{}; check `format` and `type`",
        example.unwrap_or_default()
    )
}
