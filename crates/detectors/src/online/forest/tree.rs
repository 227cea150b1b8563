//! A tree of an online isolation forest.

use super::further_levels;
use crate::{
    online::bytes::{Reader, Writer},
    random::Random,
};

/// Levels below the root: at 2,048 rows none is split below the sixth.
const DEEPEST: u32 = 16;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    pub weights: Vec<f64>,
    pub leaf: f64,
}

impl Shape {
    /// The rows at which a leaf of this depth is split.
    fn limit(&self, depth: u32) -> f64 {
        self.leaf * f64::from(1_u32 << depth.min(DEEPEST))
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tree(Node);

#[derive(Clone, Debug, Default, PartialEq)]
struct Node {
    rows: u32,
    /// The least and largest value of each feature; empty before the first row.
    bounds: Box<[(f32, f32)]>,
    split: Option<Split>,
}

#[derive(Clone, Debug, PartialEq)]
struct Split {
    feature: u16,
    value: f32,
    /// Rows below the value, and the others.
    parts: Box<[Node; 2]>,
}

impl Split {
    fn side(&self, row: &[f32]) -> usize {
        usize::from(
            !matches!(row.get(usize::from(self.feature)), Some(value) if *value < self.value),
        )
    }
}

impl Tree {
    /// The depth of the leaf of a row, and the levels that its rows would make.
    pub fn depth(&self, row: &[f32]) -> f64 {
        let (mut node, mut depth) = (&self.0, 0.0);
        while let Some(split) = &node.split {
            node = &split.parts[split.side(row)];
            depth += 1.0;
        }
        depth + further_levels(f64::from(node.rows) / f64::exp2(depth))
    }

    pub fn learn(&mut self, row: &[f32], shape: &Shape, random: &mut Random) {
        let (mut node, mut depth) = (&mut self.0, 0);
        loop {
            node.rows += 1;
            node.widen(row);
            if node.split.is_none() {
                // The parts of a leaf that is split have the row.
                if depth < DEEPEST && f64::from(node.rows) >= shape.limit(depth) {
                    node.divide(shape, random);
                }
                return;
            }
            let Some(split) = &mut node.split else { return };
            node = &mut split.parts[split.side(row)];
            depth += 1;
        }
    }

    pub fn forget(&mut self, row: &[f32], shape: &Shape) {
        let (mut node, mut depth) = (&mut self.0, 0);
        loop {
            node.rows = node.rows.saturating_sub(1);
            if f64::from(node.rows) < shape.limit(depth) {
                node.join();
            }
            match &mut node.split {
                Some(split) => node = &mut split.parts[split.side(row)],
                None => return,
            }
            depth += 1;
        }
    }

    pub fn write(&self, to: &mut Writer) {
        self.0.write(to);
    }

    pub fn read(from: &mut Reader<'_>, features: usize) -> Option<Self> {
        Node::read(from, features, 0).map(Self)
    }
}

impl Node {
    fn widen(&mut self, row: &[f32]) {
        if self.bounds.is_empty() {
            self.bounds = vec![(f32::INFINITY, f32::NEG_INFINITY); row.len()].into();
        }
        for ((low, high), value) in self.bounds.iter_mut().zip(row) {
            // NaN is in no bounds.
            *low = low.min(*value);
            *high = high.max(*value);
        }
    }

    /// Splits a leaf, if its rows differ in a feature that counts.
    fn divide(&mut self, shape: &Shape, random: &mut Random) {
        let weight = |feature: usize, (low, high): (f32, f32)| {
            let differ = low < high && (high - low).is_finite();
            if differ { shape.weights[feature] } else { 0.0 }
        };
        let weights: Vec<f64> = self
            .bounds
            .iter()
            .enumerate()
            .map(|(feature, bounds)| weight(feature, *bounds))
            .collect();
        let mut place = random.next() * weights.iter().sum::<f64>();
        let part = random.next();
        let chosen = weights.iter().position(|weight| {
            place -= weight;
            place < 0.0
        });
        let Some(feature) = chosen else { return };
        let (low, high) = self.bounds[feature];
        let value = low + (high - low) * part as f32;
        if value <= low || value > high {
            return;
        }
        #[expect(clippy::cast_sign_loss, reason = "neither is negative")]
        let below = (f64::from(self.rows) * part).round() as u32;
        let child = |rows: u32, bounds: (f32, f32)| {
            let mut all = self.bounds.clone();
            all[feature] = bounds;
            Node { rows, bounds: all, split: None }
        };
        let parts = [child(below, (low, value)), child(self.rows - below, (value, high))];
        let feature = u16::try_from(feature).unwrap_or(u16::MAX);
        self.split = Some(Split { feature, value, parts: Box::new(parts) });
    }

    /// Makes a leaf of it.
    fn join(&mut self) {
        self.split = None;
    }

    fn write(&self, to: &mut Writer) {
        to.small(self.rows);
        to.flag(!self.bounds.is_empty());
        for (low, high) in &self.bounds {
            to.single(*low);
            to.single(*high);
        }
        to.flag(self.split.is_some());
        if let Some(split) = &self.split {
            to.count(split.feature);
            to.single(split.value);
            split.parts.iter().for_each(|part| part.write(to));
        }
    }

    fn read(from: &mut Reader<'_>, features: usize, depth: u32) -> Option<Self> {
        let rows = from.small()?;
        let has_bounds = from.flag()?;
        let bound = |from: &mut Reader<'_>| Some((from.single()?, from.single()?));
        let bounds = (0..if has_bounds { features } else { 0 }).map(|_| bound(from));
        let bounds = bounds.collect::<Option<_>>()?;
        let mut split = None;
        if from.flag()? {
            if depth >= DEEPEST {
                return None;
            }
            let (feature, value) = (from.count()?, from.single()?);
            let mut part = || Node::read(from, features, depth + 1);
            split = Some(Split { feature, value, parts: Box::new([part()?, part()?]) });
        }
        Some(Self { rows, bounds, split })
    }
}
