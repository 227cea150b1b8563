//! Features, filters and flags that need all rows, by the feature engine.

use std::sync::Arc;

use anomal_core::{Result, Scope, Table, proto::Plan};
use anomal_dataflow::{GlobalOperator, Inputs, OperatorOutput};
use async_trait::async_trait;

use super::extract::{FeatureCall, output};

pub(crate) struct GlobalSteps {
    call: FeatureCall,
    plan: Arc<Plan>,
    inputs: Inputs,
    filters: bool,
}

impl GlobalSteps {
    pub const NAME: &str = "whole-table features and flags";

    /// `filters`: the job has filters, which may need all rows.
    pub fn new(call: FeatureCall, plan: Arc<Plan>, filters: bool) -> Self {
        let inputs =
            Inputs { features: plan.global_features.clone(), typed: plan.global_columns.clone() };
        Self { call, plan, inputs, filters }
    }
}

#[async_trait]
impl GlobalOperator for GlobalSteps {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Of a flag over 1,000,000 texts, none like another: beside them and their answer there is a dictionary.
    fn memory_factor(&self) -> u64 {
        5
    }

    fn removes_rows(&self) -> bool {
        self.filters
    }

    async fn run(&mut self, rows: Table) -> Result<OperatorOutput> {
        output(&self.plan, self.call.extract(Scope::Global, rows).await?)
    }
}
