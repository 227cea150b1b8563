//! The operator on a real cluster: API server, scheduler, controllers, kubelet, containerd. Each test has a namespace
//! that enforces the Pod Security Standard `restricted`, and an operator that watches only that.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod agreement;
mod children;
mod examples;
mod failures;
mod group;
mod kills;
mod leader;
mod lifecycle;
mod many;
mod proxy;
mod rights;
mod stream_faults;
mod streams;
