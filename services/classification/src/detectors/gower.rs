//! Gower: the mean distance to the nearest neighbours by Gower's distance, with clusters by complete
//! linkage and a map.
//!
//! A row's reasons are the features' parts in its distances to those neighbours. A fitted model scores new
//! rows against the fitted rows (or those that stand for them), each for itself; a row that was fitted
//! finds itself among them, at distance 0.

use std::time::Instant;

use anomal_core::{
    Cancel, Result,
    proto::{
        self, Analysis, Clustering, Diagnostic, FeatureColumn, FeatureKind, Heatmap,
        Representatives, StepStatistics, SuspectNeighbors, suspect_neighbors::Neighbor,
    },
};
use anomal_spec::{Parameters, Threshold, ThresholdMethod};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    Context, Detector, Fitted, Scorer, Scores, View, parameters, schema_of, state_of, step, within,
};
use crate::{
    gower::{
        distances::{condensed, row_to_run},
        encoded::{Encoded, Encoding, Scale},
        linkage::{Tree, by_size},
        map::map,
        neighbors::{judge, nearest},
        representatives::{self, Chosen},
    },
    matrix::Matrix,
};

/// Rows that stand for the others where not all pairs fit the memory.
const REPRESENTATIVES: usize = 4_000;
/// Distinct rows beyond which neighbours are looked for among those only.
const MOST_COMPARED: usize = 400_000;
/// Points of the map at most.
const MAP_POINTS: usize = 4_000;
const HEATMAP_ROWS: usize = 512;
const SILHOUETTE_ROWS: usize = 2_000;
const MOST_SUSPECTS: usize = 1_000;
const SUSPECT_NEIGHBORS: usize = 5;

pub(crate) struct Gower;

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct GowerParameters {
    /// Clusters are told for 2 up to this number.
    #[serde(default = "seven")]
    max_clusters: usize,
    /// The number of clusters that a row's cluster is of.
    #[serde(default = "two")]
    clusters: usize,
    /// Neighbours that the score is the mean distance to.
    #[serde(default = "ten")]
    n_neighbors: usize,
}

fn seven() -> usize {
    7
}

fn two() -> usize {
    2
}

fn ten() -> usize {
    10
}

impl Detector for Gower {
    fn describe(&self) -> proto::Detector {
        proto::Detector {
            name: "Gower".into(),
            description: "Mean Gower distance to the nearest neighbours, for numbers and categories alike, with \
                          clusters by complete linkage and a map. Up to about 100,000 rows."
                .into(),
            parameters_schema: schema_of::<GowerParameters>(),
            categorical: true,
            missing_values: true,
            contributions: true,
            clusters: true,
            row_wise: false,
            cost: "O(n^2) time; memory within a budget".into(),
        }
    }

    fn default_threshold(&self) -> Threshold {
        Threshold { method: ThresholdMethod::SmallestCluster, value: None }
    }

    fn check(&self, given: &Parameters) -> Result<()> {
        let parameters = parameters::<GowerParameters>(given)?;
        within("maxClusters", &parameters.max_clusters, &2, &50)?;
        within("clusters", &parameters.clusters, &2, &parameters.max_clusters)?;
        within("nNeighbors", &parameters.n_neighbors, &1, &1_000)
    }

