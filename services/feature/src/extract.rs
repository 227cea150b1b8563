//! One phase of a program over one table.

use std::{
    thread,
    time::{Duration, Instant},
};

use anomal_core::{
    Cancel, Code, Error, Extraction, Result, Table,
    proto::{DataType, Diagnostic, FeatureKind, Phase, StepStatistics},
};
use polars::prelude::{
    AnyValue, BooleanChunked, Column, DataFrame, DataType as Dtype, Float64Chunked, IntoColumn,
    NewChunkedArray, PolarsError, TimeUnit,
};

use crate::{
    Expression,
    component::{Built, Hit, Inputs},
    dictionary::Dictionaries,
    plan::dtype,
    program::{FeatureStep, Program, Step, Work},
};

/// Columns of a row that the hit of an expression tells.
const SHOWN: usize = 3;

/// Runs the steps of `phase` in the order filters, features, flags.
pub(crate) fn extract(
    program: &Program,
    phase: Phase,
    table: Table,
    cancel: &Cancel,
) -> Result<Extraction> {
    fits(program, phase, &table)?;
    let mut run = Run {
        whole_table: phase == Phase::WholeTable,
        table,
        dictionaries: Dictionaries::default(),
        cancel,
        steps: Vec::new(),
        diagnostics: Vec::new(),
    };
    if run.whole_table {
        run.table.rechunk();
    }
    let removed = run.filters(&program.filters)?;
    let features = run.features(&program.features)?;
    let hits = run.flags(program)?;
    let Run { table, steps, diagnostics, .. } = run;
    Ok(Extraction { features: table.with_columns(features)?, removed, hits, steps, diagnostics })
}

/// # Errors
/// `InvalidRequest` if the table does not hold what the steps of this phase read.
fn fits(program: &Program, phase: Phase, table: &Table) -> Result<()> {
    let whole_table = phase == Phase::WholeTable;
    let of_phase = program.steps().filter(|step| step.whole_table == whole_table);
    for name in of_phase.flat_map(|step| &step.reads) {
        let of_input = program.columns.iter().find(|column| column.name == *name);
        let made = program.features.iter().find(|feature| feature.column.name == *name);
        let wanted = match (of_input, made) {
            (Some(column), _) => column.data_type(),
            // Made in this phase by an earlier step.
            (None, Some(feature)) if feature.step.whole_table == whole_table => continue,
            (None, Some(feature)) => feature.data_type,
            (None, None) => continue,
        };
        let found = table.columns().column(name).map(Column::dtype);
        if !found.as_ref().is_ok_and(|found| **found == dtype(wanted)) {
            let found = found.map_or_else(|_| "is not there".into(), |found| format!("is {found}"));
            let message = format!("the table is not as planned: its column `{name}` {found}");
            return Err(Error::new(Code::InvalidRequest, "TABLE_MISMATCH", message));
        }
    }
    Ok(())
}

/// What a flag has hit, and how long it took.
struct Judged {
    hits: Vec<Hit>,
    took: Duration,
}

struct Run<'a> {
    whole_table: bool,
    /// The input's columns, and the features made so far, of the rows that are left.
    table: Table,
    dictionaries: Dictionaries,
    cancel: &'a Cancel,
    steps: Vec<StepStatistics>,
    diagnostics: Vec<Diagnostic>,
}

