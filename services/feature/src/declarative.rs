//! Declarative packs: components by expressions, which settings bring with them.

mod define;
pub(crate) mod profile;
mod step;
mod template;

pub(crate) use self::{
    define::components,
    step::{DeclaredAggregate, DeclaredStep, bind, parameter_values},
};
