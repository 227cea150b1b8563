//! An aggregate bound to the columns of a table.

use std::{collections::HashMap, sync::Arc};

use anomal_components::Dictionaries;
use anomal_core::{Cancel, Error, Result, Scope, proto::DataType};
use anomal_spec::{AggregateFunction, Feature};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType as Dtype, Float64Chunked, Int64Chunked, IntoColumn,
    NewChunkedArray,
};

use super::{
    columns::{KeyBytes, Keys, Numbers, counted, hashes, key_bytes, require_value},
    counts::{Count, Rate, Share, SinceLast, ValueShare},
    distinct::Distinct,
    exact_sum::ExactSum,
    extremes::{Exceedance, Extreme, Largest, Smallest},
    keyed::KeyedRows,
    states::StepStates,
    sums::{Mean, Stddev, Sum},
    window::KeyState,
};
use crate::{Expression, columns::Columns, keyed::RowOrder};

/// A compiled aggregate. Column names are those of input columns or of features above.
#[derive(Debug)]
pub(crate) struct Aggregate {
    pub function: AggregateFunction,
    /// The column with the values, where the function has one.
    pub input: Option<String>,
    /// Which rows are counted.
    pub condition: Option<Expression>,
    /// The columns of the key.
    pub by: Vec<String>,
    /// The column with the times.
    pub time: String,
    /// Microseconds; none: all rows so far.
    pub window: Option<i64>,
}

/// Rows by key, for the aggregates that have the same key.
#[derive(Default)]
pub(crate) struct AggregateCache {
    order: RowOrder,
    rows: HashMap<Vec<String>, Arc<RowsByKey>>,
}

impl AggregateCache {
    /// `order`: in which the rows of a key are taken.
    pub fn new(order: RowOrder) -> Self {
        Self { order, rows: HashMap::new() }
    }

    /// Forgets the rows, because those of the table have changed.
    pub fn clear(&mut self) {
        self.rows.clear();
    }
}

pub(crate) struct RowsByKey {
    rows: KeyedRows,
    /// The key of each number, where states are stored by them.
    keys: Vec<KeyBytes>,
}

fn is_numeric(function: AggregateFunction) -> bool {
    use AggregateFunction::{Exceedance, Max, Mean, Min, Stddev, Sum};
    matches!(function, Sum | Mean | Min | Max | Stddev | Exceedance)
}

fn needs_values(function: AggregateFunction) -> bool {
    use AggregateFunction::{Distinct, Share};
    is_numeric(function) || matches!(function, Distinct | Share)
}