    fn fit(&self, matrix: &Matrix, given: &Parameters, context: &Context<'_>) -> Result<Fitted> {
        let parameters = parameters::<GowerParameters>(given)?;
        let cancel = context.cancel;
        let encoding = Encoding::learn(matrix);
        let (distinct, counts, of_row) = encoding.apply(matrix).distinct();
        let mut steps = Vec::new();

        let started = Instant::now();
        let chosen = choose(&distinct, context)?;
        let (core, core_counts, of_distinct) = match &chosen {
            Some(chosen) => {
                let mut standing = vec![0; chosen.rows.len()];
                for (count, place) in counts.iter().zip(&chosen.of_row) {
                    standing[*place as usize] += count;
                }
                (distinct.select(&chosen.rows), standing, chosen.of_row.clone())
            }
            None => {
                let itself = 0..u32::try_from(distinct.rows).unwrap_or(u32::MAX);
                (distinct.clone(), counts.clone(), itself.collect())
            }
        };
        if chosen.is_some() {
            steps.push(step("representatives", distinct.rows, started));
        }
        let judged =
            Judged::of(&distinct, &counts, &core, &core_counts, matrix.rows, &parameters, cancel)?;
        steps.push(step("neighbors", matrix.rows, started));

        let started = Instant::now();
        let distances = condensed(&core, cancel)?;
        steps.push(step("distances", core.rows, started));
        let started = Instant::now();
        let tree = Tree::complete(distances, core.rows);
        cancel.check()?;
        steps.push(step("linkage", core.rows, started));

        let core_of_row: Vec<u32> =
            of_row.iter().map(|distinct| of_distinct[*distinct as usize]).collect();
        let mut clusterings = Vec::new();
        for k in 2..=parameters.max_clusters {
            let (labels, height) = tree.cut(k);
            let of_rows: Vec<u32> = core_of_row.iter().map(|core| labels[*core as usize]).collect();
            let (labels, sizes) = by_size(&of_rows);
            let k = u32::try_from(k).unwrap_or(u32::MAX);
            let height = f64::from(height);
            clusterings.push(Clustering { k, labels, sizes, height, ..Clustering::default() });
        }
        silhouettes(&mut clusterings, &distinct, &of_row, cancel)?;
        let clusters = clusterings[parameters.clusters - 2].labels.clone();
        let two = &clusterings[0];
        let smallest: Vec<bool> = match two.sizes.len() {
            0 | 1 => vec![false; matrix.rows],
            clusters => two.labels.iter().map(|label| *label as usize == clusters).collect(),
        };
        let scorer =
            GowerScorer::new(&encoding, &core, &core_of_row, &parameters, &clusters, &smallest);
        let rows = judged.rows(&of_row, &distinct, matrix.columns.len(), clusters);
        let view = GowerView {
            distinct,
            of_row,
            core,
            core_counts,
            chosen,
            tree,
            clusterings,
            core_of_row,
        };
        Ok(Fitted {
            scorer: Box::new(scorer),
            rows: Some(rows),
            smallest_cluster: Some(smallest),
            view: Some(Box::new(view)),
            steps,
        })
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        let scorer: GowerScorer =
            serde_json::from_str(state.get()).map_err(|error| error.to_string())?;
        scorer.check(features)?;
        Ok(Box::new(scorer))
    }
}

/// Representatives, where the distances of all pairs are more than the memory allows.
fn choose(distinct: &Encoded, context: &Context<'_>) -> Result<Option<Chosen>> {
    let pairs = distinct.rows.saturating_mul(distinct.rows.saturating_sub(1)) / 2;
    if pairs.saturating_mul(size_of::<f32>()) <= context.memory_budget {
        return Ok(None);
    }
    let affordable = (context.memory_budget / 2).isqrt().max(2);
    let count = REPRESENTATIVES.min(affordable);
    representatives::choose(distinct, count, context.seed, context.cancel).map(Some)
}

/// The neighbours' word on each distinct row.
struct Judged {
    scores: Vec<f64>,
    /// By distinct row, then part.
    shares: Vec<Vec<f64>>,
}

impl Judged {
    fn of(
        distinct: &Encoded,
        counts: &[u32],
        core: &Encoded,
        core_counts: &[u32],
        rows: usize,
        parameters: &GowerParameters,
        cancel: &Cancel,
    ) -> Result<Self> {
        let k = parameters.n_neighbors.min(rows - 1);
        let all = distinct.rows <= MOST_COMPARED;
        let (to, to_counts) = if all { (distinct, counts) } else { (core, core_counts) };
        let found = nearest(distinct, to, k, all, cancel)?;
        let judged: Vec<(f64, Vec<f64>)> = found
            .par_iter()
            .enumerate()
            .map(|(row, found)| {
                let copies = counts[row] as usize - 1;
                let judged = judge(distinct, row, to, found, to_counts, copies, k);
                judged.map_or((0.0, vec![0.0; distinct.parts.len()]), |one| (one.score, one.shares))
            })
            .collect();
        let (scores, shares) = judged.into_iter().unzip();
        Ok(Self { scores, shares })
    }

