//! Two runs compared by the keys of their incidents and by the distributions of their features.

mod drift;
mod entities;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

pub use drift::{FeatureDigest, FeatureDrift};
pub use entities::{EntityChanges, EntityDigest, RiskChanges};

/// What two runs are compared by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunDigest {
    /// The id of a report, or the name of a result file.
    pub name: String,
    pub job: String,
    /// When it was made, in RFC 3339; empty where that is unknown.
    pub time: String,
    pub rows: u64,
    /// The detector; empty without classification.
    pub engine: String,
    pub threshold: String,
    pub version: String,
    /// Columns with roles, such as `host source.ip`.
    pub roles: Vec<String>,
    pub flags: Vec<FlagDigest>,
    /// Empty where distributions are unknown.
    pub features: Vec<FeatureDigest>,
    pub incidents: Vec<IncidentDigest>,
    /// What rows that stand out are about, a kind and value once; none where that is not known.
    pub entities: Option<Vec<EntityDigest>>,
}

/// A flag with the number of rows that it hit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FlagDigest {
    pub name: String,
    pub rows: u64,
}

/// What is compared of an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IncidentDigest {
    pub number: u64,
    pub keys: Vec<String>,
    pub title: String,
    /// `high`, `medium` or `low`.
    pub severity: String,
    pub risk: u32,
    pub rows: u64,
    /// Whether it needs no further look: suppressed, or judged benign or a false positive.
    pub settled: bool,
}

/// A later run beside an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    pub before: RunHead,
    pub after: RunHead,
    /// What differs in the settings, so that scores and risks can't be compared.
    pub differences: Vec<String>,
    /// Incidents of the later run that share no key with the earlier one, by number.
    pub new: Vec<IncidentDigest>,
    /// Incidents of the earlier run that share no key with the later one, by number.
    pub gone: Vec<IncidentDigest>,
    /// The other incidents of the later run, by number.
    pub continuing: Vec<Continued>,
    /// By kind; empty where a run does not know its entities.
    pub entities: Vec<EntityChanges>,
    pub flags: Vec<FlagChange>,
    /// The most changed first; empty where a run has no distributions.
    pub drift: Vec<FeatureDrift>,
}

/// What identifies a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunHead {
    pub name: String,
    pub job: String,
    pub time: String,
    pub rows: u64,
    pub incidents: u64,
}

/// An incident that was there before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Continued {
    pub after: IncidentDigest,
    /// That with which it shares the most keys.
    pub before: IncidentDigest,
    /// Further incidents of the earlier run that are in it now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<u64>,
    /// Other incidents of the later run that continue the same one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<u64>,
}

/// Rows that a flag hit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlagChange {
    pub name: String,
    /// None: the run has no such flag.
    pub before: Option<u64>,
    pub after: Option<u64>,
}

impl Comparison {
    pub fn new(before: &RunDigest, after: &RunDigest) -> Self {
        let mut by_key: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, incident) in before.incidents.iter().enumerate() {
            for key in incident.keys.iter().collect::<BTreeSet<_>>() {
                by_key.entry(key).or_default().push(place);
            }
        }
        let differences = differences(before, after);
        let entities = match (&before.entities, &after.entities) {
            (Some(then), Some(now)) => entities::between(then, now, differences.is_empty()),
            _ => Vec::new(),
        };
        let mut all = Self {
            before: head(before),
            after: head(after),
            differences,
            entities,
            flags: flags(before, after),
            drift: drift::between(&before.features, &after.features),
            ..Self::default()
        };
        let mut known = BTreeSet::new();
        let mut successors: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for incident in &after.incidents {
            let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
            for key in incident.keys.iter().collect::<BTreeSet<_>>() {
                for place in by_key.get(key.as_str()).into_iter().flatten() {
                    *shared.entry(*place).or_default() += 1;
                }
            }
            known.extend(shared.keys().copied());
            // Of equal ones the lower number.
            let most =
                shared.iter().max_by_key(|(place, keys)| (**keys, std::cmp::Reverse(**place)));
            let Some(most) = most.map(|(place, _)| *place) else {
                all.new.push(incident.clone());
                continue;
            };
            successors.entry(most).or_default().push(incident.number);
            let others = shared.keys().filter(|place| **place != most);
            all.continuing.push(Continued {
                after: incident.clone(),
                before: before.incidents[most].clone(),
                joined: others.map(|place| before.incidents[*place].number).collect(),
                split: Vec::new(),
            });
        }
        for continued in &mut all.continuing {
            let before_number = continued.before.number;
            let place = before.incidents.iter().position(|it| it.number == before_number);
            let siblings = place.and_then(|place| successors.get(&place)).into_iter().flatten();
            continued.split =
                siblings.copied().filter(|number| *number != continued.after.number).collect();
        }
        let gone = before.incidents.iter().enumerate().filter(|(place, _)| !known.contains(place));
        all.gone = gone.map(|(_, incident)| incident.clone()).collect();
        all
    }

    /// New incidents that need a look.
    pub fn open_new(&self) -> impl Iterator<Item = &IncidentDigest> {
        self.new.iter().filter(|incident| !incident.settled)
    }
}

fn head(run: &RunDigest) -> RunHead {
    RunHead {
        name: run.name.clone(),
        job: run.job.clone(),
        time: run.time.clone(),
        rows: run.rows,
        incidents: run.incidents.len() as u64,
    }
}

