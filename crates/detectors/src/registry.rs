//! The detectors that an engine offers.

use std::sync::Arc;

use anomal_core::{Error, Result};
use anomal_registry::{DuplicateName, Registry};

use crate::{
    detector::Detector,
    detectors::{
        categorical::frequency::CategoricalFrequency,
        covariance::{mcd::Mcd, mixture::GaussianMixture, pca::Pca},
        ensemble::Ensemble,
        gower::Gower,
        marginal::{copod::Copod, ecod::Ecod, hbos::Hbos},
        proximity::{cblof::Cblof, knn::Knn, lof::Lof, ocsvm::Ocsvm},
        random::{forest::IsolationForest, loda::Loda},
    },
};

/// Detectors by the name that settings give as `classification.engine`.
#[derive(Clone, Default)]
pub struct DetectorRegistry(Registry<dyn Detector>);

impl DetectorRegistry {
    /// All detectors of this crate.
    pub fn builtin() -> Self {
        let mut registry = Self::default();
        registry.register_builtin(Gower);
        registry.register_builtin(Hbos);
        registry.register_builtin(Ecod);
        registry.register_builtin(Copod);
        registry.register_builtin(Pca);
        registry.register_builtin(Mcd);
        registry.register_builtin(GaussianMixture);
        registry.register_builtin(CategoricalFrequency);
        registry.register_builtin(Ocsvm);
        registry.register_builtin(IsolationForest);
        registry.register_builtin(Knn);
        registry.register_builtin(Lof);
        registry.register_builtin(Loda);
        registry.register_builtin(Cblof);
        // Its members are the detectors above.
        registry.register_builtin(Ensemble::new(registry.0.clone()));
        registry
    }

    fn register_builtin(&mut self, detector: impl Detector + 'static) {
        let registered = self.register(detector);
        debug_assert!(registered.is_ok(), "{registered:?}");
    }

    /// Adds a detector under the name that it describes itself by.
    ///
    /// # Errors
    /// [`DuplicateName`]; the detector that has the name stays.
    pub fn register(&mut self, detector: impl Detector + 'static) -> Result<(), DuplicateName> {
        let name = detector.describe().name;
        self.0.register(name, Arc::new(detector))
    }

    /// # Errors
    /// `InvalidSettings` with the nearest name.
    pub fn find(&self, name: &str) -> Result<&dyn Detector> {
        self.0.find(name).map(Arc::as_ref).ok_or_else(|| {
            let message = format!("there is no detector `{name}`; {}", self.0.suggestion(name));
            Error::settings("classification.engine", "DETECTOR_UNKNOWN", message)
        })
    }

    /// In order of registration.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Detector> {
        self.0.iter().map(|(_, detector)| detector.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_detectors_are_in_the_order_of_their_registration() {
        let registry = DetectorRegistry::builtin();
        let names: Vec<String> = registry.iter().map(|detector| detector.describe().name).collect();
        let expected = [
            "Gower",
            "HBOS",
            "ECOD",
            "COPOD",
            "PCA",
            "MCD",
            "GaussianMixture",
            "CategoricalFrequency",
            "OCSVM",
            "IsolationForest",
            "KNN",
            "LOF",
            "LODA",
            "CBLOF",
            "Ensemble",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn an_unknown_name_gets_a_suggestion() {
        let error = DetectorRegistry::builtin().find("Gowr").err().unwrap();
        assert_eq!(error.reason, "DETECTOR_UNKNOWN");
        assert_eq!(
            error.message,
            "classification.engine: there is no detector `Gowr`; did you mean `Gower`?"
        );
    }
}
