//! Row-wise features, filters and flags, by the feature engine.

use std::sync::Arc;

use anomal_core::{
    Batch, ExtractRequest, Extraction, FeatureEngine, Result, Table,
    proto::{Column, Phase, Plan},
};
use anomal_dataflow::RowOperator;
use async_trait::async_trait;

/// The feature engine with what each of its calls carries.
#[derive(Clone)]
pub(crate) struct FeatureCall {
    engine: Arc<dyn FeatureEngine>,
    settings: Arc<str>,
    columns: Vec<Column>,
}

impl FeatureCall {
    pub fn new(engine: &Arc<dyn FeatureEngine>, plan: &Plan) -> Self {
        Self {
            engine: Arc::clone(engine),
            settings: plan.settings.as_str().into(),
            columns: plan.columns.clone(),
        }
    }

    pub async fn extract(&self, phase: Phase, table: Table) -> Result<Extraction> {
        let request = ExtractRequest {
            settings: Arc::clone(&self.settings),
            columns: self.columns.clone(),
            phase,
            table,
        };
        self.engine.extract(request).await
    }
}

/// Adds row-wise features and hits, and removes the rows that a filter takes.
pub(crate) struct Extract {
    call: FeatureCall,
    plan: Arc<Plan>,
}

impl Extract {
    pub fn new(call: FeatureCall, plan: Arc<Plan>) -> Self {
        Self { call, plan }
    }
}

#[async_trait]
impl RowOperator for Extract {
    fn parallelism(&self) -> usize {
        self.call.engine.parallelism()
    }

    async fn process(&self, batch: Batch) -> Result<Batch> {
        let table = batch.to_table(batch.typed.clone())?;
        let extraction = self.call.extract(Phase::RowWise, table).await?;
        let mut batch = batch.select_offsets(&extraction.features.rows())?;
        batch.statistics.add_extraction(&extraction)?;
        batch.hits.extend(&self.plan.flags, &extraction.hits)?;
        batch.hits.sort();
        batch.features = extraction.features.into_columns();
        Ok(batch)
    }
}
