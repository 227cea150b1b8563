//! A tree of a random cut forest, in little memory: it has slots of rows, not rows, and no bounds.

mod change;
mod saved;

use super::{
    bounds::{Bounds, Spans},
    coordinate::{Coordinate, Order},
    rows::{Lanes, Rows},
};
use crate::random::Random;

/// What marks a leaf.
const LEAF: u16 = u16::MAX;

/// Where rows are cut: those whose value is at most `at` are in the first part.
#[derive(Clone, Copy, Debug)]
struct Cut {
    at: Coordinate,
    feature: u16,
    /// The rows in the first part.
    first: u16,
    /// Places of cuts, or [`LEAF`]. Of a place that is free, the next free one and nothing.
    parts: [u16; 2],
}

/// A part of a tree is a range of its rows, so that its bounds are found without looking at its cuts.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    order: Order,
    root: u16,
    cuts: Vec<Cut>,
    /// The first free place of a cut, or [`LEAF`].
    free: u16,
    /// The slots of its rows as the cuts put them; equal rows are one leaf.
    slots: Vec<u16>,
    /// The slots whose rows it has, as bits.
    has: Box<[u64]>,
    /// The most rows.
    most: usize,
}

/// A cut on the way from the root to a leaf, and its rows.
#[derive(Clone, Copy, Debug)]
struct Step {
    cut: u16,
    side: bool,
    start: u16,
    end: u16,
    /// Where its second part starts.
    middle: u16,
}

/// What is found of a row on the way to its leaf; made anew for each tree, in the same memory.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// The row as the tree has it.
    row: Vec<Lanes>,
    steps: Vec<Step>,
    /// Where its leaf is among the rows.
    leaf: (u16, u16),
    bounds: Bounds,
    /// The rows and the spans of the parts that do not hold the row, from the leaf on up.
    outer: Vec<(u16, Spans)>,
    /// How far the row is beyond each of these, all lanes of one after the other.
    beyond: Vec<Lanes>,
}

impl Tree {
    pub fn new(random: &mut Random, most: usize, window: usize) -> Self {
        Self {
            order: Order::new(random),
            root: LEAF,
            cuts: Vec::new(),
            free: LEAF,
            slots: Vec::new(),
            has: vec![0; window.div_ceil(64)].into(),
            most,
        }
    }

    /// The rows that it has.
    pub fn rows(&self) -> usize {
        self.slots.len()
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.cuts.capacity() * size_of::<Cut>()
            + self.slots.capacity() * size_of::<u16>()
            + size_of_val(&*self.has)
    }

    /// The way of a row to its leaf.
    fn descend(&self, way: &mut Way) {
        let row = way.row.as_flattened();
        let (mut start, mut end) = (0, self.slots.len() as u16);
        let mut part = self.root;
        way.steps.clear();
        while let Some(cut) = self.cuts.get(usize::from(part)) {
            let side = row[usize::from(cut.feature)] > cut.at;
            let middle = start + cut.first;
            way.steps.push(Step { cut: part, side, start, end, middle });
            (start, end) = if side { (middle, end) } else { (start, middle) };
            part = cut.parts[usize::from(side)];
        }
        way.leaf = (start, end);
    }

    /// The way of a row to its leaf, and how far it is outside of the parts on it up to the first that holds it, as do those above.
    fn find(&self, row: &[Lanes], rows: &Rows, way: &mut Way) {
        rows.ordered(row, self.order, &mut way.row);
        self.descend(way);
        way.outer.clear();
        way.beyond.clear();
        let (start, end) = way.leaf;
        way.bounds.set(rows, self.slots[usize::from(start)], self.order);
        let mut mass = end - start;
        let mut steps = way.steps.iter().rev();
        loop {
            let spans = way.bounds.measure(&way.row, &rows.weights, &mut way.beyond);
            if spans.outside == 0 {
                return;
            }
            way.outer.push((mass, spans));
            let Some(step) = steps.next() else { return };
            let other = if step.side { step.start..step.middle } else { step.middle..step.end };
            let other = usize::from(other.start)..usize::from(other.end);
            way.bounds.widen(rows, &self.slots[other], self.order);
            mass = step.end - step.start;
        }
    }

    /// Adds to each feature's part how many rows a cut in it is expected to part from a row, as a share of those of the tree, in
    /// differences of coordinates: without weight.
    pub fn displacement(&self, row: &[Lanes], rows: &Rows, way: &mut Way, parts: &mut [f32]) {
        if self.slots.is_empty() {
            return;
        }
        self.find(row, rows, way);
        // That no cut above has parted it.
        let mut chance = 1.0 / self.slots.len() as f32;
        let beyond = way.beyond.chunks_exact(rows.width()).take(way.outer.len()).rev();
        for ((mass, spans), beyond) in way.outer.iter().rev().zip(beyond) {
            let each = chance / spans.all() as f32;
            let part = f32::from(*mass) * each;
            for (sum, beyond) in parts.iter_mut().zip(beyond.as_flattened()) {
                *sum += part * f32::from(*beyond);
            }
            chance = each * spans.inside as f32;
        }
    }
}
