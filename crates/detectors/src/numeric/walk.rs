//! Rows walk down trees side by side, without unpredictable branches.

use super::isolation::{MISSING_RIGHT, Tree, UNSEEN_RIGHT, level_goes_right, mean_depth};

/// Rows that walk side by side.
pub(crate) const LANES: usize = 8;
/// A flag beside those of [`Tree::sides`]: the node splits a category.
const LEVELS: u32 = 4;
const FLAGS: u32 = 3;

/// A tree prepared for walking. A leaf is its own left child.
pub(crate) struct Walk {
    steps: Vec<Step>,
    highest: u32,
    only_numbers: bool,
    /// The depth of each node plus the expected depth below it.
    ends: Vec<f64>,
    /// The splits saved by a step to the left and to the right; 0 in a leaf.
    saved: Vec<[f64; 2]>,
}

#[derive(Clone, Copy)]
struct Step {
    cut: f64,
    left: u32,
    /// The feature, followed by the flags for values that are not compared.
    how: u32,
}

impl Step {
    fn feature(self) -> usize {
        (self.how >> FLAGS) as usize
    }

    /// 1 to the right, 0 to the left.
    fn side<const ONLY_NUMBERS: bool>(self, value: f64) -> u32 {
        if !ONLY_NUMBERS && self.how & LEVELS != 0 && !value.is_nan() {
            let unseen = self.how & u32::from(UNSEEN_RIGHT) != 0;
            return u32::from(if value < 0.0 { unseen } else { level_goes_right(value, self.cut) });
        }
        let missing = self.how & u32::from(MISSING_RIGHT) != 0;
        u32::from((value >= self.cut) | (value.is_nan() & missing))
    }
}

impl Walk {
    /// `levels` are those of each categorical feature. None if the tree belongs to other features.
    pub fn new(tree: &Tree, levels: &[Option<Vec<f64>>]) -> Option<Self> {
        let depths = tree.depths(levels.len())?;
        let mut saved = vec![[0.0; 2]; depths.len()];
        let mut steps = Vec::with_capacity(depths.len());
        let mut only_numbers = true;
        for (node, own) in (0..).zip(0..depths.len()) {
            let left = tree.left[own];
            if left == 0 {
                steps.push(Step { cut: f64::INFINITY, left: node, how: 0 });
                continue;
            }
            let left_to_go = |node: usize| mean_depth(tree.sizes[node]);
            let children = [left as usize, left as usize + 1];
            saved[own] = children.map(|child| left_to_go(own) - left_to_go(child) - 1.0);
            let feature = tree.features[own];
            let sides = u32::from(tree.sides[own] & (MISSING_RIGHT | UNSEEN_RIGHT));
            let of_levels = levels[feature as usize].is_some();
            only_numbers &= !of_levels;
            let how = feature.checked_mul(1 << FLAGS)? | sides | if of_levels { LEVELS } else { 0 };
            steps.push(Step { cut: tree.cuts[own], left, how });
        }
        let end = |(depth, size): (&u32, &u32)| f64::from(*depth) + mean_depth(*size);
        let ends = depths.iter().zip(&tree.sizes).map(end).collect();
        let highest = depths.iter().copied().max().unwrap_or(0);
        Some(Self { steps, highest, only_numbers, ends, saved })
    }

    /// Adds the depth of each row to its sum. `rows` are concatenated, a multiple of [`LANES`]. If `parts` is as long as
    /// the values, the splits saved by each value are added to it.
    pub fn add(&self, rows: &[f64], features: usize, sums: &mut [f64], parts: &mut [f64]) {
        match (self.only_numbers, parts.is_empty()) {
            (true, true) => self.walk::<true, false>(rows, features, sums, parts),
            (true, false) => self.walk::<true, true>(rows, features, sums, parts),
            (false, true) => self.walk::<false, false>(rows, features, sums, parts),
            (false, false) => self.walk::<false, true>(rows, features, sums, parts),
        }
    }

    fn walk<const ONLY_NUMBERS: bool, const PARTS: bool>(
        &self,
        rows: &[f64],
        features: usize,
        sums: &mut [f64],
        parts: &mut [f64],
    ) {
        let together = LANES * features;
        let rows = rows.chunks_exact(together).enumerate();
        for ((chunk, rows), sums) in rows.zip(sums.chunks_exact_mut(LANES)) {
            let parts = if PARTS { &mut parts[chunk * together..][..together] } else { &mut [] };
            let mut nodes = [0_u32; LANES];
            for _ in 0..self.highest {
                for (lane, node) in nodes.iter_mut().enumerate() {
                    let step = self.steps[*node as usize];
                    let place = lane * features + step.feature();
                    let side = step.side::<ONLY_NUMBERS>(rows[place]);
                    if PARTS {
                        parts[place] += self.saved[*node as usize][side as usize];
                    }
                    *node = step.left + side;
                }
            }
            for (sum, node) in sums.iter_mut().zip(nodes) {
                *sum += self.ends[node as usize];
            }
        }
    }
}
