//! LOF: the local outlier factor (Breunig, Kriegel, Ng and Sander 2000, "LOF: Identifying Density-Based Local Outliers",
//! SIGMOD, definitions 3 to 7): how much less dense a row's neighbourhood is than those of its neighbours. It is about
//! 1 within a cloud, whatever the cloud's density.
//!
//! Fitted and new rows are scored alike: by the nearest fitted rows and their densities. All rows at the distance of
//! the last neighbour are neighbours too (definition 4), so that the factor is independent of the order of rows.
//!
//! Neighbours are distinct rows, as the paper remarks on duplicates (after definition 6), so that no density is infinite.
//! The rarity by copies multiplies the factor; see `neighbors`.
//!
//! A row's reasons: each feature's part of the squared distance to a neighbour, divided by the distance, summed over
//! its neighbours.

use anomal_core::{
    Cancel, Result,
    proto::{self, FeatureColumn},
};
use anomal_spec::Parameters;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::neighbors::{MOST_NEIGHBORS, Neighbors};
use crate::{
    blocks::{BLOCK, Block, by_block},
    constants::Departures,
    context::Context,
    detector::{Detector, FittedDetector, Scorer, from_state, row_wise, state_of, step},
    matrix::Matrix,
    numeric::nearest::Nearest,
    parameters::{ParameterError, parameter_error, parameters, within},
    scores::Scores,
};

/// Squared distances within this factor count as equal.
const ALIKE: f64 = 1.0 + 1e-9;

pub(crate) struct Lof;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LofParameters {
    /// Neighbours.
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 1_000))]
    n_neighbors: usize,
}

fn twenty() -> usize {
    20
}

impl Detector for Lof {
    fn describe(&self) -> proto::Detector {
        row_wise::<LofParameters>(
            "LOF",
            "Local outlier factor: how much thinner rows lie around a row than around its nearest \
             neighbours; finds rows at the edge of dense clouds beside thin ones.",
            "O((n + 2 m) m d) time at most, much less with few features; m is all n different rows, or as many as take \
             half a minute of a core. Approximate where exact neighbours would take longer",
        )
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        let given = parameters::<LofParameters>(given)?;
        within("nNeighbors", given.n_neighbors, 1..=MOST_NEIGHBORS)
    }

