//! Servers, clients and their failures over real connections, each test with servers of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by them")]

mod balancing;
mod certificates;
#[path = "../../../../services/report/tests/access/fake_api.rs"]
#[allow(dead_code, reason = "these tests ask less of it than those that it is written for")]
mod fake_api;
mod limits;
mod peers;
mod rotation;
mod shutdown;
mod stub;
mod tls;
mod tokens;
