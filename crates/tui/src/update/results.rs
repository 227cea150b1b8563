//! Looking at a report.

use std::ops::Range;

use crate::{
    effect::{Effect, Query},
    message::{Incident, Report, Rows},
    model::{Cursor, Model, Results, Screen, Tab},
};

/// Rows that are read at once.
const PAGE: usize = 200;

impl Results {
    pub(crate) fn count(&self, tab: Tab) -> usize {
        match tab {
            Tab::Incidents => self.incidents().count(),
            Tab::Rows => self.rows.total,
            Tab::Flags => self.report.flags.len(),
            Tab::Features => self.report.features.len(),
            Tab::Timeline => self.bins().len(),
        }
    }

    /// Those of the time that is looked at.
    pub(crate) fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.report.incidents.iter().filter(|incident| match (&self.query.times, incident.span) {
            (None, _) => true,
            (Some(times), Some((first, last))) => first < times.to && last >= times.from,
            (Some(_), None) => false,
        })
    }

    pub(crate) fn incident(&self, at: usize) -> Option<&Incident> {
        self.incidents().nth(at)
    }

    /// What was decided about the incident of a row; empty where nothing was.
    pub(crate) fn verdict_of(&self, incident: Option<u64>) -> String {
        let all = self.report.incidents.iter();
        let found = incident.and_then(|number| all.clone().find(|it| it.number == number));
        let decision =
            found.and_then(|incident| Some((incident.number, incident.decision.as_ref()?)));
        decision.map(|(number, it)| format!("incident {number}: {}", it.text())).unwrap_or_default()
    }

    pub(crate) fn cursor(&self, tab: Tab) -> Cursor {
        self.cursors[tab as usize]
    }

    /// A row of the list, if it is read.
    pub(crate) fn row(&self, at: usize) -> Option<&crate::message::Suspect> {
        self.rows.rows.get(at.checked_sub(self.rows.offset)?)
    }

    /// The last line of the record to begin with.
    pub(crate) fn last_line(&self) -> usize {
        self.record.as_ref().map_or(0, |record| record.values.len() + record.reasons.len())
    }
}

impl Model {
    pub(crate) fn opened_report(&mut self, result: Result<Report, String>) -> Vec<Effect> {
        let report = match result {
            Ok(report) if report.is_file && self.home.opening.is_none() => return Vec::new(),
            Ok(report) => report,
            Err(message) => {
                self.home.opening = None;
                self.complain(message);
                return Vec::new();
            }
        };
        let generation = self.next_generation();
        let has_incidents = !report.incidents.is_empty();
        if report.is_file {
            self.home.opening = None;
        }
        let limits = report.notes.join("; ");
        let query = Query { generation, limit: PAGE, ..Query::default() };
        self.results = Some(Results {
            report,
            tab: if has_incidents { Tab::Incidents } else { Tab::Rows },
            cursors: [Cursor::default(); 5],
            mark: None,
            judging: None,
            comment: String::new(),
            rows: Rows::default(),
            query: query.clone(),
            loading: true,
            asked: 0..PAGE,
            failure: None,
            record: None,
            scroll: 0,
        });
        if matches!(self.screen, Screen::Home | Screen::Run) {
            self.screen = Screen::Results;
        } else {
            self.say("The run is done; 7 shows its results");
        }
        if !limits.is_empty() {
            self.say(limits);
        }
        vec![Effect::Rows(query)]
    }

    pub(crate) fn rows_read(
        &mut self,
        generation: u64,
        result: Result<Rows, String>,
    ) -> Vec<Effect> {
        let Some(results) = self.results.as_mut().filter(|r| r.query.generation == generation)
        else {
            return Vec::new();
        };
        results.loading = false;
        let asked = std::mem::take(&mut results.asked);
        match result {
            Ok(rows) => (results.rows, results.failure) = (rows, None),
            Err(message) => results.failure = Some(message),
        }
        let last = results.rows.total.saturating_sub(1);
        let cursor = &mut results.cursors[Tab::Rows as usize];
        cursor.at = cursor.at.min(last);
        // Another one may have been selected in the meantime. What has failed is tried again with the next key.
        let is_current = results.failure.is_some() || asked.contains(&results.cursor(Tab::Rows).at);
        if is_current { Vec::new() } else { self.fetch_rows().into_iter().collect() }
    }

