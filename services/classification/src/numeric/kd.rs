//! The nearest of some points, exactly, by a tree of halves (Friedman, Bentley and Finkel 1977, "An Algorithm
//! for Finding Best Matches in Logarithmic Expected Time", ACM TOMS 3; the distance to a half is kept up as
//! Arya and Mount 1993, "Algorithms for Fast Vector Quantization", DCC, have it). With many columns it looks
//! at nearly all points, leaf by leaf, which is no slower than without a tree.

/// Points that are compared together.
const LEAF: usize = 32;
/// What rounding may have added to the distance to a half.
const ROUNDED: f64 = 1.0 + 1e-9;

pub(crate) struct KdTree {
    width: usize,
    nodes: Vec<Node>,
    /// The points of one leaf behind those of the other, each leaf column by column.
    points: Vec<f64>,
    /// The place of each of them among all.
    places: Vec<u32>,
}

#[derive(Clone, Copy)]
enum Node {
    /// Its left half is the node behind it: what is at most the cut; to the right is what is at least it.
    Split {
        column: usize,
        cut: f64,
        right: usize,
    },
    Leaf {
        start: usize,
        points: usize,
    },
}

/// Takes points as they are met.
trait Found {
    /// The squared distance beyond which points are of no use.
    fn farthest(&self) -> f64;

    fn offer(&mut self, square: f64, place: u32);
}

/// The nearest points: made once for many searches.
pub(crate) struct Nearest {
    most: usize,
    /// The squared distances and places of the nearest points, from the nearest on; of equal distances the
    /// first place. Without those at distance 0.
    pub found: Vec<(f64, u32)>,
    /// The first point at distance 0.
    pub same: Option<u32>,
}

impl Nearest {
    pub fn new(most: usize) -> Self {
        Self { most, found: Vec::new(), same: None }
    }
}

impl Found for Nearest {
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

/// All points up to a distance, but for those at distance 0.
struct Within {
    square: f64,
    found: Vec<(f64, u32)>,
}

impl Found for Within {
    fn farthest(&self) -> f64 {
        self.square
    }

    fn offer(&mut self, square: f64, place: u32) {
        if square > 0.0 {
            self.found.push((square, place));
        }
    }
}

impl KdTree {
    /// Of points one behind the other.
    pub fn new(points: &[f64], count: usize, width: usize) -> Self {
        let mut places: Vec<u32> = (0_u32..).take(count).collect();
        let mut tree = Self {
            width,
            nodes: Vec::new(),
            points: Vec::new(),
            places: Vec::with_capacity(count),
        };
        if count > 0 {
            tree.build(points, &mut places);
        }
        tree
    }

    fn build(&mut self, all: &[f64], places: &mut [u32]) {
        let value = |place: u32, column: usize| all[place as usize * self.width + column];
        let spread = |column: usize| {
            let values = places.iter().map(|place| value(*place, column));
            let (least, most) = values
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
                    (least.min(value), most.max(value))
                });
            most - least
        };
        let widest = (0..self.width).map(|column| (spread(column), column));
        let widest = widest.reduce(|one, other| if other.0 > one.0 { other } else { one });
        let Some((_, column)) = widest.filter(|_| places.len() > LEAF) else {
            for part in places.chunks(LEAF) {
                let start = self.places.len();
                self.nodes.push(Node::Leaf { start, points: part.len() });
                self.places.extend_from_slice(part);
                for column in 0..self.width {
                    self.points.extend(
                        part.iter().map(|place| all[*place as usize * self.width + column]),
                    );
                }
            }
            return;
        };
        let middle = places.len() / 2;
        places.select_nth_unstable_by(middle, |one, other| {
            value(*one, column).total_cmp(&value(*other, column)).then(one.cmp(other))
        });
        let cut = value(places[middle], column);
        let node = self.nodes.len();
        self.nodes.push(Node::Split { column, cut, right: 0 });
        let (left, right) = places.split_at_mut(middle);
        self.build(all, left);
        self.nodes[node] = Node::Split { column, cut, right: self.nodes.len() };
        self.build(all, right);
    }

    /// Of a point, which may be one of them.
    pub fn search(&self, point: &[f64], nearest: &mut Nearest) {
        nearest.found.clear();
        nearest.same = None;
        self.visit(point, nearest);
    }

    /// The squared distances and places of all points up to a squared distance, but for those at distance 0,
    /// in no order.
    pub fn within(&self, point: &[f64], square: f64) -> Vec<(f64, u32)> {
        let mut within = Within { square, found: Vec::new() };
        self.visit(point, &mut within);
        within.found
    }

    fn visit(&self, point: &[f64], found: &mut impl Found) {
        if !self.nodes.is_empty() {
            self.look(0, 0.0, point, &mut vec![0.0; self.width], found);
        }
    }

    /// `distance` is the squared one to all that is below the node, `offsets` what it is in each column.
    fn look(
        &self,
        node: usize,
        distance: f64,
        point: &[f64],
        offsets: &mut [f64],
        found: &mut impl Found,
    ) {
        match self.nodes[node] {
            Node::Leaf { start, points } => {
                let mut squares = [0.0; LEAF];
                let squares = &mut squares[..points];
                let columns = &self.points[start * self.width..(start + points) * self.width];
                for (column, value) in columns.chunks(points).zip(point) {
                    for (square, other) in squares.iter_mut().zip(column) {
                        *square += (other - value) * (other - value);
                    }
                }
                let farthest = found.farthest();
                for (square, place) in squares.iter().zip(&self.places[start..]) {
                    if *square <= farthest {
                        found.offer(*square, *place);
                    }
                }
            }
            Node::Split { column, cut, right } => {
                let offset = point[column] - cut;
                let left = node + 1;
                let (near, far) = if offset < 0.0 { (left, right) } else { (right, left) };
                self.look(near, distance, point, offsets, found);
                let last = offsets[column];
                let distance = distance - last * last + offset * offset;
                if distance <= found.farthest() * ROUNDED {
                    offsets[column] = offset;
                    self.look(far, distance, point, offsets, found);
                    offsets[column] = last;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

    use super::*;

    #[test]
    fn the_nearest_are_those_of_all_pairs() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let (count, width) = (700, 4);
        let points: Vec<f64> =
            (0..count * width).map(|_| (random.random::<f64>() * 20.0).round()).collect();
        let tree = KdTree::new(&points, count, width);
        let mut nearest = Nearest::new(7);
        for query in 0..300 {
            let point: Vec<f64> = if query % 2 == 0 {
                points[query * width..(query + 1) * width].to_vec()
            } else {
                (0..width).map(|_| random.random::<f64>() * 30.0 - 5.0).collect()
            };
            tree.search(&point, &mut nearest);
            let mut all: Vec<(f64, u32)> = points
                .chunks(width)
                .map(|other| other.iter().zip(&point).map(|(a, b)| (a - b) * (a - b)).sum())
                .zip(0..)
                .collect();
            all.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
            assert_eq!(nearest.same, all.first().filter(|one| one.0 == 0.0).map(|one| one.1));
            all.retain(|one| one.0 > 0.0);
            assert_eq!(nearest.found, all[..7]);
            let farthest = nearest.found[6].0;
            let mut within = tree.within(&point, farthest);
            within.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
            assert_eq!(within, all[..all.partition_point(|one| one.0 <= farthest)]);
        }
    }
}
