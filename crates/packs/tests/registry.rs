//! The client against registries: real ones where their programs can be had, and one that fails on command.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod registry {
    mod faults;
    mod files;
    mod hosts;
    mod real;
    mod server;
    mod support;
}
