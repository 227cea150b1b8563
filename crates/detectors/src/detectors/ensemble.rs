//! `Ensemble`: the mean of several detectors on a common scale.
//!
//! A member's score becomes -log of the share of fitted rows with a score as high (`tail`); the ensemble's score is the
//! weighted mean (Kriegel, Kröger, Schubert and Zimek 2011, "Interpreting and Unifying Outlier Scores", SDM). The default
//! members find different things at low cost: rows isolated by few splits, without neighbours, far from one cloud, or
//! outside of several.
//!
//! Outliers distort the means and covariances that should find them. So members that fit these are fitted twice: once as
//! the others, and once without the rows that all members together score highest (as Cuesta-Albertos, Gordaliza and Matrán
//! 1997, "Trimmed k-Means: An Attempt to Robustify Quantizers", Annals of Statistics 25, trim, but by several detectors).
//! With few anomalies this changes the fit little. If a feature is constant in the remaining rows, the second fit cannot see
//! it, so both fits are members with half of the weight each.
//! Neighbours are searched among all rows: without them, rare kinds of usual rows would have none.
//!
//! The member that assumes no shape weighs twice as much as one that does, four times with categories, which have no shape;
//! the member for categories weighs as much as categories do among the features.
//!
//! A member that cannot serve the data is excluded, and the others have its weight: one that refuses them, one that gives
//! all rows the same score, one for categories without any, and one that fits covariances without varying numbers or with
//! too few rows. The state stores the excluded members with the reasons, and the steps list them.
//!
//! A row's reasons are those of the members, weighted by their parts in the score.
//!
//! Features that are constant in all fitted rows are the Ensemble's own: a row with another value has its score raised by
//! -log of the share of rows with such a value and the log of its distance (see `constants`), as a tail grows beyond all fitted
//! scores. That is more than any fitted row's score. Members are fitted to samples, in which a feature may have one value by
//! chance.

use std::{cell::LazyCell, time::Instant};

use anomal_core::{
    Cancel, FitProgress, Result,
    proto::{self, FeatureColumn},
};
use anomal_registry::Registry;
use anomal_spec::Parameters;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use self::{
    member::{Member, default_weight, varying},
    tail::Tail,
};
use super::proximity::neighbors::affordable;
use crate::{
    constants::Constants,
    context::Context,
    detector::{Detector, FittedDetector, Scorer, from_state, row_wise, state_of, step},
    matrix::Matrix,
    numeric::sample::sample,
    parameters::{ParameterError, parameter_error, parameters, within},
    scores::Scores,
};

mod member;
mod tail;

const NAME: &str = "Ensemble";
/// The tails are fitted to at most so many rows.
const MOST_ROWS: usize = 100_000;
/// Neighbours are searched among at most so many rows.
const MOST_POINTS: usize = 50_000;
const MOST_MEMBERS: usize = 16;
/// The members that search neighbours.
const NEIGHBORS: [&str; 2] = ["KNN", "LOF"];
/// The members that fit means and covariances.
const COVARIANCES: [&str; 3] = ["MCD", "GaussianMixture", "PCA"];
/// The share of rows of the second fit.
const USUAL: f64 = 0.85;

pub(crate) struct Ensemble {
    /// The detectors that can be members, if they score rows one by one.
    detectors: Registry<dyn Detector>,
}

impl Ensemble {
    pub fn new(detectors: Registry<dyn Detector>) -> Self {
        Self { detectors }
    }