    fn rows(
        &self,
        of_row: &[u32],
        distinct: &Encoded,
        features: usize,
        clusters: Vec<u32>,
    ) -> Scores {
        let scores = of_row.iter().map(|place| self.scores[*place as usize]).collect();
        let shares = (0..features).into_par_iter().map(|feature| {
            match distinct.places.iter().position(|place| *place == feature) {
                Some(part) => of_row.iter().map(|row| self.shares[*row as usize][part]).collect(),
                None => vec![0.0; of_row.len()],
            }
        });
        Scores {
            scores,
            shares: shares.collect(),
            clusters: Some(clusters),
            smallest_cluster: None,
        }
    }
}

/// The mean silhouette (Rousseeuw 1987) of each clustering, over all rows or every so many.
fn silhouettes(
    clusterings: &mut [Clustering],
    distinct: &Encoded,
    of_row: &[u32],
    cancel: &Cancel,
) -> Result<()> {
    let step = of_row.len().div_ceil(SILHOUETTE_ROWS);
    let rows: Vec<usize> = (0..of_row.len()).step_by(step).collect();
    let places: Vec<usize> = rows.iter().map(|row| of_row[*row] as usize).collect();
    let sample = distinct.select(&places);
    let n = rows.len();
    // For each row and clustering the sum of the distances to each cluster.
    let values: Vec<Vec<Option<f64>>> = (0..n)
        .into_par_iter()
        .map(|row| {
            cancel.check()?;
            let mut distances = vec![0.0_f32; n];
            row_to_run(&sample, row, &sample, 0, &mut distances);
            let value = |clustering: &Clustering| silhouette(row, &distances, &rows, clustering);
            Ok(clusterings.iter().map(value).collect())
        })
        .collect::<Result<_>>()?;
    for (index, clustering) in clusterings.iter_mut().enumerate() {
        if clustering.sizes.len() < 2 {
            continue;
        }
        let told: Vec<f64> = values.iter().filter_map(|row| row[index]).collect();
        if !told.is_empty() {
            clustering.silhouette = Some(told.iter().sum::<f64>() / told.len() as f64);
            clustering.silhouette_rows = told.len() as u64;
        }
    }
    Ok(())
}

fn silhouette(
    row: usize,
    distances: &[f32],
    rows: &[usize],
    clustering: &Clustering,
) -> Option<f64> {
    let clusters = clustering.sizes.len();
    let mut sums = vec![(0.0, 0_u32); clusters];
    for (other, distance) in distances.iter().enumerate() {
        if other != row {
            let sum = &mut sums[clustering.labels[rows[other]] as usize - 1];
            sum.0 += f64::from(*distance);
            sum.1 += 1;
        }
    }
    let own = clustering.labels[rows[row]] as usize - 1;
    let mean = |sum: &(f64, u32)| (sum.1 > 0).then(|| sum.0 / f64::from(sum.1));
    let Some(within) = mean(&sums[own]) else { return Some(0.0) };
    let others = sums.iter().enumerate().filter(|(cluster, _)| *cluster != own);
    let nearest = others.filter_map(|(_, sum)| mean(sum)).min_by(f64::total_cmp)?;
    let widest = within.max(nearest);
    Some(if widest > 0.0 { (nearest - within) / widest } else { 0.0 })
}

/// Scores new rows against reference rows.
#[derive(Debug, Serialize, Deserialize)]
struct GowerScorer {
    encoding: Encoding,
    reference: Vec<Reference>,
    counts: Vec<u32>,
    n_neighbors: usize,
    clusters: Vec<u32>,
    smallest: Vec<bool>,
}

/// A part of the reference rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Reference {
    /// By their bits: JSON has no NaN.
    Numeric {
        bits: Vec<u32>,
        weight: f32,
    },
    Codes {
        codes: Vec<u32>,
        weight: f32,
    },
}

