//! Sentences that interpret a figure for readers.

use super::numbers::fixed;

/// The share of a score below which a feature is a candidate to drop.
pub const NEGLIGIBLE: f64 = 0.005;
/// The absolute correlation from which on two features measure the same.
pub const REDUNDANT: f64 = 0.95;

/// How faithful the map is. The bounds are those of Kruskal (1964).
pub fn stress(stress: f64) -> String {
    let meaning = if !stress.is_finite() {
        "the quality of the map is unknown"
    } else if stress <= 0.05 {
        "distances on the map are almost exactly those of the data"
    } else if stress <= 0.1 {
        "distances on the map are faithful"
    } else if stress <= 0.2 {
        "large distances on the map are faithful, small ones may mislead"
    } else {
        "the data do not fit a plane: trust neighbourhoods, not distances"
    };
    format!("Stress {}: {meaning}.", fixed(stress, 2))
}

/// How well the clusters are separated. The bounds are those of Kaufman and Rousseeuw (1990).
pub fn silhouette(silhouette: Option<f64>) -> String {
    let Some(value) = silhouette.filter(|value| value.is_finite()) else {
        return "No silhouette: it needs clusters of several rows.".to_owned();
    };
    let meaning = if value < 0.25 {
        "the clusters are hardly separated; read them as regions of one cloud"
    } else if value < 0.5 {
        "the clusters overlap at their borders"
    } else if value < 0.7 {
        "the clusters are well separated"
    } else {
        "the clusters are clearly separated"
    };
    format!("Silhouette {}: {meaning}.", fixed(value, 2))
}

/// A feature's contribution compared with its share of the weights.
///
/// A feature may contribute nothing to most rows and much to the suspicious ones: `suspicious` is its contribution
/// there.
pub fn against_weight(contribution: f64, suspicious: f64, weight: f64) -> &'static str {
    if contribution < NEGLIGIBLE {
        let suspicious_only = suspicious >= NEGLIGIBLE;
        return if suspicious_only {
            "contributes to suspicious rows only"
        } else {
            "contributes nothing"
        };
    }
    if weight <= 0.0 {
        return "no weight";
    }
    match contribution / weight {
        ratio if ratio >= 2.0 => "far more than its weight",
        ratio if ratio >= 1.25 => "more than its weight",
        ratio if ratio > 0.8 => "about its weight",
        ratio if ratio > 0.5 => "less than its weight",
        _ => "far less than its weight",
    }
}

/// The meaning of a correlation of [`REDUNDANT`] or more.
pub fn redundancy(value: f64) -> &'static str {
    if value < 0.0 { "measure opposites" } else { "measure the same" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stress_is_interpreted() {
        assert!(stress(0.05).ends_with("almost exactly those of the data."));
        assert_eq!(stress(0.08), "Stress 0.08: distances on the map are faithful.");
        assert!(stress(0.12).starts_with("Stress 0.12: large distances on the map are faithful"));
        assert!(stress(0.3).contains("do not fit"));
        assert!(stress(f64::NAN).contains("unknown"));
    }

    #[test]
    fn silhouettes_are_interpreted() {
        assert!(silhouette(Some(0.1)).contains("hardly"));
        assert!(silhouette(Some(0.25)).contains("overlap"));
        assert!(silhouette(Some(0.5)).contains("well"));
        assert!(silhouette(Some(0.7)).contains("clearly"));
        assert!(silhouette(Some(-0.31)).starts_with("Silhouette −0.31"));
        assert!(silhouette(None).starts_with("No silhouette"));
    }

    #[test]
    fn contributions_are_compared_with_weights() {
        assert_eq!(against_weight(0.001, 0.001, 0.1), "contributes nothing");
        assert_eq!(against_weight(0.001, 0.06, 0.1), "contributes to suspicious rows only");
        assert_eq!(against_weight(0.2, 0.2, 0.1), "far more than its weight");
        assert_eq!(against_weight(0.1, 0.1, 0.1), "about its weight");
        assert_eq!(against_weight(0.06, 0.1, 0.1), "less than its weight");
        assert_eq!(against_weight(0.02, 0.1, 0.1), "far less than its weight");
        assert_eq!(against_weight(0.02, 0.1, 0.0), "no weight");
    }
}
