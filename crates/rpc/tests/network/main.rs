//! Servers, clients and their failures over real connections. Each test has its own servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by them")]

mod balancing;
mod certificates;
#[path = "../../../../services/report/tests/access/fake_api.rs"]
#[allow(dead_code, reason = "these tests use only a part of it")]
mod fake_api;
mod limits;
mod peers;
mod rotation;
mod shutdown;
mod stub;
mod tls;
mod tokens;
