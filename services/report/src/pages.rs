//! The pages: each file makes one of what a report holds, the templates say how it stands there.
//!
//! Values from records pass [`text`], which shows what would deceive the eye; all text that reaches a
//! template is escaped there unless it is [`markup::Markup`], which only this module and the charts make.

pub mod behaviour;
pub mod clustering;
pub mod density;
pub mod drawn;
pub mod failure;
pub mod figure;
pub mod flags;
pub mod frame;
pub mod help;
pub mod links;
pub mod list;
pub mod map_data;
pub mod markup;
pub mod numbers;
pub mod pager;
pub mod row;
pub mod shown;
pub mod summary;
pub mod suspects;
pub mod text;
pub mod words;

#[cfg(test)]
pub mod fixture;
#[cfg(test)]
pub mod sound;
#[cfg(test)]
mod tests;

pub use frame::{Content, render};
pub use links::Links;
pub use markup::Markup;
pub use shown::Shown;
