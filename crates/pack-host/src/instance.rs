//! An instance of a guest: its own memory, its time, and calls.

use std::time::Instant;

use anomal_core::Cancel;
use wasmtime::{
    ResourceLimiter, Store, Trap, UpdateDeadline,
    component::{ComponentExportIndex, ComponentNamedList, Instance as WasmInstance, Lift, Lower},
};

use crate::{
    error::{Failure, FailureKind, MalformedCall, Stop},
    guest::PackLists,
    limits::{MAX_LOG, MAX_MESSAGE, MAX_PARTS, MAX_TABLE, shorten},
    memory::Reservation,
    ticker::RunningTicker,
};

/// What the host knows of an instance.
pub(crate) struct InstanceState {
    memory: usize,
    memory_limit: usize,
    table: usize,
    deadline: Instant,
    cancel: Option<Cancel>,
    pub lists: PackLists,
    /// Bytes that can still be logged.
    pub log: usize,
}

impl InstanceState {
    pub fn new(memory_limit: u64, cancel: Option<Cancel>, lists: PackLists) -> Self {
        Self {
            memory: 0,
            memory_limit: usize::try_from(memory_limit).unwrap_or(usize::MAX),
            table: 0,
            deadline: Instant::now(),
            cancel,
            lists,
            log: MAX_LOG,
        }
    }

    fn interruption(&self) -> Option<Stop> {
        if self.cancel.as_ref().is_some_and(Cancel::is_cancelled) {
            return Some(Stop::Cancelled);
        }
        (Instant::now() >= self.deadline).then_some(Stop::Timeout)
    }
}

impl ResourceLimiter for InstanceState {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let all = (self.memory - current.min(self.memory)).saturating_add(desired);
        if all > self.memory_limit {
            return Err(Stop::Memory.into());
        }
        self.memory = all;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let all = (self.table - current.min(self.table)).saturating_add(desired);
        if all > MAX_TABLE {
            return Err(Stop::Tables.into());
        }
        self.table = all;
        Ok(true)
    }

    fn instances(&self) -> usize {
        MAX_PARTS
    }

    fn tables(&self) -> usize {
        MAX_PARTS
    }

    fn memories(&self) -> usize {
        MAX_PARTS
    }
}

/// An instance with its store. After a failure it can't be called again.
pub(crate) struct Instance {
    store: Store<InstanceState>,
    instance: WasmInstance,
    limits: CallLimits,
    _ticker: RunningTicker,
    _memory: Option<Reservation>,
}

/// The bounds of a call.
#[derive(Clone, Copy)]
pub(crate) struct CallLimits {
    pub time: std::time::Duration,
    /// Bytes of memory of the instance, for messages.
    pub memory: u64,
}

impl Instance {
    /// Instantiates a guest within its limits.
    ///
    /// # Errors
    /// What a start function does wrong.
    pub fn new(
        pre: &wasmtime::component::InstancePre<InstanceState>,
        state: InstanceState,
        limits: CallLimits,
        ticker: RunningTicker,
        memory: Option<Reservation>,
    ) -> Result<Self, Failure> {
        let mut store = Store::new(pre.engine(), state);
        store.limiter(|state| state);
        store.epoch_deadline_callback(|context| match context.data().interruption() {
            Some(stop) => Err(stop.into()),
            None => Ok(UpdateDeadline::Continue(1)),
        });
        start_clock(&mut store, limits);
        let instance = pre.instantiate(&mut store).map_err(|error| failure(&error, limits))?;
        Ok(Self { store, instance, limits, _ticker: ticker, _memory: memory })
    }

    pub fn parts(&mut self) -> (&WasmInstance, &mut Store<InstanceState>) {
        (&self.instance, &mut self.store)
    }

    /// Bounds the time of the next calls.
    pub fn limit(&mut self, limits: CallLimits) {
        self.limits = limits;
    }

    /// Calls a function. `answer`: bytes that the host copies from its answer.
    ///
    /// # Errors
    /// It traps, runs out of time or memory, or its answer is larger.
    pub fn call<P, R>(
        &mut self,
        function: &ComponentExportIndex,
        parameters: P,
        answer: usize,
    ) -> Result<R, Failure>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        start_clock(&mut self.store, self.limits);
        self.store.set_hostcall_fuel(answer);
        let function = self.instance.get_typed_func::<P, R>(&mut self.store, function);
        let called = function.and_then(|function| function.call(&mut self.store, parameters));
        called.map_err(|error| failure(&error, self.limits))
    }
}

fn start_clock(store: &mut Store<InstanceState>, limits: CallLimits) {
    store.data_mut().deadline = Instant::now() + limits.time;
    store.set_epoch_deadline(1);
}

/// The kind of a failed call. Texts are stable: they contain no addresses and no backtrace.
fn failure(error: &wasmtime::Error, limits: CallLimits) -> Failure {
    let call = |kind, message: String| Failure::Call(kind, message);
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return match stop {
            Stop::Cancelled => Failure::Cancelled,
            Stop::Timeout => {
                let seconds = limits.time.as_secs_f64();
                call(FailureKind::Timeout, format!("it did not return within {seconds} s"))
            }
            Stop::Memory => {
                let mebibytes = limits.memory >> 20;
                call(FailureKind::Memory, format!("it needs more than {mebibytes} MiB of memory"))
            }
            Stop::Tables => call(FailureKind::Memory, stop.to_string()),
        };
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        let message = match trap {
            Trap::StackOverflow => "its stack is exhausted: calls are nested too deeply".into(),
            Trap::UnreachableCodeReached => "it stopped itself, as after a panic".into(),
            other => other.to_string(),
        };
        return call(FailureKind::Trapped, message);
    }
    if let Some(malformed) = error.downcast_ref::<MalformedCall>() {
        return call(FailureKind::Answer, malformed.to_string());
    }
    // The rest are answers that can't be read: pointers out of bounds, text that is not UTF-8, too many bytes.
    call(FailureKind::Answer, shorten(&error.root_cause().to_string(), MAX_MESSAGE))
}
