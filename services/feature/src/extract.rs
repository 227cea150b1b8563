//! Runs the steps of one scope of a program over one table.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anomal_components::{CallContext, Dictionaries, FlagHits, Inputs};
use anomal_core::{
    Cancel, Code, Error, Extraction, Result, Scope, Table,
    proto::{DataType, Diagnostic, FeatureKind, StepStatistics, plan::Flag},
};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType as Dtype, Float64Chunked, IntoColumn,
    NewChunkedArray, PolarsError, TimeUnit,
};

use crate::{
    Expression,
    aggregate::{Aggregate, AggregateCache},
    columns::dtype,
    declarative::{DeclaredAggregate, DeclaredStep},
    findings::{Findings, HitTables, reported},
    keyed::{RowOrder, States},
    program::{FeatureStep, Program},
    step::{Step, Work},
    window_flag::WindowFlag,
};

/// Runs the steps of `scope` in the order filters, features, flags. `states`: those of keys, where rows came before these
/// or follow them. `order`: in which the rows of a key are taken.
pub(crate) fn extract(
    program: &Program,
    scope: Scope,
    table: Table,
    states: Option<&mut States>,
    order: RowOrder,
    cancel: &Cancel,
) -> Result<Extraction> {
    check_table(program, scope, &table)?;
    let mut run = Run {
        scope,
        table,
        dictionaries: Dictionaries::default(),
        keyed_rows: AggregateCache::new(order),
        states,
        order,
        cancel,
        figures: HashMap::new(),
        window_hits: HashMap::new(),
        steps: Vec::new(),
        diagnostics: Vec::new(),
        component_diagnostics: Mutex::default(),
    };
    if scope > Scope::Row {
        run.table.rechunk();
    }
    let removed = run.filters(&program.filters)?;
    let features = run.features(&program.features)?;
    let (hits, facts) = run.flags(program)?;
    let Run { table, steps, mut diagnostics, component_diagnostics, .. } = run;
    let mut of_components =
        component_diagnostics.into_inner().unwrap_or_else(PoisonError::into_inner);
    of_components.sort_by(|one, other| one.message.cmp(&other.message));
    diagnostics.append(&mut of_components);
    let features = table.with_columns(features)?;
    Ok(Extraction { features, removed, hits, facts, steps, diagnostics })
}

/// # Errors
/// `InvalidRequest` if the table lacks a column that a step of this scope reads.
fn check_table(program: &Program, scope: Scope, table: &Table) -> Result<()> {
    let of_scope = program.steps().filter(|step| step.scope == scope);
    for name in of_scope.flat_map(|step| &step.reads) {
        let of_input = program.columns.iter().find(|column| column.name == *name);
        let made = program.features.iter().find(|feature| feature.column.name == *name);
        let wanted = match (of_input, made) {
            (Some(column), _) => column.data_type(),
            // Computed by an earlier step of this scope.
            (None, Some(feature)) if feature.step.scope == scope => continue,
            (None, Some(feature)) => feature.data_type,
            (None, None) => continue,
        };
        let found = table.columns().column(name).map(Column::dtype);
        if !found.as_ref().is_ok_and(|found| **found == dtype(wanted)) {
            let found = found.map_or_else(|_| "is missing".into(), |found| format!("is {found}"));
            let message = format!("the table is not that of the plan: its column `{name}` {found}");
            return Err(Error::new(Code::InvalidRequest, "TABLE_MISMATCH", message));
        }
    }
    Ok(())
}

/// The hits of a flag, and the time that it took.
struct FlagOutcome {
    findings: Findings,
    elapsed: Duration,
}

struct Run<'a> {
    scope: Scope,
    /// The columns of the input and the features so far, of the rows that no filter removed.
    table: Table,
    dictionaries: Dictionaries,
    keyed_rows: AggregateCache,
    states: Option<&'a mut States>,
    order: RowOrder,
    cancel: &'a Cancel,
    /// The figures that flags of declarative packs read, by the names of the flags.
    figures: HashMap<String, Column>,
    /// The hits of flags over windows, by the names of the flags, and the time that they took.
    window_hits: HashMap<String, (FlagHits, Duration)>,
    steps: Vec<StepStatistics>,
    diagnostics: Vec<Diagnostic>,
    /// Those of components, some of which run concurrently.
    component_diagnostics: Mutex<Vec<Diagnostic>>,
}

