//! What people decided about incidents (docs/verdicts.md). A verdict is about the keys of an incident's findings, which
//! are the same in the next run.

use std::{collections::HashMap, slice, sync::Arc};

use anomal_core::proto::{Incident, Verdict};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// An incident with so many times the rows of the judged one is no longer as judged.
const GROWN: u64 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Judgement {
    /// Takes back what was decided before.
    Undecided,
    TruePositive,
    Benign,
    FalsePositive,
}

impl Judgement {
    pub const ALL: [Self; 4] =
        [Self::Undecided, Self::TruePositive, Self::Benign, Self::FalsePositive];

    /// As in requests and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::TruePositive => "true-positive",
            Self::Benign => "benign",
            Self::FalsePositive => "false-positive",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::TruePositive => "true positive",
            Self::Benign => "benign",
            Self::FalsePositive => "false positive",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|judgement| judgement.name() == name)
    }
}

/// The day in UTC.
pub fn today() -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date()
}

/// The keys of an incident; reports of older versions have one.
pub fn keys(incident: &Incident) -> &[String] {
    if incident.keys.is_empty() { slice::from_ref(&incident.key) } else { &incident.keys }
}

/// The verdicts of a job.
#[derive(Clone, Debug, Default)]
pub struct VerdictBook {
    /// By number.
    verdicts: Arc<Vec<Verdict>>,
    /// For each key the place of its newest verdict.
    newest: HashMap<String, usize>,
}

impl VerdictBook {
    pub fn new(verdicts: Arc<Vec<Verdict>>) -> Self {
        let mut newest = HashMap::new();
        for (place, verdict) in verdicts.iter().enumerate() {
            newest.extend(verdict.keys.iter().map(|key| (key.clone(), place)));
        }
        Self { verdicts, newest }
    }

    pub fn all(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// The number of the newest verdict; 0: there is none.
    pub fn number(&self) -> u64 {
        self.verdicts.last().map_or(0, |verdict| verdict.number)
    }

    /// Verdicts about any of these keys with a higher number than this, by number.
    pub fn after(&self, keys: &[String], number: u64) -> Vec<&Verdict> {
        let is_about = |verdict: &&Verdict| verdict.keys.iter().any(|key| keys.contains(key));
        let start = self.verdicts.partition_point(|verdict| verdict.number <= number);
        self.verdicts[start..].iter().filter(is_about).collect()
    }

    /// What was decided about an incident; none while it is open.
    pub fn standing(&self, incident: &Incident) -> Option<Standing<'_>> {
        let places = keys(incident).iter().filter_map(|key| self.newest.get(key));
        let mut places: Vec<usize> = places.copied().collect();
        places.sort_unstable();
        let verdict = &self.verdicts[*places.last()?];
        let judgement = Judgement::from_name(&verdict.verdict)?;
        if judgement == Judgement::Undecided {
            return None;
        }
        let is_attack =
            |place: &usize| self.verdicts[*place].verdict == Judgement::TruePositive.name();
        let change = if judgement != Judgement::TruePositive && places.iter().any(is_attack) {
            Some(Change::Mixed)
        } else if incident.flags.iter().any(|flag| !verdict.flags.contains(flag)) {
            Some(Change::Flag)
        } else if incident.rows >= verdict.rows.saturating_mul(GROWN) {
            Some(Change::Rows)
        } else {
            None
        };
        Some(Standing { verdict, judgement, change })
    }
}

/// Why an incident is no longer as judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A part of it was judged a true positive.
    Mixed,
    /// It has a further flag.
    Flag,
    /// It has three times the rows or more.
    Rows,
}

impl Change {
    pub fn words(self) -> &'static str {
        match self {
            Self::Mixed => "a part of it was judged a true positive",
            Self::Flag => "it has a further flag",
            Self::Rows => "it has at least three times the rows",
        }
    }
}

/// The newest verdict about an incident.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    pub verdict: &'a Verdict,
    pub judgement: Judgement,
    /// None while the incident is as judged.
    pub change: Option<Change>,
}

impl Standing<'_> {
    /// Whether it needs no further look: benign or a false positive, and still as judged.
    pub fn is_settled(&self) -> bool {
        matches!(self.judgement, Judgement::Benign | Judgement::FalsePositive)
            && self.change.is_none()
    }

    /// Whether runs are quiet about it on this day.
    pub fn is_quiet(&self, day: Date) -> bool {
        self.change.is_none() && is_before_end(&self.verdict.until, day)
    }
}

/// Whether a suppression with this end is active on a day; one without an end is not.
pub fn is_before_end(until: &str, day: Date) -> bool {
    until.parse::<Date>().is_ok_and(|end| day < end)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn verdict(number: u64, keys: &[&str], judgement: Judgement) -> Verdict {
        Verdict {
            number,
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            verdict: judgement.name().to_owned(),
            rows: 10,
            flags: vec!["tunnel".to_owned()],
            ..Verdict::default()
        }
    }

    fn incident(keys: &[&str], rows: u64) -> Incident {
        Incident {
            key: keys[0].to_owned(),
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            flags: vec!["tunnel".to_owned()],
            rows,
            ..Incident::default()
        }
    }

    fn book(verdicts: Vec<Verdict>) -> VerdictBook {
        VerdictBook::new(Arc::new(verdicts))
    }

    #[test]
    fn the_newest_verdict_about_a_key_counts() {
        let book = book(vec![
            verdict(1, &["a", "b"], Judgement::Benign),
            verdict(2, &["b"], Judgement::FalsePositive),
            verdict(3, &["a"], Judgement::Undecided),
        ]);
        let of = |keys: &[&str]| book.standing(&incident(keys, 10)).map(|it| it.judgement);
        assert_eq!(of(&["b"]), Some(Judgement::FalsePositive));
        assert_eq!(of(&["a"]), None);
        assert_eq!(of(&["c"]), None);
        let about = |number| -> Vec<u64> {
            let keys = ["a".to_owned()];
            book.after(&keys, number).iter().map(|verdict| verdict.number).collect()
        };
        assert_eq!((about(0), about(1), about(3)), (vec![1, 3], vec![3], vec![]));
    }

    #[test]
    fn what_has_changed_is_open_again() {
        let quiet =
            |judgement| Verdict { until: "2026-04-01".into(), ..verdict(1, &["a"], judgement) };
        let benign = book(vec![quiet(Judgement::Benign)]);
        let day = date(2026, 3, 31);
        let standing = benign.standing(&incident(&["a"], 29)).unwrap();
        assert!(standing.is_settled() && standing.is_quiet(day));
        assert!(!standing.is_quiet(date(2026, 4, 1)));
        let grown = benign.standing(&incident(&["a"], 30)).unwrap();
        assert_eq!(grown.change, Some(Change::Rows));
        assert!(!grown.is_settled() && !grown.is_quiet(day));
        let flagged = Incident { flags: vec!["other".into()], ..incident(&["a"], 10) };
        assert_eq!(benign.standing(&flagged).unwrap().change, Some(Change::Flag));
        let mixed = book(vec![
            verdict(1, &["b"], Judgement::TruePositive),
            Verdict { number: 2, ..quiet(Judgement::Benign) },
        ]);
        let mixed = mixed.standing(&incident(&["a", "b"], 10)).unwrap();
        assert_eq!(mixed.change, Some(Change::Mixed));
        assert!(!mixed.is_quiet(day));
    }

    #[test]
    fn a_report_without_keys_has_that_of_its_incident() {
        let old = Incident { key: "a".into(), rows: 10, ..Incident::default() };
        assert_eq!(keys(&old), ["a"]);
    }
}
