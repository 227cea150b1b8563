//! The engine that compiles and runs guests.

use std::{
    sync::{Arc, mpsc},
    thread,
};

use anomal_core::{Error, Result};
use wasmtime::{Config, Engine, component::Component};

use crate::{
    cache,
    error::GuestError,
    guest::Guest,
    limits::{HostLimits, STACK},
    memory::MemoryPool,
    ticker::Ticker,
};

/// Compiles and runs guests within limits. One for a process: its limits of memory are those of all its guests.
#[derive(Clone)]
pub struct Host(Arc<HostState>);

pub(crate) struct HostState {
    pub engine: Engine,
    pub limits: HostLimits,
    pub ticker: Ticker,
    pub memory: Arc<MemoryPool>,
}

impl Host {
    /// # Errors
    /// `Internal` if this machine can't run compiled code or start a thread.
    pub fn new(limits: HostLimits) -> Result<Self> {
        let failed =
            |error: String| Error::internal(format!("WebAssembly can't run here: {error}"));
        let engine = Engine::new(&config(&limits)).map_err(|error| failed(format!("{error:#}")))?;
        let ticker = Ticker::new(&engine).map_err(|error| failed(error.to_string()))?;
        let memory = Arc::new(MemoryPool::new(limits.total_memory));
        Ok(Self(Arc::new(HostState { engine, limits, ticker, memory })))
    }

    /// Compiles a component and reads its description. Takes milliseconds for a small component, seconds for one with an
    /// interpreter, unless its compiled form is cached.
    ///
    /// # Errors
    /// It is too large, does not compile in time, is of another world, imports what the host does not provide, or its
    /// description breaks a limit.
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<Guest>, GuestError> {
        let most = self.0.limits.component;
        if bytes.len() as u64 > most {
            return Err(GuestError::Invalid(format!(
                "the component has {} MiB; at most {} MiB are allowed",
                bytes.len() >> 20,
                most >> 20
            )));
        }
        if !bytes.starts_with(b"\0asm") {
            let message = "it is no WebAssembly: its first bytes are not those of a component";
            return Err(GuestError::Invalid(message.into()));
        }
        let component = self.compile(bytes)?;
        Guest::new(&self.0, &component, bytes.len() as u64).map(Arc::new)
    }

    /// Compiles on another thread, which can't be interrupted, but is not waited for after the time limit.
    fn compile(&self, bytes: &[u8]) -> Result<Component, GuestError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let (engine, bytes) = (self.0.engine.clone(), bytes.to_vec());
        let work = move || {
            // It fails if the time is over: then the result is not needed.
            let _ = sender.send(Component::from_binary(&engine, &bytes));
        };
        let invalid = |message: String| GuestError::Invalid(message);
        thread::Builder::new()
            .name("pack-compiler".into())
            .stack_size(8 << 20)
            .spawn(work)
            .map_err(|error| invalid(format!("it cannot be compiled: {error}")))?;
        let limit = self.0.limits.compilation;
        match receiver.recv_timeout(limit) {
            Ok(Ok(component)) => Ok(component),
            Ok(Err(error)) => Err(invalid(format!("it does not compile: {error:#}"))),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let seconds = limit.as_secs_f64();
                Err(invalid(format!("it did not compile within {seconds} s; make it smaller")))
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                Err(invalid("it does not compile: the compiler failed".into()))
            }
        }
    }
}

/// Settings under which results depend on nothing but the guest and its inputs, on one build and one type of CPU.
fn config(limits: &HostLimits) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_memory64(false)
        .wasm_backtrace_max_frames(None)
        .cache(limits.cache.as_deref().and_then(cache::open));
    config
}