    fn member(&self, name: &str) -> Option<&dyn Detector> {
        let detector = self.detectors.find(name)?;
        detector.describe().row_wise.then_some(detector.as_ref())
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EnsembleParameters {
    /// The detectors that take part, each with its default parameters, except neighbours and a forest's splits,
    /// which are of four features where all are numbers.
    #[serde(default = "default_members")]
    #[schemars(length(min = 1, max = 16))]
    members: Vec<String>,
    /// What each of them weighs; by default 2 where it looks for neighbours (4 among categories), for
    /// `CategoricalFrequency` the share of the weights that categories have, and else 1.
    #[serde(default)]
    #[schemars(length(min = 1, max = 16), inner(range(min = 0.0, max = 1e6)))]
    weights: Option<Vec<f64>>,
    /// Neighbours of the members that look for them: more than the few rows of most bursts.
    #[serde(default = "neighbors")]
    #[schemars(range(min = 1, max = 1000))]
    n_neighbors: usize,
}

fn neighbors() -> usize {
    20
}

fn default_members() -> Vec<String> {
    ["IsolationForest", "KNN", "MCD", "GaussianMixture", "CategoricalFrequency"]
        .map(Into::into)
        .into()
}

/// A member that the parameters name.
struct MemberRequest {
    name: String,
    weight: f64,
    neighbors: usize,
}

impl EnsembleParameters {
    /// The members with a weight above 0.
    fn member_requests(self, matrix: &Matrix) -> Vec<MemberRequest> {
        let default = |name: &String| default_weight(name, matrix);
        let weights = self.weights.unwrap_or_else(|| self.members.iter().map(default).collect());
        let neighbors = self.n_neighbors;
        let all = self.members.into_iter().zip(weights);
        all.filter(|(_, weight)| *weight > 0.0)
            .map(|(name, weight)| MemberRequest { name, weight, neighbors })
            .collect()
    }
}

fn looks_for_neighbors(name: &str) -> bool {
    NEIGHBORS.contains(&name)
}

impl Ensemble {
    fn fit_member(
        &self,
        request: &MemberRequest,
        matrix: &Matrix,
        sampled: &Matrix,
        context: &Context<'_>,
    ) -> Result<Result<(Member, Vec<f64>), String>> {
        let detector = self
            .member(&request.name)
            .ok_or_else(|| parameter_error(self.no_member(&request.name)))?;
        Member::fit(detector, request, matrix, sampled, context)
    }

    fn no_member(&self, name: &str) -> ParameterError {
        let message = if name == NAME || self.detectors.find(name).is_some() {
            format!("`{name}` can't take part")
        } else {
            format!("there is no detector `{name}`; {}", self.detectors.suggestion(name))
        };
        ParameterError::new("members", message)
    }
}

impl Detector for Ensemble {
    fn describe(&self) -> proto::Detector {
        row_wise::<EnsembleParameters>(
            NAME,
            "The recommended one: several detectors that see different things, each by how far out in \
             the tail of its scores a row is. Nothing to tune.",
            "what its members cost together",
        )
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        let given = parameters::<EnsembleParameters>(given)?;
        within("members", given.members.len(), 1..=MOST_MEMBERS)?;
        for (place, name) in given.members.iter().enumerate() {
            if self.member(name).is_none() {
                return Err(self.no_member(name));
            }
            if given.members[..place].contains(name) {
                return Err(ParameterError::new("members", format!("`{name}` is there twice")));
            }
        }
        within("nNeighbors", given.n_neighbors, 1..=1_000)?;
        let Some(weights) = &given.weights else { return Ok(()) };
        if weights.len() != given.members.len() {
            return Err(ParameterError::new("weights", "there is not one for each member"));
        }
        weights.iter().try_for_each(|weight| within("weights", *weight, 0.0..=1e6))?;
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(ParameterError::new("weights", "no member weighs anything"));
        }
        Ok(())
    }

    fn fit(
        &self,
        matrix: &Matrix,
        given: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        let requests = parameters::<EnsembleParameters>(given)
            .map_err(parameter_error)?
            .member_requests(matrix);
        context.cancel.check()?;
        let constants = Constants::fit(matrix);
        let context = &Context { whole: false, ..*context };
        let some = |most| matrix.select(&sample(matrix, most, context.seed));
        let points =
            LazyCell::new(|| some(affordable(matrix, matrix.columns.len()).min(MOST_POINTS)));
        let sampled = some(MOST_ROWS);
        let (mut members, mut out, mut steps) = (Vec::new(), Vec::new(), Vec::new());
        // The scores of the sampled rows by the members without neighbours.
        let mut far = vec![0.0; sampled.rows];
        let is_fitted_twice = |one: &&MemberRequest| COVARIANCES.contains(&one.name.as_str());
        let twice: Vec<&MemberRequest> = requests.iter().filter(is_fitted_twice).collect();
        // Each fit, and the scores by each fit.
        let all = 2 * (requests.len() + twice.len());
        for (place, request) in requests.iter().enumerate() {
            let started = Instant::now();
            let words = format!("member {} of {} ({})", place + 1, requests.len(), request.name);
            context.progress.begin(words, place, all);
            let by_neighbors = looks_for_neighbors(&request.name);
            let fitted = if by_neighbors { &*points } else { matrix };
            let label = match self.fit_member(request, fitted, &sampled, context)? {
                Ok((member, scores)) => {
                    if !by_neighbors {
                        let logs =
                            scores.iter().map(|score| request.weight * member.tail.log(*score));
                        far.iter_mut().zip(logs).for_each(|(far, log)| *far += log);
                    }
                    members.push(member);
                    request.name.clone()
                }
                Err(why) => {
                    let label = format!("{} excluded: {why}", request.name);
                    out.push(ExcludedMember { name: request.name.clone(), why });
                    label
                }
            };
            steps.push(step(&label, matrix.rows, started));
        }
        let usual = LazyCell::new(|| sampled.select(&usual(&far)));
        let all_seen = LazyCell::new(|| varying(&usual) == varying(&sampled));
        for (place, request) in twice.into_iter().enumerate() {
            let started = Instant::now();
            let words = format!("{} without the farthest rows", request.name);
            context.progress.begin(words, requests.len() + place, all);
            let Some(first) = members.iter().position(|member| member.name == request.name) else {
                continue;
            };
            // If too few rows are left, the fit on all rows stays.
            let Ok((mut again, _)) = self.fit_member(request, &usual, &sampled, context)? else {
                continue;
            };
            if *all_seen {
                members[first] = again;
            } else {
                again.weight /= 2.0;
                members[first].weight = again.weight;
                members.push(again);
            }
            let label = format!("{} without the farthest", request.name);
            steps.push(step(&label, usual.rows, started));
        }
        let total: f64 = members.iter().map(|member| member.weight).sum();
        members.iter_mut().for_each(|member| member.weight /= total);
        Ok(FittedDetector::row_wise(EnsembleScorer { members, constants, out }, steps))
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        let read: State = from_state(state)?;
        if read.members.len() > MOST_MEMBERS + COVARIANCES.len() {
            return Err("there are too many members".into());
        }
        let restore = |stored: MemberState| {
            let detector = self
                .member(&stored.name)
                .ok_or_else(|| format!("`{}` can't take part", stored.name))?;
            if !(stored.weight > 0.0 && stored.weight <= 1.0 && stored.tail.is_sound()) {
                return Err(format!("the tail of `{}` is damaged", stored.name));
            }
            let scorer = detector.load(&stored.state, features)?;
            Ok(Member { name: stored.name, weight: stored.weight, tail: stored.tail, scorer })
        };
        if !read.constants.are_of(features) {
            return Err("its constants are not of its features".into());
        }
        let members = read.members.into_iter().map(restore).collect::<Result<_, String>>()?;
        Ok(Box::new(EnsembleScorer { members, constants: read.constants, out: read.out }))
    }
}

/// The positions of the lowest values.
#[expect(clippy::cast_sign_loss, reason = "a share of a count is not negative")]
fn usual(far: &[f64]) -> Vec<usize> {
    let mut sorted = far.to_vec();
    sorted.par_sort_unstable_by(f64::total_cmp);
    let cut = sorted.get((USUAL * far.len() as f64) as usize).copied().unwrap_or(f64::INFINITY);
    (0..far.len()).filter(|place| far[*place] <= cut).collect()
}

/// The stored state.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    members: Vec<MemberState>,
    constants: Constants,
    out: Vec<ExcludedMember>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberState {
    name: String,
    weight: f64,
    tail: Tail,
    state: Box<RawValue>,
}

/// A member that cannot serve the data, with the reason.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExcludedMember {
    name: String,
    why: String,
}

