//! Packs of WebAssembly: what they compute, and what happens to those that misbehave.

#[path = "guests/cases.rs"]
mod cases;
#[path = "guests/engine.rs"]
mod engine;
#[path = "guests/everything.rs"]
mod everything;
#[path = "guests/evil.rs"]
mod evil;
#[path = "guests/roles.rs"]
mod roles;
#[path = "guests/streams.rs"]
mod streams;
#[path = "guests/support.rs"]
mod support;
#[path = "guests/templates.rs"]
mod templates;
#[path = "guests/together.rs"]
mod together;
#[path = "guests/wat.rs"]
mod wat;
