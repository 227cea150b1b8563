//! A tree of a random cut forest, in little memory: it has places of rows, not rows.

use std::sync::Arc;

use crate::{
    online::bytes::{Reader, Writer},
    random::Random,
};

/// Rows of a tree at most: a quarter of the window and more than four standard deviations.
const MOST: usize = 96;
/// Room for so many more is made at a time.
const ROOM: usize = 16;
/// What marks the place of a leaf.
const LEAF: u8 = 0x80;
/// Places of categories, which are whole numbers of these.
const STEPS: u32 = 1 << 20;

/// The coordinate of a number by its rank among all, `0..=1`.
pub(in crate::online) fn of_rank(rank: f64) -> f32 {
    (rank as f32).clamp(0.0, 0.99)
}

/// The coordinate of a category by its hash, from 1 on; trees put them in orders of their own.
pub(in crate::online) fn of_category(hash: u64) -> f32 {
    1.0 + (hash >> 44) as f32 / STEPS as f32
}

fn is_category(coordinate: f32) -> bool {
    coordinate >= 1.0
}

/// That of a value that is missing.
pub(in crate::online) const MISSING: f32 = -0.5;

/// Coordinates that are compared at once. Rows are filled up with zeros to a multiple of it.
const LANES: usize = 4;

/// The rows of a window, by their slots.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rows {
    /// Of each feature.
    weights: Arc<[f32]>,
    most: usize,
    values: Vec<[f32; LANES]>,
    /// Whether one of them is, or was, that of a category, which trees put in orders of their own.
    has_categories: bool,
}

impl Rows {
    pub fn new(weights: Arc<[f32]>, most: usize) -> Self {
        Self { weights, most, values: Vec::new(), has_categories: false }
    }

    fn features(&self) -> usize {
        self.weights.len()
    }

    /// The lanes of a row.
    fn width(&self) -> usize {
        self.features().div_ceil(LANES).max(1)
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<[f32; LANES]>()
    }

    pub fn most(&self) -> usize {
        self.most
    }

    /// `slot` is at most behind the last one.
    pub fn put(&mut self, slot: usize, row: &[f32]) {
        self.has_categories |= row.iter().any(|value| is_category(*value));
        let (start, width) = (slot * self.width(), self.width());
        if self.values.len() == start {
            if self.values.capacity() < start + width {
                self.values.reserve_exact(width * ROOM);
            }
            self.values.resize(start + width, [0.0; LANES]);
        }
        for (lanes, values) in self.values[start..].iter_mut().zip(row.chunks(LANES)) {
            lanes[..values.len()].copy_from_slice(values);
        }
    }

    fn lanes(&self, slot: u8) -> &[[f32; LANES]] {
        let start = usize::from(slot) * self.width();
        &self.values[start..start + self.width()]
    }

    fn of(&self, slot: u8) -> &[f32] {
        &self.lanes(slot).as_flattened()[..self.features()]
    }

    pub fn write(&self, to: &mut Writer) {
        for lanes in self.values.chunks(self.width()) {
            lanes.as_flattened()[..self.features()].iter().for_each(|value| to.single(*value));
        }
    }

    pub fn read(&mut self, from: &mut Reader<'_>, rows: usize) -> Option<()> {
        self.values.reserve_exact(rows * self.width());
        for slot in 0..rows {
            let row: Vec<f32> =
                (0..self.features()).map(|_| from.single()).collect::<Option<_>>()?;
            self.put(slot, &row);
        }
        Some(())
    }
}

/// Where rows are cut: those whose value is at most `at` are in the first part.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cut {
    at: f32,
    feature: u8,
    /// Places of cuts, and of leaves with [`LEAF`].
    parts: [u8; 2],
    rows: u8,
}

/// Equal rows.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Leaf {
    /// The slot of the newest one.
    slot: u8,
    rows: u8,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree {
    /// Categories are far apart in some trees and close in others: their coordinates are multiplied by this odd number.
    factor: u32,
    root: u8,
    cuts: Vec<Cut>,
    leaves: Vec<Leaf>,
    /// The slots whose rows it has, as bits.
    has: [u64; 4],
}