struct EnsembleScorer {
    members: Vec<Member>,
    constants: Constants,
    out: Vec<ExcludedMember>,
}

impl EnsembleScorer {
    /// `begin` receives the place of each member before it scores.
    fn score_by_members(
        &self,
        matrix: &Matrix,
        shares: bool,
        cancel: &Cancel,
        begin: impl Fn(usize),
    ) -> Result<Scores> {
        cancel.check()?;
        let mut scores = vec![0.0; matrix.rows];
        let features = if shares { matrix.columns.len() } else { 0 };
        let mut all = vec![vec![0.0; matrix.rows]; features];
        for (place, member) in self.members.iter().enumerate() {
            begin(place);
            let own = member.scorer.score(matrix, shares, cancel)?;
            let part = |score: &f64| member.weight * member.tail.log(*score);
            let parts: Vec<f64> = own.scores.par_iter().map(part).collect();
            scores.iter_mut().zip(&parts).for_each(|(score, part)| *score += part);
            all.par_iter_mut().zip(&own.shares).for_each(|(sums, shares)| {
                for ((sum, share), part) in sums.iter_mut().zip(shares).zip(&parts) {
                    *sum += share * part;
                }
            });
        }
        for departure in self.constants.bind(matrix)?.departures(&(0..matrix.rows)).iter() {
            scores[departure.row] += departure.rarity();
            if let Some(sums) = all.get_mut(departure.feature) {
                sums[departure.row] += departure.rarity();
            }
        }
        let mut totals = vec![0.0; matrix.rows];
        for sums in &all {
            totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
        all.par_iter_mut().for_each(|sums| {
            for (sum, total) in sums.iter_mut().zip(&totals) {
                *sum = if *total > 0.0 { *sum / total } else { 0.0 };
            }
        });
        Ok(Scores { scores, shares: all, ..Scores::default() })
    }
}

impl Scorer for EnsembleScorer {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        self.score_by_members(matrix, shares, cancel, |_| {})
    }

    fn score_fitted(
        &self,
        matrix: &Matrix,
        shares: bool,
        cancel: &Cancel,
        progress: &FitProgress,
    ) -> Result<Scores> {
        let count = self.members.len();
        self.score_by_members(matrix, shares, cancel, |place| {
            let name = &self.members[place].name;
            let words = format!("scores by member {} of {count} ({name})", place + 1);
            progress.begin(words, count + place, 2 * count);
        })
    }

    fn state(&self) -> Result<Box<RawValue>> {
        let store = |member: &Member| {
            let state = member.scorer.state()?;
            let (name, tail) = (member.name.clone(), member.tail.clone());
            Ok(MemberState { name, weight: member.weight, tail, state })
        };
        let members = self.members.iter().map(store).collect::<Result<_>>()?;
        let (constants, out) = (self.constants.clone(), self.out.clone());
        state_of(&State { members, constants, out })
    }
}
