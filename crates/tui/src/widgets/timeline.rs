//! Suspects over time in a line.

use crate::{canvas::Canvas, model::Results, text::width};

const BLOCKS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII: [&str; 9] = [" ", ".", ".", ":", ":", "|", "|", "#", "#"];

/// Between the first and the last time that is looked at, what stood out when.
pub fn line(canvas: &mut Canvas<'_>, y: usize, results: &Results) {
    let Some(timeline) = &results.report.timeline else { return };
    let bins = results.bins();
    let Some(first) = bins.first() else { return };
    let last = bins.last().and_then(|last| {
        let after = timeline.bins.iter().find(|bin| bin.from == last.to);
        after.map(|bin| &bin.label)
    });
    let (first, last) = (&first.label, last.unwrap_or(&timeline.end));
    let room = canvas.width().saturating_sub(width(first) + width(last) + 4);
    let suspects: Vec<u64> = bins.iter().map(|bin| bin.suspects).collect();
    let chart = chart(&suspects, room, canvas.ascii);
    canvas.text(y, &format!(" {first} {chart} {last}"));
}

/// Counts as heights, in exactly so many cells. What is more than none is seen.
fn chart(counts: &[u64], cells: usize, ascii: bool) -> String {
    let columns: Vec<u64> = (0..cells)
        .map(|cell| {
            let start = cell * counts.len() / cells;
            let end = ((cell + 1) * counts.len() / cells).max(start + 1).min(counts.len());
            counts[start..end].iter().sum()
        })
        .collect();
    let most = columns.iter().copied().max().unwrap_or(0).max(1);
    let marks = if ascii { ASCII } else { BLOCKS };
    let mark = |count: u64| {
        let height = u128::from(count) * 8;
        marks[usize::try_from(height.div_ceil(u128::from(most))).unwrap_or(8).min(8)]
    };
    columns.into_iter().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_fill_the_line() {
        assert_eq!(chart(&[0, 1, 8], 3, false), " ▁█");
        assert_eq!(chart(&[0, 1, 8], 6, true), "  ..##");
        assert_eq!(chart(&[1, 1, 0, 0, 4, 4], 3, false), "▂ █");
        assert_eq!(chart(&[0, 0], 2, true), "  ");
        assert_eq!(chart(&[3], 0, true), "");
    }
}
