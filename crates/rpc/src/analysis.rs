//! Splits an analysis into small parts, and assembles it again. Lists of several parts are concatenated, as protobuf
//! merges messages; the labels of clusterings are lists in a list, so they have separate parts.

use anomal_core::proto::{Analysis, ClusterLabels, Clustering, Dendrogram, Heatmap, Map};

/// The most numbers of a part; each has at most 10 bytes.
const PART_NUMBERS: usize = 50_000;

/// A part of an analysis.
#[expect(clippy::large_enum_variant, reason = "a few of them at a time, each soon a message")]
#[derive(Debug)]
pub enum Part {
    Analysis(Analysis),
    Labels(ClusterLabels),
}

/// The parts of an analysis, in the order in which they must be sent.
pub fn split(mut analysis: Analysis) -> Vec<Part> {
    let mut parts = Vec::new();
    let clusterings = std::mem::take(&mut analysis.clusterings);
    let features = std::mem::take(&mut analysis.features);
    let suspects = std::mem::take(&mut analysis.suspects);
    let correlations = std::mem::take(&mut analysis.correlations);
    let points =
        analysis.map.as_mut().map(|map| std::mem::take(&mut map.points)).unwrap_or_default();
    let similarities = analysis.heatmap.as_mut().map(|map| std::mem::take(&mut map.similarities));
    let tree = analysis.dendrogram.as_mut().map(std::mem::take).unwrap_or_default();
    // The first part has all fields except the lists.
    let mut push = |part: Analysis| parts.push(Part::Analysis(part));
    push(analysis);
    for points in points.chunks(PART_NUMBERS) {
        push(Analysis {
            map: Some(Map { points: points.to_vec(), ..Map::default() }),
            ..Analysis::default()
        });
    }
    for similarities in similarities.unwrap_or_default().chunks(PART_NUMBERS) {
        let similarities = similarities.to_vec();
        push(Analysis {
            heatmap: Some(Heatmap { similarities, ..Heatmap::default() }),
            ..Analysis::default()
        });
    }
    let branch = |part: Dendrogram| Analysis { dendrogram: Some(part), ..Analysis::default() };
    for rows in tree.leaf_rows.chunks(PART_NUMBERS) {
        push(branch(Dendrogram { leaf_rows: rows.to_vec(), ..Dendrogram::default() }));
    }
    for counts in tree.leaf_counts.chunks(PART_NUMBERS) {
        push(branch(Dendrogram { leaf_counts: counts.to_vec(), ..Dendrogram::default() }));
    }
    for merges in tree.merges.chunks(PART_NUMBERS / 4) {
        push(branch(Dendrogram { merges: merges.to_vec(), ..Dendrogram::default() }));
    }
    for order in tree.order.chunks(PART_NUMBERS) {
        push(branch(Dendrogram { order: order.to_vec(), ..Dendrogram::default() }));
    }
    for feature in features {
        push(Analysis { features: vec![feature], ..Analysis::default() });
    }
    for correlations in correlations.chunks(500) {
        push(Analysis { correlations: correlations.to_vec(), ..Analysis::default() });
    }
    for suspects in suspects.chunks(100) {
        push(Analysis { suspects: suspects.to_vec(), ..Analysis::default() });
    }
    let mut labels = Vec::new();
    let bare: Vec<Clustering> = clusterings
        .into_iter()
        .map(|mut clustering| {
            labels.push(std::mem::take(&mut clustering.labels));
            clustering
        })
        .collect();
    push(Analysis { clusterings: bare, ..Analysis::default() });
    for (clustering, labels) in (0_u32..).zip(labels) {
        for labels in labels.chunks(PART_NUMBERS) {
            parts.push(Part::Labels(ClusterLabels { clustering, labels: labels.to_vec() }));
        }
    }
    parts
}

/// Assembles an analysis from its parts.
#[derive(Debug, Default)]
pub struct AnalysisAssembler(pub Analysis);

impl AnalysisAssembler {
    /// Adds the next part.
    pub fn add(&mut self, part: Analysis) {
        let all = &mut self.0;
        if !part.detector.is_empty() {
            // Only the first part names the detector.
            *all = part;
            return;
        }
        all.clusterings.extend(part.clusterings);
        all.features.extend(part.features);
        all.correlations.extend(part.correlations);
        all.suspects.extend(part.suspects);
        if let (Some(map), Some(part)) = (&mut all.map, part.map) {
            map.points.extend(part.points);
        }
        if let (Some(heatmap), Some(part)) = (&mut all.heatmap, part.heatmap) {
            heatmap.similarities.extend(part.similarities);
        }
        if let (Some(tree), Some(part)) = (&mut all.dendrogram, part.dendrogram) {
            tree.leaf_rows.extend(part.leaf_rows);
            tree.leaf_counts.extend(part.leaf_counts);
            tree.merges.extend(part.merges);
            tree.order.extend(part.order);
        }
    }

    /// Adds labels of a clustering that has been added already.
    pub fn add_labels(&mut self, part: ClusterLabels) {
        if let Some(clustering) = self.0.clusterings.get_mut(part.clustering as usize) {
            clustering.labels.extend(part.labels);
        }
    }
}

#[cfg(test)]
mod tests {
    use anomal_core::proto::{
        Correlation, FeatureSummary, SuspectNeighbors, dendrogram::Merge, map::Point,
    };
    use prost::Message;

    use super::*;

    #[test]
    fn parts_are_small_and_are_assembled_again() {
        let n = 120_000_u32;
        let rows: Vec<u64> = (0..u64::from(n)).map(|row| row << 40).collect();
        let analysis = Analysis {
            detector: "Gower".into(),
            rows: u64::from(n),
            map: Some(Map {
                points: rows
                    .iter()
                    .map(|row| Point { row: *row, x: 0.5, y: -0.5, count: 1 })
                    .collect(),
                stress: 0.2,
                method: "nmds".into(),
                ..Map::default()
            }),
            dendrogram: Some(Dendrogram {
                leaf_counts: vec![u64::MAX; n as usize],
                merges: vec![Merge { left: n, right: n, height: 0.1, size: u64::MAX }; n as usize],
                order: (0..n).collect(),
                leaf_rows: rows.clone(),
            }),
            heatmap: Some(Heatmap {
                rows: rows[..512].to_vec(),
                similarities: vec![0.1; 512 * 512],
            }),
            clusterings: vec![
                Clustering {
                    k: 2,
                    labels: vec![1; n as usize],
                    sizes: vec![7],
                    ..Clustering::default()
                },
                Clustering { k: 3, labels: (0..n).collect(), ..Clustering::default() },
            ],
            features: vec![FeatureSummary { missing: 3, ..FeatureSummary::default() }; 2_048],
            correlations: vec![Correlation::default(); 4_000],
            suspects: vec![SuspectNeighbors { row: 5, ..SuspectNeighbors::default() }; 1_000],
            ..Analysis::default()
        };
        let mut assembler = AnalysisAssembler::default();
        for part in split(analysis.clone()) {
            match part {
                Part::Analysis(part) => {
                    assert!(part.encoded_len() <= 2 << 20, "{}", part.encoded_len());
                    assembler.add(part);
                }
                Part::Labels(part) => {
                    assert!(part.encoded_len() <= 1 << 20);
                    assembler.add_labels(part);
                }
            }
        }
        assert!(assembler.0 == analysis);
    }
}
