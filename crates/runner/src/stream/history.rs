//! Records from before a stream, which it learns before its first one.

use std::{collections::VecDeque, sync::Arc};

use anomal_connectors::{OpenOptions, TypeFindings};
use anomal_core::{
    Batch, Code, Error, MemoryBudget, Result, blocking, column_of_view,
    proto::{Column, DataType, Plan},
    time_view,
};
use anomal_dataflow::{Source, read_batches};
use anomal_spec::{AnomalyJobSpec, Input, Mentions};
use polars::prelude::{DataFrame, DataType as Dtype, IdxCa};

use crate::{files, options::Options};

/// Where the settings name them.
pub(super) const PRELOAD: &str = "stream.warmUp.preload";
/// Records that are judged together.
const CHUNK: usize = 8_192;
/// They may have such a part of the memory where they are put in order.
const MEMORY_SHARE: u64 = 4;

/// What is read of them.
pub(super) struct Wanted<'a> {
    pub spec: &'a AnomalyJobSpec,
    pub plan: &'a Plan,
    /// The columns that entities are known by.
    pub entity: &'a [String],
    /// The times in [`Batch::typed`], in whose order they are; none: as they are read.
    pub time: Option<&'a str>,
}

/// The records, in order.
pub(super) struct History {
    batches: Box<dyn Iterator<Item = Result<Batch>> + Send>,
    ahead: VecDeque<Batch>,
    partition: u32,
    /// Records so far, and those that could not be read.
    pub rows: u64,
    pub rejected: u64,
}

impl History {
    /// Opens them, and puts them in the order of their times. Their rows are of this partition.
    ///
    /// # Errors
    /// `InvalidSettings` if they can't be read or lack a column; `ResourceExhausted` if they do not fit into memory.
    pub async fn open(
        input: &Input,
        wanted: Wanted<'_>,
        options: &Options,
        partition: u32,
    ) -> Result<Self> {
        let Wanted { spec, plan, entity, time } = wanted;
        let types = plan.columns.iter();
        let types =
            types.map(|column| (column_of_view(&column.name).to_owned(), column.data_type()));
        let opening = OpenOptions {
            secrets: options.secrets.clone(),
            findings: TypeFindings::default(),
            mentions: Mentions::from(spec),
            fitted: Arc::new(types.collect()),
            ..OpenOptions::default()
        };
        let (input, connectors) = (input.clone(), options.connectors.clone());
        let opened = blocking(move |_| connectors.open(&input, &opening)).await;
        let mut source = opened.map_err(at_its_place)?;
        check_columns(source.as_ref(), &plan.columns, entity)?;
        source.select(&plan.columns).map_err(at_its_place)?;
        source.keep_only(entity);
        files::differ(&files::targets(spec), source.files())?;
        let entity = entity.to_vec();
        let batches = read_batches(source).map(move |batch| -> Result<Batch> {
            let mut batch = batch.map_err(at_its_place)?;
            batch.raw = batch.raw.select(entity.iter().map(String::as_str))?;
            Ok(batch)
        });
        let mut history = Self {
            batches: Box::new(batches),
            ahead: VecDeque::new(),
            partition,
            rows: 0,
            rejected: 0,
        };
        if let Some(time) = time {
            let memory = options.memory.unwrap_or_else(MemoryBudget::default_bytes);
            history.sort(time.to_owned(), memory / MEMORY_SHARE).await?;
        }
        Ok(history)
    }

    /// The next records; none behind the last.
    ///
    /// # Errors
    /// `InvalidSettings` if they can't be read.
    pub async fn next(&mut self) -> Result<Option<Batch>> {
        loop {
            if let Some(batch) = self.ahead.pop_front() {
                return Ok(Some(batch));
            }
            let mut batches = std::mem::replace(&mut self.batches, Box::new(std::iter::empty()));
            let (next, batches) = blocking(move |_| Ok((batches.next(), batches))).await?;
            self.batches = batches;
            let Some(batch) = next.transpose()? else { return Ok(None) };
            self.rejected += batch.statistics.rejected;
            let (raw, typed) = (batch.raw, batch.typed);
            self.divide(&raw, &typed)?;
        }
    }

    /// Makes batches of records, numbered behind those before.
    fn divide(&mut self, raw: &DataFrame, typed: &DataFrame) -> Result<()> {
        let height = raw.height().max(typed.height());
        for start in (0..height).step_by(CHUNK) {
            let rows = CHUNK.min(height - start);
            let part = |part: &DataFrame| match part.width() {
                0 => DataFrame::default(),
                _ => part.slice(i64::try_from(start).unwrap_or(i64::MAX), rows),
            };
            let numbers = (self.rows..).take(rows).collect();
            let mut batch = Batch::new(numbers, part(raw), part(typed))?;
            batch.partition = self.partition;
            self.rows += rows as u64;
            self.ahead.push_back(batch);
        }
        Ok(())
    }

