//! A table for people.

mod sink;

pub(crate) use sink::TerminalSink;
