//! Nearest neighbours: by a tree where it saves comparisons, else by all pairs. Where even that would take long, the
//! tree search is approximate (Arya, Mount, Netanyahu, Silverman and Wu 1998, "An Optimal Algorithm for Approximate
//! Nearest Neighbor Searching in Fixed Dimensions", JACM 45): distances found are at most a given factor too long.
//! The choice depends on the points alone.

use super::{brute::Brute, kd::KdTree};

/// Fewer points need no choice.
const FEW: usize = 1_000;
/// Searches that measure the tree's cost.
const PROBES: usize = 64;
const PROBE_NEIGHBORS: usize = 10;
/// Factors by which a distance may be too long, in order of preference.
const TOLERANCES: [f64; 4] = [1.1, 1.25, 1.5, 2.0];
/// Values compared if each point is searched among all; a core compares 2 to 3 billion a second.
pub(crate) const MOST_WORK: f64 = 5e10;

/// Receives the points that a search compares.
pub(super) trait Collector {
    /// Points beyond this squared distance are not offered.
    fn farthest(&self) -> f64;

    fn offer(&mut self, square: f64, place: u32);

    /// Counts points that are compared.
    fn looked_at(&mut self, _points: usize) {}
}

/// The nearest points of a query; reused between searches.
#[derive(Clone)]
pub(crate) struct Nearest {
    most: usize,
    /// Squared distances and positions of the nearest points in ascending order, ties by position. Points at
    /// distance 0 are left out.
    pub found: Vec<(f64, u32)>,
    /// The first point at distance 0.
    pub same: Option<u32>,
    /// The squared distance that [`Nearest::move_away`] added.
    pub moved: f64,
}

impl Nearest {
    pub fn new(most: usize) -> Self {
        Self { most, found: Vec::new(), same: None, moved: 0.0 }
    }

    pub(super) fn clear(&mut self) {
        self.found.clear();
        self.same = None;
        self.moved = 0.0;
    }

    /// Moves the query away from all points alike, in a direction in which they are equal. The point that it was at is then
    /// the nearest.
    pub fn move_away(&mut self, square: f64) {
        if let Some(same) = self.same.take() {
            self.found.insert(0, (self.moved, same));
            self.found.truncate(self.most);
        }
        self.found.iter_mut().for_each(|(other, _)| *other += square);
        self.moved += square;
    }
}

impl Collector for Nearest {
    fn farthest(&self) -> f64 {
        match self.found.last() {
            Some((square, _)) if self.found.len() >= self.most => *square,
            _ => f64::INFINITY,
        }
    }

    fn offer(&mut self, square: f64, place: u32) {
        if square == 0.0 {
            self.same = Some(self.same.map_or(place, |same| same.min(place)));
            return;
        }
        let before = self
            .found
            .partition_point(|(other, at)| *other < square || (*other == square && *at < place));
        if before < self.most {
            self.found.truncate(self.most - 1);
            self.found.insert(before, (square, place));
        }
    }
}

/// All points up to a distance, except those at distance 0.
pub(super) struct RadiusSearch {
    pub square: f64,
    pub found: Vec<(f64, u32)>,
}

impl Collector for RadiusSearch {
    fn farthest(&self) -> f64 {
        self.square
    }

    fn offer(&mut self, square: f64, place: u32) {
        if square > 0.0 {
            self.found.push((square, place));
        }
    }
}

/// Measures the cost of a search.
struct Probe {
    nearest: Nearest,
    looked_at: usize,
}

impl Collector for Probe {
    fn farthest(&self) -> f64 {
        self.nearest.farthest()
    }

    fn offer(&mut self, square: f64, place: u32) {
        self.nearest.offer(square, place);
    }

    fn looked_at(&mut self, points: usize) {
        self.looked_at += points;
    }
}

/// An index of points for many searches.
pub(crate) struct Index {
    form: Form,
    /// The approximate number of values that a search compares.
    pub cost: f64,
}

enum Form {
    Tree {
        tree: KdTree,
        /// The factor by which a distance may be too long.
        lengthened: f64,
    },
    Brute(Brute),
}

impl Index {
    /// `points` are concatenated, each of `width` values.
    pub fn new(points: &[f64], count: usize, width: usize) -> Self {
        let tree = KdTree::new(points, count, width);
        if count < FEW || width == 0 {
            let form = Form::Tree { tree, lengthened: 1.0 };
            return Self { form, cost: (count * width) as f64 };
        }
        let most = MOST_WORK / count as f64;
        let cost = |lengthened: f64| looked_at(&tree, points, width, lengthened) * width as f64;
        let (exact, brute) = (cost(1.0), brute_cost(width) * count as f64);
        let affordable = (exact.min(brute) > most).then(|| {
            TOLERANCES.map(|by| (by, cost(by))).into_iter().find(|(_, cost)| *cost <= most)
        });
        if let Some((lengthened, cost)) = affordable.flatten() {
            Self { form: Form::Tree { tree, lengthened }, cost }
        } else if exact <= brute {
            Self { form: Form::Tree { tree, lengthened: 1.0 }, cost: exact }
        } else {
            Self { form: Form::Brute(Brute::new(points, width)), cost: brute }
        }
    }

