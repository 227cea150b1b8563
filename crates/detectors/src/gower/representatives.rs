//! Rows that represent all others if the distances of all pairs do not fit into memory.

use anomal_core::{Cancel, Result};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rayon::prelude::*;

use super::{
    distances::row_to_run,
    encoding::EncodedRows,
    neighbors::{Index, Nearest},
};

const CHUNK: usize = 4096;

/// Some rows, and for each row the one of them that represents it.
pub(crate) struct Representatives {
    /// Ascending.
    pub rows: Vec<usize>,
    /// For each row the position in `rows` of the nearest, ties by position.
    pub of_row: Vec<u32>,
    /// The greatest distance of a row from its representative.
    pub radius: f32,
}

/// Chooses `count` rows: half by farthest-first traversal (Gonzalez 1985, "Clustering to minimize the maximum
/// intercluster distance"), so that outliers are represented, and half at random, so that dense regions are.
pub(crate) fn choose(
    rows: &EncodedRows,
    count: usize,
    seed: u64,
    cancel: &Cancel,
) -> Result<Representatives> {
    let n = rows.rows;
    let count = count.min(n);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut chosen = vec![false; n];
    let mut nearest = vec![f32::INFINITY; n];
    // The first row, so that the choice does not depend on chance alone.
    let mut next = 0;
    for _ in 0..count / 2 {
        cancel.check()?;
        chosen[next] = true;
        let farthest = nearest
            .par_chunks_mut(CHUNK)
            .enumerate()
            .map(|(chunk, nearest)| {
                let mut distances = [0.0_f32; CHUNK];
                let distances = &mut distances[..nearest.len()];
                row_to_run(rows, next, rows, chunk * CHUNK, distances);
                let mut farthest = (f32::NEG_INFINITY, 0);
                for (index, (nearest, distance)) in
                    nearest.iter_mut().zip(distances.iter()).enumerate()
                {
                    // A row without any value is far from itself, too.
                    let own = chunk * CHUNK + index == next;
                    *nearest = if own { 0.0 } else { nearest.min(*distance) };
                    if *nearest > farthest.0 {
                        farthest = (*nearest, chunk * CHUNK + index);
                    }
                }
                farthest
            })
            .collect::<Vec<_>>();
        let first =
            |best: (f32, usize), one: &(f32, usize)| if one.0 > best.0 { *one } else { best };
        next = farthest.iter().fold((f32::NEG_INFINITY, 0), first).1;
        if chosen[next] {
            // Every row coincides with a chosen one.
            break;
        }
    }
    let mut left = count - chosen.iter().filter(|chosen| **chosen).count();
    while left > 0 {
        let row = random.random_range(0..n);
        if !chosen[row] {
            chosen[row] = true;
            left -= 1;
        }
    }
    let picked: Vec<usize> = (0..n).filter(|row| chosen[*row]).collect();
    let (of_row, radius) = assign(rows, &picked, cancel)?;
    Ok(Representatives { rows: picked, of_row, radius })
}

/// For each row the nearest of the picked ones (a picked row itself), and the greatest of these distances.
fn assign(rows: &EncodedRows, picked: &[usize], cancel: &Cancel) -> Result<(Vec<u32>, f32)> {
    let mut found = Index::new(&rows.select(picked)).nearest(rows, 1, false, cancel)?;
    for (row, place) in picked.iter().zip(0..) {
        found[*row] = vec![(0.0, place)];
    }
    let first = |nearest: &Nearest| nearest.first().copied().unwrap_or((0.0, 0));
    let radius = found.iter().map(|nearest| first(nearest).0).fold(0.0, f32::max);
    Ok((found.iter().map(|nearest| first(nearest).1).collect(), radius))
}
