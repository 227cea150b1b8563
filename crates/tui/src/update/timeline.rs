//! The time that is looked at: a span of the timeline, which leaves out rows and incidents of other times.

use crate::{
    effect::{Effect, TimeSpan},
    message::TimeBin,
    model::{Cursor, Model, Results, Tab},
};

impl Results {
    /// The intervals of the time that is looked at.
    pub(crate) fn bins(&self) -> &[TimeBin] {
        let Some(timeline) = &self.report.timeline else { return &[] };
        let bins = timeline.bins.as_slice();
        let Some(times) = &self.query.times else { return bins };
        let first = bins.partition_point(|bin| bin.to <= times.from);
        let last = bins.partition_point(|bin| bin.from < times.to);
        bins.get(first..last).unwrap_or_default()
    }
}

impl Model {
    /// Goes to the timeline; there, begins a span, or looks at the one that was begun.
    pub(crate) fn zoom(&mut self) -> Vec<Effect> {
        let Some(results) = &mut self.results else { return Vec::new() };
        if results.bins().is_empty() {
            self.complain(
                "The rows have no times, so there is no timeline; `timeColumn` of the settings names them",
            );
            return Vec::new();
        }
        if results.tab != Tab::Timeline {
            (results.tab, results.mark) = (Tab::Timeline, None);
            self.say("Enter looks at the selected time only; t begins a longer span");
            return Vec::new();
        }
        if results.mark.is_some() {
            return self.zoom_to_selected();
        }
        results.mark = Some(results.cursor(Tab::Timeline).at);
        self.say("The span begins here; t at its last interval looks at it only");
        Vec::new()
    }

    /// Looks only at the time between the mark and what is selected.
    pub(crate) fn zoom_to_selected(&mut self) -> Vec<Effect> {
        let Some(results) = &mut self.results else { return Vec::new() };
        let at = results.cursor(Tab::Timeline).at;
        let mark = results.mark.take().unwrap_or(at);
        let bins = results.bins();
        let (Some(first), Some(last)) = (bins.get(mark.min(at)), bins.get(mark.max(at))) else {
            return Vec::new();
        };
        let all = results.report.timeline.as_ref();
        let after = all.and_then(|all| all.bins.iter().find(|bin| bin.from == last.to));
        let end = after.map(|bin| &bin.label).or(all.map(|all| &all.end));
        let label = format!("{} to {}", first.label, end.map_or("", String::as_str));
        let times = TimeSpan { from: first.from, to: last.to, label };
        self.look_at_times(Some(times))
    }

    pub(crate) fn look_at_all_times(&mut self) -> Vec<Effect> {
        self.look_at_times(None)
    }

    fn look_at_times(&mut self, times: Option<TimeSpan>) -> Vec<Effect> {
        let generation = self.generation + 1;
        let Some(results) = &mut self.results else { return Vec::new() };
        (results.query.times, results.query.offset) = (times, 0);
        for tab in [Tab::Incidents, Tab::Rows, Tab::Timeline] {
            results.cursors[tab as usize] = Cursor::default();
        }
        if results.tab == Tab::Timeline && results.query.times.is_some() {
            let has_incidents = !results.report.incidents.is_empty();
            results.tab = if has_incidents { Tab::Incidents } else { Tab::Rows };
        }
        vec![self.query(generation)]
    }
}
