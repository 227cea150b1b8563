//! What a run is quiet about: incidents that people have judged before. Rows and counts of rows stay as they are.

use anomal_core::{proto::Diagnostic, words};
use anomal_spec::Severity;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::incidents::{Entity, Incident};

/// An incident with so many times the rows that were judged is not suppressed.
const GROWN: u64 = 3;

/// An incident, or incidents of a flag about a thing, that are known until a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Suppression {
    /// Keys of incidents; any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// In place of keys: a flag, with an actor, a target, or both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What it was when it was judged, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    pub reason: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub who: String,
    /// The first day on which it has no effect, such as 2026-04-01.
    pub until: String,
    /// Rows and flags when it was judged: an incident that has grown is not suppressed. Absent: whatever it has grown to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

/// The suppressions of a run, and its day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressionList {
    pub items: Vec<Suppression>,
    /// In UTC.
    pub day: Date,
}

/// What became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SuppressionSummary {
    /// Incidents that the run is quiet about, by number.
    pub quiet: Vec<QuietIncident>,
    /// Titles, or flags and entities, of suppressions whose time is over.
    pub ended: Vec<String>,
    /// Of those that fit no incident of the run.
    pub unmatched: Vec<String>,
    /// Numbers of incidents that are no longer as they were judged.
    pub changed: Vec<u64>,
}

/// An incident that is suppressed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QuietIncident {
    pub incident: u64,
    pub title: String,
    pub severity: Severity,
    pub rows: u64,
    pub reason: String,
    pub who: String,
    pub until: String,
}

impl Suppression {
    /// What it is about, for people.
    pub fn describe(&self) -> String {
        if !self.title.is_empty() {
            return self.title.clone();
        }
        let parts = [&self.flag, &self.actor, &self.target].into_iter().flatten();
        let named: Vec<&str> = parts.map(String::as_str).collect();
        if named.is_empty() { self.keys.join(", ") } else { named.join(" · ") }
    }

    /// Why it can't be used; none: it can.
    pub fn problem(&self) -> Option<&'static str> {
        let has_entity = self.actor.is_some() || self.target.is_some();
        if self.end().is_none() {
            return Some("its `until` is no day, such as 2026-04-01");
        }
        if self.reason.trim().is_empty() {
            return Some("it has no `reason`");
        }
        match (&self.flag, self.keys.is_empty()) {
            (None, true) => Some("it names neither `keys` nor a `flag`"),
            (Some(_), false) => Some("it names both `keys` and a `flag`; make two of it"),
            (Some(_), true) if !has_entity => Some(
                "it has a `flag` without `actor` or `target`; remove the flag from the settings instead",
            ),
            (None, false) if has_entity => Some("`actor` and `target` go with a `flag`"),
            _ => None,
        }
    }

    fn end(&self) -> Option<Date> {
        self.until.parse().ok()
    }

    fn is_about(&self, incident: &Incident) -> bool {
        let Some(flag) = &self.flag else {
            return incident.keys.iter().any(|key| self.keys.contains(key));
        };
        let has = |wanted: &Option<String>, entities: &[Entity]| {
            wanted.as_ref().is_none_or(|wanted| {
                entities.iter().any(|entity| entity.value.eq_ignore_ascii_case(wanted))
            })
        };
        incident.flags.contains(flag)
            && has(&self.actor, &incident.actors)
            && has(&self.target, &incident.targets)
    }

    /// Whether an incident that it is about has grown since.
    fn has_changed(&self, incident: &Incident) -> bool {
        let grown = |rows: u64| incident.rows >= rows.saturating_mul(GROWN);
        let further = |flag: &String| !self.flags.contains(flag);
        self.rows.is_some_and(grown)
            || (!self.flags.is_empty() && incident.flags.iter().any(further))
    }
}

impl SuppressionList {
    /// Marks the incidents that are suppressed.
    pub(crate) fn apply(&self, incidents: &mut [Incident]) -> SuppressionSummary {
        let mut summary = SuppressionSummary::default();
        let (active, ended): (Vec<_>, Vec<_>) =
            self.items.iter().partition(|item| item.end().is_some_and(|end| self.day < end));
        summary.ended = ended.into_iter().map(Suppression::describe).collect();
        let mut matched = vec![false; active.len()];
        for incident in incidents {
            let mut changed = false;
            for (item, matched) in active.iter().zip(&mut matched) {
                if !item.is_about(incident) {
                    continue;
                }
                *matched = true;
                if item.has_changed(incident) {
                    changed = true;
                } else if incident.suppressed.is_none() {
                    incident.suppressed = Some(item.reason.clone());
                    summary.quiet.push(quiet(item, incident));
                }
            }
            if changed && incident.suppressed.is_none() {
                summary.changed.push(incident.number);
            }
        }
        let unmatched = active.iter().zip(&matched).filter(|(_, matched)| !**matched);
        summary.unmatched = unmatched.map(|(item, _)| item.describe()).collect();
        summary
    }
}

