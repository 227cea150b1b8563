//! The times of a stream's records, and the steps over windows, with a clock and a state for each partition.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use anomal_core::{
    Batch, Error, FeatureEngine, FrozenStates, KeyedSteps, Result, blocking, proto::Plan,
};
use anomal_spec::{AnomalyJobSpec, LateRecords, Stream, StreamTime, seconds};
use anomal_stream::{ClockOptions, PartitionClock, Timing};
use polars::prelude::{
    Column, DataFrame, DataType as Dtype, Int64Chunked, IntoColumn, NewChunkedArray, TimeUnit,
};

use super::{check, quarantine::FailedRecord};
use crate::operators::extract::output;

/// The partition of the records from before a stream. Others begin with its clock and its windows.
pub(super) const HISTORY: u32 = u32::MAX;
/// It is kept until the watermarks are so far behind its own, in microseconds.
const HISTORY_KEPT: i64 = 7 * 86_400 * 1_000_000;

pub(super) struct EventTime {
    plan: Arc<Plan>,
    engine: Arc<dyn FeatureEngine>,
    /// The times in [`Batch::typed`]; none: records have no times.
    column: Option<String>,
    options: ClockOptions,
    /// As `stream.time.lateness` has it, where late rows are not judged.
    aside: Option<String>,
    /// A partition of which nothing has come for so long has a watermark that follows the clock; none: it does not.
    idle: Option<Duration>,
    partitions: BTreeMap<u32, Partition>,
}

struct Partition {
    clock: PartitionClock,
    steps: Option<Steps>,
    /// When a record of it came.
    heard: Instant,
}

type Steps = Arc<Mutex<Box<dyn KeyedSteps>>>;

/// The timings of rows, by their offsets, which ascend.
#[derive(Default)]
pub(super) struct RowTimes {
    offsets: Vec<u64>,
    timings: Vec<Timing>,
}

impl RowTimes {
    /// That of a row; none is of a row without a time.
    pub fn of(&self, offset: u64) -> Timing {
        let place = self.offsets.binary_search(&offset);
        place.map_or_else(|_| Timing::default(), |place| self.timings[place])
    }

    /// The rows that are late, in order.
    fn late(&self) -> Vec<u64> {
        let rows = self.offsets.iter().zip(&self.timings);
        rows.filter(|(_, timing)| timing.late).map(|(row, _)| *row).collect()
    }

    pub fn count(&self, of: fn(&Timing) -> bool) -> u64 {
        self.timings.iter().filter(|timing| of(timing)).count() as u64
    }
}

/// What a checkpoint has of the partitions.
#[derive(Default)]
pub(super) struct SavedTime {
    pub clocks: BTreeMap<u32, PartitionClock>,
    pub windows: BTreeMap<u32, Vec<u8>>,
}

/// The same, as it was at one moment.
#[derive(Default)]
pub(super) struct FrozenTime {
    pub clocks: BTreeMap<u32, PartitionClock>,
    pub windows: Vec<(u32, FrozenStates)>,
}

impl EventTime {
    /// # Errors
    /// `InvalidSettings` if `stream.time` is set and the time column has no times.
    pub fn new(
        spec: &AnomalyJobSpec,
        stream: &Stream,
        plan: &Arc<Plan>,
        engine: &Arc<dyn FeatureEngine>,
    ) -> Result<Self> {
        let column = check::time_column(spec, plan)?;
        let time = stream.time.clone().unwrap_or_default();
        let (plan, engine) = (Arc::clone(plan), Arc::clone(engine));
        let aside = (time.late == LateRecords::DeadLetter).then(|| time.lateness.clone());
        let idle = time.idle.as_deref().and_then(seconds).map(Duration::from_secs);
        let (options, partitions) = (options(&time), BTreeMap::new());
        Ok(Self { plan, engine, column, options, aside, idle, partitions })
    }

    /// Whether records have times.
    pub fn is_known(&self) -> bool {
        self.column.is_some()
    }

    /// The times in [`Batch::typed`].
    pub fn column(&self) -> Option<&str> {
        self.column.as_deref()
    }

    /// The watermark of the partition that is farthest behind.
    pub fn watermark(&self) -> Option<i64> {
        let partitions = self.partitions.iter().filter(|(number, _)| **number != HISTORY);
        partitions.filter_map(|(_, partition)| partition.clock.watermark()).min()
    }

