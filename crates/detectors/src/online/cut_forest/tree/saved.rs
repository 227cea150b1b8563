//! Trees as bytes: their rows in order, and their cuts, each before those of its first and then of its second part.

use super::{Cut, LEAF, Tree};
use crate::online::{
    bytes::{Reader, Writer},
    cut_forest::{coordinate::Order, rows::Rows},
};

impl Tree {
    pub fn write(&self, to: &mut Writer) {
        to.count(self.order.0.cast_unsigned());
        to.length(self.slots.len());
        self.slots.iter().for_each(|slot| to.count(*slot));
        let mut waiting = vec![self.root];
        while let Some(part) = waiting.pop() {
            let cut = self.cuts.get(usize::from(part));
            // No cut has no row in its first part.
            to.count(cut.map_or(0, |cut| cut.first));
            if let Some(Cut { at, feature, parts: [first, second], .. }) = cut {
                to.count(at.cast_unsigned());
                to.count(*feature);
                waiting.extend([*second, *first]);
            }
        }
    }

    /// What was written, of rows that are there: each is where the cuts put it.
    pub fn read(&mut self, from: &mut Reader<'_>, rows: &Rows, window: usize) -> Option<()> {
        self.order = Order(from.count()?.cast_signed());
        let length = from.length().filter(|length| *length <= self.most)?;
        self.slots = Vec::with_capacity(length);
        for _ in 0..length {
            let slot = from.count().filter(|slot| usize::from(*slot) < window)?;
            let (bits, bit) = (&mut self.has[usize::from(slot / 64)], 1 << (slot % 64));
            if *bits & bit != 0 {
                return None;
            }
            *bits |= bit;
            self.slots.push(slot);
        }
        self.cuts = Vec::with_capacity(length.saturating_sub(1));
        // Where the place of a part is to be put, and its rows.
        let mut waiting = vec![(None, 0_u16, length as u16)];
        while let Some((above, start, end)) = waiting.pop() {
            let first = from.count()?;
            if first == 0 {
                continue;
            }
            let (at, feature) = (from.count()?.cast_signed(), from.count()?);
            let middle = Some(start.checked_add(first)?).filter(|middle| *middle < end)?;
            if usize::from(feature) >= rows.features() {
                return None;
            }
            let is_second = |slot: &u16| {
                self.order.apply(rows.lanes(*slot).as_flattened()[usize::from(feature)]) > at
            };
            let (one, other) =
                self.slots[usize::from(start)..usize::from(end)].split_at(usize::from(first));
            if one.iter().any(is_second) || !other.iter().all(is_second) {
                return None;
            }
            let new = self.cuts.len() as u16;
            self.cuts.push(Cut { at, feature, first, parts: [LEAF; 2] });
            match above {
                None => self.root = new,
                Some((cut, side)) => {
                    let cut: &mut Cut = &mut self.cuts[usize::from(cut)];
                    cut.parts[side] = new;
                }
            }
            waiting.extend([(Some((new, 1)), middle, end), (Some((new, 0)), start, middle)]);
        }
        Some(())
    }
}