impl SuppressionSummary {
    /// Suppressions that have no effect, or no longer.
    pub(crate) fn notes(&self) -> Vec<Diagnostic> {
        let mut notes = Vec::new();
        for (reason, names, one, many) in [
            ("SUPPRESSION_ENDED", &self.ended, "suppression has ended", "suppressions have ended"),
            (
                "SUPPRESSION_UNMATCHED",
                &self.unmatched,
                "suppression fits no incident",
                "suppressions fit no incident",
            ),
        ] {
            let Some(first) = names.first() else { continue };
            let more = match names.len() {
                1 => String::new(),
                more => format!(" and {} more", more - 1),
            };
            let counted = words::counted(names.len() as u64, one, many);
            notes.push(Diagnostic {
                path: "suppressions".to_owned(),
                reason: reason.to_owned(),
                message: format!("{counted}: {}{more}", words::shortened(first, 120)),
                count: 0,
            });
        }
        if !self.changed.is_empty() {
            let numbers: Vec<String> =
                self.changed.iter().take(20).map(ToString::to_string).collect();
            notes.push(Diagnostic {
                path: "suppressions".to_owned(),
                reason: "SUPPRESSION_CHANGED".to_owned(),
                message: format!(
                    "no longer as judged, so shown again: incident {}",
                    numbers.join(", ")
                ),
                count: 0,
            });
        }
        notes
    }
}

fn quiet(item: &Suppression, incident: &Incident) -> QuietIncident {
    QuietIncident {
        incident: incident.number,
        title: incident.title.clone(),
        severity: incident.severity,
        rows: incident.rows,
        reason: item.reason.clone(),
        who: item.who.clone(),
        until: item.until.clone(),
    }
}

#[cfg(test)]
mod tests {
    use anomal_spec::EntityKind;
    use jiff::civil::date;

    use super::*;

    fn incident(number: u64, key: &str, rows: u64) -> Incident {
        let entity = |value: &str| Entity { kind: EntityKind::Host, value: value.to_owned(), rows };
        Incident {
            number,
            key: key.to_owned(),
            keys: vec![key.to_owned()],
            title: String::new(),
            severity: Severity::High,
            risk: 80,
            parts: crate::RiskParts::default(),
            actors: vec![entity("10.0.0.1")],
            actor_count: 1,
            targets: vec![entity("a.example")],
            target_count: 1,
            flags: vec!["tunnel".to_owned()],
            rows,
            suspicious: 0,
            span: None,
            time_step: None,
            first: None,
            last: None,
            core: None,
            facts: Vec::new(),
            together: Vec::new(),
            findings: 1,
            top_row: 0,
            suppressed: None,
        }
    }

    fn by_key(key: &str, until: &str) -> Suppression {
        Suppression {
            keys: vec![key.to_owned()],
            title: key.to_owned(),
            reason: "known".to_owned(),
            until: until.to_owned(),
            rows: Some(10),
            flags: vec!["tunnel".to_owned()],
            ..Suppression::default()
        }
    }

    #[test]
    fn what_has_ended_changed_or_fits_nothing_is_reported() {
        let list = SuppressionList {
            items: vec![
                by_key("a", "2026-03-02"),
                by_key("b", "2026-03-03"),
                by_key("c", "2026-03-03"),
                by_key("d", "2026-03-03"),
            ],
            day: date(2026, 3, 2),
        };
        let mut incidents = [incident(1, "a", 10), incident(2, "b", 29), incident(3, "c", 30)];
        let summary = list.apply(&mut incidents);
        let quiet: Vec<u64> = summary.quiet.iter().map(|it| it.incident).collect();
        assert_eq!((quiet, summary.changed), (vec![2], vec![3]));
        assert_eq!(
            (summary.ended, summary.unmatched),
            (vec!["a".to_owned()], vec!["d".to_owned()])
        );
        let marked = incidents.map(|it| it.suppressed.is_some());
        assert_eq!(marked, [false, true, false]);
    }

    #[test]
    fn a_flag_is_suppressed_for_an_entity() {
        let of = |flag: &str, actor: &str| Suppression {
            flag: Some(flag.to_owned()),
            actor: Some(actor.to_owned()),
            reason: "known".to_owned(),
            until: "2026-03-03".to_owned(),
            ..Suppression::default()
        };
        for (item, expected) in [
            (of("tunnel", "10.0.0.1"), true),
            (of("tunnel", "10.0.0.2"), false),
            (of("other", "10.0.0.1"), false),
        ] {
            let list = SuppressionList { items: vec![item], day: date(2026, 3, 2) };
            let mut incidents = [incident(1, "a", 1_000)];
            list.apply(&mut incidents);
            assert_eq!(incidents[0].suppressed.is_some(), expected);
        }
        let alone = Suppression { actor: None, ..of("tunnel", "") };
        assert!(alone.problem().unwrap().contains("without `actor`"));
        assert_eq!(of("tunnel", "10.0.0.1").problem(), None);
        assert_eq!(by_key("a", "2026-03-03").problem(), None);
        assert!(by_key("a", "soon").problem().unwrap().contains("until"));
        assert!(
            Suppression { reason: " ".into(), ..by_key("a", "2026-03-03") }.problem().is_some()
        );
    }
}
