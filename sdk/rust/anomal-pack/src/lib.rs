//! Packs for Anomal in Rust: functions with an attribute become metrics, filters and flags that run in its sandbox.
//!
//! ```ignore
//! use anomal_pack::{Parameters, filter, flag, metric, pack};
//!
//! /// Digits in a name.
//! #[metric]
//! fn digits(name: &str) -> i64 {
//!     name.bytes().filter(u8::is_ascii_digit).count() as i64
//! }
//!
//! #[derive(Parameters)]
//! struct Suffix {
//!     /// How internal names end.
//!     #[parameter(default = ".internal")]
//!     suffix: String,
//! }
//!
//! /// Removes internal names.
//! #[filter]
//! fn internal(name: &str, parameters: &Suffix) -> bool {
//!     name.ends_with(&parameters.suffix)
//! }
//!
//! /// A TXT answer that is longer than usual.
//! #[flag]
//! fn long_answer(kind: &str, answer: &str) -> Option<String> {
//!     (kind == "TXT" && answer.len() > 180).then(|| answer.len().to_string())
//! }
//!
//! pack![digits, internal, long_answer];
//! ```
//!
//! The arguments of a function are the inputs of the component, and their names are those of the columns in its
//! documentation: `&str`, `i64`, `f64`, `bool` or [`Datetime`]. A row without a value is skipped, unless the argument is
//! an `Option`. `#[optional]` before an `Option` lets settings omit the column. A last argument that is a reference to a
//! struct with `#[derive(Parameters)]` has the parameters.
//!
//! A result must depend on the arguments alone: Anomal calls a function for any rows, in any order, in any number of
//! instances. There are no clocks, files, sockets and random numbers.

mod arguments;
mod buffers;
mod define;
mod json;
mod outputs;
mod parameters;

pub use anomal_pack_macros::{Parameters, filter, flag, group_flag, metric, pack};
pub use arguments::Datetime;

/// Calls of the host.
pub mod host {
    use crate::{bindings::anomal::pack::host, buffers::TextBuilder};

    /// Whether a list of this pack contains each of the values.
    pub fn list_contains<'a>(list: &str, values: impl IntoIterator<Item = &'a str>) -> Vec<bool> {
        let mut builder = TextBuilder::default();
        values.into_iter().for_each(|value| builder.push(Some(value)));
        let rows = builder.rows();
        let (kind, count, validity, offsets, values) = builder.finish();
        let bits = host::list_contains(list, (kind, count, &validity, &offsets, &values));
        (0..rows).map(|row| crate::buffers::bit(&bits, row)).collect()
    }

    /// Logs a message at level debug. An instance can log 4 KiB.
    pub fn log(message: &str) {
        host::log(message);
    }
}

#[doc(hidden)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "pack",
        pub_export_macro: true,
        default_bindings_module: "anomal_pack::bindings",
    });
}

/// What the macros use.
#[doc(hidden)]
pub mod macros {
    pub use crate::{
        arguments::{Argument, Inputs},
        bindings::{self, export},
        buffers::{Bits, WireColumn},
        define::{Definition, Guest, Hits, InputDefinition, Problem, Role, Task, flag_result},
        json::Json,
        outputs::{FlagOutput, HitsBuilder, Output, OutputColumn},
        parameters::{NoParameters, ParameterValue, Parameters, Property, schema, value},
    };
}
