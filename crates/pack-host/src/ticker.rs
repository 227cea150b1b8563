//! A clock that interrupts guests.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use wasmtime::Engine;

/// How often running guests are interrupted to check their time and whether a caller still waits.
const TICK: Duration = Duration::from_millis(10);

/// A thread that increments the epoch of an engine while instances exist.
pub(crate) struct Ticker(Arc<TickerState>);

#[derive(Default)]
struct TickerState {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    instances: usize,
    stopped: bool,
}

impl TickerState {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticker {
    /// # Errors
    /// The thread cannot be started.
    pub fn new(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(TickerState::default());
        let (engine, of_thread) = (engine.clone(), Arc::clone(&shared));
        thread::Builder::new().name("pack-ticker".into()).spawn(move || {
            loop {
                let state = of_thread.lock();
                let state = of_thread
                    .changed
                    .wait_while(state, |state| state.instances == 0 && !state.stopped)
                    .unwrap_or_else(PoisonError::into_inner);
                if state.stopped {
                    return;
                }
                drop(state);
                thread::sleep(TICK);
                engine.increment_epoch();
            }
        })?;
        Ok(Self(shared))
    }

    /// Lets the clock run until the returned value is dropped.
    pub fn run(&self) -> RunningTicker {
        self.0.lock().instances += 1;
        self.0.changed.notify_one();
        RunningTicker(Arc::clone(&self.0))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.lock().stopped = true;
        self.0.changed.notify_one();
    }
}

pub(crate) struct RunningTicker(Arc<TickerState>);

impl Drop for RunningTicker {
    fn drop(&mut self) {
        self.0.lock().instances -= 1;
    }
}
