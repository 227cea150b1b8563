//! Row-wise features, filters and flags, by the feature engine.

use std::sync::Arc;

use anomal_core::{
    Batch, ExtractRequest, Extraction, FeatureEngine, Hits, Result, Scope, Statistics, Table,
    proto::{Column, Plan},
};
use anomal_dataflow::{OperatorOutput, RowOperator};
use async_trait::async_trait;
use polars::prelude::DataFrame;

use crate::role_values::RoleValues;

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

    pub async fn extract(&self, scope: Scope, table: Table) -> Result<Extraction> {
        let request = ExtractRequest {
            settings: Arc::clone(&self.settings),
            columns: self.columns.clone(),
            scope,
            table,
        };
        self.engine.extract(request).await
    }
}

/// What an operator answers by an extraction.
///
/// # Errors
/// `Internal` if the engine speaks of a flag that it did not plan.
pub(crate) fn output(plan: &Plan, extraction: Extraction) -> Result<OperatorOutput> {
    let (mut hits, mut statistics) = (Hits::default(), Statistics::default());
    hits.extend(&plan.flags, &extraction.hits, &extraction.facts)?;
    statistics.add_extraction(&extraction)?;
    let mut removed = extraction.removed.rows();
    removed.sort_unstable();
    let features = Some(extraction.features);
    Ok(OperatorOutput { features, scores: None, removed, hits, statistics })
}

/// Adds row-wise features and hits, and removes the rows that a filter takes.
pub(crate) struct Extract {
    call: FeatureCall,
    plan: Arc<Plan>,
    roles: Option<Arc<RoleValues>>,
}

impl Extract {
    /// `roles`: the columns of entities and times that are encoded beside the features.
    pub fn new(call: FeatureCall, plan: Arc<Plan>, roles: Option<Arc<RoleValues>>) -> Self {
        Self { call, plan, roles }
    }
}

#[async_trait]
impl RowOperator for Extract {
    fn parallelism(&self) -> usize {
        self.call.engine.parallelism()
    }

    async fn process(&self, mut batch: Batch) -> Result<Batch> {
        if let Some(roles) = &self.roles {
            let codes = roles.encode(&batch)?;
            batch.features = DataFrame::new(batch.height(), codes)?;
            batch.typed = roles.without_own_time(batch.typed);
        }
        let table = batch.to_table(batch.typed.clone())?;
        let extraction = self.call.extract(Scope::Row, table).await?;
        let mut batch = batch.select_offsets(&extraction.features.rows())?;
        batch.statistics.add_extraction(&extraction)?;
        batch.hits.extend(&self.plan.flags, &extraction.hits, &extraction.facts)?;
        batch.hits.sort();
        let codes = std::mem::take(&mut batch.features);
        let features = extraction.features.into_columns();
        let columns = features.columns().iter().chain(codes.columns()).cloned().collect();
        batch.features = DataFrame::new(batch.height(), columns)?;
        Ok(batch)
    }
}
