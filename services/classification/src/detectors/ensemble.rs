//! `Ensemble`: several detectors, each by how far out in the tail of its own fitted scores a row is.
//!
//! A member's score becomes -log of the share of fitted rows with as high a one (`tail`), which is one scale
//! for all of them; the score is the mean of these by weight (Kriegel, Kröger, Schubert and Zimek 2011,
//! "Interpreting and Unifying Outlier Scores", SDM, on bringing scores together). The default members see
//! different things at little cost: few splits, no neighbours, far from one cloud, outside of several.
//!
//! A member that can't serve the data steps out, and the others have its weight: one that refuses them, one
//! that tells no rows apart, one for categories where there are none, and one that works by covariances
//! where there are no numbers that differ, or too few rows. Which they are and why is kept in the state and told among the steps.
//!
//! A row's reasons are those of the members, by the part that each has in the score.

use anomal_core::{
    Cancel, Code, Result,
    proto::{self, FeatureColumn},
};
use anomal_spec::Parameters;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    Context, DETECTORS, Detector, Fitted, Scorer, Scores, find, from_state, neighbors::affordable,
    parameters, schema_of, state_of, step, tail::Tail, within, wrong,
};
use crate::{
    matrix::{Matrix, Values},
    numeric::sample::sample,
};

const NAME: &str = "Ensemble";
/// Rows that the tails are taken from at most.
const MOST_ROWS: usize = 100_000;
/// Rows that neighbours are looked for among at most.
const MOST_POINTS: usize = 50_000;
const MOST_MEMBERS: usize = 16;
/// The members that look for neighbours.
const NEIGHBORS: [&str; 2] = ["KNN", "LOF"];
/// A covariance of fewer rows tells nothing.
const FEWEST_ROWS: usize = 10;

pub(crate) struct Ensemble;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EnsembleParameters {
    /// The detectors that take part, each with its default parameters but for neighbours.
    #[serde(default = "default_members")]
    #[schemars(length(min = 1, max = 16))]
    members: Vec<String>,
    /// What each of them weighs; by default all the same.
    #[serde(default)]
    #[schemars(length(min = 1, max = 16), inner(range(min = 0.0, max = 1e6)))]
    weights: Option<Vec<f64>>,
    /// Neighbours of the members that look for them: more than the few rows of most bursts.
    #[serde(default = "neighbors")]
    #[schemars(range(min = 1, max = 1000))]
    n_neighbors: usize,
}

fn neighbors() -> usize {
    30
}

fn default_members() -> Vec<String> {
    ["IsolationForest", "KNN", "MCD", "GaussianMixture", "CategoricalFrequency"]
        .map(Into::into)
        .into()
}

/// The detector of a name that may take part: one that scores each row for itself.
fn member(name: &str) -> Option<&'static dyn Detector> {
    let named = |detector: &&&dyn Detector| {
        let known = detector.describe();
        known.name == name && known.row_wise
    };
    if name == NAME { None } else { DETECTORS.iter().find(named).copied() }
}

impl EnsembleParameters {
    /// The members that weigh anything.
    fn weighed(self) -> Vec<(String, f64)> {
        let weights = self.weights.unwrap_or_else(|| vec![1.0; self.members.len()]);
        self.members.into_iter().zip(weights).filter(|(_, weight)| *weight > 0.0).collect()
    }
}

impl Detector for Ensemble {
    fn describe(&self) -> proto::Detector {
        proto::Detector {
            name: NAME.into(),
            description: "The recommended one: several detectors that see different things, each by how far out in \
                          the tail of its scores a row is. Nothing to tune."
                .into(),
            parameters_schema: schema_of::<EnsembleParameters>(),
            categorical: true,
            missing_values: true,
            contributions: true,
            clusters: false,
            row_wise: true,
            cost: "what its members cost together".into(),
        }
    }

