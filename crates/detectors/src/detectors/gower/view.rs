//! The figures of a report: the map, the tree, the clusters, a heatmap, and the neighbours of the suspects.

use std::time::Instant;

use anomal_core::{
    Cancel, Result,
    proto::{
        self, Analysis, Clustering, Heatmap, StepStatistics, SuspectNeighbors,
        suspect_neighbors::Neighbor,
    },
};
use rayon::prelude::*;

use crate::gower::{
    distances::row_to_run,
    encoding::EncodedRows,
    linkage::Tree,
    map::map,
    neighbors::{Index, Nearest},
    representatives::{self, Representatives},
};
use crate::{
    context::Context,
    detector::{View, step},
};

const MAP_POINTS: usize = 4_000;
const HEATMAP_ROWS: usize = 512;
const MOST_SUSPECTS: usize = 1_000;
const SUSPECT_NEIGHBORS: usize = 5;

/// A fit, as far as figures need it.
pub(crate) struct GowerView {
    /// The distinct rows, and the position of each row's.
    pub distinct: EncodedRows,
    pub of_row: Vec<u32>,
    /// The leaves of the tree: the distinct rows or their representatives, the number of rows of each, and the position of
    /// each row's.
    pub core: EncodedRows,
    pub core_counts: Vec<u32>,
    pub core_of_row: Vec<u32>,
    pub representatives: Option<Representatives>,
    pub tree: Tree,
    pub clusterings: Vec<Clustering>,
}

impl View for GowerView {
    fn analyse(
        &self,
        scores: &[f64],
        suspicious: &[bool],
        context: &Context<'_>,
        steps: &mut Vec<StepStatistics>,
    ) -> Result<Analysis> {
        let rows = Rows::new(&self.of_row, self.distinct.rows);
        let mut suspects: Vec<usize> = (0..scores.len()).filter(|row| suspicious[*row]).collect();
        suspects.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        let started = Instant::now();
        let map = self.map(&rows, &suspects, context)?;
        steps.push(step("map", map.points.len(), started));
        let started = Instant::now();
        suspects.truncate(MOST_SUSPECTS);
        let suspects = self.suspects(&rows, &suspects, suspicious, context.cancel)?;
        steps.push(step("suspects", suspects.len(), started));
        let first_rows = Rows::new(&self.core_of_row, self.core.rows).firsts();
        Ok(Analysis {
            rows: self.of_row.len() as u64,
            map: Some(map),
            heatmap: Some(self.heatmap(&first_rows)),
            dendrogram: Some(self.tree.message(first_rows, &self.core_counts)),
            clusterings: self.clusterings.clone(),
            suspects,
            representatives: self.representatives_message(context.memory_budget),
            ..Analysis::default()
        })
    }
}

/// The rows of each distinct row.
struct Rows {
    starts: Vec<usize>,
    rows: Vec<usize>,
}

impl Rows {
    fn new(of_row: &[u32], places: usize) -> Self {
        let mut starts = vec![0; places + 1];
        of_row.iter().for_each(|place| starts[*place as usize + 1] += 1);
        for place in 0..places {
            starts[place + 1] += starts[place];
        }
        let (mut next, mut rows) = (starts.clone(), vec![0; of_row.len()]);
        for (row, place) in of_row.iter().enumerate() {
            let next = &mut next[*place as usize];
            rows[*next] = row;
            *next += 1;
        }
        Self { starts, rows }
    }

    /// Ascending; never empty.
    fn at(&self, place: usize) -> &[usize] {
        &self.rows[self.starts[place]..self.starts[place + 1]]
    }

    /// The first row of each distinct row.
    fn firsts(&self) -> Vec<u64> {
        self.starts[..self.starts.len() - 1].iter().map(|start| self.rows[*start] as u64).collect()
    }
}

impl GowerView {
    fn representatives_message(&self, memory_budget: usize) -> Option<proto::Representatives> {
        let chosen = self.representatives.as_ref()?;
        let (some, all) = (chosen.rows.len(), self.distinct.rows);
        Some(proto::Representatives {
            distinct_rows: all as u64,
            representatives: some as u64,
            radius: f64::from(chosen.radius),
            message: format!(
                "{some} of {all} distinct rows stand for all in the clusters, the map and the heatmap: the distances \
                 of all pairs would take more than {} MiB; the scores of these rows are exact",
                memory_budget >> 20
            ),
        })
    }

