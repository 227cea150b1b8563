//! Exact nearest neighbours by a k-d tree (Friedman, Bentley and Finkel 1977, "An Algorithm for Finding Best Matches
//! in Logarithmic Expected Time", ACM TOMS 3). The distance to a half is updated incrementally (Arya and Mount 1993,
//! "Algorithms for Fast Vector Quantization", DCC). With many columns a search visits nearly all leaves.

use super::nearest::Collector;

/// Points per leaf.
const LEAF: usize = 32;
/// A bound of the rounding error of the distance to a half.
const ROUNDED: f64 = 1.0 + 1e-9;

pub(crate) struct KdTree {
    width: usize,
    nodes: Vec<Node>,
    /// The points in the order of the leaves; within a leaf column by column.
    points: Vec<f64>,
    /// The position of each point in the caller's order.
    places: Vec<u32>,
}

#[derive(Clone, Copy)]
enum Node {
    /// The left half, with values up to the cut, is the next node; the right half has values from the cut on.
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

impl KdTree {
    /// `points` are concatenated.
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

    /// Visits the neighbours of a point, which may be in the tree. Distances found are at most `lengthened` times the
    /// least; 1 is exact.
    pub(super) fn visit(&self, point: &[f64], lengthened: f64, found: &mut impl Collector) {
        if !self.nodes.is_empty() {
            let (offsets, reach) = (vec![0.0; self.width], ROUNDED / (lengthened * lengthened));
            Visit { tree: self, point, offsets, reach, found }.look(0, 0.0);
        }
    }
}

struct Visit<'a, F> {
    tree: &'a KdTree,
    point: &'a [f64],
    /// The distance to the node's cell in each column.
    offsets: Vec<f64>,
    /// The share of the farthest distance within which cells are visited.
    reach: f64,
    found: &'a mut F,
}

impl<F: Collector> Visit<'_, F> {
    /// `distance` is the squared distance to the node's cell.
    fn look(&mut self, node: usize, distance: f64) {
        match self.tree.nodes[node] {
            Node::Leaf { start, points } => self.compare(start, points),
            Node::Split { column, cut, right } => {
                let offset = self.point[column] - cut;
                let left = node + 1;
                let (near, far) = if offset < 0.0 { (left, right) } else { (right, left) };
                self.look(near, distance);
                let last = self.offsets[column];
                let distance = distance - last * last + offset * offset;
                if distance <= self.found.farthest() * self.reach {
                    self.offsets[column] = offset;
                    self.look(far, distance);
                    self.offsets[column] = last;
                }
            }
        }
    }

    fn compare(&mut self, start: usize, points: usize) {
        let width = self.tree.width;
        let mut squares = [0.0; LEAF];
        let squares = &mut squares[..points];
        let columns = &self.tree.points[start * width..(start + points) * width];
        for (column, value) in columns.chunks(points).zip(self.point) {
            for (square, other) in squares.iter_mut().zip(column) {
                *square += (other - value) * (other - value);
            }
        }
        self.found.looked_at(points);
        let farthest = self.found.farthest();
        for (square, place) in squares.iter().zip(&self.tree.places[start..]) {
            if *square <= farthest {
                self.found.offer(*square, *place);
            }
        }
    }
}
