//! Rows that wait until their times are complete, and the keyed operators that process them then.

use anomal_core::{Batch, Error, Result, Statistics, Table};
use polars::prelude::{BooleanChunked, Column, DataFrame, DataType, NewChunkedArray};

use super::{Limit, over_limit, row_bytes};
use crate::operator::{Inputs, KeyedOperator, OperatorOutput};

/// Of a source with watermarks.
pub(crate) struct KeyedState {
    operators: Vec<Box<dyn KeyedOperator>>,
    waiting: Vec<Batch>,
    /// Bytes of the rows that wait, and those that they may use.
    bytes: u64,
    memory: u64,
    watermark: Option<i64>,
}

impl KeyedState {
    pub fn new(operators: Vec<Box<dyn KeyedOperator>>, memory: u64) -> Self {
        Self { operators, waiting: Vec::new(), bytes: 0, memory, watermark: None }
    }

    /// Whether there is no operator, so that no row waits.
    pub fn is_empty(&self) -> bool {
        self.operators.is_empty()
    }

    /// Lets a batch wait.
    ///
    /// # Errors
    /// `ResourceExhausted` if the rows that wait do not fit in the memory; `Internal` for a row that comes behind its
    /// watermark.
    pub fn push(&mut self, batch: Batch) -> Result<()> {
        for operator in &self.operators {
            let times = times(&batch, operator.as_ref())?;
            let late = |time: i64| self.watermark.is_some_and(|watermark| time <= watermark);
            if times.i64()?.iter().flatten().any(late) {
                return Err(Error::internal("a row behind the watermark of its source"));
            }
        }
        self.bytes += row_bytes(&batch);
        let (factor, step) = self.largest();
        let needed = self.bytes.saturating_mul(factor);
        if needed > self.memory {
            let rows = "the rows that wait until their times are complete";
            return Err(over_limit(step, rows, needed, Limit::Budget(self.memory)));
        }
        self.waiting.push(batch);
        Ok(())
    }

    /// The largest multiple of its inputs that an operator needs, and its name.
    fn largest(&self) -> (u64, &'static str) {
        let operators = self.operators.iter();
        let factors = operators.map(|operator| (operator.memory_factor(), operator.name()));
        factors.max_by_key(|(factor, _)| *factor).unwrap_or_default()
    }

    /// The rows whose times are complete, in the order in which they were read, with what the operators made of them.
    /// No watermark: the source has ended.
    ///
    /// # Errors
    /// Those of the operators.
    pub async fn advance(&mut self, watermark: Option<i64>) -> Result<(Vec<Batch>, Statistics)> {
        let mut complete = Vec::new();
        for batch in std::mem::take(&mut self.waiting) {
            let (before, behind) = self.split(batch, watermark)?;
            complete.extend(before);
            self.waiting.extend(behind);
        }
        self.bytes = self.waiting.iter().map(row_bytes).sum();
        self.watermark = watermark.or(self.watermark);
        let mut statistics = Statistics::default();
        for operator in &mut self.operators {
            let Some(table) = table(&complete, operator.inputs())? else { break };
            let output = operator.process(table, watermark).await?;
            statistics.add(&output.statistics);
            apply(&mut complete, output)?;
        }
        let complete = complete.into_iter().map(Batch::prune_typed).collect::<Result<_>>()?;
        Ok((complete, statistics))
    }

    /// A batch's rows whose times are complete, and the others.
    fn split(
        &self,
        batch: Batch,
        watermark: Option<i64>,
    ) -> Result<(Option<Batch>, Option<Batch>)> {
        let Some(watermark) = watermark else { return Ok((Some(batch), None)) };
        let mut complete = vec![true; batch.height()];
        for operator in &self.operators {
            let times = times(&batch, operator.as_ref())?;
            for (complete, time) in complete.iter_mut().zip(times.i64()?.iter()) {
                *complete &= time.is_none_or(|time| time <= watermark);
            }
        }
        if !complete.contains(&false) {
            return Ok((Some(batch), None));
        }
        if !complete.contains(&true) {
            return Ok((None, Some(batch)));
        }
        let complete = BooleanChunked::from_slice("complete".into(), &complete);
        let behind = batch.clone().filter(&!&complete)?;
        Ok((Some(batch.filter(&complete)?), Some(behind)))
    }
}

/// The times of a batch's rows, in microseconds.
fn times(batch: &Batch, operator: &dyn KeyedOperator) -> Result<Column> {
    let times = batch.typed.column(operator.time_column())?;
    Ok(times.to_physical_repr().cast(&DataType::Int64)?)
}

/// The columns that an operator needs, of all rows; nothing where there is no row.
fn table(batches: &[Batch], inputs: &Inputs) -> Result<Option<Table>> {
    let mut table = None;
    for batch in batches {
        let mut columns =
            batch.features.select_to_vec(inputs.features.iter().map(String::as_str))?;
        columns.extend(batch.typed.select_to_vec(inputs.typed.iter().map(String::as_str))?);
        let columns = DataFrame::new(batch.height(), columns)?;
        batch.to_table(columns)?.append_to(&mut table)?;
    }
    Ok(table.filter(|table: &Table| table.height() > 0).map(|mut table| {
        table.rechunk();
        table
    }))
}

/// Adds what an operator has answered for the rows of all batches to each of them.
fn apply(batches: &mut [Batch], mut output: OperatorOutput) -> Result<()> {
    output.hits.sort();
    let mut start = 0;
    for batch in batches {
        let (offsets, height) = (batch.offsets(), batch.height());
        if let Some(features) = &output.features {
            let features = features.slice(start, height);
            if features.rows() != offsets {
                return Err(Error::internal("a keyed step answered for other rows"));
            }
            let mut columns = std::mem::take(&mut batch.features).into_columns();
            columns.extend(features.into_columns().into_columns());
            batch.features = DataFrame::new(height, columns)?;
        }
        batch.hits = batch.hits.select(&offsets);
        batch.hits.append(output.hits.select(&offsets));
        batch.hits.sort();
        start += height;
    }
    Ok(())
}
