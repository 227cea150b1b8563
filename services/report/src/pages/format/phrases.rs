//! Words for numbers: what a figure means for the one who reads it.

use super::numbers::{fixed, percent};

/// Shares of a score below which a feature is a candidate to drop.
pub const NOTHING: f64 = 0.005;
/// From this on, up or down, two features measure the same.
pub const SAME: f64 = 0.95;

/// How far the map is to be trusted.
pub fn stress(stress: f64) -> String {
    let meaning = if !stress.is_finite() {
        "the map could not be judged"
    } else if stress <= 0.05 {
        "distances on the map are almost exactly those of the data"
    } else if stress <= 0.1 {
        "distances on the map are faithful"
    } else if stress <= 0.2 {
        "large distances on the map are faithful, small ones may mislead"
    } else {
        "the plane is too small for these data: trust who is near whom, not how far"
    };
    format!("Stress {}: {meaning}.", fixed(stress, 2))
}

/// How well the clusters stand apart.
pub fn silhouette(silhouette: Option<f64>) -> String {
    let Some(value) = silhouette.filter(|value| value.is_finite()) else {
        return "No silhouette: every row would have to be in a cluster with others.".to_owned();
    };
    let meaning = if value < 0.25 {
        "the clusters hardly stand apart; read them as regions of one cloud"
    } else if value < 0.5 {
        "the clusters are there, but their borders are blurred"
    } else if value < 0.7 {
        "the clusters stand apart well"
    } else {
        "the clusters stand apart clearly"
    };
    format!("Silhouette {}: {meaning}.", fixed(value, 2))
}

/// A row's place among all, by score.
pub fn rank(rank: f64) -> String {
    format!("Its score is higher than that of {} of the rows.", percent(rank))
}

/// A feature's part in the result beside the part its weight would give it.
///
/// A feature may say nothing of most rows and much of the suspicious ones: `suspicious` is its part there.
pub fn against_weight(contribution: f64, suspicious: f64, weight: f64) -> &'static str {
    if contribution < NOTHING {
        let rare = suspicious >= NOTHING;
        return if rare { "tells of suspicious rows only" } else { "contributes nothing" };
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

/// What a correlation of [`SAME`] and more means.
pub fn same(value: f64) -> &'static str {
    if value < 0.0 { "run exactly against each other" } else { "measure the same" }
}

/// Names in a sentence: "a, b and c".
pub fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stress_in_words() {
        assert!(stress(0.05).ends_with("almost exactly those of the data."));
        assert_eq!(stress(0.08), "Stress 0.08: distances on the map are faithful.");
        assert!(stress(0.12).starts_with("Stress 0.12: large distances on the map are faithful"));
        assert!(stress(0.3).contains("too small"));
        assert!(stress(f64::NAN).contains("could not be judged"));
    }

    #[test]
    fn silhouette_in_words() {
        assert!(silhouette(Some(0.1)).contains("hardly"));
        assert!(silhouette(Some(0.25)).contains("blurred"));
        assert!(silhouette(Some(0.5)).contains("well"));
        assert!(silhouette(Some(0.7)).contains("clearly"));
        assert!(silhouette(Some(-0.31)).starts_with("Silhouette −0.31"));
        assert!(silhouette(None).starts_with("No silhouette"));
    }

    #[test]
    fn contributions_beside_weights() {
        assert_eq!(against_weight(0.001, 0.001, 0.1), "contributes nothing");
        assert_eq!(against_weight(0.001, 0.06, 0.1), "tells of suspicious rows only");
        assert_eq!(against_weight(0.2, 0.2, 0.1), "far more than its weight");
        assert_eq!(against_weight(0.1, 0.1, 0.1), "about its weight");
        assert_eq!(against_weight(0.06, 0.1, 0.1), "less than its weight");
        assert_eq!(against_weight(0.02, 0.1, 0.1), "far less than its weight");
        assert_eq!(against_weight(0.02, 0.1, 0.0), "no weight");
    }

    #[test]
    fn names_make_a_sentence() {
        let names = ["a", "b", "c"].map(String::from);
        assert_eq!(listed(&names), "a, b and c");
        assert_eq!(listed(&names[..1]), "a");
        assert_eq!(listed(&[]), "");
    }
}
