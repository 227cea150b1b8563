//! Declarative packs: components by expressions, which settings bring with them.

mod define;
pub(crate) mod profile;
mod step;
mod template;

pub use self::define::declared_components;
pub(crate) use self::{
    define::with_packs,
    step::{DeclaredAggregate, DeclaredStep, bind, parameter_values},
};