impl Run<'_> {
    fn filters(&mut self, filters: &[Step]) -> Result<Table> {
        let (mut rows, mut names) = (Vec::new(), Vec::new());
        let whole_table = self.whole_table;
        for step in filters.iter().filter(|step| step.whole_table == whole_table) {
            self.cancel.check()?;
            let started = Instant::now();
            let before = self.table.height();
            let removes = self.predicate(step)?;
            let all = self.table.rows();
            for (row, _) in
                all.iter().zip(removes.iter()).filter(|(_, removes)| *removes == Some(true))
            {
                rows.push(*row);
                names.push(step.name.as_str());
            }
            if removes.any() {
                let stays = removes.iter().map(|removes| removes != Some(true));
                let stays = BooleanChunked::from_iter_values("stays".into(), stays);
                self.table = self.table.filter(&stays)?;
                self.dictionaries.clear();
            }
            let after = self.table.height();
            self.tell(format!("filter {}", step.name), before, after, 0, started.elapsed());
        }
        let columns = vec![Column::new("filter".into(), names)];
        Table::new(rows.clone(), DataFrame::new(rows.len(), columns)?)
    }

    fn features(&mut self, features: &[FeatureStep]) -> Result<DataFrame> {
        let mut made = Vec::new();
        let whole_table = self.whole_table;
        for feature in features.iter().filter(|known| known.step.whole_table == whole_table) {
            self.cancel.check()?;
            let started = Instant::now();
            let height = self.table.height();
            let value = match &feature.step.work {
                Work::Field(column) => self.table.columns().column(column)?.clone(),
                Work::Component { built, inputs } => metric(built, &self.inputs(inputs)?)?,
                Work::Expression(expression) => self.value(expression, &feature.step)?,
            };
            let value = self.finished(value, feature)?;
            let nulls = value.null_count();
            let what = feature.column.origin.split(' ').next().unwrap_or_default();
            self.tell(
                format!("{what} {}", feature.step.name),
                height,
                height,
                nulls,
                started.elapsed(),
            );
            made.push(value.clone());
            // For the expressions below; an input's column is never hidden by a feature.
            if self.table.columns().get_column_index(&feature.column.name).is_none() {
                let mut columns = self.table.columns().columns().to_vec();
                columns.push(value);
                self.table = self.table.with_columns(DataFrame::new(height, columns)?)?;
            }
        }
        Ok(DataFrame::new(self.table.height(), made)?)
    }

    /// The feature in its final type; what is no number is missing.
    fn finished(&mut self, value: Column, feature: &FeatureStep) -> Result<Column> {
        let name = feature.column.name.as_str();
        let numeric = feature.column.kind() == FeatureKind::Numeric;
        let value = match value.dtype() {
            Dtype::Datetime(..) | Dtype::Date if feature.data_type == DataType::Float => {
                let micros = value.cast(&Dtype::Datetime(TimeUnit::Microseconds, None))?;
                let seconds = micros.to_physical_repr().cast(&Dtype::Float64)?;
                let seconds = seconds.f64()?.iter().map(|micros| Some(micros? / 1e6));
                Float64Chunked::from_iter_options(name.into(), seconds).into_column()
            }
            of if *of == dtype(feature.data_type) => value,
            _ => value.cast(&dtype(feature.data_type))?,
        };
        let value = value.with_name(name.into());
        if !numeric || value.dtype() != &Dtype::Float64 {
            return Ok(value);
        }
        let numbers = value.f64()?;
        let strange = numbers.iter().flatten().filter(|number| !number.is_finite()).count();
        if strange == 0 {
            return Ok(value);
        }
        self.diagnostics.push(Diagnostic {
            path: String::new(),
            reason: "NOT_FINITE".into(),
            message: format!("NaN or infinities in the feature `{name}` count as missing"),
            count: strange as u64,
        });
        let finite = numbers.iter().map(|number| number.filter(|number| number.is_finite()));
        Ok(Float64Chunked::from_iter_options(name.into(), finite).into_column())
    }

    fn flags(&mut self, program: &Program) -> Result<Table> {
        let all = self.table.rows();
        let (mut rows, mut flags, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let whole_table = self.whole_table;
        let steps = program.flags.iter().map(|(step, _)| step);
        let steps: Vec<&Step> = steps.filter(|step| step.whole_table == whole_table).collect();
        let judged = if whole_table { self.side_by_side(&steps) } else { self.in_turn(&steps) };
        for (step, Judged { hits, took }) in steps.into_iter().zip(judged?) {
            self.tell(format!("flag {}", step.name), all.len(), hits.len(), 0, took);
            for (place, value) in hits {
                rows.push(all[place]);
                flags.push(step.name.as_str());
                values.push(value);
            }
        }
        let columns = vec![Column::new("flag".into(), flags), Column::new("value".into(), values)];
        Table::new(rows.clone(), DataFrame::new(rows.len(), columns)?)
    }

    fn in_turn(&self, flags: &[&Step]) -> Result<Vec<Judged>> {
        flags.iter().map(|flag| self.judge(flag)).collect()
    }

    /// Flags go over all rows, much of it on one core: several at once. They have threads of their own, for a
    /// dictionary is made by the pool's under a lock, and none of those may wait for it.
    fn side_by_side(&self, flags: &[&Step]) -> Result<Vec<Judged>> {
        thread::scope(|scope| {
            let threads = flags.iter().map(|flag| scope.spawn(move || self.judge(flag)));
            let threads: Vec<_> = threads.collect();
            let ended = threads.into_iter().map(thread::ScopedJoinHandle::join);
            ended.map(|ended| ended.unwrap_or_else(|_| Err(Error::internal("a flag")))).collect()
        })
    }

    fn judge(&self, flag: &Step) -> Result<Judged> {
        self.cancel.check()?;
        let started = Instant::now();
        let hits = self.hits(flag)?;
        Ok(Judged { hits, took: started.elapsed() })
    }

    fn hits(&self, step: &Step) -> Result<Vec<Hit>> {
        match &step.work {
            Work::Component { built: Built::Direct(flag), inputs } => {
                flag.hits(&self.inputs(inputs)?)
            }
            Work::Component { built: Built::Aggregation(flag), inputs } => {
                flag.hits(&self.inputs(inputs)?, self.cancel)
            }
            Work::Expression(expression) => {
                let holds = self.value(expression, step)?;
                let holds = holds.bool()?;
                let shown = expression.columns.iter().take(SHOWN);
                let shown: Vec<&Column> = shown
                    .map(|name| self.table.columns().column(name))
                    .collect::<Result<_, _>>()?;
                let value = |row: usize| {
                    let cell =
                        |column: &&Column| format!("{}={}", column.name(), cell(column, row));
                    shown.iter().map(cell).collect::<Vec<_>>().join(", ")
                };
                let rows = holds.iter().enumerate().filter(|(_, holds)| *holds == Some(true));
                Ok(rows.map(|(row, _)| (row, value(row))).collect())
            }
            _ => Err(Error::internal("a flag of another kind")),
        }
    }

    fn predicate(&self, step: &Step) -> Result<BooleanChunked> {
        match &step.work {
            Work::Expression(expression) => Ok(self.value(expression, step)?.bool()?.clone()),
            Work::Component { built: Built::Filter(removes), inputs } => {
                Ok(self.inputs(inputs)?.dictionary(0)?.mask(removes))
            }
            Work::Component { built: Built::KeyFilter(key, removes), inputs } => {
                Ok(self.inputs(inputs)?.dictionary(0)?.by(key).mask(removes))
            }
            Work::Component { built: Built::NumberFilter(removes), inputs } => {
                let numbers = self.inputs(inputs)?.required(0)?.cast(&Dtype::Float64)?;
                let numbers = numbers.f64()?.iter();
                Ok(numbers.map(|number| number.is_some_and(removes)).collect())
            }
            _ => Err(Error::internal("a filter of another kind")),
        }
    }

    fn inputs(&self, names: &[Option<String>]) -> Result<Inputs<'_>> {
        let column = |name: &Option<String>| match name {
            Some(name) => Ok(Some(self.table.columns().column(name)?)),
            None => Ok(None),
        };
        let columns = names.iter().map(column).collect::<Result<_>>()?;
        Ok(Inputs { columns, dictionaries: &self.dictionaries })
    }

    /// An expression's value for each row.
    ///
    /// # Errors
    /// `InvalidInput` if it can't be computed of these rows, as a CAST of other text.
    fn value(&self, expression: &Expression, step: &Step) -> Result<Column> {
        let failed = |error: PolarsError| {
            let message = format!(
                "the expression of `{}` can't be computed for these records: {error}; TRY_CAST gives no value \
                 where CAST fails",
                step.name
            );
            Error::input("EXPRESSION_FAILED", message)
        };
        expression.evaluate(&self.expression_frame(expression)?).map_err(failed)
    }

    /// Just the columns that an expression reads.
    fn expression_frame(&self, expression: &Expression) -> Result<DataFrame> {
        if expression.columns.is_empty() {
            // As many rows as there are, whatever is in them.
            let rows = Column::new("rows".into(), self.table.rows());
            return Ok(DataFrame::new(self.table.height(), vec![rows])?);
        }
        Ok(self.table.columns().select(expression.columns.iter().map(String::as_str))?)
    }

    fn tell(
        &mut self,
        step: String,
        rows_in: usize,
        rows_out: usize,
        nulls: usize,
        took: Duration,
    ) {
        self.steps.push(StepStatistics {
            step,
            rows_in: rows_in as u64,
            rows_out: rows_out as u64,
            nulls: nulls as u64,
            seconds: took.as_secs_f64(),
        });
    }
}

fn metric(built: &Built, inputs: &Inputs<'_>) -> Result<Column> {
    match built {
        Built::Metric(function) => Ok(function.column(inputs.dictionary(0)?.as_ref())),
        Built::KeyMetric(key, function) => {
            Ok(function.column(inputs.dictionary(0)?.by(key).as_ref()))
        }
        Built::ColumnMetric(_, function) => function(inputs.required(0)?),
        _ => Err(Error::internal("a metric of another kind")),
    }
}

/// A cell in words.
fn cell(column: &Column, row: usize) -> String {
    match column.get(row) {
        Ok(AnyValue::Null) | Err(_) => "none".into(),
        Ok(AnyValue::Float64(number)) => number.to_string(),
        Ok(value) => value.get_str().map_or_else(|| value.to_string(), str::to_owned),
    }
}
