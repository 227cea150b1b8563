//! What stands out in one run and not in the other: hosts, users, domains.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A thing that rows that stand out are about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EntityDigest {
    /// Such as `host`.
    pub kind: String,
    pub value: String,
    /// 1..100.
    pub risk: u32,
}

/// What has changed among the things of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityChanges {
    pub kind: String,
    /// Those that did not stand out before, the highest risk first.
    pub new: Vec<EntityDigest>,
    /// Those that do not stand out any more, the highest risk before first.
    pub gone: Vec<EntityDigest>,
    /// The others by their risk; none where the runs' risks can't be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risks: Option<RiskChanges>,
}

/// How many of the things that stand out in both runs have which risk now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RiskChanges {
    pub higher: u64,
    pub lower: u64,
    pub same: u64,
}

/// By kind. `risks`: whether risks can be compared.
pub(super) fn between(
    before: &[EntityDigest],
    after: &[EntityDigest],
    risks: bool,
) -> Vec<EntityChanges> {
    type Risks = BTreeMap<String, u32>;
    let mut kinds: BTreeMap<&str, (Risks, Risks)> = BTreeMap::new();
    for entity in before {
        kinds.entry(&entity.kind).or_default().0.insert(entity.value.clone(), entity.risk);
    }
    for entity in after {
        kinds.entry(&entity.kind).or_default().1.insert(entity.value.clone(), entity.risk);
    }
    let without = |kind: &str, all: &Risks, others: &Risks| -> Vec<EntityDigest> {
        let only = all.iter().filter(|(value, _)| !others.contains_key(*value));
        let entity = |(value, risk): (&String, &u32)| EntityDigest {
            kind: kind.to_owned(),
            value: value.clone(),
            risk: *risk,
        };
        let mut only: Vec<EntityDigest> = only.map(entity).collect();
        // Stable: of equal ones by value.
        only.sort_by_key(|entity| std::cmp::Reverse(entity.risk));
        only
    };
    let changes = |(kind, (before, after)): (&str, (Risks, Risks))| EntityChanges {
        kind: kind.to_owned(),
        new: without(kind, &after, &before),
        gone: without(kind, &before, &after),
        risks: risks.then(|| {
            let mut changes = RiskChanges::default();
            for (value, now) in &after {
                match before.get(value).map(|then| now.cmp(then)) {
                    Some(std::cmp::Ordering::Greater) => changes.higher += 1,
                    Some(std::cmp::Ordering::Less) => changes.lower += 1,
                    Some(std::cmp::Ordering::Equal) => changes.same += 1,
                    None => {}
                }
            }
            changes
        }),
    };
    kinds.into_iter().map(changes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entities(all: &[(&str, &str, u32)]) -> Vec<EntityDigest> {
        let entity = |(kind, value, risk): &(&str, &str, u32)| EntityDigest {
            kind: (*kind).to_owned(),
            value: (*value).to_owned(),
            risk: *risk,
        };
        all.iter().map(entity).collect()
    }

    #[test]
    fn things_are_compared_by_kind_and_value() {
        let before = entities(&[("host", "a", 10), ("host", "b", 20), ("host", "c", 30)]);
        let after = entities(&[
            ("host", "b", 25),
            ("host", "c", 5),
            ("host", "d", 40),
            ("host", "e", 50),
            // The same text of another kind is another thing.
            ("domain", "a", 60),
        ]);
        let all = between(&before, &after, true);
        let [domains, hosts] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!((&domains.new, domains.gone.len()), (&entities(&[("domain", "a", 60)]), 0));
        assert_eq!(hosts.new, entities(&[("host", "e", 50), ("host", "d", 40)]));
        assert_eq!(hosts.gone, entities(&[("host", "a", 10)]));
        assert_eq!(hosts.risks, Some(RiskChanges { higher: 1, lower: 1, same: 0 }));
        assert!(between(&before, &after, false).iter().all(|it| it.risks.is_none()));
        let itself = between(&after, &after, true);
        assert!(itself.iter().all(|it| it.new.is_empty() && it.gone.is_empty()));
        assert_eq!(itself[1].risks, Some(RiskChanges { same: 4, ..RiskChanges::default() }));
    }
}