    /// The distinct rows on the map: all, or the suspects with the highest scores and representatives of the others.
    fn shown(&self, suspects: &[usize], context: &Context<'_>) -> Result<Vec<usize>> {
        if self.distinct.rows <= MAP_POINTS {
            return Ok((0..self.distinct.rows).collect());
        }
        let mut shown = vec![false; self.distinct.rows];
        let places = suspects.iter().map(|row| self.of_row[*row] as usize);
        places.take(MAP_POINTS / 2).for_each(|place| shown[place] = true);
        let others = match &self.representatives {
            Some(found) => found.rows.clone(),
            None => {
                representatives::choose(&self.distinct, MAP_POINTS, context.seed, context.cancel)?
                    .rows
            }
        };
        let free = MAP_POINTS - shown.iter().filter(|shown| **shown).count();
        evenly(others.len(), free).for_each(|index| shown[others[index]] = true);
        Ok((0..self.distinct.rows).filter(|place| shown[*place]).collect())
    }

    fn map(&self, rows: &Rows, suspects: &[usize], context: &Context<'_>) -> Result<proto::Map> {
        let shown = self.shown(suspects, context)?;
        let points = self.distinct.select(&shown);
        let mut counts = vec![0_u64; shown.len()];
        // A shown row is its own nearest, unless it has no value: then it is placed with such rows.
        let nearest = Index::new(&points).nearest(&self.distinct, 1, false, context.cancel)?;
        for (place, nearest) in nearest.iter().enumerate() {
            let own = shown.binary_search(&place).ok();
            let to = own.or_else(|| nearest.first().map(|first| first.1 as usize)).unwrap_or(0);
            counts[to] += rows.at(place).len() as u64;
        }
        let map = map(&points, context.seed, context.cancel)?;
        let point = |(index, [x, y]): (usize, &[f64; 2])| proto::map::Point {
            row: rows.at(shown[index])[0] as u64,
            x: *x as f32,
            y: *y as f32,
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

    fn heatmap(&self, first_rows: &[u64]) -> Heatmap {
        let order = self.tree.order();
        let places: Vec<usize> =
            evenly(order.len(), HEATMAP_ROWS).map(|index| order[index] as usize).collect();
        let rows = self.core.select(&places);
        let mut similarities = vec![0.0_f32; places.len() * places.len()];
        similarities.par_chunks_mut(places.len().max(1)).enumerate().for_each(|(row, out)| {
            row_to_run(&rows, row, &rows, 0, out);
            out.iter_mut().for_each(|value| *value = (1.0 - *value).clamp(0.0, 1.0));
            out[row] = 1.0;
        });
        Heatmap { rows: places.iter().map(|place| first_rows[*place]).collect(), similarities }
    }

    /// The nearest normal and suspicious rows of each suspect.
    fn suspects(
        &self,
        rows: &Rows,
        suspects: &[usize],
        suspicious: &[bool],
        cancel: &Cancel,
    ) -> Result<Vec<SuspectNeighbors>> {
        let asking: Vec<usize> = suspects.iter().map(|row| self.of_row[*row] as usize).collect();
        let asking = self.distinct.select(&asking);
        // Equal rows are suspicious together, by score or by cluster.
        let near = |wanted: bool| -> Result<Vec<Vec<Neighbor>>> {
            let group: Vec<usize> = (0..self.distinct.rows)
                .filter(|place| suspicious[rows.at(*place)[0]] == wanted)
                .collect();
            let index = Index::new(&self.distinct.select(&group));
            // One more, since a suspect finds itself.
            let found = index.nearest(&asking, SUSPECT_NEIGHBORS + 1, false, cancel)?;
            let each = suspects.iter().zip(&found);
            Ok(each.map(|(suspect, found)| neighbors(*suspect, found, &group, rows)).collect())
        };
        let each = suspects.iter().zip(near(false)?).zip(near(true)?);
        Ok(each
            .map(|((row, normal), suspicious)| SuspectNeighbors {
                row: *row as u64,
                normal,
                suspicious,
            })
            .collect())
    }
}

/// The nearest rows of a row, given the nearest distinct rows of a group.
fn neighbors(row: usize, found: &Nearest, group: &[usize], rows: &Rows) -> Vec<Neighbor> {
    let rows_of = |(distance, place): &(f32, u32)| {
        let rows = rows.at(group[*place as usize]).iter().take(SUSPECT_NEIGHBORS + 1);
        rows.filter(|other| **other != row).map(|other| (*distance, *other)).collect::<Vec<_>>()
    };
    let mut nearest: Vec<(f32, usize)> = found.iter().flat_map(rows_of).collect();
    nearest.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    nearest.truncate(SUSPECT_NEIGHBORS);
    let one = |(distance, row)| Neighbor { row: row as u64, distance: f64::from(distance) };
    nearest.into_iter().map(one).collect()
}

/// At most `most` evenly spaced positions of `all`.
fn evenly(all: usize, most: usize) -> impl Iterator<Item = usize> {
    let some = all.min(most);
    (0..some).map(move |index| index * all / some)
}