/// The least and largest value of each feature.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    low: Vec<[f32; LANES]>,
    high: Vec<[f32; LANES]>,
    /// The slots of rows that they are widened to.
    slots: Vec<u8>,
    /// A row is within them, as it is within all that they are widened to: nothing above is parted from it.
    hold: bool,
}

impl Bounds {
    /// Of no row.
    fn clear(&mut self, rows: &Rows) {
        for (lanes, value) in [(&mut self.low, f32::INFINITY), (&mut self.high, -f32::INFINITY)] {
            lanes.clear();
            lanes.resize(rows.width(), [value; LANES]);
        }
        self.hold = false;
    }

    fn low(&self) -> &[f32] {
        self.low.as_flattened()
    }

    fn high(&self) -> &[f32] {
        self.high.as_flattened()
    }

    /// Widens them to the rows of the slots.
    fn widen(&mut self, rows: &Rows) {
        let width = rows.width();
        let bounds = self.low.iter_mut().zip(&mut self.high).enumerate();
        for (place, (lows, highs)) in bounds {
            let (mut low, mut high) = (*lows, *highs);
            for slot in &self.slots {
                let values = &rows.values[usize::from(*slot) * width + place];
                for ((low, high), value) in low.iter_mut().zip(&mut high).zip(values) {
                    *low = if value < low { *value } else { *low };
                    *high = if value > high { *value } else { *high };
                }
            }
            (*lows, *highs) = (low, high);
        }
    }

    fn include(&mut self, values: impl Iterator<Item = f32>) {
        let bounds = self.low.as_flattened_mut().iter_mut().zip(self.high.as_flattened_mut());
        for ((low, high), value) in bounds.zip(values) {
            (*low, *high) = (low.min(value), high.max(value));
        }
    }
}

impl Tree {
    pub fn new(random: &mut Random) -> Self {
        #[expect(clippy::cast_sign_loss, reason = "it is at least 0")]
        let factor = (random.next() * f64::from(1_u32 << 24)) as u32 | 1;
        Self { factor, root: LEAF, cuts: Vec::new(), leaves: Vec::new(), has: [0; 4] }
    }

    /// The rows that it has.
    pub fn rows(&self) -> u32 {
        if self.leaves.is_empty() { 0 } else { u32::from(self.mass(self.root)) }
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.cuts.capacity() * size_of::<Cut>() + self.leaves.capacity() * size_of::<Leaf>()
    }

    fn mass(&self, part: u8) -> u8 {
        match part & LEAF {
            0 => self.cuts[usize::from(part)].rows,
            _ => self.leaves[usize::from(part & !LEAF)].rows,
        }
    }

    /// A coordinate as this tree has it: those of categories, from 1 on, in another order.
    fn coordinate(&self, value: f32) -> f32 {
        if !is_category(value) {
            return value;
        }
        #[expect(clippy::cast_sign_loss, reason = "it is at least 1")]
        let place = ((value - 1.0) * STEPS as f32) as u32;
        (place.wrapping_mul(self.factor) % STEPS) as f32 / STEPS as f32
    }

    /// How many rows a cut is expected to part from a row, and the part of each feature in that.
    pub fn displacement(
        &self,
        row: &[f32],
        rows: &Rows,
        bounds: &mut Bounds,
        parts: &mut [f64],
    ) -> f64 {
        parts.fill(0.0);
        if self.leaves.is_empty() {
            return 0.0;
        }
        let row: Vec<f32> = row.iter().map(|value| self.coordinate(*value)).collect();
        bounds.clear(rows);
        self.parted(self.root, &row, rows, bounds, parts)
    }

