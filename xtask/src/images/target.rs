//! The images of the Dockerfile, and the program in each.

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    Runner,
    Operator,
    FeatureEngine,
    ClassificationEngine,
    ReportEngine,
}

impl Target {
    pub const ALL: &[Self] = &[
        Self::Runner,
        Self::Operator,
        Self::FeatureEngine,
        Self::ClassificationEngine,
        Self::ReportEngine,
    ];

    /// The name of the image, which is the target in the Dockerfile.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runner => "runner",
            Self::Operator => "operator",
            Self::FeatureEngine => "feature-engine",
            Self::ClassificationEngine => "classification-engine",
            Self::ReportEngine => "report-engine",
        }
    }

    pub fn binary(self) -> &'static str {
        match self {
            Self::Runner => "anomal",
            Self::Operator => "anomal-operator",
            Self::FeatureEngine => "anomal-feature-engine",
            Self::ClassificationEngine => "anomal-classification-engine",
            Self::ReportEngine => "anomal-report-engine",
        }
    }

    /// The package that contains the binary.
    pub fn package(self) -> &'static str {
        match self {
            Self::Runner => "anomal",
            Self::Operator => "anomal-operator",
            Self::FeatureEngine => "anomal-feature",
            Self::ClassificationEngine => "anomal-classification",
            Self::ReportEngine => "anomal-report",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_dockerfile_has_each() {
        let dockerfile = fs::read_to_string("../images/Dockerfile").unwrap();
        for target in Target::ALL {
            let (name, binary) = (target.name(), target.binary());
            assert!(dockerfile.contains(&format!("FROM program AS {name}\n")), "{name}");
            assert!(
                dockerfile.contains(&format!("\nENTRYPOINT [\"/usr/bin/{binary}\"]\n")),
                "{name}"
            );
        }
        assert_eq!(dockerfile.matches("FROM program AS ").count(), Target::ALL.len());
    }
}