    /// There is nothing to read: watermarks of partitions of which nothing has come for long follow the clock. Whether one has gone
    /// on.
    pub fn rest(&mut self) -> bool {
        let Some(idle) = self.idle else { return false };
        let micros = i64::try_from(idle.as_micros()).unwrap_or(i64::MAX);
        let (options, now) = (self.options, now());
        let partitions = self.partitions.iter_mut().filter(|(number, _)| **number != HISTORY);
        let idle = partitions.filter(|(_, partition)| partition.heard.elapsed() >= idle);
        let rested = idle.map(|(_, partition)| partition.clock.rest(&options, micros, now));
        rested.fold(false, |any, rests| any | rests)
    }

    /// Forgets the windows of the records from before the stream once they are over.
    fn leave_history(&mut self) {
        let then = self.partitions.get(&HISTORY).and_then(|history| history.clock.watermark());
        let passed = self.watermark().zip(then).map(|(now, then)| now.saturating_sub(then));
        if passed.is_some_and(|passed| passed > HISTORY_KEPT) {
            self.partitions.remove(&HISTORY);
        }
    }

    /// Reads the times of the next rows of a partition, and adds the features and hits of steps over windows.
    ///
    /// # Errors
    /// Those of the steps.
    pub async fn process(&mut self, batch: Batch) -> Result<(Batch, RowTimes)> {
        let Some(column) = self.column.clone() else { return Ok((batch, RowTimes::default())) };
        let now = now();
        let number = batch.partition;
        let options = self.options;
        let partition = self.partition(number)?;
        partition.heard = Instant::now();
        let times = batch.typed.column(&column)?.to_physical_repr().cast(&Dtype::Int64)?;
        let timings: Vec<Timing> =
            times.i64()?.iter().map(|time| partition.clock.take(&options, time, now)).collect();
        let expired = partition.clock.watermark();
        let expired = expired.map(|watermark| watermark.saturating_sub(options.lateness));
        let steps = partition.steps.clone();
        self.leave_history();
        let row_times = RowTimes { offsets: batch.offsets(), timings };
        let Some(steps) = steps else { return Ok((batch, row_times)) };
        let times = row_times.timings.iter().map(|timing| timing.time);
        let times = Int64Chunked::from_iter_options(column.as_str().into(), times);
        let times = times.into_datetime(TimeUnit::Microseconds, None).into_column();
        Ok((self.judged(batch, times, steps, expired).await?, row_times))
    }

    /// Takes the late rows out of a batch whose times these are, if they are not to be judged.
    ///
    /// # Errors
    /// `Internal`.
    pub fn without_late(
        &self,
        batch: Batch,
        times: &RowTimes,
    ) -> Result<(Batch, Vec<FailedRecord>)> {
        let Some(lateness) = &self.aside else { return Ok((batch, Vec::new())) };
        let late = times.late();
        let failed = late.iter().map(|row| {
            let message =
                format!("its time is behind the watermark by more than `lateness`, {lateness}");
            FailedRecord { row: *row, error: Error::input("LATE", message) }
        });
        let failed = failed.collect();
        Ok((batch.without_offsets(&late)?, failed))
    }