    /// The same of a part, whose bounds it finds.
    fn parted(
        &self,
        part: u8,
        row: &[f32],
        rows: &Rows,
        bounds: &mut Bounds,
        parts: &mut [f64],
    ) -> f64 {
        let mut below = 0.0;
        if part & LEAF == 0 {
            let cut = self.cuts[usize::from(part)];
            let side = usize::from(row[usize::from(cut.feature)] > cut.at);
            below = self.parted(cut.parts[side], row, rows, bounds, parts);
            if bounds.hold {
                return below;
            }
            self.widen(cut.parts[1 - side], rows, bounds);
        } else {
            self.widen(part, rows, bounds);
        }
        let spans = || bounds.low().iter().zip(bounds.high()).zip(&*rows.weights);
        let beyond = spans().zip(row).map(|(((low, high), weight), value)| {
            weight * (low - value).max(value - high).max(0.0)
        });
        let outside: f32 = beyond.clone().sum();
        if outside <= 0.0 {
            bounds.hold = true;
            return below;
        }
        let inside: f32 = spans().map(|((low, high), weight)| weight * (high - low)).sum();
        let (chance, mass) = (f64::from(outside / (inside + outside)), f64::from(self.mass(part)));
        for (part, outside_of) in parts.iter_mut().zip(beyond) {
            let share = f64::from(outside_of / outside);
            *part = chance * mass * share + (1.0 - chance) * *part;
        }
        chance * mass + (1.0 - chance) * below
    }

    /// Widens bounds to the rows of a part.
    fn widen(&self, part: u8, rows: &Rows, bounds: &mut Bounds) {
        bounds.slots.clear();
        self.slots(part, &mut bounds.slots);
        if rows.has_categories {
            for slot in std::mem::take(&mut bounds.slots) {
                bounds.include(rows.of(slot).iter().map(|value| self.coordinate(*value)));
            }
        } else {
            bounds.widen(rows);
        }
    }

    /// Adds the slots of the rows of a part.
    fn slots(&self, mut part: u8, to: &mut Vec<u8>) {
        while part & LEAF == 0 {
            let [first, second] = self.cuts[usize::from(part)].parts;
            if first & LEAF == 0 {
                self.slots(first, to);
            } else {
                to.push(self.slot(first));
            }
            part = second;
        }
        to.push(self.slot(part));
    }

    /// That of a leaf.
    fn slot(&self, part: u8) -> u8 {
        self.leaves[usize::from(part & !LEAF)].slot
    }

    /// The parts that have a row, from the root to a leaf, and bounds of them, from that leaf on up to the first that hold the row: the
    /// least lanes of each, then the largest.
    fn way(&self, row: &[f32], rows: &Rows) -> (Vec<u8>, Vec<[f32; LANES]>) {
        let (mut parts, mut others) = (Vec::with_capacity(ROOM), Vec::with_capacity(ROOM));
        let mut part = self.root;
        while part & LEAF == 0 {
            let cut = self.cuts[usize::from(part)];
            let side = usize::from(row[usize::from(cut.feature)] > cut.at);
            parts.push(part);
            others.push(cut.parts[1 - side]);
            part = cut.parts[side];
        }
        parts.push(part);
        let mut bounds = Bounds::default();
        bounds.clear(rows);
        let mut way = Vec::with_capacity(2 * parts.len() * rows.width());
        for part in others.into_iter().chain([part]).rev() {
            self.widen(part, rows, &mut bounds);
            let mut sides = bounds.low().iter().zip(bounds.high()).zip(row);
            if sides.all(|((low, high), value)| low <= value && value <= high) {
                break;
            }
            way.extend_from_slice(&bounds.low);
            way.extend_from_slice(&bounds.high);
        }
        (parts, way)
    }