impl GowerScorer {
    fn new(
        encoding: &Encoding,
        core: &Encoded,
        core_of_row: &[u32],
        parameters: &GowerParameters,
        clusters: &[u32],
        smallest: &[bool],
    ) -> Self {
        use crate::gower::encoded::Part;
        let reference = core.parts.iter().map(|part| match part {
            Part::Numeric { values, weight } => Reference::Numeric {
                bits: values.iter().map(|value| value.to_bits()).collect(),
                weight: *weight,
            },
            Part::Codes { codes, weight } => {
                Reference::Codes { codes: codes.clone(), weight: *weight }
            }
        });
        let mut counts = vec![0; core.rows];
        let mut of_core = vec![(0, false); core.rows];
        for (row, core) in core_of_row.iter().enumerate() {
            counts[*core as usize] += 1;
            of_core[*core as usize] = (clusters[row], smallest[row]);
        }
        Self {
            encoding: encoding.clone(),
            reference: reference.collect(),
            counts,
            n_neighbors: parameters.n_neighbors,
            clusters: of_core.iter().map(|of| of.0).collect(),
            smallest: of_core.iter().map(|of| of.1).collect(),
        }
    }

    /// A model may come from anywhere.
    fn check(&self, features: &[FeatureColumn]) -> Result<(), String> {
        let rows = self.counts.len();
        let length = |part: &Reference| match part {
            Reference::Numeric { bits, .. } => bits.len(),
            Reference::Codes { codes, .. } => codes.len(),
        };
        let parts = self.encoding.scales.iter().flatten().count();
        let fits = |(scale, feature): (&Option<Scale>, &FeatureColumn)| {
            let numeric = feature.kind() == FeatureKind::Numeric;
            scale.as_ref().is_none_or(|scale| matches!(scale, Scale::Numeric { .. }) == numeric)
        };
        let good = rows > 0
            && self.n_neighbors > 0
            && self.reference.iter().all(|part| length(part) == rows)
            && self.reference.len() == parts
            && self.encoding.scales.len() == features.len()
            && self.encoding.scales.iter().zip(features).all(fits)
            && self.clusters.len() == rows
            && self.smallest.len() == rows
            && self.counts.iter().all(|count| *count > 0);
        if good { Ok(()) } else { Err("the reference rows do not fit together".into()) }
    }

    fn reference(&self) -> Encoded {
        use crate::gower::encoded::Part;
        let part = |part: &Reference| match part {
            Reference::Numeric { bits, weight } => Part::Numeric {
                values: bits.iter().map(|bits| f32::from_bits(*bits)).collect(),
                weight: *weight,
            },
            Reference::Codes { codes, weight } => {
                Part::Codes { codes: codes.clone(), weight: *weight }
            }
        };
        let parts: Vec<Part> = self.reference.iter().map(part).collect();
        let missing = parts.iter().any(|part| match part {
            Part::Numeric { values, .. } => values.iter().any(|value| value.is_nan()),
            Part::Codes { codes, .. } => codes.contains(&crate::matrix::MISSING),
        });
        let places = self.encoding.scales.iter().enumerate();
        let places = places.filter_map(|(place, scale)| scale.as_ref().map(|_| place)).collect();
        Encoded { rows: self.counts.len(), parts, places, missing }
    }
}