impl Run<'_> {
    fn filters(&mut self, filters: &[Step]) -> Result<Table> {
        let (mut rows, mut names) = (Vec::new(), Vec::new());
        let scope = self.scope;
        for step in filters.iter().filter(|step| step.scope == scope) {
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
                let keep = removes.iter().map(|removes| removes != Some(true));
                let keep = BooleanChunked::from_iter_values("keep".into(), keep);
                self.table = self.table.filter(&keep)?;
                self.dictionaries.clear();
            }
            let after = self.table.height();
            self.record_step(format!("filter {}", step.name), before, after, 0, started.elapsed());
        }
        let columns = vec![Column::new("filter".into(), names)];
        Table::new(rows.clone(), DataFrame::new(rows.len(), columns)?)
    }

    fn features(&mut self, features: &[FeatureStep]) -> Result<DataFrame> {
        let mut columns = Vec::new();
        let scope = self.scope;
        for feature in features.iter().filter(|feature| feature.step.scope == scope) {
            self.cancel.check()?;
            let started = Instant::now();
            let height = self.table.height();
            let value = match &feature.step.work {
                Work::Field(column) => self.table.columns().column(column)?.clone(),
                Work::Component { computation, inputs } => {
                    computation.values(&self.inputs(inputs)?)?
                }
                Work::Declared(declared) => {
                    let figure = self.figure(declared, &feature.step.name)?;
                    self.declared(declared, figure.as_ref(), &feature.step)?
                }
                Work::Expression(expression) => self.value(expression, &feature.step)?,
                Work::Aggregate(aggregate) => self.aggregate(aggregate, &feature.step)?,
                Work::Window(_) => return Err(Error::internal("a flag is no feature")),
            };
            let value = self.convert_feature(value, feature)?;
            let nulls = value.null_count();
            let kind = feature.column.origin.split(' ').next().unwrap_or_default();
            self.record_step(
                format!("{kind} {}", feature.step.name),
                height,
                height,
                nulls,
                started.elapsed(),
            );
            columns.push(value.clone());
            // Expressions below read it. A column of the input takes precedence over a feature of its name.
            if self.table.columns().get_column_index(&feature.column.name).is_none() {
                let mut extended = self.table.columns().columns().to_vec();
                extended.push(value);
                self.table = self.table.with_columns(DataFrame::new(height, extended)?)?;
            }
        }
        Ok(DataFrame::new(self.table.height(), columns)?)
    }

    fn aggregate(&mut self, aggregate: &Aggregate, step: &Step) -> Result<Column> {
        let condition = match &aggregate.condition {
            Some(condition) => Some(self.value(condition, step)?.bool()?.clone()),
            None => None,
        };
        self.aggregate_where(aggregate, condition.as_ref(), &step.name)
    }

    /// The figure that the expression of a component of a declarative pack reads, if it has one. `state`: the name of the
    /// states of its keys.
    fn figure(&mut self, declared: &DeclaredStep, state: &str) -> Result<Option<Column>> {
        let Some(DeclaredAggregate { aggregate, .. }) = &declared.aggregate else {
            return Ok(None);
        };
        let condition =
            declared.condition(self.table.columns()).map_err(|error| failed(&error, state))?;
        let condition = condition.map(|condition| condition.bool().cloned()).transpose()?;
        self.aggregate_where(aggregate, condition.as_ref(), state).map(Some)
    }

    fn declared(
        &self,
        declared: &DeclaredStep,
        figure: Option<&Column>,
        step: &Step,
    ) -> Result<Column> {
        let value = declared.evaluate(self.table.columns(), figure);
        value.map_err(|error| failed(&error, &step.name))
    }

    fn aggregate_where(
        &mut self,
        aggregate: &Aggregate,
        condition: Option<&BooleanChunked>,
        state: &str,
    ) -> Result<Column> {
        aggregate.evaluate(
            self.table.columns(),
            &self.table.rows(),
            condition,
            &self.dictionaries,
            &mut self.keyed_rows,
            self.states.as_deref_mut().map(|states| states.aggregates.of_step(state)),
            self.cancel,
        )
    }

    /// Converts values to the type of their feature. In numbers, NaN and infinities become missing.
    fn convert_feature(&mut self, value: Column, feature: &FeatureStep) -> Result<Column> {
        let name = feature.column.name.as_str();
        let numeric = feature.column.kind() == FeatureKind::Numeric;
        let value = match value.dtype() {
            Dtype::Datetime(..) | Dtype::Date if feature.data_type == DataType::Float => {
                let micros = value.cast(&Dtype::Datetime(TimeUnit::Microseconds, None))?;
                let seconds = micros.to_physical_repr().cast(&Dtype::Float64)?;
                let seconds = seconds.f64()?.iter().map(|micros| Some(micros? / 1e6));
                Float64Chunked::from_iter_options(name.into(), seconds).into_column()
            }
            found if *found == dtype(feature.data_type) => value,
            _ => value.cast(&dtype(feature.data_type))?,
        };
        let value = value.with_name(name.into());
        if !numeric || value.dtype() != &Dtype::Float64 {
            return Ok(value);
        }
        let numbers = value.f64()?;
        let not_finite = numbers.iter().flatten().filter(|number| !number.is_finite()).count();
        if not_finite == 0 {
            return Ok(value);
        }
        self.diagnostics.push(Diagnostic {
            path: String::new(),
            reason: "NOT_FINITE".into(),
            message: format!("NaN or infinities in the feature `{name}` count as missing"),
            count: not_finite as u64,
        });
        let finite = numbers.iter().map(|number| number.filter(|number| number.is_finite()));
        Ok(Float64Chunked::from_iter_options(name.into(), finite).into_column())
    }

    /// The hits, and the facts of their groups.
    fn flags(&mut self, program: &Program) -> Result<(Table, Table)> {
        let all = self.table.rows();
        let of_scope = program.flags.iter().filter(|(step, _)| step.scope == self.scope);
        let flags: Vec<&(Step, Flag)> = of_scope.collect();
        for (step, flag) in &flags {
            if let Work::Window(window) = &step.work {
                let hits = self.window_flag(window, flag)?;
                self.window_hits.insert(step.name.clone(), hits);
            }
            if let Work::Declared(declared) = &step.work
                && let Some(figure) = self.figure(declared, &format!("flag {}", step.name))?
            {
                self.figures.insert(step.name.clone(), figure);
            }
        }
        self.keyed_rows.clear();
        let outcomes = if self.scope == Scope::Global {
            self.flags_in_parallel(&flags)
        } else {
            self.flags_in_sequence(&flags)
        };
        let mut tables = HitTables::default();
        for ((step, flag), FlagOutcome { findings, elapsed }) in flags.into_iter().zip(outcomes?) {
            let hits = findings.rows.len();
            self.record_step(format!("flag {}", step.name), all.len(), hits, 0, elapsed);
            tables.add(flag, &all, findings);
        }
        tables.into_tables()
    }

    fn window_flag(&mut self, window: &WindowFlag, flag: &Flag) -> Result<(FlagHits, Duration)> {
        self.cancel.check()?;
        let started = Instant::now();
        let states = self.states.take();
        let (ids, times) = (self.table.rows(), self.table.columns().column(&window.time)?);
        let inputs = self.inputs(&window.inputs)?;
        let (facts, order, cancel) = (flag.facts.len(), self.order, self.cancel);
        let hits = match states {
            Some(states) => {
                let state = Some(states.flags.of_flag(&flag.name));
                let hits = window.hits((&ids, times), &inputs, state, order, facts, cancel);
                self.states = Some(states);
                hits
            }
            None => window.hits((&ids, times), &inputs, None, order, facts, cancel),
        };
        Ok((hits?, started.elapsed()))
    }

    fn flags_in_sequence(&self, flags: &[&(Step, Flag)]) -> Result<Vec<FlagOutcome>> {
        flags.iter().map(|flag| self.run_flag(flag)).collect()
    }

    /// A flag of the whole table does much of its work on one core, so several run concurrently. They do not run
    /// on the threads of the pool: those build dictionaries under a lock, and must not wait for it.
    fn flags_in_parallel(&self, flags: &[&(Step, Flag)]) -> Result<Vec<FlagOutcome>> {
        thread::scope(|scope| {
            let threads = flags.iter().map(|flag| scope.spawn(move || self.run_flag(flag)));
            let threads: Vec<_> = threads.collect();
            let ended = threads.into_iter().map(thread::ScopedJoinHandle::join);
            ended
                .map(|ended| ended.unwrap_or_else(|_| Err(Error::internal("a flag panicked"))))
                .collect()
        })
    }

    fn run_flag(&self, (step, flag): &(Step, Flag)) -> Result<FlagOutcome> {
        self.cancel.check()?;
        let started = Instant::now();
        let findings = self.findings(step, flag)?;
        let before = self.window_hits.get(&step.name).map_or(Duration::ZERO, |hits| hits.1);
        Ok(FlagOutcome { findings, elapsed: before + started.elapsed() })
    }

    fn findings(&self, step: &Step, flag: &Flag) -> Result<Findings> {
        let reported = reported(&step.work).into_iter();
        let columns = reported.map(|name| self.table.columns().column(name));
        match &step.work {
            Work::Component { computation, inputs } => {
                let facts = flag.facts.len();
                let hits = computation.hits(&self.inputs(inputs)?, facts, self.cancel)?;
                Ok(Findings::of_component(hits, flag))
            }
            Work::Window(_) => {
                let hits = self.window_hits.get(&step.name).map(|hits| hits.0.clone());
                Ok(Findings::of_component(hits.unwrap_or_default(), flag))
            }
            Work::Expression(expression) => {
                let columns: Vec<&Column> = columns.collect::<Result<_, _>>()?;
                Findings::of_predicate(&self.value(expression, step)?, &columns)
            }
            Work::Declared(declared) => {
                let figure = self.figures.get(&step.name);
                let holds = self.declared(declared, figure, step)?;
                let mut columns: Vec<&Column> = columns.collect::<Result<_, _>>()?;
                let named = figure.zip(declared.aggregate.as_ref()).map(|(figure, declared)| {
                    figure.clone().with_name(declared.aggregate.function.name().into())
                });
                columns.extend(&named);
                Findings::of_predicate(&holds, &columns)
            }
            _ => Err(Error::internal("a flag step without a flag")),
        }
    }

    fn predicate(&self, step: &Step) -> Result<BooleanChunked> {
        match &step.work {
            Work::Expression(expression) => Ok(self.value(expression, step)?.bool()?.clone()),
            Work::Component { computation, inputs } => computation.removes(&self.inputs(inputs)?),
            Work::Declared(declared) => Ok(self.declared(declared, None, step)?.bool()?.clone()),
            _ => Err(Error::internal("a filter step without a filter")),
        }
    }

    fn inputs(&self, names: &[Option<String>]) -> Result<Inputs<'_>> {
        let column = |name: &Option<String>| match name {
            Some(name) => Ok(Some(self.table.columns().column(name)?)),
            None => Ok(None),
        };
        let columns = names.iter().map(column).collect::<Result<_>>()?;
        let context = CallContext {
            table: &self.table,
            cancel: self.cancel,
            diagnostics: &self.component_diagnostics,
        };
        Ok(Inputs::new(columns, &self.dictionaries).with_context(context))
    }

    /// An expression's value for each row.
    ///
    /// # Errors
    /// `InvalidInput` if the expression fails for these rows, such as a CAST of text that is not a number.
    fn value(&self, expression: &Expression, step: &Step) -> Result<Column> {
        let value = expression.evaluate(&self.expression_frame(expression)?);
        value.map_err(|error| failed(&error, &step.name))
    }

    /// The columns that an expression reads.
    fn expression_frame(&self, expression: &Expression) -> Result<DataFrame> {
        if expression.columns.is_empty() {
            // Any column of the right length: the expression is a constant.
            let rows = Column::new("rows".into(), self.table.rows());
            return Ok(DataFrame::new(self.table.height(), vec![rows])?);
        }
        Ok(self.table.columns().select(expression.columns.iter().map(String::as_str))?)
    }

    fn record_step(
        &mut self,
        step: String,
        rows_in: usize,
        rows_out: usize,
        nulls: usize,
        elapsed: Duration,
    ) {
        self.steps.push(StepStatistics {
            step,
            rows_in: rows_in as u64,
            rows_out: rows_out as u64,
            nulls: nulls as u64,
            seconds: elapsed.as_secs_f64(),
        });
    }
}

fn failed(error: &PolarsError, step: &str) -> Error {
    let message = format!(
        "the expression of `{step}` can't be computed for these records: {error}; TRY_CAST gives no value where CAST fails"
    );
    Error::input("EXPRESSION_FAILED", message)
}
