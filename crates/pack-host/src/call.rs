//! Calls of a guest for chunks of rows, in parallel; failures are traced to their row.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anomal_components::CallContext;
use anomal_core::{Cancel, Error, Result, proto::Diagnostic};
use rayon::prelude::*;

use crate::{
    describe::GuestComponent,
    error::{Failure, FailureKind},
    guest::{Guest, GuestOptions, OnTrap, PackLists},
    instance::{CallLimits, Instance, InstanceState},
    limits::{MAX_MESSAGE, MAX_TEXT, MIN_OUTPUT, shorten},
    rows::{EncodedRows, Rows},
};

/// The part of the time limit that a call has which only locates a failure.
const LOCATING: u32 = 10;
/// Bytes of an answer besides its texts: for each row, and for the call.
const ROW_BYTES: usize = 32;
const CALL_BYTES: usize = 1 << 20;

/// A component of a guest with its parameters.
pub(crate) struct Task {
    pub guest: Arc<Guest>,
    pub options: GuestOptions,
    pub component: Arc<GuestComponent>,
    /// JSON.
    pub parameters: String,
    pub lists: PackLists,
}

/// Why an instance is not ready.
pub(crate) enum StartError {
    Failure(Failure),
    /// The parameter and what is wrong with it.
    Parameter(Option<String>, String),
}

impl Task {
    fn limits(&self, time: Duration) -> CallLimits {
        let most = self.guest.host.limits.instance_memory;
        CallLimits { time, memory: self.options.memory.map_or(most, |memory| memory.min(most)) }
    }

    /// A fresh instance that has its component and parameters.
    pub fn start(&self, cancel: Option<&Cancel>, time: Duration) -> Result<Instance, StartError> {
        let host = &self.guest.host;
        let limits = self.limits(time);
        let stopped = || cancel.is_some_and(Cancel::is_cancelled);
        let reserved = host.memory.reserve(limits.memory, stopped);
        let reserved = reserved.ok_or(StartError::Failure(Failure::Cancelled))?;
        let lists = self.lists.clone();
        let state = InstanceState::new(limits.memory, cancel.cloned(), lists);
        let running = host.ticker.run();
        let failed = StartError::Failure;
        let mut instance = Instance::new(&self.guest.pre, state, limits, running, Some(reserved))
            .map_err(failed)?;
        let parameters = (self.component.name.as_str(), self.parameters.as_str());
        type Answer = (std::result::Result<(), (Option<String>, String)>,);
        let (answer,): Answer =
            instance.call(&self.guest.exports.prepare, parameters, CALL_BYTES).map_err(failed)?;
        answer.map_err(|(parameter, message)| {
            StartError::Parameter(parameter, shorten(&message, MAX_MESSAGE))
        })?;
        Ok(instance)
    }

    /// Bytes of texts that the answer of a call can have.
    pub fn max_text(&self, call: &EncodedRows) -> usize {
        let most = self.guest.host.limits.output_ratio;
        let ratio = self.options.output_ratio.map_or(most, |ratio| ratio.min(most));
        call.text_bytes().saturating_mul(ratio as usize).max(MIN_OUTPUT)
    }

    /// Bytes of the answer of a call.
    pub fn max_answer(&self, call: &EncodedRows) -> usize {
        self.max_text(call) + call.rows * ROW_BYTES + CALL_BYTES
    }

    fn name(&self) -> String {
        format!("{}/{}", self.options.pack, self.component.name)
    }
}

/// A computation of a task over rows.
pub(crate) struct Calls<'a, T> {
    pub task: &'a Task,
    pub rows: &'a Rows,
    pub context: Option<&'a CallContext<'a>>,
    /// Calls an instance.
    pub function: &'a (dyn Fn(&mut Instance, &EncodedRows) -> Result<T, Failure> + Sync),
    /// Whether two results have the same bytes.
    pub same: fn(&T, &T) -> bool,
    /// The result for a unit with so many rows for which the guest failed.
    pub missing: &'a (dyn Fn(usize) -> Result<T> + Sync),
}

/// The results of consecutive units.
pub(crate) type Piece<T> = (Range<usize>, T);

/// Values for which the guest failed.
#[derive(Default)]
struct FailureLog(Mutex<Vec<(usize, Failure)>>);

enum CallError {
    /// The rows can't be passed, or the instance can't be made.
    Fatal(Error),
    Failure(Failure),
}