/// A duration in microseconds.
fn window(duration: &str) -> Option<i64> {
    let micros = anomal_spec::seconds(duration)?.saturating_mul(1_000_000);
    Some(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// The type of an aggregate's values.
fn output_type(function: AggregateFunction, input: Option<DataType>) -> DataType {
    use AggregateFunction::{
        Count, Distinct, Exceedance, Max, Mean, Min, Rate, Share, SinceLast, Stddev, Sum,
    };
    match (function, input) {
        (Count | Distinct, _) | (Sum | Min | Max, Some(DataType::Integer | DataType::Boolean)) => {
            DataType::Integer
        }
        (Sum | Min | Max | Mean | Stddev | Exceedance | Rate | Share | SinceLast, _) => {
            DataType::Float
        }
    }
}

impl Aggregate {
    /// The aggregate of a feature, the type of its values and its scope.
    ///
    /// # Errors
    /// `InvalidSettings` with the path.
    pub fn compile(
        feature: &Feature,
        name: &str,
        path: &str,
        columns: &mut Columns<'_>,
    ) -> Result<(Self, DataType, Scope)> {
        let invalid = |(part, message): (&str, String)| {
            let reason = if part == "window" && feature.window.is_some() {
                "WINDOW_INVALID"
            } else {
                "AGGREGATE_INCOMPLETE"
            };
            Error::settings(format!("{path}.{part}"), reason, message)
        };
        let missing = || invalid(("function", "an aggregate has a function".to_owned()));
        let function = feature.function.ok_or_else(missing)?;
        let time = columns.read_time(name)?;
        let by = feature.by.clone().unwrap_or_default();
        for column in &by {
            columns.read_value(column, &format!("{path}.by"))?;
        }
        let place = format!("{path}.of");
        let input = match &feature.of {
            Some(column) if is_numeric(function) => {
                Some((column.clone(), columns.read_number(column, name, &place)?))
            }
            Some(column) => Some((column.clone(), columns.read_value(column, &place)?)),
            None => None,
        };
        let has_condition = feature.condition.is_some();
        let window = feature.window.as_deref();
        let (mut aggregate, data_type) =
            Self::new(function, input, has_condition, by, time, window).map_err(invalid)?;
        let mut condition_scope = Scope::Row;
        if let Some(sql) = &feature.condition {
            let (condition, scope) = columns.predicate(sql, &format!("{path}.where"))?;
            (aggregate.condition, condition_scope) = (Some(condition), scope);
        }
        let scope = columns.keyed_scope(aggregate.reads().iter().map(String::as_str));
        Ok((aggregate, data_type, scope.max(condition_scope)))
    }

    /// An aggregate of columns, and the type of its values. `input`: the column with the values, and its type.
    ///
    /// # Errors
    /// The part that is missing or invalid, and a message.
    pub fn new(
        function: AggregateFunction,
        input: Option<(String, DataType)>,
        has_condition: bool,
        by: Vec<String>,
        time: String,
        window: Option<&str>,
    ) -> Result<(Self, DataType), (&'static str, String)> {
        let window = match window {
            Some(text) => Some(self::window(text).ok_or_else(|| {
                let message = format!("`{text}` is not a duration, such as 30s, 5m, 1h, 7d or 2w");
                ("window", message)
            })?),
            None if function == AggregateFunction::Rate => {
                return Err(("window", "a rate needs a window, such as 5m".into()));
            }
            None => None,
        };
        let of_rows = matches!(function, AggregateFunction::Mean | AggregateFunction::Share);
        match &input {
            Some(_) if function == AggregateFunction::SinceLast => {
                return Err(("of", "sinceLast is about rows, not values; use `where`".into()));
            }
            None if needs_values(function) && !(of_rows && has_condition) => {
                let message = format!("{} needs `of`: the column with the values", function.name());
                return Err(("of", message));
            }
            _ => {}
        }
        let data_type = output_type(function, input.as_ref().map(|input| input.1));
        let input = input.map(|input| input.0);
        Ok((Self { function, input, condition: None, by, time, window }, data_type))
    }

    /// The names of all columns but those of the condition.
    pub fn names_mut(&mut self) -> impl Iterator<Item = &mut String> {
        self.by.iter_mut().chain(&mut self.input).chain(std::iter::once(&mut self.time))
    }

    /// The columns and features that it reads.
    pub fn reads(&self) -> Vec<String> {
        let condition = self.condition.iter().flat_map(|condition| &condition.columns);
        let mut names: Vec<String> = [&self.time].into_iter().cloned().collect();
        for name in self.by.iter().chain(&self.input).chain(condition) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// The value of each row of a table. `condition` has the rows for which the condition holds, `rows` their ids, `states`
    /// the states of keys from rows before these, where these are not all rows.
    ///
    /// # Errors
    /// `Cancelled`; `InvalidRequest` for damaged states.
    #[expect(clippy::too_many_arguments, reason = "the parts of a run, borrowed one by one")]
    pub fn evaluate(
        &self,
        frame: &DataFrame,
        rows: &[u64],
        condition: Option<&BooleanChunked>,
        dictionaries: &Dictionaries,
        cache: &mut AggregateCache,
        states: Option<&mut StepStates>,
        cancel: &Cancel,
    ) -> Result<Column> {
        let keyed = match cache.rows.get(&self.by) {
            Some(keyed) => Arc::clone(keyed),
            None => {
                let with_keys = states.is_some();
                let keyed = self.rows_by_key(frame, rows, dictionaries, cache.order, with_keys)?;
                let keyed = Arc::new(keyed);
                cache.rows.insert(self.by.clone(), Arc::clone(&keyed));
                keyed
            }
        };
        cancel.check()?;
        let mut evaluation = Evaluation { keyed: &keyed, window: self.window, states, cancel };
        let input = match &self.input {
            Some(name) => Some(frame.column(name)?),
            None => None,
        };
        let counted = counted(condition, frame.height());
        evaluation.column(self.function, input, counted, dictionaries)
    }

    fn rows_by_key(
        &self,
        frame: &DataFrame,
        rows: &[u64],
        dictionaries: &Dictionaries,
        order: RowOrder,
        with_keys: bool,
    ) -> Result<RowsByKey> {
        let columns = self.by.iter().map(|name| frame.column(name));
        let columns: Vec<&Column> = columns.collect::<Result<_, _>>()?;
        let keys = Keys::new(&columns, dictionaries, frame.height())?;
        let times = frame.column(&self.time)?.to_physical_repr().cast(&Dtype::Int64)?.rechunk();
        let times = times.i64()?;
        let row_order = (!rows.is_sorted()).then(|| {
            let mut order: Vec<u32> = (0..).take(rows.len()).collect();
            order.sort_by_key(|position| rows[*position as usize]);
            order
        });
        let time = |position| times.get(position);
        let rows = KeyedRows::new(&keys.codes, keys.count, time, row_order.as_deref(), order);
        let keys = if with_keys { key_bytes(&columns, &rows.positions())? } else { Vec::new() };
        Ok(RowsByKey { rows, keys })
    }
}

struct Evaluation<'a> {
    keyed: &'a RowsByKey,
    window: Option<i64>,
    states: Option<&'a mut StepStates>,
    cancel: &'a Cancel,
}

impl Evaluation<'_> {
    fn column(
        &mut self,
        function: AggregateFunction,
        input: Option<&Column>,
        mut counted: Vec<bool>,
        dictionaries: &Dictionaries,
    ) -> Result<Column> {
        let window = self.window;
        match (function, input) {
            (AggregateFunction::Count, input) => {
                input.into_iter().for_each(|input| require_value(input, &mut counted));
                self.integers(|| Count::new(window), |row| counted[row])
            }
            (AggregateFunction::Rate, input) => {
                input.into_iter().for_each(|input| require_value(input, &mut counted));
                let window = window.ok_or_else(|| Error::internal("a rate without a window"))?;
                self.floats(|| Rate::new(window), |row| counted[row])
            }
            (AggregateFunction::SinceLast, _) => {
                self.floats(|| SinceLast::new(window), |row| counted[row])
            }
            (AggregateFunction::Share | AggregateFunction::Mean, None) => {
                self.floats(|| Share::new(window), |row| counted[row])
            }
            (AggregateFunction::Share, Some(input)) => {
                let hashes = hashes(input, dictionaries)?;
                self.floats(|| ValueShare::new(window), |row| (hashes[row], counted[row]))
            }
            (AggregateFunction::Distinct, Some(input)) => {
                let hashes = hashes(input, dictionaries)?;
                let value = |row: usize| hashes[row].filter(|_| counted[row]);
                self.integers(|| Distinct::new(window), value)
            }
            (AggregateFunction::Stddev, Some(input)) => {
                let values = Numbers::new(input, &mut counted)?.into_floats();
                self.floats(|| Stddev::new(window), |row| counted[row].then(|| values[row]))
            }
            (AggregateFunction::Exceedance, Some(input)) => {
                let mut present = vec![true; counted.len()];
                let values = Numbers::new(input, &mut present)?.into_floats();
                let value = |row: usize| present[row].then(|| values[row]);
                self.floats(|| Exceedance::new(window), |row| (value(row), counted[row]))
            }
            (_, Some(input)) => match Numbers::new(input, &mut counted)? {
                Numbers::Integers(values) => {
                    let value = |row: usize| counted[row].then(|| values[row]);
                    self.of_integers(function, value)
                }
                Numbers::Floats(values) => {
                    let value = |row: usize| counted[row].then(|| values[row]);
                    self.of_floats(function, value)
                }
            },
            (_, None) => Err(Error::internal("an aggregate without a column")),
        }
    }

    /// Sum, mean, min or max of whole numbers.
    fn of_integers(
        &mut self,
        function: AggregateFunction,
        value: impl Fn(usize) -> Option<i64> + Sync,
    ) -> Result<Column> {
        let window = self.window;
        match function {
            AggregateFunction::Sum => self.integers(|| Sum::<i64, i128>::new(window), value),
            AggregateFunction::Mean => self.floats(|| Mean::<i64, i128>::new(window), value),
            AggregateFunction::Min => self.integers(|| Extreme::<_, Smallest>::new(window), value),
            _ => self.integers(|| Extreme::<_, Largest>::new(window), value),
        }
    }

    /// The same of other numbers.
    fn of_floats(
        &mut self,
        function: AggregateFunction,
        value: impl Fn(usize) -> Option<f64> + Sync,
    ) -> Result<Column> {
        let window = self.window;
        match function {
            AggregateFunction::Sum => self.floats(|| Sum::<f64, ExactSum>::new(window), value),
            AggregateFunction::Mean => self.floats(|| Mean::<f64, ExactSum>::new(window), value),
            AggregateFunction::Min => self.floats(|| Extreme::<_, Smallest>::new(window), value),
            _ => self.floats(|| Extreme::<_, Largest>::new(window), value),
        }
    }

    fn integers<S: KeyState<Value = i64>>(
        &mut self,
        state: impl Fn() -> S + Sync,
        row: impl Fn(usize) -> S::Row + Sync,
    ) -> Result<Column> {
        let values = self.values(state, row)?;
        Ok(Int64Chunked::from_iter_options("".into(), values.into_iter()).into_column())
    }

    fn floats<S: KeyState<Value = f64>>(
        &mut self,
        state: impl Fn() -> S + Sync,
        row: impl Fn(usize) -> S::Row + Sync,
    ) -> Result<Column> {
        let values = self.values(state, row)?;
        Ok(Float64Chunked::from_iter_options("".into(), values.into_iter()).into_column())
    }

    fn values<S: KeyState>(
        &mut self,
        state: impl Fn() -> S + Sync,
        row: impl Fn(usize) -> S::Row + Sync,
    ) -> Result<Vec<Option<S::Value>>> {
        let RowsByKey { rows, keys } = self.keyed;
        match &mut self.states {
            Some(states) => {
                let states = states.by_key(self.window)?;
                rows.continue_states(states, keys, state, row, self.cancel)
            }
            None => rows.evaluate(state, row, self.cancel),
        }
    }
}
