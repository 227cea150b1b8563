//! A model in memory, fitted or decoded from its file. Both score the same rows with the same bits.

use anomal_core::{Cancel, Model, Result, Table};

use anomal_detectors::{DetectorRegistry, Scorer, Scores, matrix::Matrix};

use crate::{
    features::matrix,
    model::{Body, Header, ModelFile, invalid},
    rows::{Ranking, rows, unscored},
};

pub(crate) struct LoadedModel {
    pub header: Header,
    pub ranking: Ranking,
    /// Absent if the fitted table had a single row or no feature with weight.
    pub scorer: Option<Box<dyn Scorer>>,
}

impl LoadedModel {
    /// # Errors
    /// `InvalidRequest` if the model is damaged, or its detector is unknown.
    pub fn from_model(model: &Model, detectors: &DetectorRegistry) -> Result<Self> {
        let ModelFile { header, body } = ModelFile::from_model(model)?;
        let scorer = match body.state {
            Some(state) => {
                let detector =
                    detectors.find(&header.detector).map_err(|error| invalid(&error.message))?;
                Some(detector.load(&state, &header.features).map_err(|why| invalid(&why))?)
            }
            None => None,
        };
        Ok(Self { header, ranking: body.ranking, scorer })
    }

    pub fn to_model(&self) -> Result<Model> {
        let state = self.scorer.as_ref().map(|scorer| scorer.state()).transpose()?;
        let body = Body { ranking: self.ranking.clone(), state };
        ModelFile { header: self.header.clone(), body }.to_model()
    }

    pub fn names(&self) -> Vec<&str> {
        self.header.features.iter().map(|feature| feature.name.as_str()).collect()
    }

    /// The result rows of a table.
    pub fn score(&self, table: &Table, cancel: &Cancel) -> Result<Table> {
        self.score_matrix(table, &matrix(table, &self.header.features)?, cancel)
    }

    /// As [`LoadedModel::score`], for a table whose matrix is available.
    pub fn score_matrix(&self, table: &Table, matrix: &Matrix, cancel: &Cancel) -> Result<Table> {
        let Some(scorer) = &self.scorer else { return unscored(table, &self.names()) };
        self.to_rows(table, scorer.score(matrix, true, cancel)?)
    }

    /// The result rows of a table whose rows have these scores.
    pub fn to_rows(&self, table: &Table, mut scores: Scores) -> Result<Table> {
        let suspicious = match (self.header.cut_bits, scores.smallest_cluster.take()) {
            (Some(bits), _) => {
                let cut = f64::from_bits(bits);
                scores.scores.iter().map(|score| *score >= cut).collect()
            }
            (None, Some(smallest)) => smallest,
            (None, None) => vec![false; table.height()],
        };
        rows(table, &self.names(), scores, &suspicious, &self.ranking)
    }
}
