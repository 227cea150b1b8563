//! Servers, clients and their failures over real connections, each test with servers of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by them")]

mod balancing;
mod limits;
mod peers;
mod shutdown;
mod stub;
mod tls;
