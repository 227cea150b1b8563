//! A model that is ready to score: just fitted, or read from its file. Either says the same, to the bit.

use anomal_core::{Cancel, Model, Result, Table};

use crate::{
    detectors::{self, Scorer, Scores},
    features::matrix,
    matrix::Matrix,
    model::{Body, Header, ModelFile, invalid},
    rows::{Ranking, rows, unscored},
};

pub(crate) struct ReadyModel {
    pub header: Header,
    pub ranking: Ranking,
    /// Absent where there was nothing to learn from.
    pub scorer: Option<Box<dyn Scorer>>,
}

impl ReadyModel {
    /// # Errors
    /// `InvalidRequest` if it is damaged, or of a detector that this version does not have.
    pub fn from_model(model: &Model) -> Result<Self> {
        let ModelFile { header, body } = ModelFile::from_model(model)?;
        let scorer = match body.state {
            Some(state) => {
                let detector =
                    detectors::find(&header.detector).map_err(|error| invalid(&error.message))?;
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

    /// The same where the table's matrix is there already.
    pub fn score_matrix(&self, table: &Table, matrix: &Matrix, cancel: &Cancel) -> Result<Table> {
        let Some(scorer) = &self.scorer else { return unscored(table, &self.names()) };
        self.told(table, scorer.score(matrix, true, cancel)?)
    }

    /// The result rows of a table whose rows have these scores.
    pub fn told(&self, table: &Table, mut scores: Scores) -> Result<Table> {
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