    fn check(&self, given: &Parameters) -> Result<()> {
        let given = parameters::<EnsembleParameters>(given)?;
        within("members", &given.members.len(), &1, &MOST_MEMBERS)?;
        for (place, name) in given.members.iter().enumerate() {
            find(name).map_err(|error| wrong("members", error.message))?;
            if member(name).is_none() {
                return Err(wrong("members", format!("`{name}` can't take part")));
            }
            if given.members[..place].contains(name) {
                return Err(wrong("members", format!("`{name}` is there twice")));
            }
        }
        within("nNeighbors", &given.n_neighbors, &1, &1000)?;
        let Some(weights) = &given.weights else { return Ok(()) };
        if weights.len() != given.members.len() {
            return Err(wrong("weights", "there is not one for each member"));
        }
        weights.iter().try_for_each(|weight| within("weights", weight, &0.0, &1e6))?;
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(wrong("weights", "no member weighs anything"));
        }
        Ok(())
    }

    fn fit(&self, matrix: &Matrix, given: &Parameters, context: &Context<'_>) -> Result<Fitted> {
        let given = parameters::<EnsembleParameters>(given)?;
        context.cancel.check()?;
        let some = |most| matrix.select(&sample(matrix, most, context.seed));
        let points = affordable(matrix, matrix.columns.len()).min(MOST_POINTS);
        let (sampled, points) = (some(MOST_ROWS), some(points));
        let (mut members, mut out, mut steps) = (Vec::new(), Vec::new(), Vec::new());
        let neighbors = given.n_neighbors;
        for (name, weight) in given.weighed() {
            let started = std::time::Instant::now();
            let fitted = if NEIGHBORS.contains(&name.as_str()) { &points } else { matrix };
            match Member::fit(&name, weight, neighbors, fitted, &sampled, context)? {
                Ok(member) => {
                    members.push(member);
                    steps.push(step(&name, matrix.rows, started));
                }
                Err(why) => {
                    steps.push(step(&format!("{name} steps out: {why}"), matrix.rows, started));
                    out.push(Out { name, why });
                }
            }
        }
        let total: f64 = members.iter().map(|member| member.weight).sum();
        members.iter_mut().for_each(|member| member.weight /= total);
        Ok(Fitted::row_wise(Together { members, out }, steps))
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        let read: State = from_state(state)?;
        if read.members.len() > MOST_MEMBERS {
            return Err("there are too many members".into());
        }
        let of = |kept: Kept| {
            let detector =
                member(&kept.name).ok_or_else(|| format!("`{}` can't take part", kept.name))?;
            if !(kept.weight > 0.0 && kept.weight <= 1.0 && kept.tail.is_sound()) {
                return Err(format!("the tail of `{}` is damaged", kept.name));
            }
            let scorer = detector.load(&kept.state, features)?;
            Ok(Member { name: kept.name, weight: kept.weight, tail: kept.tail, scorer })
        };
        let members = read.members.into_iter().map(of).collect::<Result<_, String>>()?;
        Ok(Box::new(Together { members, out: read.out }))
    }
}

/// What is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    members: Vec<Kept>,
    out: Vec<Out>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    name: String,
    weight: f64,
    tail: Tail,
    state: Box<RawValue>,
}

/// A member that steps out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Out {
    name: String,
    why: String,
}

struct Member {
    name: String,
    /// In shares of all.
    weight: f64,
    tail: Tail,
    scorer: Box<dyn Scorer>,
}

struct Together {
    members: Vec<Member>,
    out: Vec<Out>,
}

/// Why a detector can't serve the data, as far as the data tell without it.
fn unfit(name: &str, matrix: &Matrix) -> Option<&'static str> {
    if name == "CategoricalFrequency" {
        let weigh = matrix.columns.iter().filter(|column| column.weight > 0.0);
        let any = weigh.into_iter().any(|column| matches!(column.values, Values::Codes { .. }));
        return (!any).then_some("no categories");
    }
    if !["MCD", "GaussianMixture", "PCA"].contains(&name) {
        return None;
    }
    let differs = |values: &[f64]| {
        let mut there = values.iter().filter(|value| !value.is_nan());
        let first = there.next();
        there.any(|value| Some(value) != first)
    };
    let numbers = matrix
        .columns
        .iter()
        .filter(|column| column.weight > 0.0)
        .any(|column| matches!(&column.values, Values::Numeric(values) if differs(values)));
    if matrix.rows < FEWEST_ROWS {
        Some("too few rows")
    } else if numbers {
        None
    } else {
        Some("no numbers that differ")
    }
}

impl Member {
    /// Or why it steps out.
    fn fit(
        name: &str,
        weight: f64,
        neighbors: usize,
        matrix: &Matrix,
        sampled: &Matrix,
        context: &Context<'_>,
    ) -> Result<Result<Self, String>> {
        if let Some(why) = unfit(name, matrix) {
            return Ok(Err(why.into()));
        }
        let mut given = Parameters::new();
        if NEIGHBORS.contains(&name) {
            given.insert("nNeighbors".into(), neighbors.into());
        }
        let scorer = match find(name)?.fit(matrix, &given, context) {
            Ok(fitted) => fitted.scorer,
            Err(error) if error.code == Code::InvalidRequest => return Ok(Err(error.message)),
            Err(error) => return Err(error),
        };
        let scores = scorer.score(sampled, false, context.cancel)?.scores;
        Ok(match Tail::of(scores) {
            Some(tail) => Ok(Self { name: name.into(), weight, tail, scorer }),
            None => Err("all rows have the same score".into()),
        })
    }
}

impl Scorer for Together {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        cancel.check()?;
        let mut scores = vec![0.0; matrix.rows];
        let features = if shares { matrix.columns.len() } else { 0 };
        let mut all = vec![vec![0.0; matrix.rows]; features];
        for member in &self.members {
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

    fn state(&self) -> Result<Box<RawValue>> {
        let kept = |member: &Member| {
            let state = member.scorer.state()?;
            let (name, tail) = (member.name.clone(), member.tail.clone());
            Ok(Kept { name, weight: member.weight, tail, state })
        };
        let members = self.members.iter().map(kept).collect::<Result<_>>()?;
        state_of(&State { members, out: self.out.clone() })
    }
}
