//! Access as requests see it: through the whole router, and in Kubernetes through the real client against an API
//! server that answers as the real one does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by them")]

mod browser;
mod failures;
mod fake_api;
mod kubernetes;
mod local;
mod stand;
mod tenants;
mod tokens;
mod web_tls;