/// In words, from what the runs know of their settings.
fn differences(before: &RunDigest, after: &RunDigest) -> Vec<String> {
    let mut found = Vec::new();
    for (what, before, after) in [
        ("job", &before.job, &after.job),
        ("detector", &before.engine, &after.engine),
        ("threshold", &before.threshold, &after.threshold),
        ("version", &before.version, &after.version),
    ] {
        if before != after && !before.is_empty() && !after.is_empty() {
            found.push(format!("{what}: {before}, then {after}"));
        }
    }
    if before.roles != after.roles {
        let words = |roles: &[String]| {
            if roles.is_empty() { "none".to_owned() } else { roles.join(", ") }
        };
        found.push(format!("roles: {}, then {}", words(&before.roles), words(&after.roles)));
    }
    if before.features.is_empty() || after.features.is_empty() {
        return found;
    }
    let names = |run: &RunDigest| -> BTreeSet<String> {
        run.features.iter().map(|feature| feature.name.clone()).collect()
    };
    let (earlier, later) = (names(before), names(after));
    for (what, mut missing) in [
        ("features that are gone", earlier.difference(&later).peekable()),
        ("further features", later.difference(&earlier).peekable()),
    ] {
        if missing.peek().is_some() {
            let missing: Vec<&str> = missing.map(String::as_str).collect();
            found.push(format!("{what}: {}", missing.join(", ")));
        }
    }
    for feature in &before.features {
        let other = after.features.iter().find(|other| other.name == feature.name);
        if let Some(other) = other.filter(|other| other.weight != feature.weight) {
            found.push(format!(
                "weight of {}: {}, then {}",
                feature.name, feature.weight, other.weight
            ));
        }
    }
    found
}

fn flags(before: &RunDigest, after: &RunDigest) -> Vec<FlagChange> {
    let rows = |run: &RunDigest, name: &str| {
        run.flags.iter().find(|flag| flag.name == name).map(|flag| flag.rows)
    };
    let gone = before.flags.iter().filter(|flag| rows(after, &flag.name).is_none());
    let names = after.flags.iter().chain(gone).map(|flag| &flag.name);
    let change = |name: &String| FlagChange {
        name: name.clone(),
        before: rows(before, name),
        after: rows(after, name),
    };
    names.map(change).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(incidents: &[&[&str]]) -> RunDigest {
        let incident = |(place, keys): (usize, &&[&str])| IncidentDigest {
            number: place as u64 + 1,
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            ..IncidentDigest::default()
        };
        RunDigest {
            incidents: incidents.iter().enumerate().map(incident).collect(),
            ..RunDigest::default()
        }
    }

    #[test]
    fn incidents_are_matched_by_their_keys() {
        let before = run(&[&["a", "b"], &["c"], &["d", "e"], &["f"]]);
        let after = run(&[&["x"], &["a", "c"], &["d"], &["e"], &["b"]]);
        let all = Comparison::new(&before, &after);
        let numbers = |all: &[IncidentDigest]| all.iter().map(|it| it.number).collect::<Vec<_>>();
        assert_eq!((numbers(&all.new), numbers(&all.gone)), (vec![1], vec![4]));
        let pairs: Vec<_> =
            all.continuing.iter().map(|it| (it.after.number, it.before.number)).collect();
        // A tie is for the lower number.
        assert_eq!(pairs, [(2, 1), (3, 3), (4, 3), (5, 1)]);
        assert_eq!(all.continuing[0].joined, [2]);
        assert_eq!((&all.continuing[0].split, &all.continuing[1].split), (&vec![5], &vec![4]));
    }

    #[test]
    fn differences_of_settings_are_named() {
        let feature = |name: &str, weight| FeatureDigest {
            name: name.to_owned(),
            weight,
            ..FeatureDigest::default()
        };
        let before = RunDigest {
            engine: "Gower".into(),
            features: vec![feature("a", 1.0), feature("b", 1.0)],
            ..RunDigest::default()
        };
        let after = RunDigest {
            engine: "HBOS".into(),
            features: vec![feature("a", 2.0), feature("c", 1.0)],
            ..RunDigest::default()
        };
        assert_eq!(
            Comparison::new(&before, &after).differences,
            [
                "detector: Gower, then HBOS",
                "features that are gone: b",
                "further features: c",
                "weight of a: 1, then 2"
            ]
        );
        assert!(Comparison::new(&before, &before).differences.is_empty());
    }

    fn runs() -> impl Strategy<Value = RunDigest> {
        let keys = prop::collection::vec("[a-f]", 1..4);
        prop::collection::vec(keys, 0..8).prop_map(|all| {
            let all: Vec<Vec<&str>> =
                all.iter().map(|keys| keys.iter().map(String::as_str).collect()).collect();
            run(&all.iter().map(Vec::as_slice).collect::<Vec<_>>())
        })
    }

    proptest! {
        #[test]
        fn sums_hold_and_a_run_continues_itself(before in runs(), after in runs()) {
            let all = Comparison::new(&before, &after);
            prop_assert_eq!(all.new.len() + all.continuing.len(), after.incidents.len());
            for gone in &all.gone {
                let shares = |it: &IncidentDigest| it.keys.iter().any(|key| gone.keys.contains(key));
                prop_assert!(!after.incidents.iter().any(shares));
            }
            let itself = Comparison::new(&after, &after);
            prop_assert!(itself.new.is_empty() && itself.gone.is_empty());
        }
    }
}
