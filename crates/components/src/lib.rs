//! The interface of components, which compute metrics, filters and flags from columns, and the packs that contain
//! them.
//!
//! A [`Component`] is an owned value: its name, inputs and parameters, and a function that builds a [`Computation`]
//! from parameters. Components of one domain are a [`Pack`], and an engine gets its packs in a
//! [`ComponentRegistry`], so a program or a test can register its own beside the built-in ones.

mod component;
mod computation;
mod dictionary;
pub mod entropy;
mod flag_hits;
mod inputs;
mod pack;
mod registry;
mod window;

pub use anomal_indicators::{Lists, NamedList};
pub use anomal_registry::{DuplicateName, ParameterError, Seconds, within};
pub use component::{Component, Description, Fact, Input, KeyPart, NoParameters};
pub use computation::{AggregationFlag, Computation, DirectFlag, Filter, Metric, MetricValue};
pub use dictionary::{Dictionaries, Dictionary, Key, MISSING};
pub use flag_hits::{Finding, FlagHits, Hit};
pub use inputs::{CallContext, Inputs};
pub use pack::Pack;
pub use registry::ComponentRegistry;
pub use window::{
    FlagWindow, KeyStates, MAX_KEYS, PANES, Panes, TimedRow, Window, decode_states, encode_states,
    freeze_states, key_hash, memory_of_states, text_hash,
};
