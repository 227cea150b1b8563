//! What a run stores of all rows for its global operators: the columns that they need in memory, everything else in a
//! [`RowBuffer`] or, where the sinks take rows before their results, with them.

use anomal_core::{Batch, Error, Hits, Position, Result, Table, memory};
use polars::prelude::{Column, DataFrame, PlSmallStr, Scalar, Schema};

use super::{Limit, RowBuffer, over_limit};
use crate::{
    executor::ExecutorOptions,
    operator::{AllRows, Inputs, OperatorOutput},
};

/// Of the rows that wait; more are spilled. They are read once, in order, so memory gains little.
const ROW_BUFFER_BYTES: u64 = 256 << 20;
/// The share of the budget that those rows may take.
const ROW_BUFFER_SHARE: u64 = 8;

pub(crate) struct GlobalState {
    /// Of all global operators.
    inputs: Inputs,
    /// The features that an operator needs or has made; with the ids of all rows that are left.
    features: Option<Table>,
    typed: Option<Table>,
    scores: Option<Table>,
    hits: Hits,
    /// Rows that global operators removed, ascending.
    removed: Vec<u64>,
    rows: Rows,
    /// Bytes that the run may use, and those that the rows may.
    memory: u64,
    row_memory: u64,
    process_memory: u64,
    /// Bytes of the columns in memory, and the multiple of them that the global operators need.
    resident: u64,
    factor: u64,
}

/// Where the other columns of the rows are.
enum Rows {
    Buffer(RowBuffer),
    /// With the sinks; what is left here is ids and the names of the features that the sinks have.
    AtSinks {
        ids: Vec<Batch>,
        features: Schema,
    },
}

impl GlobalState {
    /// `inputs` and `factor`: of all global operators; `at_sinks`: whether the sinks take rows before their results.
    pub fn new(inputs: Inputs, factor: u64, options: &ExecutorOptions, at_sinks: bool) -> Self {
        let (memory, process_memory) = (options.memory, options.process_memory);
        let row_memory = if at_sinks { 0 } else { ROW_BUFFER_BYTES.min(memory / ROW_BUFFER_SHARE) };
        let rows = if at_sinks {
            Rows::AtSinks { ids: Vec::new(), features: Schema::default() }
        } else {
            Rows::Buffer(RowBuffer::new(row_memory, options.spill_folder.clone()))
        };
        Self {
            inputs,
            features: None,
            typed: None,
            scores: None,
            hits: Hits::default(),
            removed: Vec::new(),
            rows,
            memory,
            row_memory,
            process_memory,
            resident: 0,
            factor,
        }
    }

    /// Stores a batch; returns what the sinks are to have of it now. `step` needs the columns.
    ///
    /// # Errors
    /// `ResourceExhausted` as soon as it is clear that the columns of all rows do not fit in the memory; `Output` if the
    /// rows can't be spilled.
    pub fn push(&mut self, mut batch: Batch, step: &str) -> Result<Option<Batch>> {
        self.hits.append(std::mem::take(&mut batch.hits));
        let typed = batch.typed.select(names(&self.inputs.typed))?;
        self.append_typed(batch.to_table(typed)?)?;
        let is_input = |name: &PlSmallStr| self.inputs.features.iter().any(|input| input == name);
        let (inputs, others): (Vec<_>, Vec<_>) =
            batch.features.get_column_names_owned().into_iter().partition(is_input);
        let inputs = batch.features.select(inputs)?;
        batch.features = batch.features.select(others)?;
        self.append_features(batch.to_table(inputs)?)?;
        self.check_memory(batch.position, step)?;
        let batch = batch.prune_typed()?;
        match &mut self.rows {
            Rows::Buffer(buffer) => buffer.push(batch).map(|()| None),
            Rows::AtSinks { ids, features } => {
                ids.push(batch.ids_only());
                if features.is_empty() {
                    *features = batch.features.schema().as_ref().clone();
                }
                Ok(Some(batch))
            }
        }
    }

    fn append_features(&mut self, table: Table) -> Result<()> {
        self.resident += bytes(&table);
        table.append_to(&mut self.features)
    }

    fn append_typed(&mut self, table: Table) -> Result<()> {
        if table.columns().width() == 0 {
            return Ok(());
        }
        self.resident += bytes(&table);
        table.append_to(&mut self.typed)
    }