impl Scorer for GowerScorer {
    fn score(&self, matrix: &Matrix, _: bool, cancel: &Cancel) -> Result<Scores> {
        let mut rows = self.encoding.apply(matrix);
        // One form of the distance for every row, whatever else is in its batch.
        rows.missing = true;
        let reference = self.reference();
        let total: u64 = self.counts.iter().map(|count| u64::from(*count)).sum();
        let k = self.n_neighbors.min(usize::try_from(total).unwrap_or(usize::MAX));
        let found = nearest(&rows, &reference, k, false, cancel)?;
        let mut scores = Scores {
            scores: Vec::with_capacity(matrix.rows),
            shares: vec![vec![0.0; matrix.rows]; self.encoding.scales.len()],
            clusters: Some(Vec::with_capacity(matrix.rows)),
            smallest_cluster: Some(Vec::with_capacity(matrix.rows)),
        };
        for (row, found) in found.iter().enumerate() {
            let judged = judge(&rows, row, &reference, found, &self.counts, 0, k);
            if let Some(judged) = &judged {
                for (place, share) in rows.places.iter().zip(&judged.shares) {
                    scores.shares[*place][row] = *share;
                }
            }
            scores.scores.push(judged.map_or(0.0, |judged| judged.score));
            let first = found.0.first().map_or(0, |first| first.1 as usize);
            if let Some(clusters) = &mut scores.clusters {
                clusters.push(self.clusters[first]);
            }
            if let Some(smallest) = &mut scores.smallest_cluster {
                smallest.push(self.smallest[first]);
            }
        }
        Ok(scores)
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(self)
    }
}

/// What is drawn of a fit.
struct GowerView {
    distinct: Encoded,
    of_row: Vec<u32>,
    core: Encoded,
    core_counts: Vec<u32>,
    chosen: Option<Chosen>,
    tree: Tree,
    clusterings: Vec<Clustering>,
    core_of_row: Vec<u32>,
}

impl View for GowerView {
    fn analyse(
        &self,
        scores: &[f64],
        suspicious: &[bool],
        context: &Context<'_>,
        steps: &mut Vec<StepStatistics>,
    ) -> Result<Analysis> {
        let rows = self.of_row.len();
        let mut first_row = vec![u64::MAX; self.core.rows];
        for (row, core) in self.core_of_row.iter().enumerate().rev() {
            first_row[*core as usize] = row as u64;
        }
        let started = Instant::now();
        let map = self.map(suspicious, context)?;
        steps.push(step("map", map.points.len(), started));
        let started = Instant::now();
        let suspects = self.suspects(scores, suspicious, context.cancel)?;
        steps.push(step("suspects", suspects.len(), started));
        let representatives = self.chosen.as_ref().map(|chosen| Representatives {
            distinct_rows: self.distinct.rows as u64,
            representatives: chosen.rows.len() as u64,
            radius: f64::from(chosen.radius),
            message: format!(
                "{} of {} distinct rows stand for all in the clusters, the map and the heatmap: the distances of all \
                 pairs are more than the memory budget of {} MiB",
                chosen.rows.len(),
                self.distinct.rows,
                context.memory_budget >> 20
            ),
        });
        let mut diagnostics = Vec::new();
        if self.distinct.rows > MOST_COMPARED {
            diagnostics.push(Diagnostic {
                path: "classification.engine".into(),
                reason: "NEIGHBORS_AMONG_REPRESENTATIVES".into(),
                message: format!(
                    "more than {MOST_COMPARED} distinct rows: neighbours were looked for among the representatives \
                     only; HBOS takes any number of rows"
                ),
            });
        }
        Ok(Analysis {
            rows: rows as u64,
            map: Some(map),
            dendrogram: Some(self.tree.message(first_row.clone(), &self.core_counts)),
            clusterings: self.clusterings.clone(),
            heatmap: Some(self.heatmap(&first_row)),
            suspects,
            representatives,
            diagnostics,
            ..Analysis::default()
        })
    }
}

