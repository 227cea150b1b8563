//! Access through the whole router; in Kubernetes with the real client and a fake API server that answers like the real
//! one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod browser;
mod failures;
mod fake_api;
mod kubernetes;
mod server;
mod socket;
mod tenants;
mod tokens;
mod web_tls;
