//! Features, filters and flags that need all rows, by the feature engine.

use std::sync::Arc;

use anomal_core::{
    Hits, Result, Statistics, Table,
    proto::{Phase, Plan},
};
use anomal_dataflow::{GlobalInputs, GlobalOperator, GlobalOutput};
use async_trait::async_trait;

use super::extract::FeatureCall;

pub(crate) struct WholeTable {
    call: FeatureCall,
    plan: Arc<Plan>,
    inputs: GlobalInputs,
    filters: bool,
}

impl WholeTable {
    pub const NAME: &str = "whole-table features and flags";

    /// `filters`: the job has filters, which may need all rows.
    pub fn new(call: FeatureCall, plan: Arc<Plan>, filters: bool) -> Self {
        let inputs = GlobalInputs {
            features: plan.whole_table_features.clone(),
            typed: plan.whole_table_columns.clone(),
        };
        Self { call, plan, inputs, filters }
    }
}

#[async_trait]
impl GlobalOperator for WholeTable {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn inputs(&self) -> &GlobalInputs {
        &self.inputs
    }

    fn removes_rows(&self) -> bool {
        self.filters
    }

    async fn run(&mut self, rows: Table) -> Result<GlobalOutput> {
        let extraction = self.call.extract(Phase::WholeTable, rows).await?;
        let (mut hits, mut statistics) = (Hits::default(), Statistics::default());
        hits.extend(&self.plan.flags, &extraction.hits)?;
        statistics.add_extraction(&extraction)?;
        let mut removed = extraction.removed.rows();
        removed.sort_unstable();
        let features = Some(extraction.features);
        Ok(GlobalOutput { features, scores: None, removed, hits, statistics })
    }
}
