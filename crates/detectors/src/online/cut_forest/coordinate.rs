//! Values as whole numbers of 16 bits, of which a processor compares eight at once.

use crate::random::Random;

/// A value of a feature as random cut forests have it: a number by its rank, or a category.
pub(in crate::online) type Coordinate = i16;

/// How far apart the least and the largest rank are. Categories have as many places above.
const UNIT: Coordinate = 1 << 13;

/// That of a value that is missing.
pub(in crate::online) const MISSING: Coordinate = -UNIT / 2;

/// The largest difference of two coordinates.
pub(super) const LARGEST: i32 = 2 * UNIT as i32 - 1 - MISSING as i32;

/// The coordinate of a number by its rank among all, `0..=1`.
pub(in crate::online) fn of_rank(rank: f64) -> Coordinate {
    (rank.clamp(0.0, 0.99) * f64::from(UNIT)).round() as Coordinate
}

/// The coordinate of a category by its hash; trees put them in orders of their own.
pub(in crate::online) fn of_category(hash: u64) -> Coordinate {
    UNIT | Coordinate::try_from(hash >> 51).unwrap_or(Coordinate::MAX)
}

pub(super) fn is_category(coordinate: Coordinate) -> bool {
    coordinate >= UNIT
}

/// The order of categories in a tree: they are far apart in some trees and close in others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Order(
    /// Odd, so that no two places become one.
    pub Coordinate,
);

impl Order {
    pub fn new(random: &mut Random) -> Self {
        Self((random.next() * f64::from(UNIT)) as Coordinate | 1)
    }

    /// A coordinate as the tree has it.
    pub fn apply(self, coordinate: Coordinate) -> Coordinate {
        if is_category(coordinate) {
            coordinate.wrapping_mul(self.0) & (UNIT - 1) | UNIT
        } else {
            coordinate
        }
    }

    pub fn apply_all<const N: usize>(self, mut coordinates: [Coordinate; N]) -> [Coordinate; N] {
        coordinates.iter_mut().for_each(|coordinate| *coordinate = self.apply(*coordinate));
        coordinates
    }
}