impl<T: Send> Calls<'_, T> {
    /// The results of all units, in order.
    ///
    /// # Errors
    /// `Cancelled`; `PACK_…` of the first chunk that fails, with the first failing row of it.
    pub fn run(&self) -> Result<Vec<Piece<T>>> {
        let chunks = self.rows.chunks();
        let (first_failed, failed) = (AtomicUsize::new(usize::MAX), FailureLog::default());
        let compute = |slot: &mut Option<Instance>, (number, chunk): (usize, Range<usize>)| {
            let mut pieces = Vec::new();
            // A later chunk is not needed once one has failed: the error is that of the first.
            if first_failed.load(Ordering::Relaxed) > number {
                let computed = self.chunk(slot, chunk, &failed, &mut pieces);
                if computed.is_err() {
                    first_failed.fetch_min(number, Ordering::Relaxed);
                }
                computed.map(|()| pieces)
            } else {
                Ok(pieces)
            }
        };
        let computed: Vec<Result<Vec<Piece<T>>>> =
            chunks.into_par_iter().enumerate().map_init(|| None, compute).collect();
        let pieces = computed.into_iter().collect::<Result<Vec<_>>>()?;
        self.report(failed);
        Ok(pieces.into_iter().flatten().collect())
    }

    fn chunk(
        &self,
        slot: &mut Option<Instance>,
        units: Range<usize>,
        failed: &FailureLog,
        pieces: &mut Vec<Piece<T>>,
    ) -> Result<()> {
        let call = self.rows.encode(units.clone())?;
        if call.text_bytes() > MAX_TEXT && units.len() > 1 {
            drop(call);
            let (first, second) = halves(&units);
            self.chunk(slot, first, failed, pieces)?;
            return self.chunk(slot, second, failed, pieces);
        }
        match self.attempt(slot, &call, self.task.guest.host.limits.call) {
            Ok(result) => pieces.push((units, result)),
            Err(CallError::Fatal(error)) => return Err(error),
            Err(CallError::Failure(Failure::Cancelled)) => return Err(Error::cancelled()),
            Err(CallError::Failure(failure)) => match self.task.options.on_trap {
                OnTrap::Fail => return Err(self.failure(units, failure)),
                OnTrap::Missing { most } => self.isolate(units, failure, most, failed, pieces)?,
            },
        }
        Ok(())
    }

    /// Calls an instance: a fresh one, or that of the last call if the pack keeps no state.
    fn attempt(
        &self,
        slot: &mut Option<Instance>,
        call: &EncodedRows,
        time: Duration,
    ) -> Result<T, CallError> {
        let mut instance = match slot.take() {
            Some(mut instance) => {
                instance.limit(self.task.limits(time));
                instance
            }
            None => self.start(time).map_err(CallError::Fatal)?,
        };
        let result = (self.function)(&mut instance, call).map_err(CallError::Failure)?;
        if self.task.options.repeat {
            let again = (self.function)(&mut instance, call).map_err(CallError::Failure)?;
            if !(self.same)(&result, &again) {
                let message = "a second call of the same instance has another answer: it depends on more than the values";
                return Err(CallError::Failure(Failure::answer(message)));
            }
        }
        if self.task.options.stateless {
            *slot = Some(instance);
        }
        Ok(result)
    }

    fn start(&self, time: Duration) -> Result<Instance> {
        let cancel = self.context.map(|context| context.cancel);
        self.task.start(cancel, time).map_err(|error| match error {
            StartError::Failure(Failure::Cancelled) => Error::cancelled(),
            StartError::Failure(Failure::Call(kind, message)) => {
                kind.error(format!("{} can't be started: {message}", self.task.name()))
            }
            StartError::Parameter(_, message) => {
                let name = self.task.name();
                let message = format!("{name} refuses parameters that it accepted: {message}");
                FailureKind::Failed.error(message)
            }
        })
    }

    /// Whether a call for these units fails, within a part of the time limit.
    fn fails(&self, units: Range<usize>) -> Result<Option<Failure>> {
        let call = self.rows.encode(units)?;
        match self.attempt(&mut None, &call, self.task.guest.host.limits.call / LOCATING) {
            Ok(_) => Ok(None),
            Err(CallError::Fatal(error)) => Err(error),
            Err(CallError::Failure(Failure::Cancelled)) => Err(Error::cancelled()),
            Err(CallError::Failure(failure)) => Ok(Some(failure)),
        }
    }

    /// The error of a chunk, with the first unit that fails by itself.
    fn failure(&self, units: Range<usize>, failure: Failure) -> Error {
        let Failure::Call(kind, message) = failure else { return Error::cancelled() };
        let place = match self.locate(units.clone()) {
            Ok(Some((unit, _))) => {
                format!("at row {}, {}", self.row(unit), self.rows.value(unit))
            }
            Ok(None) => {
                let last = units.end.saturating_sub(1);
                let (first, last) = (self.row(units.start), self.row(last));
                format!("for the rows {first} to {last}, and not for one of them alone")
            }
            Err(error) => return error,
        };
        kind.error(format!(
            "{} failed {place}: {message}; report it to the authors of the pack, or set `onTrap: missing` for the pack in \
             `packs`",
            self.task.name()
        ))
    }

    /// The first unit for which a call fails: units are computed independently, so half of them fail, or the other half.
    fn locate(&self, mut units: Range<usize>) -> Result<Option<(usize, Failure)>> {
        while units.len() > 1 {
            let (first, second) = halves(&units);
            units = if self.fails(first.clone())?.is_some() { first } else { second };
        }
        Ok(self.fails(units.clone())?.map(|failure| (units.start, failure)))
    }

    /// Computes the units of a failed chunk, without those that fail by themselves.
    fn isolate(
        &self,
        units: Range<usize>,
        failure: Failure,
        most: u64,
        failed: &FailureLog,
        pieces: &mut Vec<Piece<T>>,
    ) -> Result<()> {
        if units.len() == 1 {
            let mut values = failed.0.lock().unwrap_or_else(PoisonError::into_inner);
            if values.len() as u64 >= most {
                let place = format!("{most} values and more");
                let Failure::Call(kind, message) = failure else { return Err(Error::cancelled()) };
                let name = self.task.name();
                return Err(kind.error(format!(
                    "{name} failed for {place}, the last at row {}, {}: {message}; report it to the authors of the pack, \
                     or raise `maxTraps` of the pack",
                    self.row(units.start),
                    self.rows.value(units.start)
                )));
            }
            values.push((units.start, failure));
            drop(values);
            pieces.push((units.clone(), (self.missing)(self.rows.encode(units)?.rows)?));
            return Ok(());
        }
        let time = self.task.guest.host.limits.call / LOCATING;
        let (first, second) = halves(&units);
        for units in [first, second] {
            let call = self.rows.encode(units.clone())?;
            match self.attempt(&mut None, &call, time) {
                Ok(result) => pieces.push((units, result)),
                Err(CallError::Fatal(error)) => return Err(error),
                Err(CallError::Failure(Failure::Cancelled)) => return Err(Error::cancelled()),
                Err(CallError::Failure(failure)) => {
                    self.isolate(units, failure, most, failed, pieces)?;
                }
            }
        }
        Ok(())
    }

    /// Reports the values for which the guest failed, with the first three rows.
    fn report(&self, failed: FailureLog) {
        let mut failed = failed.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Some(context) = self.context.filter(|_| !failed.is_empty()) else { return };
        failed.sort_by_key(|(unit, _)| *unit);
        let shown = failed.iter().take(3).map(|(unit, failure)| {
            let message = match failure {
                Failure::Cancelled => "it was cancelled",
                Failure::Call(_, message) => message,
            };
            format!("row {}, {}: {message}", self.row(*unit), self.rows.value(*unit))
        });
        let shown: Vec<String> = shown.collect();
        let count = failed.iter().map(|(unit, _)| self.rows.count(*unit) as u64).sum();
        context.report(Diagnostic {
            path: String::new(),
            reason: "PACK_VALUE_FAILED".into(),
            message: format!("{} failed: {}", self.task.name(), shown.join("; ")),
            count,
        });
    }

    /// The number of a unit's first row in the input.
    fn row(&self, unit: usize) -> u64 {
        let row = self.rows.first_row(unit);
        let rows = self.context.map(|context| context.table.rows());
        rows.and_then(|rows| rows.get(row).copied()).unwrap_or(row as u64)
    }
}

fn halves(units: &Range<usize>) -> (Range<usize>, Range<usize>) {
    let middle = units.start + units.len() / 2;
    (units.start..middle, middle..units.end)
}