    fn fit(
        &self,
        matrix: &Matrix,
        given: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        let started = std::time::Instant::now();
        let LofParameters { n_neighbors } = parameters(given).map_err(parameter_error)?;
        let rows = Neighbors::fit(matrix, context)?;
        let factors = Factors::fit(rows, n_neighbors, context.memory_budget / 8, context.cancel)?;
        Ok(FittedDetector::row_wise(factors, vec![step("densities", matrix.rows, started)]))
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        let read: Factors = from_state(state)?;
        read.rows.check(features)?;
        let count = read.rows.count();
        let lengths = read.distances.len() == count && read.reaches.len() == count;
        let numbers = read.distances.iter().all(|distance| (0.0..=1e65).contains(distance))
            && read.reaches.iter().all(|reach| *reach > 0.0 && *reach <= 1e65);
        if lengths && numbers && (1..=MOST_NEIGHBORS).contains(&read.n_neighbors) {
            Ok(Box::new(read))
        } else {
            Err("its densities are not of its points".into())
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Factors {
    rows: Neighbors,
    n_neighbors: usize,
    /// The distance of each distinct row's last neighbour (definition 3).
    distances: Vec<f64>,
    /// The mean reachability distance of each, the inverse of its density (definition 6).
    reaches: Vec<f64>,
}

impl Factors {
    /// `room`: bytes for neighbourhoods; they are searched twice if they do not fit.
    fn fit(rows: Neighbors, n_neighbors: usize, room: usize, cancel: &Cancel) -> Result<Self> {
        let mut factors = Self { rows, n_neighbors, distances: Vec::new(), reaches: Vec::new() };
        let all: Vec<usize> = (0..factors.rows.count()).collect();
        let is_room = all.len() * n_neighbors * size_of::<(f64, u32)>() <= room;
        let found = factors.of_points(&all, cancel, |_, found| {
            let farthest = found.iter().map(|(square, _)| *square).fold(0.0, f64::max);
            // Ties with the last may be any number.
            let kept = (is_room && found.len() <= n_neighbors).then(|| found.to_vec());
            (farthest.sqrt(), kept)
        })?;
        let (distances, kept): (Vec<f64>, Vec<_>) = found.into_iter().unzip();
        factors.distances = distances;
        // A single point has no neighbours; any other row is far from it.
        let reach = |factors: &Self, found: &[(f64, u32)]| factors.reach(found).max(1e-150);
        let known = kept.par_iter().map(|found| found.as_ref().map(|found| reach(&factors, found)));
        let known: Vec<Option<f64>> = known.collect();
        let missing: Vec<usize> = all.into_iter().filter(|place| known[*place].is_none()).collect();
        let mut again = factors.of_points(&missing, cancel, reach)?.into_iter();
        let reaches = known.into_iter().map(|reach| reach.or_else(|| again.next()));
        factors.reaches = reaches.map(Option::unwrap_or_default).collect();
        Ok(factors)
    }

    /// Applies `say` to some points and their neighbours.
    fn of_points<T: Send>(
        &self,
        places: &[usize],
        cancel: &Cancel,
        say: impl Fn(&Self, &[(f64, u32)]) -> T + Sync,
    ) -> Result<Vec<T>> {
        let scratch = || (Vec::new(), self.nearest());
        let of_block = |(rows, nearest): &mut (Vec<f64>, Vec<Nearest>), places: &[usize]| {
            cancel.check()?;
            rows.clear();
            places.iter().for_each(|place| rows.extend_from_slice(self.rows.point(*place)));
            let nearest = &mut nearest[..places.len()];
            self.rows.search(rows, &Departures::default(), nearest);
            let points = places.iter().map(|place| self.rows.point(*place));
            let said = points
                .zip(nearest)
                .map(|(point, nearest)| say(self, self.neighborhood(point, nearest)));
            Ok(said.collect())
        };
        let blocks = places.par_chunks(BLOCK).map_init(scratch, of_block);
        Ok(blocks.collect::<Result<Vec<Vec<T>>>>()?.into_iter().flatten().collect())
    }

    /// One neighbour more, to see whether it is a tie.
    fn nearest(&self) -> Vec<Nearest> {
        vec![Nearest::new(self.n_neighbors + 1); BLOCK]
    }

    /// The nearest neighbours of a point, with ties of the last.
    fn neighborhood<'a>(&self, point: &[f64], nearest: &'a mut Nearest) -> &'a [(f64, u32)] {
        let Some((next, _)) = nearest.found.get(self.n_neighbors) else { return &nearest.found };
        let last = nearest.found[self.n_neighbors - 1].0 * ALIKE;
        if *next > last {
            return &nearest.found[..self.n_neighbors];
        }
        let moved = nearest.moved;
        let mut all = self.rows.within(point, last - moved);
        all.iter_mut().for_each(|(square, _)| *square += moved);
        // The point that the row was at before it was moved.
        let was_at = nearest.found.first().copied().filter(|(square, place)| {
            moved > 0.0 && *square == moved && all.iter().all(|(_, other)| other != place)
        });
        all.extend(was_at);
        nearest.found = all;
        &nearest.found
    }

    /// The mean reachability distance of a point with these neighbours (definitions 5 and 6).
    fn reach(&self, found: &[(f64, u32)]) -> f64 {
        let of_one =
            |(square, place): &(f64, u32)| square.sqrt().max(self.distances[*place as usize]);
        found.iter().map(of_one).sum::<f64>() / found.len().max(1) as f64
    }

    /// Definition 7; 1 where there is nothing to compare with.
    fn factor(&self, found: &[(f64, u32)]) -> f64 {
        if found.is_empty() {
            return 1.0;
        }
        let densities = found.iter().map(|(_, place)| self.reaches[*place as usize].recip());
        self.reach(found) * densities.sum::<f64>() / found.len() as f64
    }
}

impl Scorer for Factors {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        let encoding = self.rows.encoding();
        let encoder = encoding.bind(matrix)?;
        let features = encoding.features();
        let width = encoder.width();
        let scratch = || (Vec::new(), self.nearest());
        let work = |(rows, nearest): &mut (Vec<f64>, Vec<Nearest>), block: Block<'_, '_>| {
            encoder.rows(&block.rows, rows);
            let nearest = &mut nearest[..block.scores.len()];
            let departures = encoder.departures(&block.rows);
            self.rows.search(rows, &departures, nearest);
            for (place, (score, nearest)) in block.scores.iter_mut().zip(nearest).enumerate() {
                let row = &rows[place * width..(place + 1) * width];
                let found = self.neighborhood(row, nearest);
                *score = self.factor(found);
                if !block.parts.is_empty() {
                    let departures = departures.of_row(place);
                    self.rows.explain(row, departures, found, &features, |feature, part| {
                        block.parts[feature][place] += part;
                    });
                }
                *score *= self.rows.rarity(nearest.same);
            }
        };
        by_block(matrix.rows, matrix.columns.len(), shares, cancel, scratch, work)
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(self)
    }
}
