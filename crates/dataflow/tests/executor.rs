//! The executor with sources, operators and sinks in memory.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod executor {
    mod keyed;
    mod runs;
    mod support;
}
