//! The distances of all pairs in a layout that is fast by row and by column.
//!
//! The upper half of the matrix is stored in tiles of 32 by 32, each one page of memory, and tiles in cells of 4 by 4, each
//! one cache line. Updating the distances of one cluster, down a column and then along a row, touches a quarter of the
//! lines and a thirtieth of the pages that a row-major layout needs.

use anomal_core::{Cancel, Result};
use rayon::prelude::*;

use super::{distances::row_to_run, encoding::EncodedRows};

/// Rows and columns of a tile.
const SIDE: usize = 32;
/// Rows and columns of a cell.
const CELL: usize = 4;
const TILE: usize = SIDE * SIDE;
/// The length of the span from the first to the last distance of a row in a tile.
const ROW: usize = (SIDE / CELL - 1) * CELL * CELL + CELL;

/// Distances of clusters, symmetric; infinite to itself and to removed clusters.
pub(crate) struct Tiles {
    size: usize,
    distances: Vec<f32>,
}

/// The distances of one cluster within a tile, along a row or a column.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    /// The strides between cells, and between distances within a cell.
    cell: usize,
    step: usize,
}

impl Line {
    fn place(self, index: usize) -> usize {
        self.start + index / CELL * self.cell + index % CELL * self.step
    }

    fn row(tile: usize, row: usize) -> Self {
        let start = tile + row / CELL * SIDE * CELL + row % CELL * CELL;
        Self { start, cell: CELL * CELL, step: 1 }
    }

    fn column(tile: usize, column: usize) -> Self {
        let start = tile + column / CELL * CELL * CELL + column % CELL;
        Self { start, cell: SIDE * CELL, step: CELL }
    }
}

impl Tiles {
    /// Of all pairs of rows.
    pub fn from_rows(rows: &EncodedRows, cancel: &Cancel) -> Result<Self> {
        Self::fill(rows.rows, cancel, |row, start, out| row_to_run(rows, row, rows, start, out))
    }

    /// `fill` writes the distances of a row to the rows from the second argument on.
    fn fill(
        size: usize,
        cancel: &Cancel,
        fill: impl Fn(usize, usize, &mut [f32]) + Sync,
    ) -> Result<Self> {
        let across = size.div_ceil(SIDE);
        let mut distances = vec![f32::INFINITY; across * (across + 1) / 2 * TILE];
        let mut of_rows = Vec::with_capacity(across);
        let mut rest = distances.as_mut_slice();
        for row in 0..across {
            let (tiles, after) = rest.split_at_mut((across - row) * TILE);
            of_rows.push(tiles);
            rest = after;
        }
        of_rows.into_par_iter().enumerate().try_for_each(|(tile_row, tiles)| {
            cancel.check()?;
            let first = tile_row * SIDE;
            let mut run = vec![0.0; size - first];
            for row in 0..SIDE.min(size - first) {
                fill(first + row, first, &mut run);
                run[row] = f32::INFINITY;
                for (tile, run) in run.chunks(SIDE).enumerate() {
                    let line = Line::row(tile * TILE, row);
                    for (index, distance) in run.iter().enumerate() {
                        tiles[line.place(index)] = *distance;
                    }
                }
            }
            Ok::<(), anomal_core::Error>(())
        })?;
        Ok(Self { size, distances })
    }

    pub fn size(&self) -> usize {
        self.size
    }

    fn line(&self, of: usize, tile: usize) -> Line {
        let (own, place) = (of / SIDE, of % SIDE);
        if own <= tile {
            Line::row(self.tile(own, tile), place)
        } else {
            Line::column(self.tile(tile, own), place)
        }
    }

    /// The start of a tile; its row is at most its column.
    fn tile(&self, row: usize, column: usize) -> usize {
        (row * (2 * self.across() + 1 - row) / 2 + column - row) * TILE
    }

    /// Tiles per row.
    fn across(&self) -> usize {
        self.size.div_ceil(SIDE)
    }

    pub fn get(&self, one: usize, other: usize) -> f32 {
        self.distances[self.line(one, other / SIDE).place(other % SIDE)]
    }

