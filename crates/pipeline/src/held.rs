//! Rows held until all have been read: for what needs the whole table.

use anomal_connectors::Known;
use anomal_core::{
    Error, Extraction, Result, Table,
    proto::{Phase, Plan},
};
use polars::prelude::DataFrame;

use crate::{
    extract::{Call, Counts, Extracted},
    hits::Hits,
    results::{Results, without},
    waiting::Waiting,
    writing::{Writing, unlike},
};

/// What an engine will ask for grows in memory, the rest is spooled.
pub(crate) struct Held {
    plan: Plan,
    waiting: Waiting,
    /// Whether all features will be asked for.
    classified: bool,
    /// The features in memory: all that there are so far, or those of the whole-table phase.
    features: Option<Table>,
    /// What the whole-table phase is to get.
    whole: Option<Table>,
    hits: Hits,
    /// Rows that whole-table filters took, ascending.
    removed: Vec<u64>,
}

impl Held {
    /// `classified`: the feature table will be asked for.
    pub fn new(plan: &Plan, classified: bool, waiting: Waiting) -> Self {
        let plan = plan.clone();
        Self {
            plan,
            waiting,
            classified,
            features: None,
            whole: None,
            hits: Hits::default(),
            removed: Vec::new(),
        }
    }

    /// Takes a batch; batches come in input order.
    pub async fn push(&mut self, batch: Extracted, writing: &mut Writing<'_>) -> Result<()> {
        let Extracted { source, typed, features, hits, .. } = batch;
        self.hits.extend(&self.plan.flags, &hits)?;
        if self.plan.whole_table {
            let mut columns =
                features.columns().select_to_vec(names(&self.plan.whole_table_features))?;
            columns.extend(typed.select_to_vec(names(&self.plan.whole_table_columns))?);
            let columns = DataFrame::new(source.height(), columns)?;
            append(&mut self.whole, source.with_columns(columns)?)?;
        }
        let mut spooled = DataFrame::default();
        if self.classified {
            append(&mut self.features, features)?;
        } else {
            spooled = features.into_columns();
        }
        let typed = unlike(source.columns(), &typed)?;
        self.waiting.push(Known { source, typed, features: spooled }, writing).await
    }

    /// Runs the whole-table phase, where there is one and any row is left.
    pub async fn whole_table(&mut self, call: &Call, counts: &mut Counts) -> Result<()> {
        let Some(mut whole) = self.whole.take().filter(|whole| whole.height() > 0) else {
            return Ok(());
        };
        whole.rechunk();
        let extraction = call.extract(Phase::WholeTable, whole).await?;
        counts.absorb(&extraction)?;
        let Extraction { features, removed, hits, .. } = extraction;
        self.hits.extend(&self.plan.flags, &hits)?;
        self.removed = removed.rows();
        self.removed.sort_unstable();
        let Some(row_wise) = self.features.take() else {
            self.features = Some(features);
            return Ok(());
        };
        let row_wise = without(row_wise, &self.removed)?;
        if row_wise.rows() != features.rows() {
            return Err(Error::internal("the whole-table phase answered for other rows"));
        }
        let columns = row_wise.columns().hstack(features.columns().columns())?;
        self.features = Some(row_wise.with_columns(columns)?);
        Ok(())
    }

    /// The features in memory, in the plan's order and in one piece; nothing where no row is left.
    pub fn features(&mut self) -> Result<Option<Table>> {
        let Some(features) = self.features.take().filter(|table| table.height() > 0) else {
            return Ok(None);
        };
        let order = self.plan.features.iter().map(|feature| feature.name.as_str());
        let there = |name: &&str| features.columns().get_column_index(name).is_some();
        let columns = features.columns().select(order.filter(there))?;
        let mut features = features.with_columns(columns)?;
        features.rechunk();
        Ok(Some(features))
    }

    /// Writes the rows with their results.
    pub async fn write(mut self, results: &mut Results, writing: &mut Writing<'_>) -> Result<()> {
        self.hits.sort();
        for known in self.waiting.into_known()? {
            let Known { source, typed, features } = known?;
            let left = |frame| {
                without(source.with_columns(frame)?, &self.removed).map(Table::into_columns)
            };
            let (typed, features) = (left(typed)?, left(features)?);
            let source = without(source, &self.removed)?;
            writing.write(results, &self.hits, source, typed, &features).await?;
        }
        Ok(())
    }
}

fn append(sum: &mut Option<Table>, table: Table) -> Result<()> {
    match sum {
        Some(sum) => sum.append(&table),
        none => {
            *none = Some(table);
            Ok(())
        }
    }
}

fn names(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().map(String::as_str)
}