    /// Estimates from what has been read what all rows will need.
    fn check_memory(&self, position: Position, step: &str) -> Result<()> {
        let needed = self.resident.saturating_mul(self.factor).saturating_add(self.row_memory);
        // With the batches in progress, which the budget does not count.
        let growth = self.resident.saturating_mul(self.factor - 1);
        let process = memory::used_bytes().saturating_add(growth);
        let (needed, limit) = if process > self.process_memory {
            (process, Limit::Process(self.process_memory))
        } else if needed > self.memory {
            (needed, Limit::Budget(self.memory))
        } else {
            return Ok(());
        };
        let share = position.total.filter(|total| *total > position.consumed);
        let all = share.map_or(needed, |total| {
            let rest = total as f64 / position.consumed.max(1) as f64;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an estimate of bytes"
            )]
            let all = (needed as f64 * rest) as u64;
            all
        });
        Err(over_limit(step, "all rows", all, limit))
    }

    /// The columns that an operator needs, of the rows that are left; nothing where none is. `last`: no operator behind
    /// it needs the typed ones.
    ///
    /// # Errors
    /// `Internal`.
    pub fn table(&mut self, inputs: &Inputs, last: bool) -> Result<Option<Table>> {
        let Some(features) = self.features.as_mut().filter(|table| table.height() > 0) else {
            return Ok(None);
        };
        features.rechunk();
        let mut columns = features.columns().select_to_vec(names(&inputs.features))?;
        if !inputs.typed.is_empty() {
            let typed = if last { self.typed.take() } else { self.typed.clone() };
            let typed = typed.ok_or_else(|| Error::internal("typed columns were dropped"))?;
            let mut typed = typed.without_rows(&self.removed)?;
            typed.rechunk();
            columns.extend(typed.columns().select_to_vec(names(&inputs.typed))?);
        }
        let columns = DataFrame::new(features.height(), columns)?;
        features.with_columns(columns).map(Some)
    }

    /// Takes over what an operator has answered.
    ///
    /// # Errors
    /// `Internal` if it answered for other rows than it was given.
    pub fn apply(&mut self, output: OperatorOutput) -> Result<()> {
        self.hits.append(output.hits);
        self.removed.extend(output.removed);
        self.removed.sort_unstable();
        let Some(features) = self.features.take() else {
            return Err(Error::internal("a global step without rows"));
        };
        let mut features = features.without_rows(&self.removed)?;
        let other_rows = || Error::internal("a global step answered for other rows");
        if let Some(new) = output.features {
            if new.rows() != features.rows() {
                return Err(other_rows());
            }
            // A frame without columns has no height.
            let columns = match features.columns().width() {
                0 => new.into_columns(),
                _ => features.columns().hstack(new.columns().columns())?,
            };
            features = features.with_columns(columns)?;
        }
        if let Some(scores) = output.scores {
            if scores.rows() != features.rows() {
                return Err(other_rows());
            }
            self.scores = Some(scores);
        }
        self.features = Some(features);
        Ok(())
    }

    /// What is in memory of the rows that are left; nothing where none is.
    pub fn all_rows(&mut self) -> Option<AllRows<'_>> {
        self.hits.sort();
        let features = self.features.as_mut().filter(|table| table.height() > 0)?;
        features.rechunk();
        Some(AllRows { features, scores: self.scores.as_ref(), hits: &self.hits })
    }

    /// The rows that are left, in their order, with everything that is known of them.
    ///
    /// # Errors
    /// `Output` if spilled rows can't be read back.
    pub fn into_batches(self) -> Result<impl Iterator<Item = Result<Batch>> + Send> {
        let Self { features, scores, mut hits, removed, rows, .. } = self;
        hits.sort();
        let (batches, late): (Box<dyn Iterator<Item = Result<Batch>> + Send>, _) = match rows {
            Rows::Buffer(buffer) => (Box::new(buffer.into_batches()?), Schema::default()),
            Rows::AtSinks { ids, features } => (Box::new(ids.into_iter().map(Ok)), features),
        };
        let mut start = 0;
        Ok(batches.map(move |batch| {
            let mut batch = batch?.without_offsets(&removed)?;
            let (offsets, height) = (batch.offsets(), batch.height());
            let slice = |table: &Option<Table>| match table {
                Some(table) => table.slice(start, height).into_columns(),
                None => DataFrame::default(),
            };
            let mut columns = batch.features.into_columns();
            // Sinks have these already: here they are by name alone.
            columns.extend(late.iter().map(|(name, data_type)| {
                Column::new_scalar(name.clone(), Scalar::null(data_type.clone()), height)
            }));
            columns.extend(slice(&features).into_columns());
            batch.features = DataFrame::new(height, columns)?;
            batch.scores = slice(&scores);
            batch.hits = hits.select(&offsets);
            start += height;
            Ok(batch)
        }))
    }
}

fn bytes(table: &Table) -> u64 {
    (table.columns().estimated_size() + size_of::<u64>() * table.height()) as u64
}

fn names(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().map(String::as_str)
}