    /// The nearest of the clusters after `of`, the first of ties, and its distance; `of` itself and infinity if there is
    /// none.
    pub fn nearest_behind(&self, of: usize) -> (usize, f32) {
        let (own, place) = (of / SIDE, of % SIDE);
        let mut nearest = (of, f32::INFINITY);
        let mut line = Line::row(self.tile(own, own), place);
        for index in place + 1..SIDE {
            let distance = self.distances[line.place(index)];
            if distance < nearest.1 {
                nearest = (own * SIDE + index, distance);
            }
        }
        for tile in own + 1..self.across() {
            line.start += TILE;
            let row = &self.distances[line.start..][..ROW];
            let mut least = [f32::INFINITY; CELL];
            for cell in row.chunks(CELL * CELL) {
                for (least, distance) in least.iter_mut().zip(cell) {
                    *least = if distance < least { *distance } else { *least };
                }
            }
            let least = least.into_iter().fold(f32::INFINITY, f32::min);
            if least < nearest.1 {
                let found = (0..SIDE).find(|index| self.distances[line.place(*index)] == least);
                nearest = (tile * SIDE + found.unwrap_or(0), least);
            }
        }
        nearest
    }

    /// Complete linkage: the distances of `stays` become the greater of both; `gone` is removed.
    pub fn merge(&mut self, gone: usize, stays: usize) {
        for tile in 0..self.across() {
            let (from, to) = (self.line(gone, tile), self.line(stays, tile));
            for cell in 0..SIDE / CELL {
                let (mut from_place, mut to_place) =
                    (from.start + cell * from.cell, to.start + cell * to.cell);
                for _ in 0..CELL {
                    let farther = self.distances[to_place].max(self.distances[from_place]);
                    self.distances[to_place] = farther;
                    self.distances[from_place] = f32::INFINITY;
                    (from_place, to_place) = (from_place + from.step, to_place + to.step);
                }
            }
        }
        // Tiles on the diagonal store each distance twice.
        for changed in [gone, stays] {
            let row = self.line(changed, changed / SIDE);
            let tile = row.start - Line::row(0, changed % SIDE).start;
            let column = Line::column(tile, changed % SIDE);
            for index in 0..SIDE {
                self.distances[column.place(index)] = self.distances[row.place(index)];
            }
        }
    }

    /// The distances of the clusters at these positions, which ascend.
    pub fn keep(&self, kept: &[usize], cancel: &Cancel) -> Result<Self> {
        Self::fill(kept.len(), cancel, |row, start, out| {
            for (out, other) in out.iter_mut().zip(&kept[start..]) {
                *out = self.get(kept[row], *other);
            }
        })
    }
}

#[cfg(test)]
impl Tiles {
    /// Of a distance for each pair.
    pub fn from_fn(size: usize, distance: impl Fn(usize, usize) -> f32 + Sync) -> Self {
        let fill = |row: usize, start: usize, out: &mut [f32]| {
            out.iter_mut().zip(start..).for_each(|(out, other)| *out = distance(row, other));
        };
        Self::fill(size, &Cancel::default(), fill).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_matrix_says_the_same() {
        let size = 77;
        let distance =
            |one: usize, other: usize| (one.min(other) * 131 % 97 * 89 + one.max(other)) as f32;
        let mut tiles = Tiles::from_fn(size, distance);
        let mut plain: Vec<Vec<f32>> = (0..size)
            .map(|one| {
                let row = (0..size)
                    .map(|other| if one == other { f32::INFINITY } else { distance(one, other) });
                row.collect()
            })
            .collect();
        for (gone, stays) in [(3, 40), (41, 7), (8, 9), (76, 0), (31, 32)] {
            tiles.merge(gone, stays);
            let (of_gone, of_stays) = (plain[gone].clone(), plain[stays].clone());
            for (other, row) in plain.iter_mut().enumerate() {
                row[stays] = of_gone[other].max(of_stays[other]);
                row[gone] = f32::INFINITY;
            }
            plain[stays] = of_gone.iter().zip(&of_stays).map(|(a, b)| a.max(*b)).collect();
            plain[stays][stays] = f32::INFINITY;
            plain[gone] = vec![f32::INFINITY; size];
            for (one, expected) in plain.iter().enumerate() {
                let row: Vec<f32> = (0..size).map(|other| tiles.get(one, other)).collect();
                assert_eq!(&row, expected, "of {one} when {gone} is gone");
                let least = expected[one..].iter().copied().fold(f32::INFINITY, f32::min);
                let found = tiles.nearest_behind(one);
                assert_eq!(found.1, least);
                assert!(found.0 == one || expected[found.0] == least);
            }
        }
        let kept: Vec<usize> = (0..size).filter(|place| place % 3 > 0).collect();
        let few = tiles.keep(&kept, &Cancel::default()).unwrap();
        for (one, before) in kept.iter().enumerate() {
            for (other, other_before) in kept.iter().enumerate() {
                assert_eq!(few.get(one, other), plain[*before][*other_before]);
            }
        }
    }
}
