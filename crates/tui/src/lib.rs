//! The terminal interface without a terminal: a model, messages that change it, and views of it.
//!
//! Nothing here reads a file, a clock or a key: [`Model::update`] returns what is to be done as data, and the program that runs the
//! interface does it and answers with messages. So every session can be tested by its keys.

mod canvas;
pub mod document;
mod effect;
pub mod input;
pub mod keymap;
mod message;
mod model;
mod mouse;
mod overlays;
pub mod plain;
mod screens;
pub mod terminal;
mod text;
mod theme;
mod update;
mod view;
mod widgets;

pub use effect::{ClusterRequest, Effect, Judgement, Query, TimeSpan};
pub use input::{Input, Key};
pub use message::*;
pub use model::{Addition, Detector, Model, Options, Screen};
pub use ratatui_core::buffer::Buffer;
pub use text::plain;
pub use view::Size;
