//! Incidents: findings that are about the same thing, or where a thing is passed on.
//!
//! Findings are never joined because they are of the same actor, or near in time: a busy host would draw everything into
//! one incident.

use std::collections::{BTreeMap, HashMap};

use super::{
    findings::{Cause, Finding},
    input::{Code, IncidentInput, NONE},
};

/// Findings in which a value that is passed on may be.
const MOST_PASSED_ON: usize = 8;
/// Findings of an incident that passing on makes.
const MOST_FINDINGS: usize = 50;

pub(super) const ONE_FINDING: &str = "one finding";
pub(super) const SAME_TARGET: &str = "the same flag on the same target";
pub(super) const SAME_PAIR: &str = "the same actor and target";
pub(super) const PASSED_ON: &str = "what one passes on, the next one uses";

const REASONS: [&str; 3] = [SAME_TARGET, SAME_PAIR, PASSED_ON];

/// Findings of one incident by their places, and why they are together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Group {
    pub findings: Vec<usize>,
    pub together: Vec<&'static str>,
    /// Whether a value is passed on.
    pub is_chain: bool,
}

/// Groups findings; each is in exactly one group.
pub(super) fn merge(input: &IncidentInput, findings: &[Finding]) -> Vec<Group> {
    let mut sets = Sets::new(findings.len());
    let joinable = |finding: &&(usize, &Finding)| !matches!(finding.1.cause, Cause::Alike(_));
    let places: Vec<(usize, &Finding)> = findings.iter().enumerate().collect();
    let mut by_target: HashMap<(Cause, Code), usize> = HashMap::new();
    let mut by_pair: HashMap<(Code, Code), usize> = HashMap::new();
    for (place, finding) in places.iter().filter(joinable) {
        if finding.target == NONE {
            continue;
        }
        if matches!(finding.cause, Cause::Flag(_)) {
            let first = *by_target.entry((finding.cause, finding.target)).or_insert(*place);
            sets.join(first, *place, SAME_TARGET);
        }
        if finding.actor != NONE {
            let first = *by_pair.entry((finding.actor, finding.target)).or_insert(*place);
            sets.join(first, *place, SAME_PAIR);
        }
    }
    pass_on(input, findings, &mut sets);
    sets.into_groups()
}

/// Joins a finding whose target is the actor of another that begins no later than the gap after its end.
fn pass_on(input: &IncidentInput, findings: &[Finding], sets: &mut Sets) {
    let mut uses: BTreeMap<Code, usize> = BTreeMap::new();
    let mut by_actor: BTreeMap<Code, Vec<usize>> = BTreeMap::new();
    for (place, finding) in findings.iter().enumerate() {
        if matches!(finding.cause, Cause::Alike(_)) {
            continue;
        }
        if finding.actor != NONE {
            *uses.entry(finding.actor).or_default() += 1;
            by_actor.entry(finding.actor).or_default().push(place);
        }
        if finding.target != NONE && finding.target != finding.actor {
            *uses.entry(finding.target).or_default() += 1;
        }
    }
    // In the order of the findings, which does not depend on that of the rows.
    for (place, finding) in findings.iter().enumerate() {
        let (Some(span), false) = (finding.span, finding.target == NONE) else { continue };
        let is_rare = uses.get(&finding.target).is_some_and(|uses| *uses <= MOST_PASSED_ON);
        if !is_rare || matches!(finding.cause, Cause::Alike(_)) {
            continue;
        }
        for next in by_actor.get(&finding.target).into_iter().flatten() {
            let Some(next_span) = findings[*next].span else { continue };
            let latest = span.last.saturating_add(input.gap);
            let follows = (span.first..=latest).contains(&next_span.first);
            if *next != place && follows && sets.size(place) + sets.size(*next) <= MOST_FINDINGS {
                sets.join(place, *next, PASSED_ON);
            }
        }
    }
}

/// Disjoint sets of findings, with the reasons of their joins.
struct Sets {
    parents: Vec<usize>,
    sizes: Vec<usize>,
    /// One bit for each of [`REASONS`].
    reasons: Vec<u8>,
}

impl Sets {
    fn new(count: usize) -> Self {
        Self { parents: (0..count).collect(), sizes: vec![1; count], reasons: vec![0; count] }
    }

    fn root(&mut self, mut place: usize) -> usize {
        while self.parents[place] != place {
            self.parents[place] = self.parents[self.parents[place]];
            place = self.parents[place];
        }
        place
    }

    fn size(&mut self, place: usize) -> usize {
        let root = self.root(place);
        self.sizes[root]
    }

    fn join(&mut self, a: usize, b: usize, reason: &'static str) {
        let (a, b) = (self.root(a), self.root(b));
        let (root, other) = (a.min(b), a.max(b));
        if root != other {
            self.parents[other] = root;
            self.sizes[root] += self.sizes[other];
            let place = REASONS.iter().position(|known| *known == reason).unwrap_or_default();
            self.reasons[root] |= self.reasons[other] | 1 << place;
        }
    }

    fn into_groups(mut self) -> Vec<Group> {
        let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
        for place in 0..self.parents.len() {
            let root = self.root(place);
            groups.entry(root).or_default().findings.push(place);
        }
        let reasons = &self.reasons;
        let complete = |(root, mut group): (usize, Group)| {
            let has = |(place, _): &(usize, &&str)| reasons[root] & 1 << place != 0;
            let found = REASONS.iter().enumerate().filter(has);
            group.together = found.map(|(_, reason)| *reason).collect();
            group.is_chain = group.together.contains(&PASSED_ON);
            if group.together.is_empty() {
                group.together.push(ONE_FINDING);
            }
            group
        };
        groups.into_iter().map(complete).collect()
    }
}