    /// Learns the row of a slot: it is cut from a part with the chance that a new tree would, else belongs to it.
    pub fn learn(&mut self, slot: usize, rows: &Rows, random: &mut Random) {
        let Ok(place) = u8::try_from(slot) else { return };
        if self.rows() as usize >= MOST {
            return;
        }
        self.has[slot / 64] |= 1 << (slot % 64);
        let new = Leaf { slot: place, rows: 1 };
        if self.leaves.is_empty() {
            push(&mut self.leaves, new);
            self.root = LEAF;
            return;
        }
        let row: Vec<f32> = rows.of(place).iter().map(|value| self.coordinate(*value)).collect();
        // The cut above the part, and its side.
        let mut above: Option<(usize, usize)> = None;
        let (parts, way) = self.way(&row, rows);
        let width = rows.width();
        let holding = parts.len() - way.len() / (2 * width);
        let bounds = way.chunks(2 * width).rev().map(Some);
        let bounds = std::iter::repeat_n(None, holding).chain(bounds);
        for (part, bounds) in parts.into_iter().zip(bounds) {
            let cut = match bounds.map(|lanes| lanes.split_at(width)) {
                Some((low, high)) => {
                    let bounds = (low.as_flattened(), high.as_flattened());
                    apart(&row, bounds, &rows.weights, random)
                }
                // No cut parts a row from what holds it.
                None => {
                    random.next();
                    None
                }
            };
            if let Some((feature, at, is_first)) = cut {
                let leaf = LEAF | place_of(self.leaves.len());
                push(&mut self.leaves, new);
                let parts = if is_first { [leaf, part] } else { [part, leaf] };
                let cut = Cut { at, feature, parts, rows: self.mass(part) + 1 };
                self.place(above, place_of(self.cuts.len()));
                push(&mut self.cuts, cut);
                return;
            }
            if part & LEAF != 0 {
                let leaf = &mut self.leaves[usize::from(part & !LEAF)];
                *leaf = Leaf { slot: place, rows: leaf.rows + 1 };
                return;
            }
            let cut = &mut self.cuts[usize::from(part)];
            cut.rows += 1;
            let side = usize::from(row[usize::from(cut.feature)] > cut.at);
            above = Some((usize::from(part), side));
        }
    }

    /// Puts a part below a cut; none: at the root.
    fn place(&mut self, above: Option<(usize, usize)>, part: u8) {
        match above {
            Some((cut, side)) => self.cuts[cut].parts[side] = part,
            None => self.root = part,
        }
    }

    /// Forgets the row of a slot, if it has that.
    pub fn forget(&mut self, slot: usize, rows: &Rows) {
        let bit = 1 << (slot % 64);
        if self.has[slot / 64] & bit == 0 {
            return;
        }
        self.has[slot / 64] &= !bit;
        let Ok(place) = u8::try_from(slot) else { return };
        let row: Vec<f32> = rows.of(place).iter().map(|value| self.coordinate(*value)).collect();
        // The last cut, and the one above it.
        let (mut above, mut last): (Option<(usize, usize)>, Option<(usize, usize)>) = (None, None);
        let mut part = self.root;
        while part & LEAF == 0 {
            let cut = &mut self.cuts[usize::from(part)];
            cut.rows -= 1;
            let side = usize::from(row[usize::from(cut.feature)] > cut.at);
            (above, last) = (last, Some((usize::from(part), side)));
            part = cut.parts[side];
        }
        let leaf = usize::from(part & !LEAF);
        self.leaves[leaf].rows -= 1;
        if self.leaves[leaf].rows > 0 {
            return;
        }
        if let Some((cut, side)) = last {
            let other = self.cuts[cut].parts[1 - side];
            self.place(above, other);
            self.cuts.swap_remove(cut);
            self.rename(place_of(self.cuts.len()), place_of(cut));
        }
        self.leaves.swap_remove(leaf);
        self.rename(LEAF | place_of(self.leaves.len()), LEAF | place_of(leaf));
    }

    /// A part has another place.
    fn rename(&mut self, from: u8, to: u8) {
        let parts = self.cuts.iter_mut().flat_map(|cut| &mut cut.parts);
        for part in parts.chain([&mut self.root]).filter(|part| **part == from) {
            *part = to;
        }
    }

    pub fn write(&self, to: &mut Writer) {
        to.small(self.factor);
        to.count(u16::from(self.root));
        self.has.iter().for_each(|bits| to.number(*bits));
        to.length(self.cuts.len());
        for cut in &self.cuts {
            to.single(cut.at);
            to.small(u32::from_le_bytes([cut.feature, cut.parts[0], cut.parts[1], cut.rows]));
        }
        to.length(self.leaves.len());
        for leaf in &self.leaves {
            to.count(u16::from_le_bytes([leaf.slot, leaf.rows]));
        }
    }

