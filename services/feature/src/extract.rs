//! One phase of a program over one table.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Instant,
};

use anomal_core::{
    Cancel, Error, Extraction, Result, Table,
    proto::{DataType, Diagnostic, FeatureKind, Phase, StepStatistics},
};
use polars::prelude::{
    BooleanChunked, ChunkedArray, Column, DataFrame, DataType as Dtype, IntoColumn, IntoSeries,
    NewChunkedArray, PolarsNumericType, Series, TimeUnit,
};

use crate::{
    component::{Built, Distinct, Hit, Inputs, TextFunction},
    plan::dtype,
    program::{FeatureStep, Program, Step, Work},
};

/// Runs the steps of `phase` in the order filters, features, flags.
pub(crate) fn extract(
    program: &Program,
    phase: Phase,
    table: Table,
    cancel: &Cancel,
) -> Result<Extraction> {
    let mut run = Run {
        whole_table: phase == Phase::WholeTable,
        table,
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

struct Run<'a> {
    whole_table: bool,
    /// The input's columns, and the features made so far, of the rows that are left.
    table: Table,
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
            let stays = removes.iter().map(|removes| removes != Some(true));
            self.table =
                self.table.filter(&BooleanChunked::from_iter_values("stays".into(), stays))?;
            let after = self.table.height();
            self.tell(format!("filter {}", step.name), before, after, 0, started);
        }
        let columns = vec![Column::new("filter".into(), names)];
        Table::new(rows.clone(), DataFrame::new(rows.len(), columns)?)
    }

    fn features(&mut self, features: &[FeatureStep]) -> Result<DataFrame> {
        let input = self.table.columns().clone();
        let mut taken = Taken::new();
        let mut made = Vec::new();
        let whole_table = self.whole_table;
        for feature in features.iter().filter(|known| known.step.whole_table == whole_table) {
            self.cancel.check()?;
            let started = Instant::now();
            let height = self.table.height();
            let value = match &feature.step.work {
                Work::Field(column) => self.table.columns().column(column)?.clone(),
                Work::Component { built, inputs } => {
                    let column = inputs.first().and_then(Option::as_ref);
                    let column =
                        column.ok_or_else(|| Error::internal("a metric lacks a column"))?;
                    metric(built, input.column(column)?, &mut taken)?
                }
                Work::Expression(expression) => {
                    expression.evaluate(&self.expression_frame(expression)?)?
                }
            };
            let value = self.finished(value, feature)?;
            let nulls = value.null_count();
            let what = feature.column.origin.split(' ').next().unwrap_or_default();
            self.tell(format!("{what} {}", feature.step.name), height, height, nulls, started);
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
                seconds.collect::<polars::prelude::Float64Chunked>().into_column()
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
        });
        let finite = numbers.iter().map(|number| number.filter(|number| number.is_finite()));
        let finite: polars::prelude::Float64Chunked = finite.collect();
        Ok(finite.with_name(name.into()).into_column())
    }

    fn flags(&mut self, program: &Program) -> Result<Table> {
        let all = self.table.rows();
        let (mut rows, mut flags, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let whole_table = self.whole_table;
        for (step, _) in program.flags.iter().filter(|(step, _)| step.whole_table == whole_table) {
            self.cancel.check()?;
            let started = Instant::now();
            let hits = self.hits(step)?;
            self.tell(format!("flag {}", step.name), all.len(), hits.len(), 0, started);
            for (place, value) in hits {
                rows.push(all[place]);
                flags.push(step.name.as_str());
                values.push(value);
            }
        }
        let columns = vec![Column::new("flag".into(), flags), Column::new("value".into(), values)];
        Table::new(rows.clone(), DataFrame::new(rows.len(), columns)?)
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
                let frame = self.expression_frame(expression)?;
                let holds = expression.evaluate(&frame)?;
                let holds = holds.bool()?;
                let value = |row: usize| {
                    let cell = |name: &String| {
                        let value = frame.column(name).and_then(|column| column.get(row));
                        let value = value.map(|value| {
                            value.get_str().map_or_else(|| value.to_string(), str::to_owned)
                        });
                        format!("{name}={}", value.unwrap_or_default())
                    };
                    expression.columns.iter().take(3).map(cell).collect::<Vec<_>>().join(", ")
                };
                let rows = holds.iter().enumerate().filter(|(_, holds)| *holds == Some(true));
                Ok(rows.map(|(row, _)| (row, value(row))).collect())
            }
            _ => Err(Error::internal("a flag of another kind")),
        }
    }

    fn predicate(&self, step: &Step) -> Result<BooleanChunked> {
        match &step.work {
            Work::Expression(expression) => {
                Ok(expression.evaluate(&self.expression_frame(expression)?)?.bool()?.clone())
            }
            Work::Component { built: Built::Filter(removes), inputs } => {
                Ok(Distinct::of(self.inputs(inputs)?.required(0)?)?.mask(removes))
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
        Ok(Inputs(names.iter().map(column).collect::<Result<_>>()?))
    }

    /// Just the columns that an expression reads.
    fn expression_frame(&self, expression: &crate::Expression) -> Result<DataFrame> {
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
        started: Instant,
    ) {
        self.steps.push(StepStatistics {
            step,
            rows_in: rows_in as u64,
            rows_out: rows_out as u64,
            nulls: nulls as u64,
            seconds: started.elapsed().as_secs_f64(),
        });
    }
}

/// Text columns taken apart once for all metrics over them.
type Taken<'a> = HashMap<&'a str, Distinct<'a>>;

fn metric<'a>(built: &Built, column: &'a Column, taken: &mut Taken<'a>) -> Result<Column> {
    let function = match built {
        Built::ColumnMetric(_, function) => return function(column),
        Built::Metric(function) => function,
        _ => return Err(Error::internal("a metric of another kind")),
    };
    let values = match taken.entry(column.name().as_str()) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => new.insert(Distinct::of(column)?),
    };
    Ok(match function {
        TextFunction::Integer(function) => {
            numeric::<polars::prelude::Int64Type>(values.map(function))
        }
        TextFunction::Float(function) => {
            numeric::<polars::prelude::Float64Type>(values.map(function))
        }
        TextFunction::Boolean(function) => {
            let answers: BooleanChunked = values.map(function).into_iter().collect();
            answers.into_column()
        }
        TextFunction::Text(function) => {
            let answers = values.map(|value| function(value).map(std::sync::Arc::<str>::from));
            let texts: polars::prelude::StringChunked =
                answers.iter().map(Option::as_deref).collect();
            texts.into_column()
        }
    })
}

fn numeric<T: PolarsNumericType>(values: Vec<Option<T::Native>>) -> Column
where
    ChunkedArray<T>: NewChunkedArray<T, T::Native> + IntoSeries,
{
    let values: Series =
        ChunkedArray::<T>::from_iter_options("".into(), values.into_iter()).into_series();
    values.into_column()
}
