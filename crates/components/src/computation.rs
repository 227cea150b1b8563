//! Components with their parameters, ready to run over columns.

use std::{borrow::Cow, marker::PhantomData};

use anomal_core::{
    Cancel, Error, Result, list_items,
    proto::{DataType, NamedNumber},
};
use anomal_registry::ParameterError;
use polars::prelude::{
    BooleanChunked, Column, DataType as Dtype, Float64Chunked, Int64Chunked, IntoColumn,
    NewChunkedArray, StringChunked,
};

use crate::{
    dictionary::{Dictionary, Key},
    flag_hits::FlagHits,
    inputs::Inputs,
    window::{FlagWindow, Window},
};

type Compute<T> = Box<dyn Fn(&Inputs<'_>) -> Result<T> + Send + Sync>;

/// A component with its parameters. Only the method of its type returns a result.
pub struct Computation(Work);

enum Work {
    Metric(Compute<Column>, Vec<NamedNumber>),
    Filter(Compute<BooleanChunked>),
    Direct(Box<dyn DirectFlag>),
    Aggregation(Box<dyn AggregationFlag>),
}

/// A flag that depends on one row.
pub trait DirectFlag: Send + Sync {
    /// Hits by position. The columns are those of the component's inputs.
    fn hits(&self, inputs: &Inputs<'_>) -> Result<FlagHits>;
}

/// A flag that depends on all rows.
pub trait AggregationFlag: Send + Sync {
    /// Hits by position. The columns have a single chunk.
    fn hits(&self, inputs: &Inputs<'_>, cancel: &Cancel) -> Result<FlagHits>;

    /// The same flag over windows, without a row so far; none where it needs all rows at once.
    ///
    /// # Errors
    /// The parameter that it needs, or can't have, over windows.
    fn over(&self, _window: Window) -> Result<Option<Box<dyn FlagWindow>>, ParameterError> {
        Ok(None)
    }
}

/// A value for each row, computed from the first input. A missing input gives a missing value.
pub struct Metric<T> {
    compute: Compute<Column>,
    named: Vec<NamedNumber>,
    value: PhantomData<fn() -> T>,
}

impl<T: MetricValue> Metric<T> {
    /// A function of a text, called once for each distinct text.
    pub fn text(function: impl Fn(&str) -> Option<T> + Send + Sync + 'static) -> Self {
        Self::inputs(move |inputs| Ok(values(inputs.dictionary(0)?.as_ref(), &function)))
    }

    /// A function of a key derived from a text, called once for each distinct key.
    pub fn key(key: &Key, function: impl Fn(&str) -> Option<T> + Send + Sync + 'static) -> Self {
        let key = key.clone();
        Self::inputs(move |inputs| {
            Ok(values(inputs.dictionary(0)?.by_key(&key).as_ref(), &function))
        })
    }

    /// A function of a time in microseconds since the epoch.
    pub fn time(function: impl Fn(i64) -> Option<T> + Send + Sync + 'static) -> Self {
        Self::inputs(move |inputs| {
            let times = inputs.required(0)?.to_physical_repr().cast(&Dtype::Int64)?;
            let values = times.i64()?.iter().map(|time| function(time?));
            let values: Vec<Option<T>> = values.collect();
            Ok(T::column(values.iter().map(Option::as_ref)))
        })
    }

    /// A function of the items of a list, called once for each distinct text.
    pub fn list(function: impl Fn(&[Cow<'_, str>]) -> Option<T> + Send + Sync + 'static) -> Self {
        Self::text(move |cell| function(&list_items(cell)))
    }

    /// A function of a column that returns one of the same length, with the type of `T`.
    pub fn column(function: impl Fn(&Column) -> Result<Column> + Send + Sync + 'static) -> Self {
        Self::inputs(move |inputs| function(inputs.required(0)?))
    }

    /// A function of all inputs that returns a column of the same length, with the type of `T`.
    pub fn inputs(compute: impl Fn(&Inputs<'_>) -> Result<Column> + Send + Sync + 'static) -> Self {
        Self { compute: Box::new(compute), named: Vec::new(), value: PhantomData }
    }

    /// Names a number that stands for something else: people read the text instead of it.
    #[must_use]
    pub fn with_named(mut self, number: f64, text: &str) -> Self {
        self.named.push(NamedNumber { number, text: text.to_owned() });
        self
    }
}

fn values<T: MetricValue>(
    dictionary: &Dictionary,
    function: impl Fn(&str) -> Option<T> + Sync,
) -> Column {
    let values = dictionary.map(function);
    T::column(dictionary.rows(&values))
}

/// A type that the values of a metric can have.
pub trait MetricValue: Send + Sized {
    const DATA_TYPE: DataType;

    /// Values of rows as a column.
    fn column<'a>(rows: impl Iterator<Item = Option<&'a Self>>) -> Column
    where
        Self: 'a;
}

macro_rules! metric_value {
    ($value:ty, $data_type:expr, $array:ty, $borrow:expr) => {
        impl MetricValue for $value {
            const DATA_TYPE: DataType = $data_type;

            fn column<'a>(rows: impl Iterator<Item = Option<&'a Self>>) -> Column {
                let rows = rows.map(|row| row.map($borrow));
                <$array>::from_iter_options("".into(), rows).into_column()
            }
        }
    };
}
metric_value!(i64, DataType::Integer, Int64Chunked, |value| *value);
metric_value!(f64, DataType::Float, Float64Chunked, |value| *value);
metric_value!(bool, DataType::Boolean, BooleanChunked, |value| *value);
metric_value!(String, DataType::String, StringChunked, String::as_str);

/// Which rows to remove, decided by the first input. A missing input removes nothing.
pub struct Filter(Compute<BooleanChunked>);

impl Filter {
    /// Removes the rows for which a function of all inputs holds.
    pub fn inputs(
        removes: impl Fn(&Inputs<'_>) -> Result<BooleanChunked> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(removes))
    }

    /// Removes rows whose text satisfies a predicate, which is called once for each distinct text.
    pub fn text(removes: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Box::new(move |inputs| Ok(inputs.dictionary(0)?.mask(&removes))))
    }

    /// Removes rows whose text has a key that satisfies a predicate.
    pub fn key(key: &Key, removes: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        let key = key.clone();
        Self(Box::new(move |inputs| Ok(inputs.dictionary(0)?.by_key(&key).mask(&removes))))
    }

    /// Removes rows whose number satisfies a predicate.
    pub fn number(removes: impl Fn(f64) -> bool + Send + Sync + 'static) -> Self {
        Self(Box::new(move |inputs| {
            let numbers = inputs.required(0)?.cast(&Dtype::Float64)?;
            let numbers = numbers.f64()?.iter();
            Ok(numbers.map(|number| number.is_some_and(&removes)).collect())
        }))
    }
}

impl<T> From<Metric<T>> for Computation {
    fn from(metric: Metric<T>) -> Self {
        Self(Work::Metric(metric.compute, metric.named))
    }
}

impl From<Filter> for Computation {
    fn from(filter: Filter) -> Self {
        Self(Work::Filter(filter.0))
    }
}

impl Computation {
    /// A metric of all inputs. The column has as many rows as they have, and the type of the component's output.
    pub fn metric(compute: impl Fn(&Inputs<'_>) -> Result<Column> + Send + Sync + 'static) -> Self {
        Self(Work::Metric(Box::new(compute), Vec::new()))
    }

    /// A filter by all inputs: for each row, whether it is removed.
    pub fn filter(
        removes: impl Fn(&Inputs<'_>) -> Result<BooleanChunked> + Send + Sync + 'static,
    ) -> Self {
        Self(Work::Filter(Box::new(removes)))
    }

    pub fn direct_flag(flag: impl DirectFlag + 'static) -> Self {
        Self(Work::Direct(Box::new(flag)))
    }

    pub fn aggregation_flag(flag: impl AggregationFlag + 'static) -> Self {
        Self(Work::Aggregation(Box::new(flag)))
    }

    /// The numbers of a metric that stand for something else.
    pub fn named(&self) -> &[NamedNumber] {
        match &self.0 {
            Work::Metric(_, named) => named,
            _ => &[],
        }
    }

    /// The values of a metric.
    ///
    /// # Errors
    /// `Internal` if this is no metric.
    pub fn values(&self, inputs: &Inputs<'_>) -> Result<Column> {
        match &self.0 {
            Work::Metric(compute, _) => compute(inputs),
            _ => Err(Error::internal("a metric step without a metric")),
        }
    }

    /// For each row, whether a filter removes it.
    ///
    /// # Errors
    /// `Internal` if this is no filter.
    pub fn removes(&self, inputs: &Inputs<'_>) -> Result<BooleanChunked> {
        match &self.0 {
            Work::Filter(compute) => compute(inputs),
            _ => Err(Error::internal("a filter step without a filter")),
        }
    }

    /// The hits of a flag, which has so many facts.
    ///
    /// # Errors
    /// `Cancelled`; `Internal` if this is no flag, if it hits a row that is not there, or if its facts are others.
    pub fn hits(&self, inputs: &Inputs<'_>, facts: usize, cancel: &Cancel) -> Result<FlagHits> {
        let hits = match &self.0 {
            Work::Direct(flag) => flag.hits(inputs)?,
            Work::Aggregation(flag) => flag.hits(inputs, cancel)?,
            _ => return Err(Error::internal("a flag step without a flag")),
        };
        hits.checked(inputs.rows(), facts)
    }

    /// The flag over windows, as [`AggregationFlag::over`]; none for other components.
    ///
    /// # Errors
    /// As [`AggregationFlag::over`].
    pub fn over(&self, window: Window) -> Result<Option<Box<dyn FlagWindow>>, ParameterError> {
        match &self.0 {
            Work::Aggregation(flag) => flag.over(window),
            _ => Ok(None),
        }
    }
}
