//! Runs packs of WebAssembly in a sandbox.
//!
//! A [`Guest`] is a component of the world in `wit/anomal-pack.wit`. It sees columns and its parameters, and neither files,
//! sockets, clocks, randomness nor other packs. Time, memory and the size of answers are bounded, each chunk of rows has
//! an instance of its own, and every answer is checked before it is used. What a guest computes is a function of a row, or
//! of a group of rows: so a result does not depend on chunks, threads or replicas, and a failure can be traced to its row.
//!
//! This is the only crate that uses wasmtime. It contains no unsafe code: the interface has only types for which wasmtime
//! implements its traits (docs/adr/0027-webassembly-without-unsafe-code.md), and compiled code is cached by wasmtime.

mod buffers;
mod cache;
mod call;
#[cfg(feature = "componentize")]
mod componentize;
mod components;
mod describe;
mod error;
mod flags;
mod groups;
mod guest;
mod host;
mod imports;
mod instance;
mod limits;
mod memory;
mod rows;
mod ticker;
mod wasi;
mod world;

pub use buffers::{ColumnBuffers, Kind};
#[cfg(feature = "componentize")]
pub use componentize::componentize;
pub use error::GuestError;
pub use guest::{Guest, GuestOptions, OnTrap};
pub use host::Host;
pub use limits::HostLimits;

/// The interface, for tools that make guests.
pub const WIT: &str = include_str!("../wit/anomal-pack.wit");
/// The world that a guest implements, with its version.
pub const WORLD: &str = "anomal:pack@0.1.0";
