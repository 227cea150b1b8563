//! How rows come into a tree and leave it.

use super::{Cut, LEAF, Step, Tree, Way};
use crate::{
    online::cut_forest::{ROOM, coordinate::Coordinate, rows::Rows},
    random::Random,
};

impl Tree {
    /// Learns the row of a slot: it is cut from a part with the chance that a new tree would, else belongs to it.
    pub fn learn(&mut self, slot: u16, rows: &Rows, way: &mut Way, random: &mut Random) {
        if self.slots.len() >= self.most {
            return;
        }
        self.has[usize::from(slot / 64)] |= 1 << (slot % 64);
        if self.slots.len() == self.slots.capacity() {
            self.slots.reserve_exact(ROOM);
        }
        if self.slots.is_empty() {
            self.slots.push(slot);
            return;
        }
        self.find(rows.lanes(slot), rows, way);
        // No cut parts a row from what holds it: the parts above the outer ones.
        let holding = way.steps.len() + 1 - way.outer.len();
        for (below, (_, spans)) in way.outer.iter().enumerate().rev() {
            let place = (random.next() * f64::from(spans.all())) as i32;
            if place < spans.outside {
                let level = holding + way.outer.len() - 1 - below;
                return self.cut(slot, level, (below, place), rows, way);
            }
        }
        // Equal to the rows of its leaf.
        self.add(slot, way.leaf.1, &way.steps);
    }

    /// Adds a slot among those of a part below the steps.
    fn add(&mut self, slot: u16, place: u16, steps: &[Step]) {
        self.slots.insert(usize::from(place), slot);
        for step in steps.iter().filter(|step| !step.side) {
            self.cuts[usize::from(step.cut)].first += 1;
        }
    }

    /// Cuts the row of a slot from the part at a level below the root, which is the one of that place among the outer ones, at a
    /// place of the weighted differences between them.
    fn cut(
        &mut self,
        slot: u16,
        level: usize,
        (outer, mut place): (usize, i32),
        rows: &Rows,
        way: &Way,
    ) {
        let (above, below) = way.steps.split_at(level);
        let (start, end) = below.first().map_or(way.leaf, |step| (step.start, step.end));
        let beyond = way.beyond[outer * rows.width()..].as_flattened();
        let weights = rows.weights.as_flattened();
        let mut feature = 0;
        for (beyond, weight) in beyond.iter().zip(weights) {
            let span = i32::from(*beyond) * i32::from(*weight);
            if place < span {
                break;
            }
            place -= span;
            feature += 1;
        }
        let (beyond, weight) = (beyond[feature], i32::from(weights[feature]).max(1));
        let offset = Coordinate::try_from(place / weight).unwrap_or_default();
        let value = way.row.as_flattened()[feature];
        // The row is on the same side of all rows of the part.
        let any = rows.lanes(self.slots[usize::from(start)]).as_flattened()[feature];
        let is_first = value < self.order.apply(any);
        let at = if is_first { value + offset } else { value - beyond + offset };
        let part = below.first().map_or(LEAF, |step| step.cut);
        let (parts, first) = if is_first { ([LEAF, part], 1) } else { ([part, LEAF], end - start) };
        let cut = Cut { at, feature: feature as u16, first, parts };
        let new = self.push(cut);
        self.link(above.last(), new);
        self.add(slot, if is_first { start } else { end }, above);
    }

    /// Has a place for a cut.
    fn push(&mut self, cut: Cut) -> u16 {
        if let Some(place) = self.cuts.get_mut(usize::from(self.free)) {
            let new = std::mem::replace(&mut self.free, place.parts[0]);
            *place = cut;
            return new;
        }
        if self.cuts.len() == self.cuts.capacity() {
            self.cuts.reserve_exact(ROOM);
        }
        self.cuts.push(cut);
        (self.cuts.len() - 1) as u16
    }

    /// Puts a part below a step; none: at the root.
    fn link(&mut self, above: Option<&Step>, part: u16) {
        match above {
            Some(step) => self.cuts[usize::from(step.cut)].parts[usize::from(step.side)] = part,
            None => self.root = part,
        }
    }

    /// Forgets the row of a slot, if it has that.
    pub fn forget(&mut self, slot: u16, rows: &Rows, way: &mut Way) {
        let (bits, bit) = (&mut self.has[usize::from(slot / 64)], 1 << (slot % 64));
        if *bits & bit == 0 {
            return;
        }
        *bits &= !bit;
        rows.ordered(rows.lanes(slot), self.order, &mut way.row);
        self.descend(way);
        let (start, end) = (usize::from(way.leaf.0), usize::from(way.leaf.1));
        let Some(place) = self.slots[start..end].iter().position(|of| *of == slot) else { return };
        self.slots.remove(start + place);
        for step in way.steps.iter().filter(|step| !step.side) {
            self.cuts[usize::from(step.cut)].first -= 1;
        }
        // A leaf without rows: what is beside it takes the place of the cut.
        if let Some((last, above)) = way.steps.split_last().filter(|_| end - start == 1) {
            let other = self.cuts[usize::from(last.cut)].parts[usize::from(!last.side)];
            self.link(above.last(), other);
            self.cuts[usize::from(last.cut)].parts[0] = self.free;
            self.free = last.cut;
        }
    }
}