    /// Searches the neighbours of the queries `asked`, which may be in the index; `points` are those it was built from.
    pub fn search(&self, points: &[f64], asked: &[f64], nearest: &mut [Nearest]) {
        nearest.iter_mut().for_each(Nearest::clear);
        match &self.form {
            Form::Brute(brute) => brute.visit(points, asked, nearest),
            Form::Tree { tree, lengthened } => {
                let width = asked.len() / nearest.len().max(1);
                for (at, nearest) in nearest.iter_mut().enumerate() {
                    tree.visit(&asked[at * width..(at + 1) * width], *lengthened, nearest);
                }
            }
        }
    }

    /// The squared distances and places of all points up to a squared distance, except those at distance 0,
    /// in no order.
    pub fn within(&self, points: &[f64], point: &[f64], square: f64) -> Vec<(f64, u32)> {
        let mut within = RadiusSearch { square, found: Vec::new() };
        match &self.form {
            Form::Brute(brute) => brute.visit(points, point, std::slice::from_mut(&mut within)),
            Form::Tree { tree, .. } => tree.visit(point, 1.0, &mut within),
        }
        within.found
    }
}

/// The cost of all pairs for each point: matrix products compute about ten pairs in the time of one comparison.
pub(crate) fn brute_cost(width: usize) -> f64 {
    1.0 + width as f64 / 10.0
}

/// The number of points that a search compares.
fn looked_at(tree: &KdTree, points: &[f64], width: usize, lengthened: f64) -> f64 {
    let count = points.len() / width;
    let mut probe = Probe { nearest: Nearest::new(PROBE_NEIGHBORS), looked_at: 0 };
    for at in (0..PROBES).map(|at| at * count / PROBES) {
        probe.nearest.clear();
        tree.visit(&points[at * width..(at + 1) * width], lengthened, &mut probe);
    }
    probe.looked_at as f64 / PROBES as f64
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

    use super::*;

    /// Points with coordinates that are multiples of `unit`, so that many distances are equal.
    fn found_are_those_of_all_pairs(
        count: usize,
        width: usize,
        unit: f64,
        form: impl Fn(&[f64]) -> Form,
    ) {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let points: Vec<f64> =
            (0..count * width).map(|_| (random.random::<f64>() * 20.0).round() * unit).collect();
        let index = Index { form: form(&points), cost: 0.0 };
        let asked: Vec<f64> = (0..300)
            .flat_map(|query| -> Vec<f64> {
                if query % 2 == 0 {
                    points[query * width..(query + 1) * width].to_vec()
                } else {
                    (0..width).map(|_| (random.random::<f64>() * 30.0 - 5.0) * unit).collect()
                }
            })
            .collect();
        let mut nearest = vec![Nearest::new(7); 300];
        index.search(&points, &asked, &mut nearest);
        for (point, nearest) in asked.chunks(width).zip(nearest) {
            let mut all: Vec<(f64, u32)> = points
                .chunks(width)
                .map(|other| other.iter().zip(point).map(|(a, b)| (a - b) * (a - b)).sum())
                .zip(0..)
                .collect();
            let order = |one: &(f64, u32), other: &(f64, u32)| {
                one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))
            };
            all.sort_by(order);
            assert_eq!(nearest.same, all.first().filter(|one| one.0 == 0.0).map(|one| one.1));
            all.retain(|one| one.0 > 0.0);
            assert_eq!(nearest.found, all[..7]);
            let farthest = nearest.found[6].0;
            let mut within = index.within(&points, point, farthest);
            within.sort_by(order);
            assert_eq!(within, all[..all.partition_point(|one| one.0 <= farthest)]);
        }
    }

    #[test]
    fn a_tree_finds_the_nearest_of_all_pairs() {
        let tree =
            |points: &[f64]| Form::Tree { tree: KdTree::new(points, 700, 4), lengthened: 1.0 };
        found_are_those_of_all_pairs(700, 4, 1.0, tree);
    }

    #[test]
    fn so_do_products_of_matrices() {
        for (width, unit) in [(1, 1.0), (4, 1.0), (40, 0.1), (9, 1e-30), (9, 1e25), (3, 1e-160)] {
            let brute = |points: &[f64]| Form::Brute(Brute::new(points, width));
            found_are_those_of_all_pairs(700, width, unit, brute);
        }
    }

    #[test]
    fn a_tree_is_used_where_it_spares_most() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for (width, tree) in [(2, true), (40, false)] {
            let points: Vec<f64> = (0..2_000 * width).map(|_| random.random()).collect();
            assert_eq!(matches!(Index::new(&points, 2_000, width).form, Form::Tree { .. }), tree);
        }
        assert!(matches!(Index::new(&[], 2_000, 0).form, Form::Tree { .. }));
    }

    #[test]
    fn a_tree_may_be_content_with_what_is_hardly_farther() {
        let (count, width) = (5_000, 8);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let points: Vec<f64> = (0..count * width).map(|_| random.random()).collect();
        let tree = KdTree::new(&points, count, width);
        let mut nearest = Nearest::new(10);
        let mut exact = nearest.clone();
        let mut met = 0;
        for point in points.chunks(width).take(200) {
            nearest.clear();
            exact.clear();
            tree.visit(point, 1.5, &mut nearest);
            tree.visit(point, 1.0, &mut exact);
            for (found, there) in nearest.found.iter().zip(&exact.found) {
                assert!(found.0 <= there.0 * 1.5 * 1.5);
            }
            met += nearest.found.iter().filter(|found| exact.found.contains(found)).count();
        }
        let [all, less] = [1.0, 1.5].map(|by| looked_at(&tree, &points, width, by));
        assert!(less < all / 2.0 && met > 1_500, "{less} of {all} looked at, {met} of 2,000 met");
    }
}
