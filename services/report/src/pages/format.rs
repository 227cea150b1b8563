//! Values as HTML or text that people read.

pub mod labels;
pub mod markup;
pub mod numbers;
pub mod phrases;
pub mod text;
pub mod times;