    /// Reads all of them, and puts them in the order of their times. One without a time stays behind the one before it.
    async fn sort(&mut self, time: String, most: u64) -> Result<()> {
        let batches = std::mem::replace(&mut self.batches, Box::new(std::iter::empty()));
        let (raw, typed, rejected) = blocking(move |cancel| {
            let (mut raw, mut typed): (Option<DataFrame>, Option<DataFrame>) = (None, None);
            let (mut bytes, mut rejected) = (0, 0);
            for batch in batches {
                cancel.check()?;
                let batch = batch?;
                rejected += batch.statistics.rejected;
                bytes += (batch.raw.estimated_size() + batch.typed.estimated_size()) as u64;
                if bytes > most {
                    return Err(too_large(most));
                }
                for (all, part) in [(&mut raw, batch.raw), (&mut typed, batch.typed)] {
                    match all {
                        Some(all) => {
                            all.vstack_mut(&part)?;
                        }
                        None => *all = Some(part),
                    }
                }
            }
            let (mut raw, mut typed) = (raw.unwrap_or_default(), typed.unwrap_or_default());
            if typed.height() > 0 {
                let order = order(&typed, &time)?;
                typed = typed.take(&order)?;
                raw = if raw.width() > 0 { raw.take(&order)? } else { raw };
            }
            Ok((raw, typed, rejected))
        })
        .await?;
        self.rejected = rejected;
        self.divide(&raw, &typed)
    }
}

/// The places of rows in the order of their times.
fn order(rows: &DataFrame, time: &str) -> Result<IdxCa> {
    let times = rows.column(time)?.to_physical_repr().cast(&Dtype::Int64)?;
    let times = times.i64()?;
    if times.null_count() == times.len() {
        let message = format!(
            "no record has a time in `{}`; give its format in the `types` of the driver",
            column_of_view(time)
        );
        return Err(Error::settings(PRELOAD, "NO_TIMES", message));
    }
    let mut last = i64::MIN;
    let filled = times.iter().map(|time| {
        last = time.unwrap_or(last);
        last
    });
    let mut places: Vec<(i64, u32)> = filled.zip(0..).collect();
    places.sort_unstable();
    Ok(IdxCa::from_vec("".into(), places.into_iter().map(|(_, place)| place).collect()))
}

/// Refuses records without a column that the steps read, or with one of another type.
fn check_columns(source: &dyn Source, columns: &[Column], entity: &[String]) -> Result<()> {
    let refused = |message: String| Err(Error::settings(PRELOAD, "OTHER_COLUMNS", message));
    let (schema, empty, times) = (source.schema(), source.empty(), source.times());
    let names = || schema.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
    for column in columns {
        let name = column_of_view(&column.name);
        let Some(found) = schema.iter().find(|found| found.name == name) else {
            return refused(format!(
                "the job reads the column `{name}`, which these records do not have: name records with the columns of the \
                 input; they have {}",
                names()
            ));
        };
        let is_number = |of: DataType| matches!(of, DataType::Integer | DataType::Float);
        let (is, wanted) = (found.data_type(), column.data_type());
        let is_time = || times.iter().any(|time| time.column == name);
        let fits = is == wanted
            || wanted == DataType::String
            || (is_number(is) && is_number(wanted))
            || (wanted == DataType::Datetime && (column.name == time_view(name) || is_time()));
        if !fits {
            let text =
                |of: DataType| of.as_str_name().trim_start_matches("DATA_TYPE_").to_lowercase();
            return refused(format!(
                "the column `{name}` of these records is {}, and the job reads it as {}: give its type in the `types` of the \
                 driver",
                text(is),
                text(wanted)
            ));
        }
    }
    match entity.iter().find(|name| empty.column(name).is_err()) {
        Some(name) => refused(format!(
            "entities are known by the column `{name}`, which these records do not have; they have {}",
            names()
        )),
        None => Ok(()),
    }
}

/// An error in reading them, with the place where they are named.
fn at_its_place(error: Error) -> Error {
    let driver = error.violations.first().and_then(|wrong| wrong.path.strip_prefix("input"));
    match (error.code, driver) {
        (Code::InvalidSettings, Some(driver)) => {
            let message = &error.violations[0].message;
            Error::settings(format!("{PRELOAD}{driver}"), &error.reason, message)
        }
        (Code::InvalidInput | Code::InvalidSettings | Code::NotFound, _) => {
            Error::settings(PRELOAD, &error.reason, &error.message)
        }
        _ => Error { message: format!("{PRELOAD}: {}", error.message), ..error },
    }
}

fn too_large(most: u64) -> Error {
    let message = format!(
        "{PRELOAD}: the columns that the job reads have more than {} MiB, a fourth of the memory, and are put in order there: \
         raise --memory, or name fewer files",
        most >> 20
    );
    Error::new(Code::ResourceExhausted, "MEMORY_BUDGET", message)
}
