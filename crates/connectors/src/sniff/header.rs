//! Whether the first record has names of columns or is a record like the others.

use super::{
    reading::Reading,
    score::{CellClass, classes},
};

/// The share of a column's values that are of the class of the first one, in hundredths.
const SAME_CLASS: usize = 90;

/// Whether the record at `first` looks like the others: at least half of its cells, and at least two (one in a file of one
/// column), are numbers, times or addresses, as in at least nine of ten other records.
pub(super) fn looks_like_data(reading: &Reading, first: usize) -> bool {
    let record = reading.records[first];
    let others = reading.records.len() - first - 1;
    if others < 2 {
        return false;
    }
    let mut alike = 0;
    let mut numbers = Vec::new();
    for (column, cell) in reading.cells(first).enumerate() {
        let class = CellClass::classify(cell);
        if !class.is_data() {
            continue;
        }
        let column = classes(reading, first + 1, column);
        let (same, present) = (column.count(class), column.present());
        if present > 0 && same * 100 >= present * SAME_CLASS {
            alike += 1;
            numbers.extend(cell.trim().parse::<i64>());
        }
    }
    // Names such as 2019, 2020, 2021 are those of a table of years.
    let series = numbers.len() > 1 && numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let least = if record.width == 1 { 1 } else { 2 };
    alike >= least && alike * 2 >= record.width && !series
}