    /// Reads the rows around the selected one, if they are not here.
    pub(crate) fn fetch_rows(&mut self) -> Option<Effect> {
        let height = usize::from(self.size.height);
        let generation = self.generation + 1;
        let results = self.results.as_mut().filter(|results| results.tab == Tab::Rows)?;
        let (at, total) = (results.cursor(Tab::Rows).at, results.rows.total);
        let around = |by: usize| at.saturating_sub(by)..(at + by).min(total);
        let here = results.rows.offset..results.rows.offset + results.rows.rows.len();
        let has = |rows: &Range<usize>, wanted: &Range<usize>| {
            wanted.is_empty() || rows.start <= wanted.start && wanted.end <= rows.end
        };
        // Rows of the next pages are read before they are seen.
        if has(&here, &around(2 * height)) || has(&results.asked, &around(height)) {
            return None;
        }
        results.query.limit = PAGE.max(6 * height);
        results.query.offset = at.saturating_sub(results.query.limit / 2);
        let is_here = has(&here, &around(height));
        let effect = self.query(generation);
        if let Some(results) = &mut self.results {
            results.loading = !is_here;
        }
        Some(effect)
    }

    /// Asks for the rows of the query as it is now.
    pub(super) fn query(&mut self, generation: u64) -> Effect {
        self.generation = generation;
        let query = self.results.as_mut().map(|results| {
            results.query.generation = generation;
            results.loading = true;
            results.asked = results.query.offset..results.query.offset + results.query.limit;
            results.query.clone()
        });
        Effect::Rows(query.unwrap_or_default())
    }

    pub(crate) fn search(&mut self, text: String) -> Vec<Effect> {
        self.filter(Query { search: text, ..Query::default() })
    }

    /// Lists only rows that fit.
    fn filter(&mut self, filter: Query) -> Vec<Effect> {
        let generation = self.generation + 1;
        let Some(results) = &mut self.results else { return Vec::new() };
        // The time stays: another filter is for what is in it.
        let Query { search, incident, flag, .. } = filter;
        let kept = std::mem::take(&mut results.query);
        results.query = Query { search, incident, flag, offset: 0, ..kept };
        results.tab = Tab::Rows;
        results.cursors[Tab::Rows as usize] = Cursor::default();
        vec![self.query(generation)]
    }

    /// The next order of rows: by score, by severity, by number.
    pub(crate) fn sort(&mut self) -> Vec<Effect> {
        let generation = self.generation + 1;
        let Some(results) = &mut self.results else { return Vec::new() };
        let (sort, descending) = match results.query.sort.as_str() {
            "" => ("severity", true),
            "severity" => ("row", false),
            _ => ("", false),
        };
        (results.query.sort, results.query.descending) = (sort.to_owned(), descending);
        (results.query.offset, results.tab) = (0, Tab::Rows);
        results.cursors[Tab::Rows as usize] = Cursor::default();
        vec![self.query(generation)]
    }

    pub(crate) fn change_tab(&mut self, forward: bool) -> Vec<Effect> {
        if self.screen == Screen::Detector {
            if let Some(job) = &mut self.job {
                job.on_detectors = !job.on_detectors;
            }
            return Vec::new();
        }
        let Some(results) = &self.results else { return Vec::new() };
        let count = Tab::ALL.len();
        let by = if forward { 1 } else { count - 1 };
        self.show_tab(Tab::ALL[(results.tab as usize + by) % count])
    }

    pub(crate) fn show_tab(&mut self, tab: Tab) -> Vec<Effect> {
        if let Some(results) = &mut self.results {
            results.tab = tab;
        }
        self.fetch_rows().into_iter().collect()
    }

    /// Opens what is selected.
    pub(crate) fn look_at(&mut self) -> Vec<Effect> {
        let Some(results) = &self.results else { return Vec::new() };
        let at = results.cursor(results.tab).at;
        match results.tab {
            Tab::Incidents => match results.incident(at) {
                Some(incident) => {
                    let incident = Some(incident.number);
                    self.filter(Query { incident, ..Query::default() })
                }
                None => Vec::new(),
            },
            Tab::Rows => self.fetch_selected(),
            Tab::Flags => match results.report.flags.get(at) {
                Some(flag) => {
                    let flag = Some(flag.name.clone());
                    self.filter(Query { flag, ..Query::default() })
                }
                None => Vec::new(),
            },
            Tab::Features => {
                self.say("Rows that stand out by a feature name it in their reasons; / finds them");
                Vec::new()
            }
            Tab::Timeline => self.zoom_to_selected(),
        }
    }

    /// Reads the selected row.
    pub(crate) fn fetch_selected(&mut self) -> Vec<Effect> {
        let Some(results) = &self.results else { return Vec::new() };
        let row = results.row(results.cursor(Tab::Rows).at).map(|suspect| suspect.row);
        row.map(|row| Effect::Record { row }).into_iter().chain(self.fetch_rows()).collect()
    }

    /// The id of the report that is open, to show its pages.
    pub(crate) fn report_with_pages(&mut self) -> Option<String> {
        let report = self.results.as_ref().map(|results| &results.report)?;
        if report.is_file {
            self.complain("A result file has no pages; the report of its run has them (0)");
            return None;
        }
        Some(report.id.clone())
    }
}