    /// The memory of windows in bytes, roughly.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn memory(&self) -> Result<u64> {
        let lateness = self.options.lateness;
        let of_partition = |partition: &Partition| {
            let watermark = partition.clock.watermark();
            let expired = watermark.map(|watermark| watermark.saturating_sub(lateness));
            Some((partition.steps.clone()?, expired))
        };
        let all: Vec<_> = self.partitions.values().filter_map(of_partition).collect();
        let count = move |_: &_| {
            let each = all.iter().map(|(steps, expired)| lock(steps).memory(*expired));
            each.sum()
        };
        blocking(count).await
    }

    /// Forgets the half of the keys of all windows that were seen longest ago, and returns how many these are.
    pub fn forget_half(&self) -> u64 {
        let steps = self.partitions.values().filter_map(|partition| partition.steps.as_ref());
        steps.map(|steps| lock(steps).forget_half()).sum()
    }

    async fn judged(
        &self,
        mut batch: Batch,
        times: Column,
        steps: Steps,
        expired: Option<i64>,
    ) -> Result<Batch> {
        let inputs = self.plan.keyed.clone().unwrap_or_default();
        let mut columns =
            batch.features.select_to_vec(inputs.features.iter().map(String::as_str))?;
        for column in batch.typed.select_to_vec(inputs.columns.iter().map(String::as_str))? {
            columns.push(if column.name() == times.name() { times.clone() } else { column });
        }
        let table = batch.to_table(DataFrame::new(batch.height(), columns)?)?;
        let work = move |cancel: &_| lock(&steps).arrive(table, expired, cancel);
        let output = output(&self.plan, blocking(work).await?)?;
        let features = output.features.ok_or_else(|| Error::internal("steps without features"))?;
        if features.rows() != batch.offsets() {
            return Err(Error::internal("steps over windows answered for other rows"));
        }
        let mut columns = std::mem::take(&mut batch.features).into_columns();
        columns.extend(features.into_columns().into_columns());
        let columns = DataFrame::new(batch.height(), columns)?;
        batch.features =
            columns.select(self.plan.features.iter().map(|feature| feature.name.as_str()))?;
        batch.statistics.add(&output.statistics);
        batch.hits.append(output.hits);
        batch.hits.sort();
        Ok(batch)
    }

    fn partition(&mut self, number: u32) -> Result<&mut Partition> {
        let is_known = self.partitions.contains_key(&number);
        let begun = (!is_known).then(|| self.begun()).transpose()?;
        self.partitions.extend(begun.map(|partition| (number, partition)));
        let partition = self.partitions.get_mut(&number);
        partition.ok_or_else(|| Error::internal("a partition is not there"))
    }

    /// A partition of which no record was read. It goes on where the records from before the stream have ended, of which
    /// those of its keys are its own.
    fn begun(&self) -> Result<Partition> {
        let steps = self.engine.keyed_steps(&self.plan)?.map(|steps| Arc::new(Mutex::new(steps)));
        let Some(history) = self.partitions.get(&HISTORY) else {
            let clock = PartitionClock::default();
            return Ok(Partition { clock, steps, heard: Instant::now() });
        };
        if let (Some(steps), Some(known)) = (&steps, &history.steps) {
            let known = lock(known).freeze().encode()?;
            lock(steps).restore(&known)?;
        }
        Ok(Partition { clock: history.clock.clone(), steps, heard: Instant::now() })
    }

    pub fn freeze(&self) -> FrozenTime {
        let mut frozen = FrozenTime::default();
        for (number, partition) in &self.partitions {
            frozen.clocks.insert(*number, partition.clock.clone());
            if let Some(steps) = &partition.steps {
                frozen.windows.push((*number, lock(steps).freeze()));
            }
        }
        frozen
    }

    /// Continues from what was saved, before the first record.
    ///
    /// # Errors
    /// `InvalidRequest` if it is damaged.
    pub fn restore(&mut self, saved: SavedTime) -> Result<()> {
        for (number, clock) in saved.clocks {
            self.partition(number)?.clock = clock;
        }
        for (number, snapshot) in saved.windows {
            if let Some(steps) = &self.partition(number)?.steps {
                lock(steps).restore(&snapshot)?;
            }
        }
        Ok(())
    }
}

/// What is said of late and skewed rows, for these.
pub(super) fn columns(times: &RowTimes, offsets: &[u64]) -> [Column; 2] {
    let marked = |is_marked: fn(Timing) -> bool| -> Vec<bool> {
        offsets.iter().map(|offset| is_marked(times.of(*offset))).collect()
    };
    [
        Column::new("anomal.late".into(), marked(|timing| timing.late)),
        Column::new("anomal.skewed".into(), marked(|timing| timing.skewed)),
    ]
}

fn lock(steps: &Steps) -> MutexGuard<'_, Box<dyn KeyedSteps>> {
    steps.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Microseconds since the epoch.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

fn options(time: &StreamTime) -> ClockOptions {
    let micros = |text: &str| {
        let micros = seconds(text)?.saturating_mul(1_000_000);
        Some(i64::try_from(micros).unwrap_or(i64::MAX))
    };
    // The schema has checked them.
    ClockOptions {
        disorder: micros(&time.disorder),
        lateness: micros(&time.lateness).unwrap_or_default(),
        ahead: micros(&time.ahead).unwrap_or_default(),
    }
}