    /// `rows`: those of the window.
    pub fn read(from: &mut Reader<'_>, features: usize, rows: usize) -> Option<Self> {
        let factor = from.small()?;
        let root = u8::try_from(from.count()?).ok()?;
        let mut has = [0; 4];
        for bits in &mut has {
            *bits = from.number()?;
        }
        let cut = |from: &mut Reader<'_>| {
            let at = from.single()?;
            let [feature, first, second, rows] = from.small()?.to_le_bytes();
            (usize::from(feature) < features).then_some(Cut {
                at,
                feature,
                parts: [first, second],
                rows,
            })
        };
        let mut cuts: Vec<Cut> = (0..from.length()?).map(|_| cut(from)).collect::<Option<_>>()?;
        let leaf = |from: &mut Reader<'_>| {
            let [slot, of] = from.count()?.to_le_bytes();
            (usize::from(slot) < rows).then_some(Leaf { slot, rows: of })
        };
        let mut leaves: Vec<Leaf> =
            (0..from.length()?).map(|_| leaf(from)).collect::<Option<_>>()?;
        cuts.shrink_to_fit();
        leaves.shrink_to_fit();
        let tree = Self { factor, root, cuts, leaves, has };
        tree.is_whole().then_some(tree)
    }

    /// Whether each cut and each leaf is a part of one other, and the counts are those of the parts.
    fn is_whole(&self) -> bool {
        let (cuts, leaves) = (self.cuts.len(), self.leaves.len());
        if leaves == 0 || leaves > MOST || cuts + 1 != leaves {
            return cuts + leaves == 0 && self.has == [0; 4];
        }
        let mut seen = vec![false; cuts + leaves];
        let mut waiting = vec![self.root];
        while let Some(part) = waiting.pop() {
            let place = usize::from(part & !LEAF);
            let is_leaf = part & LEAF != 0;
            let known = if is_leaf { place < leaves } else { place < cuts };
            let first = if is_leaf { cuts } else { 0 };
            if !known || std::mem::replace(&mut seen[first + place], true) {
                return false;
            }
            if !is_leaf {
                waiting.extend(self.cuts[place].parts);
            }
        }
        let rows_of =
            |parts: &[u8]| parts.iter().map(|part| u32::from(self.mass(*part))).sum::<u32>();
        let bits: u32 = self.has.iter().map(|bits| bits.count_ones()).sum();
        seen.iter().all(|seen| *seen)
            && self.cuts.iter().all(|cut| rows_of(&cut.parts) == u32::from(cut.rows))
            && bits == self.rows()
    }
}

fn push<T>(to: &mut Vec<T>, item: T) {
    if to.len() == to.capacity() {
        to.reserve_exact(ROOM);
    }
    to.push(item);
}

/// At most 96.
fn place_of(index: usize) -> u8 {
    u8::try_from(index).unwrap_or(u8::MAX)
}

/// A random cut of the bounds widened to a row, if it parts the row from them: its feature, where it is, and whether the row is
/// in the first part.
fn apart(
    row: &[f32],
    (low, high): (&[f32], &[f32]),
    weights: &[f32],
    random: &mut Random,
) -> Option<(u8, f32, bool)> {
    let bounded = low.iter().zip(high).zip(row);
    let spans = bounded.zip(weights).map(|(((low, high), value), weight)| {
        f64::from(weight * (high.max(*value) - low.min(*value)))
    });
    let mut place = random.next() * spans.clone().sum::<f64>();
    for (feature, span) in spans.enumerate() {
        if place >= span {
            place -= span;
            continue;
        }
        let (value, low, high) = (row[feature], low[feature], high[feature]);
        let at = low.min(value) + place as f32 / weights[feature];
        let feature = u8::try_from(feature).ok()?;
        // Rounding does not put a cut behind what it parts.
        return if value < low && at < low {
            Some((feature, at.max(value), true))
        } else if value > high && at >= high {
            Some((feature, if at < value { at } else { high }, false))
        } else {
            None
        };
    }
    None
}
