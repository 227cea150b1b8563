//! Gower: the mean Gower distance to the nearest neighbours, with clusters by complete linkage and a map.
//!
//! A row's reasons are the features' shares in its distances to those neighbours. A fitted model compares new rows with the
//! fitted rows, or their representatives, one by one; a fitted row finds itself among them at distance 0.

use std::time::Instant;

use anomal_core::{
    Result,
    proto::{self, Clustering, FeatureColumn, StepStatistics},
};
use anomal_spec::{Parameters, Threshold, ThresholdMethod};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::{
    scorer::{GowerScorer, MOST_NEIGHBORS, State},
    view::GowerView,
};
use crate::{
    context::Context,
    detector::{Detector, FittedDetector, Scorer, from_state, step},
    gower::{
        clusters::{clusterings, silhouettes},
        encoding::{EncodedRows, Encoding},
        linkage::Tree,
        neighbors::{Index, NeighborScores},
        representatives::{self, Representatives},
        tiles::Tiles,
    },
    matrix::Matrix,
    parameters::{ParameterError, parameter_error, parameters, schema_of, within},
    scores::Scores,
};

mod scorer;
mod view;

/// Representatives of all rows if not all pairs fit into the memory budget.
const REPRESENTATIVES: usize = 4_000;

pub(crate) struct Gower;

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct GowerParameters {
    /// Clusters are computed for 2 up to this number.
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
                          clusters by complete linkage and a map. Exact clusters up to about 20,000 distinct rows \
                          (a memory budget of 1 GiB), exact scores beyond."
                .into(),
            parameters_schema: schema_of::<GowerParameters>(),
            categorical: true,
            missing_values: true,
            contributions: true,
            clusters: true,
            row_wise: false,
            cost: "O(n^2) time, less for neighbours where rows are near one another; memory within a budget".into(),
        }
    }

    fn default_threshold(&self) -> Threshold {
        Threshold { method: ThresholdMethod::SmallestCluster, value: None }
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        let parameters = parameters::<GowerParameters>(given)?;
        within("maxClusters", parameters.max_clusters, 2..=50)?;
        within("clusters", parameters.clusters, 2..=parameters.max_clusters)?;
        within("nNeighbors", parameters.n_neighbors, 1..=MOST_NEIGHBORS)
    }

    fn fit(
        &self,
        matrix: &Matrix,
        given: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        let parameters = parameters::<GowerParameters>(given).map_err(parameter_error)?;
        let encoding = Encoding::fit(matrix);
        let (distinct, counts, of_row) = encoding.apply(matrix).distinct();
        let mut steps = Vec::new();
        let rows =
            score_rows(&distinct, &counts, &of_row, matrix, &parameters, context, &mut steps)?;
        let core = Core::new(&distinct, &counts, &of_row, context, &mut steps)?;
        let tree = core.tree(context, &mut steps)?;

        let started = Instant::now();
        let mut clusterings = clusterings(&tree, &core.of_row, parameters.max_clusters);
        silhouettes(&mut clusterings, &distinct, &of_row, context.cancel)?;
        steps.push(step("clusters", matrix.rows, started));
        let clusters = clusterings[parameters.clusters - 2].labels.clone();
        let smallest = smallest(&clusterings[0]);
        let scorer = core.scorer(encoding, &clusters, &smallest, parameters.n_neighbors);
        let Core { rows: core, counts: core_counts, of_row: core_of_row, representatives } = core;
        let view = GowerView {
            distinct,
            of_row,
            core,
            core_counts,
            core_of_row,
            representatives,
            tree,
            clusterings,
        };
        Ok(FittedDetector {
            scorer: Box::new(scorer),
            rows: Some(Scores { clusters: Some(clusters), ..rows }),
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
        let state: State = from_state(state)?;
        Ok(Box::new(GowerScorer::new(state, features)?))
    }
}

/// Scores and shares of the rows by their nearest neighbours.
fn score_rows(
    distinct: &EncodedRows,
    counts: &[u32],
    of_row: &[u32],
    matrix: &Matrix,
    parameters: &GowerParameters,
    context: &Context<'_>,
    steps: &mut Vec<StepStatistics>,
) -> Result<Scores> {
    let started = Instant::now();
    let k = parameters.n_neighbors.min(matrix.rows.saturating_sub(1));
    let found = Index::new(distinct).nearest(distinct, k, true, context.cancel)?;
    let scored = NeighborScores::new(distinct, distinct, &found, counts, true, k);
    steps.push(step("neighbors", matrix.rows, started));
    Ok(Scores {
        scores: scored.scores(of_row),
        shares: scored.shares(of_row, &distinct.places, matrix.columns.len()),
        ..Scores::default()
    })
}

/// The rows of the smaller of two clusters; none if there is one.
fn smallest(two: &Clustering) -> Vec<bool> {
    let last = two.sizes.len();
    two.labels.iter().map(|label| last > 1 && *label as usize == last).collect()
}

/// The rows that are linked: the distinct rows, or their representatives if not all pairs fit into memory.
struct Core {
    rows: EncodedRows,
    /// The number of rows of each, and the one that represents each row.
    counts: Vec<u32>,
    of_row: Vec<u32>,
    representatives: Option<Representatives>,
}

impl Core {
    fn new(
        distinct: &EncodedRows,
        counts: &[u32],
        of_row: &[u32],
        context: &Context<'_>,
        steps: &mut Vec<StepStatistics>,
    ) -> Result<Self> {
        let pairs = distinct.rows.saturating_mul(distinct.rows.saturating_sub(1)) / 2;
        if pairs.saturating_mul(size_of::<f32>()) <= context.memory_budget {
            let (rows, counts, of_row) = (distinct.clone(), counts.to_vec(), of_row.to_vec());
            return Ok(Self { rows, counts, of_row, representatives: None });
        }
        let started = Instant::now();
        let affordable = (context.memory_budget / 2).isqrt().max(2);
        let most = REPRESENTATIVES.min(affordable);
        let chosen = representatives::choose(distinct, most, context.seed, context.cancel)?;
        let mut standing = vec![0; chosen.rows.len()];
        for (count, place) in counts.iter().zip(&chosen.of_row) {
            standing[*place as usize] += count;
        }
        steps.push(step("representatives", distinct.rows, started));
        Ok(Self {
            rows: distinct.select(&chosen.rows),
            counts: standing,
            of_row: of_row.iter().map(|place| chosen.of_row[*place as usize]).collect(),
            representatives: Some(chosen),
        })
    }

    fn tree(&self, context: &Context<'_>, steps: &mut Vec<StepStatistics>) -> Result<Tree> {
        let started = Instant::now();
        let distances = Tiles::from_rows(&self.rows, context.cancel)?;
        steps.push(step("distances", self.rows.rows, started));
        let started = Instant::now();
        let tree = Tree::complete(distances, context.cancel)?;
        steps.push(step("linkage", self.rows.rows, started));
        Ok(tree)
    }

    fn scorer(
        &self,
        encoding: Encoding,
        clusters: &[u32],
        smallest: &[bool],
        n_neighbors: usize,
    ) -> GowerScorer {
        let mut of_core = vec![(0, false); self.rows.rows];
        for (row, place) in self.of_row.iter().enumerate() {
            of_core[*place as usize] = (clusters[row], smallest[row]);
        }
        let (clusters, smallest) = of_core.into_iter().unzip();
        let state = State {
            encoding,
            reference: State::reference_of(&self.rows),
            counts: self.counts.clone(),
            clusters,
            smallest,
            n_neighbors,
        };
        GowerScorer::with_reference(state, self.rows.clone())
    }
}

#[cfg(test)]
mod tests {
    use anomal_core::Cancel;
    use serde_json::{Value, json};

    use super::*;
    use crate::matrix::{MISSING, MatrixColumn, Values};

    /// Three groups of numbers, one row far off, categories, duplicates; values missing here and there.
    fn matrix(rows: usize) -> Matrix {
        let number = |row: usize| match row {
            7 => 100.0,
            row if row % 11 == 3 => f64::NAN,
            row => (row % 3) as f64 * 10.0 + (row % 41) as f64 / 41.0,
        };
        let code = |row: usize| {
            if row % 13 == 5 { MISSING } else { u32::try_from(row % 3).unwrap() }
        };
        let column = |name: &str, weight: f64, values: Values| MatrixColumn {
            name: name.into(),
            weight,
            values,
        };
        let levels = ["a", "b", "c"].map(String::from).to_vec();
        Matrix {
            rows,
            columns: vec![
                column("number", 2.0, Values::Numeric((0..rows).map(number).collect())),
                column("unused", 0.0, Values::Numeric(vec![1.0; rows])),
                column("code", 1.0, Values::Codes { codes: (0..rows).map(code).collect(), levels }),
            ],
        }
    }

    /// The same with a value everywhere.
    fn complete(rows: usize) -> Matrix {
        let mut matrix = matrix(rows);
        for column in &mut matrix.columns {
            match &mut column.values {
                Values::Numeric(values) => {
                    values
                        .iter_mut()
                        .filter(|value| value.is_nan())
                        .for_each(|value| *value = 10.0);
                }
                Values::Codes { codes, .. } => codes.iter_mut().for_each(|code| *code %= 3),
            }
        }
        matrix
    }

    fn features() -> Vec<FeatureColumn> {
        let feature = |(name, kind): (&str, proto::FeatureKind)| FeatureColumn {
            name: name.into(),
            kind: kind.into(),
            ..FeatureColumn::default()
        };
        let numeric = proto::FeatureKind::Numeric;
        [("number", numeric), ("unused", numeric), ("code", proto::FeatureKind::Categorical)]
            .map(feature)
            .to_vec()
    }

    fn fit(matrix: &Matrix, memory_budget: usize) -> (FittedDetector, proto::Analysis) {
        let cancel = Cancel::default();
        let context = Context {
            seed: 5,
            memory_budget,
            cancel: &cancel,
            progress: &anomal_core::FitProgress::NONE,
            whole: true,
        };
        let fitted = Gower.fit(matrix, &Parameters::new(), &context).unwrap();
        let scores = &fitted.rows.as_ref().unwrap().scores;
        let suspicious = fitted.smallest_cluster.clone().unwrap();
        let view = fitted.view.as_ref().unwrap();
        let analysis = view.analyse(scores, &suspicious, &context, &mut Vec::new()).unwrap();
        (fitted, analysis)
    }

    fn score(scorer: &dyn Scorer, matrix: &Matrix) -> Scores {
        scorer.score(matrix, true, &Cancel::default()).unwrap()
    }

    #[test]
    fn the_row_far_off_is_the_smallest_cluster_and_says_why() {
        let (fitted, analysis) = fit(&complete(200), 1 << 30);
        let rows = fitted.rows.unwrap();
        let highest = (0..200).max_by(|a, b| rows.scores[*a].total_cmp(&rows.scores[*b])).unwrap();
        assert_eq!(highest, 7);
        assert!(rows.shares[0][7] > 0.9 && rows.shares[1][7] == 0.0, "{:?}", rows.shares[0][7]);
        let smallest = fitted.smallest_cluster.unwrap();
        assert_eq!((0..200).filter(|row| smallest[*row]).collect::<Vec<_>>(), [7]);
        assert_eq!(analysis.clusterings[0].sizes, [199, 1]);
        let [suspect] = analysis.suspects.as_slice() else { panic!("{:?}", analysis.suspects) };
        assert_eq!((suspect.row, suspect.normal.len(), suspect.suspicious.len()), (7, 5, 0));
        assert!(suspect.normal.is_sorted_by(|a, b| (a.distance, a.row) < (b.distance, b.row)));
        let map = analysis.map.unwrap();
        assert_eq!(map.points.iter().map(|point| point.count).sum::<u64>(), 200);
        let heatmap = analysis.heatmap.unwrap();
        let n = heatmap.rows.len();
        assert!((0..n).all(|row| heatmap.similarities[row * n + row] == 1.0));
    }

    #[test]
    fn a_row_scored_alone_has_the_bits_that_it_has_among_others() {
        let (fitted, _) = fit(&matrix(150), 1 << 30);
        let new = matrix(90);
        let all = score(fitted.scorer.as_ref(), &new);
        for row in 0..new.rows {
            let one = score(fitted.scorer.as_ref(), &new.select(&[row]));
            assert_eq!(one.scores[0].to_bits(), all.scores[row].to_bits(), "row {row}");
            assert_eq!(one.clusters.unwrap()[0], all.clusters.as_ref().unwrap()[row], "row {row}");
            let shares: Vec<f64> = all.shares.iter().map(|shares| shares[row]).collect();
            assert_eq!(
                one.shares.iter().map(|shares| shares[0]).collect::<Vec<_>>(),
                shares,
                "row {row}"
            );
        }
    }

    #[test]
    fn a_stored_model_scores_the_same() {
        let (fitted, _) = fit(&matrix(150), 1 << 30);
        let kept = fitted.scorer.state().unwrap();
        let read = Gower.load(&kept, &features()).unwrap();
        assert_eq!(read.state().unwrap().get(), kept.get());
        let (one, other) =
            (score(read.as_ref(), &matrix(60)), score(fitted.scorer.as_ref(), &matrix(60)));
        assert_eq!((one.scores, one.shares), (other.scores, other.shares));
    }

    #[test]
    fn a_state_that_does_not_fit_together_is_refused() {
        let (fitted, _) = fit(&matrix(30), 1 << 30);
        let state: Value = serde_json::from_str(fitted.scorer.state().unwrap().get()).unwrap();
        let refused = |path: &str, value: Value| {
            let mut state = state.clone();
            *state.pointer_mut(path).unwrap() = value;
            let text = RawValue::from_string(state.to_string()).unwrap();
            assert!(Gower.load(&text, &features()).is_err(), "{path}");
        };
        refused("/n_neighbors", json!(0));
        refused("/n_neighbors", json!(u64::MAX));
        refused("/counts/0", json!(0));
        refused("/counts", json!([]));
        refused("/clusters", json!([1]));
        refused("/smallest", json!([true]));
        refused("/reference", json!([]));
        refused("/reference/0/Numeric/0", json!(f32::INFINITY.to_bits()));
        refused("/reference/1/Codes/0", json!(3));
        refused("/encoding/scales", json!([null, null, null]));
        refused("/encoding/scales/0/Numeric/weight", json!(1e300));
        refused("/encoding/scales/0/Numeric/range", json!(-1.0));
        let text = RawValue::from_string(state.to_string()).unwrap();
        assert!(Gower.load(&text, &features()[..2]).is_err());
    }

    #[test]
    fn beyond_the_budget_representatives_are_linked_and_scores_stay_exact() {
        let mut matrix = matrix(3_000);
        let Values::Numeric(numbers) = &mut matrix.columns[0].values else { unreachable!() };
        // All distinct.
        numbers.iter_mut().enumerate().for_each(|(row, number)| *number += row as f64 * 1e-4);
        let (whole, _) = fit(&matrix, 1 << 30);
        let (few, analysis) = fit(&matrix, 200_000);
        let found = analysis.representatives.unwrap();
        assert!((301..=320).contains(&found.representatives), "{found:?}");
        assert!(found.radius < 0.1, "{found:?}");
        let scores = |fitted: &FittedDetector| fitted.rows.as_ref().unwrap().scores.clone();
        assert_eq!(scores(&few), scores(&whole));
        assert_eq!(few.smallest_cluster, whole.smallest_cluster);
        assert_eq!(analysis.clusterings[5].labels.len(), 3_000);
        assert_eq!(analysis.dendrogram.unwrap().leaf_counts.iter().sum::<u64>(), 3_000);
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let fit_with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (fitted, analysis) = pool.install(|| fit(&matrix(1_500), 1 << 20));
            let rows = fitted.rows.unwrap();
            (rows.scores, rows.shares, fitted.scorer.state().unwrap().get().to_owned(), analysis)
        };
        assert!(fit_with(1) == fit_with(2));
    }

    #[test]
    fn a_cancelled_fit_ends() {
        let cancel = Cancel::default();
        cancel.cancel();
        let context = Context {
            seed: 0,
            memory_budget: 1 << 30,
            cancel: &cancel,
            progress: &anomal_core::FitProgress::NONE,
            whole: true,
        };
        let error = Gower.fit(&matrix(50), &Parameters::new(), &context).err().unwrap();
        assert_eq!(error.code, anomal_core::Code::Cancelled);
    }

    #[test]
    fn parameters_have_ranges() {
        let check = |text: &str| {
            Gower.check(&serde_json::from_str(text).unwrap()).err().map(|error| error.to_string())
        };
        assert_eq!(check("{}"), None);
        assert_eq!(check(r#"{"clusters": 7, "nNeighbors": 1000, "maxClusters": 50}"#), None);
        for (text, path) in [
            (r#"{"maxClusters": 51}"#, "maxClusters"),
            (r#"{"clusters": 8}"#, "clusters"),
            (r#"{"nNeighbors": 0}"#, "nNeighbors"),
            (r#"{"nNeighbor": 3}"#, "did you mean `nNeighbors`?"),
        ] {
            let message = check(text).unwrap();
            assert!(message.contains(path), "{message}");
        }
    }
}
