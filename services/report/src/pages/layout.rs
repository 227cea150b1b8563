//! The parts that pages share: the frame, its assets, links, figures, pagers.

pub mod assets;
mod compact;
pub mod context;
pub mod figure;
pub mod frame;
pub mod links;
pub mod pager;