impl GowerView {
    /// The distinct rows on the map: all, or the suspicious ones and every so many of the others.
    fn map(&self, suspicious: &[bool], context: &Context<'_>) -> Result<proto::Map> {
        let n = self.distinct.rows;
        let mut first_row = vec![0; n];
        let mut suspect = vec![false; n];
        for (row, place) in self.of_row.iter().enumerate().rev() {
            first_row[*place as usize] = row;
            suspect[*place as usize] |= suspicious[row];
        }
        let mut shown: Vec<usize> = (0..n).collect();
        if n > MAP_POINTS {
            let suspects: Vec<usize> =
                (0..n).filter(|place| suspect[*place]).take(MAP_POINTS / 2).collect();
            let others: Vec<usize> = match &self.chosen {
                Some(chosen) => chosen.rows.clone(),
                None => {
                    representatives::choose(
                        &self.distinct,
                        MAP_POINTS,
                        context.seed,
                        context.cancel,
                    )?
                    .rows
                }
            };
            let step = others.len().div_ceil(MAP_POINTS - suspects.len());
            shown = others.into_iter().step_by(step).chain(suspects).collect();
            shown.sort_unstable();
            shown.dedup();
        }
        let points = self.distinct.select(&shown);
        let mut counts = vec![0_u64; shown.len()];
        if shown.len() == n {
            self.of_row.iter().for_each(|place| counts[*place as usize] += 1);
        } else {
            let nearest = nearest(&self.distinct, &points, 1, false, context.cancel)?;
            for place in &self.of_row {
                let to = nearest[*place as usize].0.first().map_or(0, |first| first.1);
                counts[to as usize] += 1;
            }
        }
        let map = map(&points, context.seed, context.cancel)?;
        let point = |(index, place): (usize, &[f64; 2])| proto::map::Point {
            row: first_row[shown[index]] as u64,
            x: place[0] as f32,
            y: place[1] as f32,
            count: counts[index],
        };
        Ok(proto::Map {
            points: map.points.iter().enumerate().map(point).collect(),
            stress: map.stress,
            stress_points: u32::try_from(map.stress_points).unwrap_or(u32::MAX),
            iterations: u32::try_from(map.iterations).unwrap_or(u32::MAX),
            method: if map.landmarks { "nmds of landmarks".into() } else { "nmds".into() },
        })
    }

    fn heatmap(&self, first_row: &[u64]) -> Heatmap {
        let order = self.tree.order();
        let step = order.len().div_ceil(HEATMAP_ROWS).max(1);
        let places: Vec<usize> = order.iter().step_by(step).map(|place| *place as usize).collect();
        let rows = self.core.select(&places);
        let n = places.len();
        let mut similarities = vec![0.0_f32; n * n];
        similarities.par_chunks_mut(n.max(1)).enumerate().for_each(|(row, out)| {
            row_to_run(&rows, row, &rows, 0, out);
            out.iter_mut().for_each(|value| *value = 1.0 - *value);
            out[row] = 1.0;
        });
        Heatmap { rows: places.iter().map(|place| first_row[*place]).collect(), similarities }
    }

    /// The nearest normal and suspicious rows of the suspects with the highest scores.
    fn suspects(
        &self,
        scores: &[f64],
        suspicious: &[bool],
        cancel: &Cancel,
    ) -> Result<Vec<SuspectNeighbors>> {
        let mut suspects: Vec<usize> = (0..scores.len()).filter(|row| suspicious[*row]).collect();
        suspects.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        suspects.truncate(MOST_SUSPECTS);
        suspects
            .par_iter()
            .map(|suspect| {
                cancel.check()?;
                let place = self.of_row[*suspect] as usize;
                let mut distances = vec![0.0_f32; self.distinct.rows];
                row_to_run(&self.distinct, place, &self.distinct, 0, &mut distances);
                distances[place] = 0.0;
                let mut found = [Vec::new(), Vec::new()];
                for (row, place) in self.of_row.iter().enumerate().filter(|(row, _)| row != suspect)
                {
                    let distance = distances[*place as usize];
                    let list: &mut Vec<(f32, usize)> = &mut found[usize::from(suspicious[row])];
                    let at = list.partition_point(|known| *known < (distance, row));
                    if at < SUSPECT_NEIGHBORS {
                        list.insert(at, (distance, row));
                        list.truncate(SUSPECT_NEIGHBORS);
                    }
                }
                let [normal, suspicious] = found.map(|list| {
                    let one = |(distance, row): (f32, usize)| Neighbor {
                        row: row as u64,
                        distance: f64::from(distance),
                    };
                    list.into_iter().map(one).collect()
                });
                Ok(SuspectNeighbors { row: *suspect as u64, normal, suspicious })
            })
            .collect()
    }
}
